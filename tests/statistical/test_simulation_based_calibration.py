"""Simulation-based calibration: over data drawn from the prior predictive, the truth's rank among posterior draws is uniform.

Label-invariant quantities only; overlapping components follow from the priors. Fits of a pair share one compiled program, since data and
the numbers of priors are arguments.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from inspect import isabstract

import numpy as np
import pytest
from scipy import stats

import inference
import mixtures
from inference.samplers import numpyro_nuts
from mixtures import assignments, priors
from mixtures.assignments.clustering import CONCENTRATION
from tests.statistical.calibrated_pairs import PAIRS
from tests.statistical.calibration import THINNED, p_value, ranks

STAGES = ((100, 1e-3), (300, 1e-7))
"""Replications, and the p-value below which ranks are not uniform: a suspicion of the first stage is settled with three times as many."""

FEW = ((20, 1e-4),)

SLOW = {"sample_nuts, pyro": ((40, 1e-3), (120, 1e-7))}
"""Stages of a sampler that takes six seconds for a replication."""

Rank = Callable[[int], np.ndarray]


def calibrated(rank: Rank, stages: tuple[tuple[int, float], ...] = STAGES) -> tuple[bool, dict[str, str]]:
    """Whether the ranks that the seeds give are uniform, and what to say of it."""
    found: list[np.ndarray] = []
    begin = time.perf_counter()
    for replications, level in stages:
        found += [rank(seed) for seed in range(len(found), replications)]
        columns = np.transpose(found)
        # as many looks as there are quantities (Bonferroni)
        least = min(1.0, len(columns) * min(p_value(column) for column in columns))
        if least > level:
            break
    seconds = (time.perf_counter() - begin) / len(found)
    return least > level, {
        "replications": str(len(found)),
        "quantities": str(len(columns)),
        "p-value": f"{least:.2g}",
        "seconds each": f"{seconds:.2f}",
    }


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
    return ranks(np.array(true)[:, None], np.stack(found), rng)


def _recorded(record_property, sampler: str, of: str, found: dict[str, str]) -> None:
    record_property("Simulation-based calibration", {"sampler": sampler, "of": of, **found})


@pytest.mark.statistical
def test_few_ranks_are_uniform_too():
    is_calibrated, found = calibrated(PAIRS["poisson", "Dirichlet"].ranks, FEW)
    assert is_calibrated, found


def test_every_law_has_a_pair():
    """A law that is added is to be calibrated as well."""
    laws = {getattr(assignments, name) for name in assignments.__all__ if name != "TO"}
    declared = {law for law in laws if not isabstract(law)}
    assert {type(pair.law.law) for pair in PAIRS.values()} == declared


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS, ids=" under ".join)
def test_ranks_are_uniform(name, record_property):
    pair = PAIRS[name]
    is_calibrated, found = calibrated(pair.ranks, SLOW.get(pair.sampler, STAGES))
    _recorded(record_property, pair.sampler, " under ".join(name), found)
    assert is_calibrated, found


@pytest.mark.statistical
@pytest.mark.slow
def test_ranks_under_the_telescoping_sampler_are_uniform(record_property):
    is_calibrated, found = calibrated(ranks_under_sample_telescope)
    _recorded(record_property, "sample_telescope", "poisson under SparseDirichlet, number of components unknown", found)
    assert is_calibrated, found


# What is broken is found


@pytest.mark.statistical
@pytest.mark.parametrize("law", ["Dirichlet", pytest.param("StickBreaking", marks=pytest.mark.slow)])
def test_a_density_of_other_priors_fails(law):
    """By NUTS, and by sequential Monte Carlo."""
    pair = PAIRS["poisson", law]
    believed = mixtures.Mixture(2, mixtures.families.Poisson(priors={"rate": priors.Gamma(6.0, 0.5)}), pair.law.law)
    is_calibrated, _ = calibrated(lambda seed: pair.ranks(seed, believed), FEW)
    assert not is_calibrated


def _data_twice(density, u, data, *frame):
    likelihood, rest = density.parts(u, data, *frame)
    return 2 * likelihood + rest


@pytest.mark.statistical
@pytest.mark.slow
def test_a_density_with_the_data_twice_fails(monkeypatch):
    monkeypatch.setattr(numpyro_nuts, "log_density", _data_twice)
    monkeypatch.setattr(numpyro_nuts, "_kernel", lru_cache(numpyro_nuts._kernel.__wrapped__))
    assert not calibrated(PAIRS["poisson", "Dirichlet"].ranks)[0]


@pytest.mark.statistical
@pytest.mark.slow
def test_a_sampler_that_stays_where_it_began_fails():
    pair = PAIRS["poisson", "Dirichlet"]
    assert not calibrated(lambda seed: pair.ranks(seed, draws=THINNED, tune=1))[0]


# The measure itself


def test_the_p_value_of_one_place_is_the_binomial_tests():
    for low in (3, 10, 17, 28):
        found = p_value(np.repeat([0, 1], [low, 30 - low]), most=1)
        assert found == pytest.approx(stats.binomtest(low, 30, 0.5).pvalue, rel=1e-9)


@pytest.mark.statistical
def test_uniform_ranks_have_uniform_p_values():
    """Nearly, since they are discrete: at most a share of as many is below each level (5 standard errors)."""
    rng = np.random.default_rng(0)
    found = np.array([p_value(rng.integers(0, 8, 30), most=7) for _ in range(500)])
    for level in (0.05, 0.2, 0.5):
        error = np.sqrt(level * (1 - level) / len(found))
        assert 0.7 * level - 5 * error < (found <= level).mean() < level + 5 * error
