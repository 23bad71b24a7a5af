"""PRA maximises the inner product with the pivot over all K! permutations, as Marin et al. define it."""

from itertools import permutations as all_permutations

import numpy as np
import pytest

from inference.labels.permutations import solve
from inference.labels.pra import pra, squared_distances


@pytest.mark.parametrize("components", [2, 3, 4])
def test_no_permutation_has_a_greater_inner_product(components):
    parameters = np.random.default_rng(components).normal(size=(40, components, 3))
    pivot, spread = parameters[7], np.array([1.0, 10.0, 0.1])
    permutations, _ = solve(squared_distances(parameters, pivot, spread))
    for t, s in enumerate(permutations):
        greatest = max(
            ((parameters[t, list(other)] / spread) * (pivot / spread)).sum()
            for other in all_permutations(range(components))
        )
        assert np.isclose(((parameters[t, s] / spread) * (pivot / spread)).sum(), greatest)


def test_the_unit_of_a_column_does_not_matter():
    parameters = np.random.default_rng(0).normal(size=(40, 4, 2))
    other_units = parameters * [1e9, 1e-9]
    assert np.array_equal(pra(parameters, parameters[0]).permutations, pra(other_units, other_units[0]).permutations)


def test_a_column_that_never_varies_tells_nothing():
    parameters = np.random.default_rng(0).normal(size=(40, 4, 2))
    with_zeros = np.concatenate([np.zeros((40, 4, 1)), parameters], axis=2)
    assert np.array_equal(pra(parameters, parameters[0]).permutations, pra(with_zeros, with_zeros[0]).permutations)


def test_noise_columns_do_not_drown_the_column_that_tells_components_apart():
    rng = np.random.default_rng(0)
    clean = np.concatenate(
        [np.array([0.0, 3.0])[:, None] + rng.normal(0, 0.3, (200, 2, 1)), rng.normal(size=(200, 2, 3))], axis=2
    )
    clean[0, :, 0] = [0.0, 3.0]
    planted = rng.integers(2, size=200)
    planted[0] = 0
    scrambled = np.where(planted[:, None, None] == 1, clean[:, ::-1], clean)
    assert (pra(scrambled, scrambled[0]).permutations[:, 0] == planted).all()


def test_cost_and_margin_are_squared_distances_in_units_of_the_spread():
    parameters = np.random.default_rng(1).normal(size=(20, 3, 2)) * [1.0, 5.0]
    pivot, ranked = parameters[4], np.sort(parameters, axis=1)
    spread = np.sqrt([np.mean([ranked[:, rank, column].var() for rank in range(3)]) for column in range(2)])
    result = pra(parameters, pivot)
    for t in range(20):
        costs = sorted((((parameters[t, list(s)] - pivot) / spread) ** 2).sum() for s in all_permutations(range(3)))
        assert np.isclose(result.cost[t], costs[0])
        assert np.isclose(result.margin[t], costs[1] - costs[0])
    np.testing.assert_allclose(result.total_costs, [result.cost.sum()], rtol=1e-12)
