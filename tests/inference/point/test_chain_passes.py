"""Baum-Welch in stretches: the sums of the tree, and the tree where float64 ends."""

import numpy as np
import pytest

import inference
from inference.point.em import paths, stretches
from inference.point.em.numpyro import chain_passes, restarts
from mixtures import Observations, hidden_markov
from mixtures.assignments import chains
from mixtures.assignments.logarithms import log_of, logsumexp

RNG = np.random.default_rng(0)


def sums_of(xp, scan, between, initial, transition, table, begins, most):
    """Log likelihood, shares, moves and beginnings by stretches."""
    rows, components = table.shape
    at = stretches.places(rows, 16, most)
    last, total, parts, matrices = np.minimum(at, rows - 1), 0.0, [], []
    for group, here in zip(last, at < rows, strict=True):
        density, peaks = stretches.scaled(xp, xp.where(here, xp.asarray(table.T)[:, group], 0.0))
        moved = xp.asarray(transition if transition.ndim == 2 else np.moveaxis(transition, 0, 2)[:, :, group])
        first = xp.asarray(begins[group] | ~here)
        parts.append(stretches.Stretches(xp.asarray(initial), moved, density, first, xp.asarray(here)))
        matrices.append(stretches.across(xp, scan, parts[-1]) + xp.sum(peaks, axis=0)[:, None, None])
    total, before, after = between(xp.concatenate(matrices))
    ends = [[end.T for end in xp.split(each, len(at))] for each in (before, after)]
    sums = [stretches.within(xp, scan, *part) for part in zip(parts, *ends, strict=True)]
    shares = np.concatenate([np.swapaxes(each.shares, 1, 2).reshape(components, -1) for each in sums], axis=1)
    if transition.ndim == 2:
        moves = sum(np.asarray(each.moves) for each in sums)
    else:
        of_rows = [np.moveaxis(each.moves, 0, 3).reshape(components, components, -1) for each in sums]
        moves = np.moveaxis(np.concatenate(of_rows, axis=2)[:, :, :rows], 2, 0)
    best = [stretches.best_across(part, np.zeros(part.begins.shape)) for part in parts] if xp is np else None
    return total, shares.T[:rows], moves, sum(each.first for each in sums), min(each.least for each in sums), best


@pytest.mark.quick("9-*", "1001-one matrix", reason="each kind of moves, and more rows than a stretch")
@pytest.mark.parametrize("of_rows", [False, True], ids=["one matrix", "a matrix a row"])
@pytest.mark.parametrize("rows", [1, 9, 100, 1001])
def test_the_sums_are_those_of_the_tree(rows, of_rows):
    import jax
    import jax.numpy as jnp

    components = 3
    table = 3 * RNG.normal(size=(rows, components))
    initial = RNG.dirichlet(np.ones(components))
    transition = RNG.dirichlet(np.ones(components), (rows, components) if of_rows else components)
    begins = RNG.random(rows) < 0.05
    begins[0] = True
    steps = chains.steps(np, np.log(initial), np.log(transition), table, begins)
    tree = chains.sum_tree(np, steps)
    before, until = chains.forward(np, tree, rows)
    after = chains.backward(np, tree, rows)
    shares = np.exp(until + after - logsumexp(np, until + after, 1)[:, None])
    moves = np.where(begins[:, None, None], 0.0, chains.shares_of_moves(np, steps, before, after))
    moves = moves if of_rows else moves.sum(axis=0)
    with jax.enable_x64(True), np.errstate(divide="ignore"):
        by_numpy = sums_of(
            np, stretches.in_turn, lambda m: stretches.between(np, m), initial, transition, table, begins, 5
        )
        by_jax = sums_of(jnp, chain_passes.scan, chain_passes.between, initial, transition, table, begins, 1000)
    for total, own, moved, first, least, _ in (by_numpy, by_jax):
        np.testing.assert_allclose(total, chains.total(np, tree), rtol=1e-12)
        np.testing.assert_allclose(own, shares, atol=1e-10)
        np.testing.assert_allclose(moved, moves, atol=1e-10)
        np.testing.assert_allclose(first, shares[begins].sum(axis=0), atol=1e-10)
        assert 0 < float(least) <= 1
    best = chains.max_tree(np, np.concatenate(by_numpy[-1]))[-1][0, 0].max() + table.max(axis=1).sum()
    np.testing.assert_allclose(best, chains.max_tree(np, steps)[-1][0, 0].max(), rtol=1e-12)


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


@pytest.mark.quick("overlapping", "a *", reason="what rows say is left out or held before the passes")
@pytest.mark.parametrize("name", list(CASES))
def test_all_passes_lead_to_one_fit(name, monkeypatch):
    """By the tree, by NumPy, compiled, and compiled with shares of the rows in several threads."""
    x, options = CASES[name]
    data = Observations(x, missing="allow", sequence=SERIES)

    def fit(few_numpy, few_compiled, shared=10**12, lanes=512):
        with monkeypatch.context() as patch:
            patch.setattr(paths, "FEW_CELLS", few_numpy)
            patch.setattr(restarts, "FEW_CELLS", few_compiled)
            patch.setattr(restarts, "SHARED_CELLS", shared)
            patch.setattr(restarts, "available", lambda: 2)
            patch.setattr(chain_passes, "LANE_CELLS", lanes)
            return inference.fit_em(hidden_markov(2), data, restarts=2, tolerance=1e-12, seed=0, **options)

    far = 10**12
    exact = fit(far, far)
    for other in (fit(0, far), fit(0, 0), fit(0, 0, shared=0, lanes=32)):
        np.testing.assert_allclose(other.log_likelihood, exact.log_likelihood, rtol=1e-10)
        np.testing.assert_allclose(other.losses, exact.losses, rtol=1e-9)
        np.testing.assert_allclose(other.classification_log_likelihood, exact.classification_log_likelihood, rtol=1e-10)


def test_what_stretches_lose_is_noticed():
    """Densities and moves from one end of float64 to the other: the sums are the tree's, or say that they may not be believed."""
    rng, believed = np.random.default_rng(1), []
    for _ in range(200):
        table = rng.choice([1.0, 100.0, 1000.0]) * rng.normal(size=(40, 3))
        transition = 10.0 ** (-rng.choice([1.0, 30.0, 300.0]) * rng.random((3, 3))) * (rng.random((3, 3)) < 0.8)
        transition[np.arange(3), np.arange(3)] += 1e-3
        transition /= transition.sum(axis=1, keepdims=True)
        initial, begins = rng.dirichlet(np.ones(3)), np.arange(40) % 20 == 0
        steps = chains.steps(np, log_of(np, initial), log_of(np, transition), table, begins)
        tree = chains.sum_tree(np, steps)
        until = chains.forward(np, tree, 40)[1]
        both = until + chains.backward(np, tree, 40)
        with np.errstate(all="ignore"):
            total, shares, *_, least, _ = sums_of(
                np, stretches.in_turn, lambda m: stretches.between(np, m), initial, transition, table, begins, 5
            )
        believed.append(bool(least > stretches.LEAST))
        if believed[-1]:
            np.testing.assert_allclose(total, chains.total(np, tree), rtol=1e-12)
            np.testing.assert_allclose(shares, np.exp(both - logsumexp(np, both, 1)[:, None]), atol=1e-10)
    assert 50 < sum(believed) < 200
