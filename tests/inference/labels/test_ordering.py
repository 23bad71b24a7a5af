"""Ordering sorts one parameter, and its margin is the price of the best wrong order."""

from itertools import permutations as all_permutations

import numpy as np

from inference.labels.ordering import ordering


def test_the_parameter_ascends():
    parameter = np.random.default_rng(0).normal(size=(50, 6))
    result = ordering(parameter)
    assert (np.diff(np.take_along_axis(parameter, result.permutations, axis=1)) >= 0).all()


def test_cost_and_margin_are_those_of_the_assignment_problem():
    parameter = np.random.default_rng(1).normal(size=(20, 4))
    result = ordering(parameter)
    for t in range(20):
        costs = sorted(-(np.arange(4) * parameter[t, list(s)]).sum() for s in all_permutations(range(4)))
        assert np.isclose(result.cost[t], costs[0])
        assert np.isclose(result.margin[t], costs[1] - costs[0])
    assert np.isclose(result.total_costs.item(), result.cost.sum())


def test_equal_parameters_keep_their_order_and_have_no_margin():
    result = ordering(np.ones((1, 3)))
    assert result.permutations.tolist() == [[0, 1, 2]]
    assert result.margin.tolist() == [0.0]


def test_one_component_is_in_order_and_of_two_the_margin_is_their_gap():
    result = ordering(np.array([[2.0], [1.0]]))
    assert result.permutations.tolist() == [[0], [0]]
    assert np.isinf(result.margin).all()
    assert ordering(np.array([[2.0, 0.5]])).margin.tolist() == [1.5]
