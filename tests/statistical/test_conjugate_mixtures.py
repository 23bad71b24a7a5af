"""Where all parameters integrate in closed form, every way to a posterior gives its evidence and its means, or says that it does not.

Oracles: sums over all 32 assignments of five rows, whose components overlap; means that no exchange of labels changes.
"""

import arviz_stats
import numpy as np
import pytest
import xarray as xr
from scipy import stats

import inference
from mixtures import Mixture, component_counts
from tests.conjugate_oracles import CASES
from tests.monte_carlo import standard_score

Z = 5.0
RUNS = 12

MIXTURES = [name for name, case in CASES.items() if isinstance(case.program, Mixture)]


def means(tree, case):
    """What is drawn of each quantity, (chains, draws), and its exact mean."""
    posterior, exact = tree["posterior"].to_dataset().transpose("chain", "draw", "components", ...), case.exact()
    weights, values = posterior["weights"].values, posterior[case.site].values
    values = values.reshape(*weights.shape, -1)
    yield (weights**2).sum(axis=2), exact.weights_squared
    for cell in range(values.shape[3]):
        yield values[..., cell].sum(axis=2), exact.total[cell]
        yield (weights * values[..., cell]).sum(axis=2), exact.average[cell]


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_nuts_has_the_exact_means(name):
    case = CASES[name]
    tree = inference.sample_nuts(case.program, case.x, draws=2000, tune=500, seed=0, progress=False)
    for drawn, mean in means(tree, case):
        error = float(arviz_stats.mcse(xr.Dataset({"one": (("chain", "draw"), drawn)}))["one"])
        assert abs(drawn.mean() - mean) < Z * error
    # a draw's P(rows together) is between 0 and 1: its standard deviation is at most 1/2
    np.testing.assert_allclose(inference.similarity(tree), case.exact().similarity, atol=Z * 0.5 / np.sqrt(1000))


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_tempered_smc_has_the_exact_evidence_and_means(name, record_property):
    case, exact = CASES[name], CASES[name].exact()
    tree = inference.sample_smc(case.program, case.x, particles=250, runs=RUNS, seed=0, progress=False)
    found, error = tree.attrs["log_evidence"], tree.attrs["log_evidence_error"]
    # errors are estimated from so many runs
    far = stats.t(RUNS - 1).isf(stats.norm.sf(Z))
    assert 0 < error < 0.1
    assert abs(found - exact.log_evidence) < far * error
    record_property(
        "Evidence in closed form",
        {"components": name, "exact": f"{exact.log_evidence:.4f}", "sample_smc": f"{found:.4f} ± {error:.4f}"},
    )
    share = np.exp(tree["evidence"]["log_evidence"].values - exact.log_evidence)
    for drawn, mean in means(tree, case):
        # a run's evidence times its mean has no bias, however few the particles
        apart = share * (drawn.mean(axis=1) - mean)
        assert abs(apart.mean()) < far * apart.std(ddof=1) / np.sqrt(RUNS)


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("name", MIXTURES)
def test_the_telescoping_sampler_has_the_exact_probability_of_two_components(name):
    """p(K | x) of K = 1, 2, equally probable before: one component's evidence is that of all rows together."""
    case = CASES[name]
    logs = np.array([case.log_marginal(case.x), case.exact().log_evidence])
    tree = inference.sample_telescope(
        case.program,
        case.x,
        prior_on_components=component_counts.Uniform(),
        draws=4000,
        tune=500,
        seed=0,
        progress=False,
    )
    share = np.exp(logs - np.logaddexp.reduce(logs))[1]
    assert abs(standard_score(tree["posterior"]["n_components"].values == 2, share)) < Z


APPROXIMATIONS = {
    "Laplace": inference.fit_laplace,
    "multivariate": lambda program, x, **how: inference.fit_vi(program, x, family="multivariate", **how),
}


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("how", APPROXIMATIONS)
@pytest.mark.parametrize("name", CASES)
def test_an_approximation_that_is_trusted_has_the_exact_means(name, how, record_property):
    """By its importance weights, and its evidence too: their mean."""
    case = CASES[name]
    tree = APPROXIMATIONS[how](case.program, case.x, draws=4000, seed=0)
    is_trusted = bool(tree.attrs["is_trustworthy"])
    stats_of = tree["sample_stats"]
    ratio = (stats_of["lp"] - stats_of["log_proposal"]).values.ravel()
    evidence = np.logaddexp.reduce(ratio) - np.log(ratio.size)
    record_property(
        "Approximations of posteriors in closed form",
        {
            "components": name,
            "approximation": how,
            "k-hat": f"{tree.attrs['k_hat']:.2f}",
            "trusted": "yes" if is_trusted else "no",
            "error of the log evidence": f"{evidence - case.exact().log_evidence:.3f}",
        },
    )
    if not is_trusted:
        return
    share = np.exp(ratio - np.logaddexp.reduce(ratio))
    for drawn, mean in means(tree, case):
        apart = share * (drawn.ravel() - mean)
        assert abs(apart.sum()) < Z * np.sqrt((apart**2).sum())
