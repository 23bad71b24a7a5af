"""Simulation-based calibration: over data drawn from the prior predictive, the truth's rank among posterior draws is uniform.

Talts et al. (2018). Label-invariant quantities only; overlapping components follow from the priors. Fits share one compiled program, since
data and the numbers of priors are arguments.
"""

import numpy as np
import pytest
from scipy import stats

import inference
import mixtures
from mixtures import priors, weights
from mixtures.assignments.clustering import CONCENTRATION

THINNED = 31
STAGES = ((120, 1e-3), (360, 1e-7))
"""Replications, and the p-value below which ranks are not uniform: a suspicion of the first stage is settled with three times as many."""

MODEL = mixtures.gaussian_mixture(
    2,
    "tied",
    weights=weights.Dirichlet(2.0),
    priors={"loc": priors.Normal(0.0, 2.0), "scale": priors.LogNormal(0.0, 0.5)},
)


def _invariant(loc, scale, weight):
    """Quantities that do not change when labels do."""
    return np.stack(
        [scale, loc.sum(axis=-1), np.abs(loc[..., 0] - loc[..., 1]), weight.max(axis=-1), (loc * weight).sum(axis=-1)]
    )


def ranks_under_sample_nuts(seed):
    truth = mixtures.simulate(MODEL, 15, seed=seed)
    tree = inference.sample_nuts(
        MODEL, truth["obs"], draws=155, tune=200, chains=2, seed=seed, target_accept=0.9, progress=False
    )
    posterior = (
        tree["posterior"]
        .to_dataset()
        .isel(draw=slice(None, None, 10))
        .stack(sample=("chain", "draw"))
        .transpose("sample", ...)
    )
    kept = {name: posterior[name].values[:THINNED] for name in ("loc", "scale", "weights")}
    draws = _invariant(kept["loc"], kept["scale"], kept["weights"])
    true = _invariant(truth["loc"], truth["scale"], truth["weights"])
    return (draws < true[:, None]).sum(axis=1)


MOST = 6
NUMBER = mixtures.component_counts.Poisson(1.0)
UNKNOWN = mixtures.Mixture(
    MOST,
    mixtures.families.Poisson(priors={"rate": priors.Gamma(2.0, 0.5)}),
    mixtures.assignments.SparseDirichlet(priors.Gamma(2.0, 1.0)),
)


def _log_likelihood(x, weights, rates):
    """log p(x | weights, rates), (...,)."""
    return np.log((weights[..., None, :] * stats.poisson.pmf(x[:, None], rates[..., None, :])).sum(axis=-1)).sum(
        axis=-1
    )


def ranks_under_sample_telescope(seed):
    """The truth is drawn by NumPy, from the model as it is written in Fruhwirth-Schnatter, Malsiner-Walli & Grun (2021), equation 2.1."""
    rng = np.random.default_rng(seed)
    components = 1 + rng.choice(MOST, p=np.exp(NUMBER.log_probs(MOST)))
    concentration = rng.gamma(2.0)
    weight, rate = rng.dirichlet(np.full(components, concentration / components)), rng.gamma(2.0, 2.0, components)
    assignment = rng.choice(components, size=15, p=weight)
    x = rng.poisson(rate[assignment]).astype(float)
    true = [components, len(set(assignment)), concentration, (weight * rate).sum(), _log_likelihood(x, weight, rate)]
    tree = inference.sample_telescope(
        UNKNOWN,
        x,
        prior_on_components=NUMBER,
        draws=THINNED,
        tune=50,
        sweeps=40,
        chains=1,
        seed=seed,
        log_likelihood=False,
        progress=False,
    )
    draws = {name: value.values[0] for name, value in tree["posterior"].to_dataset().data_vars.items()}
    weights, rates = draws["weights"], draws["rate"]
    found = [draws["n_components"], draws["n_clusters"], draws[CONCENTRATION], (weights * rates).sum(axis=-1)]
    found.append(_log_likelihood(x, weights, rates))
    # whole numbers are often equal: each place among those that are is as good as another
    return [
        (drawn < own).sum() + rng.integers(1 + (drawn == own).sum()) for drawn, own in zip(found, true, strict=True)
    ]


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("rank", [ranks_under_sample_nuts, ranks_under_sample_telescope])
def test_ranks_of_the_truth_are_uniform(rank, record_property):
    ranks: list[np.ndarray] = []
    for replications, level in STAGES:
        ranks += [np.asarray(rank(seed)) for seed in range(len(ranks), replications)]
        counts = [np.histogram(column, bins=8, range=(0, THINNED + 1))[0] for column in np.transpose(ranks)]
        p_values = [stats.chisquare(count).pvalue for count in counts]
        if min(p_values) > level:
            found = {"replications": len(ranks), "least p-value of ranks": f"{min(p_values):.3g}"}
            record_property(
                "Simulation-based calibration", {"sampler": rank.__name__.removeprefix("ranks_under_"), **found}
            )
            return
    raise AssertionError(f"ranks {np.array(counts)} with p-values {p_values}")
