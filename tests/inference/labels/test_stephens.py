"""Stephens' permutations are closest to their mean in Kullback-Leibler divergence: brute force over all K! agrees."""

from itertools import permutations as all_permutations

import numpy as np
import pytest
from scipy.special import rel_entr

from inference.labels.stephens import stephens


@pytest.mark.parametrize("components", [2, 3, 4])
def test_at_the_end_no_permutation_of_any_draw_is_closer(components):
    p = np.random.default_rng(components).dirichlet(np.ones(components), size=(40, 10))
    result = stephens(p)
    mean = np.mean([p[t][:, s] for t, s in enumerate(result.permutations)], axis=0)
    for t, s in enumerate(result.permutations):
        divergences = sorted(
            rel_entr(p[t][:, list(other)], mean).sum() for other in all_permutations(range(components))
        )
        assert rel_entr(p[t][:, s], mean).sum() <= divergences[0] + 1e-9


def test_the_cost_and_the_margin_are_divergences_to_the_mean():
    p = np.random.default_rng(0).dirichlet(np.ones(3), size=(20, 6))
    result = stephens(p)
    mean = np.mean([p[t][:, s] for t, s in enumerate(result.permutations)], axis=0)  # converged: the last mean too
    for t in range(20):
        divergences = sorted(rel_entr(p[t][:, list(s)], mean).sum() for s in all_permutations(range(3)))
        assert np.isclose(result.cost[t], divergences[0])
        assert np.isclose(result.margin[t], divergences[1] - divergences[0])


def test_certain_rows_are_no_obstacle():
    """Responsibilities of exactly 0 and 1 have entropy 0, not NaN."""
    p = np.eye(3)[np.array([[0, 0, 1, 2], [1, 1, 2, 0], [2, 2, 0, 1]])]
    result = stephens(p)
    assert np.isfinite(result.cost).all()
    relabelled = np.stack([p[t][:, s] for t, s in enumerate(result.permutations)])
    assert (relabelled == relabelled[0]).all()


def test_no_draw_alone_ends_the_iterations():
    """The total decides: the last draw's cost may stand still while others still improve."""
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.ones(4) * 0.3, size=(200, 15))
    totals = stephens(p).total_costs
    assert len(totals) > 3
    assert (np.diff(totals) <= 1e-9 * totals[0]).all()


def test_the_first_mean_is_that_of_the_permutations_to_begin_with():
    rng = np.random.default_rng(4)
    p, start = rng.dirichlet(np.ones(3), size=(15, 6)), rng.permuted(np.tile(np.arange(3), (15, 1)), axis=1)
    mean = np.mean([one[:, s] for one, s in zip(p, start, strict=True)], axis=0)
    result = stephens(p, start, max_iterations=1)
    for t in range(15):
        least = min(rel_entr(p[t][:, list(s)], mean).sum() for s in all_permutations(range(3)))
        assert np.isclose(result.cost[t], least)
