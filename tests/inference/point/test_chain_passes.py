"""Baum-Welch side by side: the sums of the tree, and the tree where float64 ends."""

import numpy as np
import pytest

import inference
from inference.point.em.numpyro import chain_passes, restarts
from mixtures import Observations, hidden_markov
from mixtures.assignments import chains
from mixtures.assignments.logarithms import logsumexp

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("rows", [1, 9, 100, 3001])
def test_the_sums_are_those_of_the_tree(rows):
    import jax

    components = 3
    table = 3 * RNG.normal(size=(rows, components))
    initial, transition = RNG.dirichlet(np.ones(components)), RNG.dirichlet(np.ones(components), components)
    begins = RNG.random(rows) < 0.05
    begins[0] = True
    steps = chains.steps(np, np.log(initial), np.log(transition), table, begins)
    tree = chains.sum_tree(np, steps)
    before, until = chains.forward(np, tree, rows)
    after = chains.backward(np, tree, rows)
    shares = np.exp(until + after - logsumexp(np, until + after, 1)[:, None])
    with jax.enable_x64(True):
        found = jax.jit(chain_passes.in_stretches)(initial, transition, table, begins)
    np.testing.assert_allclose(found.log_likelihood, chains.total(np, tree), rtol=1e-12)
    np.testing.assert_allclose(found.shares, shares, atol=1e-10)
    np.testing.assert_allclose(found.moves, chains.expected_moves(np, steps, before, after, begins), atol=1e-8)
    np.testing.assert_allclose(found.first, shares[begins].sum(axis=0), atol=1e-10)
    assert 0 < float(found.least) <= 1


STATES = np.repeat(RNG.integers(0, 2, 30), 20)
X = 1.5 * STATES + RNG.normal(size=600)
SERIES = np.repeat([0, 1, 2], 200)
CASES = {
    "overlapping": (X, {}),
    "a million standard deviations apart": (np.where(STATES == 1, X + 1e6, X), {}),
    "a chain that never moves": (X, {"fixed": {"transition": np.eye(2)}}),
    "known labels": (X, {"labels": np.where(np.arange(600) % 50 == 0, STATES, -1)}),
    "missing rows": (np.where(np.arange(600) % 7 == 3, np.nan, X), {}),
}


@pytest.mark.parametrize("name", list(CASES))
def test_both_passes_lead_to_one_fit(name, monkeypatch):
    x, options = CASES[name]
    data = Observations(x, missing="allow", sequence=SERIES)
    fits = []
    for limit in (10**12, 0):
        monkeypatch.setattr(restarts, "COMPILED_CELLS", limit)
        fits.append(inference.fit_em(hidden_markov(2), data, restarts=2, tolerance=1e-12, seed=0, **options))
    np.testing.assert_allclose(fits[1].log_likelihood, fits[0].log_likelihood, rtol=1e-10)
    np.testing.assert_allclose(fits[1].losses, fits[0].losses, rtol=1e-9)
