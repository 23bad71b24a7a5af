"""Permutations follow one convention; the cheapest and the second cheapest are those of brute force over K!."""

from itertools import permutations as all_permutations

import numpy as np
import pytest

from inference.labels.permutations import (
    Relabelling,
    assignment_cost,
    combined,
    compose,
    inverse,
    relabel_assignments,
    relabel_parameters,
    second_best_margin,
    solve,
)
from mixtures.errors import DataError

THREE_CYCLE = np.array([[1, 2, 0]])


def test_new_label_k_is_the_old_label_in_the_permutation():
    theta = np.array([[10.0, 20.0, 30.0]])
    assert relabel_parameters(theta, THREE_CYCLE).tolist() == [[20.0, 30.0, 10.0]]


def test_a_row_keeps_its_parameters_when_both_are_relabelled_even_by_a_cycle():
    rng = np.random.default_rng(0)
    theta, z = rng.normal(size=(20, 4)), rng.integers(4, size=(20, 7))
    permutations = rng.permuted(np.tile(np.arange(4), (20, 1)), axis=1)
    before = np.take_along_axis(theta, z, axis=1)
    after = np.take_along_axis(relabel_parameters(theta, permutations), relabel_assignments(z, permutations), axis=1)
    assert np.array_equal(before, after)


def test_components_may_sit_on_any_axis():
    values = np.arange(24.0).reshape(1, 2, 3, 4)
    assert np.array_equal(relabel_parameters(values, THREE_CYCLE, axis=2)[0], values[0][:, [1, 2, 0]])


def test_groups_of_components_are_relabelled_each_by_itself():
    first = Relabelling(
        "", np.array([[1, 0], [0, 1]]), np.array([2.0, 3.0]), np.array([0.5, 4.0]), np.array([9.0, 5.0])
    )
    second = Relabelling(
        "", np.array([[2, 0, 1], [0, 1, 2]]), np.array([10.0, 1.0]), np.array([1.0, 2.0]), np.array([11.0])
    )
    both = combined("ecr", [((1, 3), first), ((5, 4, 0), second)], draws=2, components=6)
    # labels 1 and 3 change places; of 5, 4, 0 the new ones are the old third, first and second
    assert both.permutations.tolist() == [[4, 3, 2, 1, 5, 0], [0, 1, 2, 3, 4, 5]]
    assert both.cost.tolist() == [12.0, 4.0] and both.margin.tolist() == [0.5, 2.0]
    assert both.total_costs.tolist() == [20.0, 16.0]  # the second came to rest earlier
    none = combined("ecr", [], draws=2, components=3)
    assert none.permutations.tolist() == [[0, 1, 2]] * 2 and none.total_costs.tolist() == [0.0]
    assert np.isinf(none.margin).all() and none.cost.tolist() == [0.0, 0.0]


def test_compose_is_one_permutation_after_the_other():
    rng = np.random.default_rng(1)
    theta = rng.normal(size=(10, 5))
    first, then = rng.permuted(np.tile(np.arange(5), (2, 10, 1)), axis=2)
    stepwise = relabel_parameters(relabel_parameters(theta, first), then)
    assert np.array_equal(relabel_parameters(theta, compose(first, then)), stepwise)
    assert np.array_equal(compose(first, inverse(first)), np.tile(np.arange(5), (10, 1)))


@pytest.mark.parametrize("components", [1, 2, 3, 4, 5])
def test_best_and_second_best_are_those_of_brute_force(components):
    costs = np.random.default_rng(components).normal(size=(30, components, components))
    permutations, cost = solve(costs)
    margin = second_best_margin(costs, permutations)
    new = np.arange(components)
    for t in range(30):
        totals = sorted(costs[t, list(s), new].sum() for s in all_permutations(range(components)))
        assert np.isclose(cost[t], totals[0], rtol=1e-12)
        assert np.isclose(margin[t], totals[1] - totals[0] if components > 1 else np.inf, rtol=1e-9, atol=1e-12)
    assert np.allclose(cost, assignment_cost(costs, permutations))


def test_a_tie_has_margin_zero():
    assert second_best_margin(np.zeros((1, 3, 3)), np.array([[0, 1, 2]])).tolist() == [0.0]


def test_broken_draws_are_named():
    costs = np.zeros((5, 2, 2))
    costs[3, 0, 1] = np.nan
    with pytest.raises(DataError, match="NaN in 1 of 5 draws, the first at index 3"):
        solve(costs)
