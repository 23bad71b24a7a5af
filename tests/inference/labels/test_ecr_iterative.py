"""Each iteration of iterative ECR takes the best pivot, then the best permutations: checked by brute force."""

from itertools import permutations as all_permutations
from itertools import product

import numpy as np
import pytest

from inference.labels.ecr_iterative_1 import ecr_iterative_1, mode
from inference.labels.ecr_iterative_2 import ecr_iterative_2
from inference.labels.permutations import identity
from inference.labels.products import relabelled_mean


def test_the_mode_is_the_clustering_with_fewest_disagreements():
    z = np.random.default_rng(0).integers(3, size=(9, 4))
    pivot = mode(z, identity(9, 3))
    fewest = min((z != np.array(candidate)).sum() for candidate in product(range(3), repeat=4))
    assert (z != pivot).sum() == fewest


def test_version_2_takes_the_clustering_with_fewest_expected_disagreements():
    p = np.random.default_rng(0).dirichlet(np.ones(3), size=(9, 4))
    pivot = relabelled_mean(p, identity(9, 3)).argmax(axis=1)
    rows = np.arange(4)
    fewest = min((1 - p[:, rows, list(candidate)]).sum() for candidate in product(range(3), repeat=4))
    assert np.isclose((1 - p[:, rows, pivot]).sum(), fewest)


def test_at_the_end_no_permutation_of_any_draw_is_better():
    z = np.random.default_rng(1).integers(4, size=(30, 12))
    p = np.random.default_rng(1).dirichlet(np.ones(4), size=(30, 12))
    for result, soft in [(ecr_iterative_1(z, 4), np.eye(4)[z]), (ecr_iterative_2(p), p)]:
        relabelled = np.stack([soft[t][:, s] for t, s in enumerate(result.permutations)])
        pivot = relabelled.mean(axis=0).argmax(axis=1)
        for t in range(30):
            least = min((1 - soft[t][np.arange(12), np.array(s)[pivot]]).sum() for s in all_permutations(range(4)))
            reached = (1 - relabelled[t][np.arange(12), pivot]).sum()
            assert reached <= least + 1e-9
        assert (np.diff(result.total_costs) <= 1e-9).all()


def test_a_three_cycle_is_undone_by_the_inverse():
    """An implementation that applies the permutation where its inverse is due passes on swaps, not on cycles."""
    z = np.array([[0, 0, 1, 1, 2, 2], [1, 1, 2, 2, 0, 0], [0, 0, 1, 1, 2, 2]])
    for result in (ecr_iterative_1(z, 3), ecr_iterative_2(np.eye(3)[z])):
        assert result.permutations[1].tolist() == [1, 2, 0]
        assert result.cost.sum() == 0


def test_the_first_pivot_is_that_of_the_permutations_to_begin_with():
    rng = np.random.default_rng(2)
    z, start = rng.integers(3, size=(20, 12)), rng.permuted(np.tile(np.arange(3), (20, 1)), axis=1)
    soft = np.eye(3)[z]
    pivot = np.mean([one[:, s] for one, s in zip(soft, start, strict=True)], axis=0).argmax(axis=1)
    for result in (ecr_iterative_1(z, 3, start, max_iterations=1), ecr_iterative_2(soft, start, max_iterations=1)):
        for t in range(20):
            moved = [np.sum(np.argsort(s)[z[t]] != pivot) for s in all_permutations(range(3))]
            assert np.isclose(result.cost[t], min(moved))


@pytest.mark.parametrize(("seed", "steps"), [(9, 6), (56, 2)])
def test_it_ends_when_the_cost_falls_no_more(seed, steps):
    """Step by step over all permutations; probabilities of many digits have no ties."""
    p = np.random.default_rng(seed).dirichlet(np.ones(3), size=(12, 30))
    ways, best, totals = np.array(list(all_permutations(range(3)))), identity(12, 3), [np.inf]
    while len(totals) < 3 or totals[-1] < totals[-2]:
        pivot = np.mean([one[:, s] for one, s in zip(p, best, strict=True)], axis=0).argmax(axis=1)
        costs = np.array([[(1 - one[np.arange(30), s[pivot]]).sum() for s in ways] for one in p])
        best = ways[costs.argmin(axis=1)]
        totals.append(costs.min(axis=1).sum())
    result = ecr_iterative_2(p)
    assert len(totals) - 1 == steps
    np.testing.assert_array_equal(result.permutations, best)
    np.testing.assert_allclose(result.total_costs, totals[1:], rtol=1e-12)
