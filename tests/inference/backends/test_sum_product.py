"""Assignments summed out one site after another give the sum over all their joint values, or no order is found."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp

from inference.backends.sum_product import joined, planned, restricted, summed


class _Arrays:
    """NumPy's."""

    def gathered(self, table, index, size):
        total = np.zeros((*table.shape[:-1], size))
        np.add.at(total, (..., index), table)
        return total

    def logsumexp(self, table, axis):
        return logsumexp(table, axis=axis)


def _tables(scopes, categories, seed=0):
    """Random terms by name, (categories of every variable..., elements), and those restricted to their scopes."""
    rng = np.random.default_rng(seed)
    tables = {}
    for name, (elements, scope) in scopes.items():
        shape = [size if number in scope else 1 for number, size in enumerate(categories)]
        tables[name] = rng.normal(size=(*shape, elements))
    return tables


def _exhausted(tables, scopes, categories, sizes):
    """log of the sum over every joint value of every assignment."""
    totals = []
    for path in itertools.product(*(range(k) for k, size in zip(categories, sizes, strict=True) for _ in range(size))):
        ends = np.cumsum([0, *sizes])
        values = [np.array(path[begin:end]) for begin, end in itertools.pairwise(ends)]
        total = 0.0
        for name, (elements, scope) in scopes.items():
            where = [values[number][scope[number]] if number in scope else 0 for number in range(len(categories))]
            total += tables[name][(*where, np.arange(elements))].sum()
        totals.append(total)
    return logsumexp(totals)


def _index(*values):
    return np.array(values, dtype=np.int64)


GROUPS = _index(0, 0, 1, 2, 2)

SHAPES = {
    "rows, each with its own": (
        (3,),
        (4,),
        {"prior": (4, {0: np.arange(4)}), "obs": (4, {0: np.arange(4)}), "rest": (2, {})},
    ),
    "rows looked up out of order, two elements of one": (
        (2,),
        (3,),
        {"prior": (3, {0: np.arange(3)}), "obs": (5, {0: _index(2, 0, 0, 1, 2)})},
    ),
    "two assignments a row": (
        (2, 3),
        (3, 3),
        {
            "prior": (3, {0: np.arange(3)}),
            "nested": (3, {0: np.arange(3), 1: np.arange(3)}),
            "obs": (3, {1: np.arange(3)}),
        },
    ),
    "rows in groups, both with assignments": (
        (2, 3),
        (3, 5),
        {
            "of groups": (3, {0: np.arange(3)}),
            "of rows": (5, {0: GROUPS, 1: np.arange(5)}),
            "obs": (5, {0: GROUPS, 1: np.arange(5)}),
        },
    ),
    "one for all, and rows": (
        (3, 2),
        (1, 4),
        {
            "all": (1, {0: _index(0)}),
            "rows": (4, {1: np.arange(4)}),
            "obs": (4, {0: np.zeros(4, dtype=np.int64), 1: np.arange(4)}),
        },
    ),
    "a chain of three": (
        (2, 2, 2),
        (1, 1, 1),
        {
            "first": (1, {0: _index(0)}),
            "second": (1, {0: _index(0), 1: _index(0)}),
            "third": (1, {1: _index(0), 2: _index(0)}),
        },
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_sum_is_that_over_all_joint_values(name):
    categories, sizes, scopes = SHAPES[name]
    steps = planned({term: scope for term, (_, scope) in scopes.items()}, sizes)
    tables = _tables(scopes, categories)
    assert steps is not None
    np.testing.assert_allclose(
        summed(_Arrays(), tables, steps), _exhausted(tables, scopes, categories, sizes), rtol=1e-12
    )


def test_an_assignment_that_meets_two_of_another_site_has_no_order():
    rows, columns = np.divmod(np.arange(6), 3)  # every row meets every column
    crossed = {"rows": {0: np.arange(2)}, "columns": {1: np.arange(3)}, "cells": {0: rows, 1: columns}}
    assert planned(crossed, (2, 3)) is None


def test_terms_that_disagree_about_a_group_have_no_order():
    scopes = {"one": {0: np.arange(2), 1: _index(0, 1)}, "other": {0: np.arange(2), 1: _index(1, 0)}}
    assert planned(scopes, (2, 2)) is None


def test_the_joined_terms_are_the_joint_density_of_each_assignment():
    categories, sizes, scopes = SHAPES["rows looked up out of order, two elements of one"]
    tables = _tables(scopes, categories)
    (step,) = planned({term: scope for term, (_, scope) in scopes.items()}, sizes)
    table = joined(_Arrays(), tables, step)
    right = np.array(
        [[tables["prior"][k, i] + tables["obs"][k, scopes["obs"][1][0] == i].sum() for i in range(3)] for k in (0, 1)]
    )
    np.testing.assert_allclose(table, right, rtol=1e-12)


def test_a_term_is_restricted_to_what_it_depends_on():
    table = np.arange(12.0).reshape(2, 3, 2)
    assert restricted(table, {1: np.zeros(2, dtype=np.int64)}, 2).shape == (1, 3, 2)
