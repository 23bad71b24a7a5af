"""ECR leaves as few rows as possible outside the pivot's clusters: brute force over all K! permutations agrees."""

from itertools import permutations as all_permutations

import numpy as np
import pytest

from inference.labels.ecr import ecr


@pytest.mark.parametrize("components", [2, 3, 4])
def test_no_permutation_moves_fewer_rows(components):
    rng = np.random.default_rng(components)
    z, pivot = rng.integers(components, size=(40, 25)), rng.integers(components, size=25)
    result = ecr(z, pivot, components)
    for t in range(40):
        # applying a permutation to z by its definition: new label k for the rows of old label s[k]
        moved = []
        for s in all_permutations(range(components)):
            relabelled = np.array([s.index(label) for label in z[t]])
            moved.append((relabelled != pivot).sum())
        moved = sorted(moved)
        assert result.cost[t] == moved[0]
        assert result.margin[t] == moved[1] - moved[0]


def test_on_responsibilities_the_cost_is_the_expected_cost_over_sampled_assignments():
    rng = np.random.default_rng(0)
    p, pivot = rng.dirichlet(np.ones(3), size=(2, 10)), rng.integers(3, size=10)
    samples = 40_000
    for t in range(2):
        z = (p[t].cumsum(axis=1) < rng.uniform(size=(samples, 10, 1))).sum(axis=2)
        relabelled = np.argsort(ecr(p, pivot, 3).permutations[t])[z]
        moved = (relabelled != pivot).sum(axis=1)
        assert abs(moved.mean() - ecr(p, pivot, 3).cost[t]) < 5 * moved.std() / samples**0.5


def test_certain_responsibilities_and_assignments_are_the_same_thing():
    z, pivot = np.random.default_rng(0).integers(4, size=(30, 50)), np.arange(50) % 4
    hard, soft = ecr(z, pivot, 4), ecr(np.eye(4)[z], pivot, 4)
    assert np.array_equal(hard.permutations, soft.permutations)
    assert np.array_equal(hard.cost, soft.cost)


def test_many_draws_need_no_more_than_their_blocks_agree():
    """More elements than one block holds."""
    z, pivot = np.random.default_rng(0).integers(2, size=(1100, 1000), dtype=np.int8), np.arange(1000) % 2
    together, alone = ecr(z, pivot, 2), ecr(z[-1:], pivot, 2)
    assert together.cost[-1] == alone.cost[0]


def test_rows_that_are_none_of_the_components_are_left_out():
    rng = np.random.default_rng(7)
    z, pivot = rng.integers(-1, 3, size=(20, 25)), rng.integers(-1, 3, size=25)
    result = ecr(z, pivot, 3)
    for t in range(20):
        seen = (z[t] >= 0) & (pivot >= 0)
        moved = sorted(np.sum(np.argsort(s)[z[t, seen]] != pivot[seen]) for s in all_permutations(range(3)))
        assert result.cost[t] == moved[0] and result.margin[t] == moved[1] - moved[0]
    assert result.total_costs.tolist() == [result.cost.sum()]
