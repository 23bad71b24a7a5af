"""What curvature says of a vector, of numbers made of it and of their intervals: by inverses, and by hand. No fit is needed for it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from inference.uncertainty.clusters import meat_of
from inference.uncertainty.information import Information, tangent
from inference.uncertainty.scales import interval, scale_of
from inference.uncertainty.units import Units
from mixtures.assignments import TO

RNG = np.random.default_rng(0)
ROOT = RNG.normal(size=(4, 4))
MATRIX = ROOT @ ROOT.T + np.eye(4)
NEAR, REAL, ALL = np.zeros(4), np.ones(4, dtype=bool), np.eye(4)


def covariance(information):
    return information.root @ information.root.T


def test_the_covariance_is_the_inverse():
    found = Information.of(MATRIX, NEAR, REAL, ALL)
    np.testing.assert_allclose(covariance(found), np.linalg.inv(MATRIX), atol=1e-12)
    assert found.is_curved and found.lost.shape == (4, 0) and found.held.shape == (4, 0)
    meat = np.diag([1.0, 2.0, 3.0, 4.0])
    right = np.linalg.inv(MATRIX) @ meat @ np.linalg.inv(MATRIX)
    np.testing.assert_allclose(found.sandwich(meat), right, atol=1e-12)
    assert not found.at_ends(ALL).any() and not found.not_told(ALL).any()
    assert found.constant(np.array([[0.0] * 4, [0.0, 0.0, 0.0, 1e-9]])).tolist() == [True, False]


def test_what_was_not_free_has_none():
    free = np.linalg.qr(RNG.normal(size=(4, 2)))[0]
    found = Information.of(MATRIX, NEAR, REAL, free)
    np.testing.assert_allclose(covariance(found), free @ np.linalg.inv(free.T @ MATRIX @ free) @ free.T, atol=1e-12)
    assert Information.of(MATRIX, NEAR, REAL, ALL[:, :3]).constant(ALL).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("u", "curvature", "is_real", "is_held"),
    [
        (8.0, 0.04, False, True),
        (-8.0, 0.04, False, True),
        (-8.0, -0.04, False, True),
        (4.9, 0.04, False, False),
        (8.0, 0.06, False, False),
        (8.0, 0.04, True, False),
        (0.0, 0.0, True, True),
        (0.0, 0.0, False, True),
    ],
)
def test_logs_far_out_where_nothing_curves_are_held(u, curvature, is_real, is_held):
    matrix = np.zeros((3, 3))
    matrix[:2, :2] = [[2.0, 0.5], [0.5, 1.0]]
    matrix[2, 2] = curvature
    found = Information.of(matrix, np.array([0.0, 6.0, u]), np.array([True, False, is_real]), np.eye(3))
    variance = np.linalg.inv(matrix[:2, :2])
    np.testing.assert_allclose(covariance(found)[:2, :2], variance, atol=1e-12)
    assert found.held.T.tolist() == ([[0.0, 0.0, 1.0]] if is_held else [])
    assert covariance(found)[2, 2] == pytest.approx(0.0 if is_held else 1 / curvature)
    assert found.is_curved
    # 0.04 of the largest slope is no matter, 0.06 is
    slopes = np.array([[1.0, 0.0, 0.04], [-1.0, 0.0, -0.06], [0.0, 0.0, 2.0]])
    for unit in (1.0, 100.0, 0.01):
        assert found.at_ends(unit * slopes).tolist() == ([False, True, True] if is_held else [False] * 3)


def test_what_differences_alone_are_known_of_is_lost():
    # of u_0 and u_1 only u_0 - u_1 matters, in units that differ
    difference = np.array([1.0, -1.0, 0.0])
    found = Information.of(
        4.0 * np.outer(difference, difference) + np.diag([0.0, 0.0, 9.0]), np.zeros(3), REAL[:3], np.eye(3)
    )
    assert found.lost.shape == (3, 1) and found.is_curved
    slopes = np.array([difference, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1e-6, 0.0, 1.0], [1e-3, 0.0, 1.0]])
    for unit in (1.0, 1000.0, 0.001):
        assert found.not_told(unit * slopes).tolist() == [False, True, False, False, True]
    assert difference @ covariance(found) @ difference == pytest.approx(1 / 4)
    assert covariance(found)[2, 2] == pytest.approx(1 / 9)


@dataclass(frozen=True)
class Law:
    redundant_sites: frozenset = frozenset({"slope", "moves", "level"})


@dataclass(frozen=True)
class Coordinates:
    """What is asked of a site, of a program's sites and of a density."""

    name: str = ""
    shape: tuple = ()
    dims: tuple = ()
    free: int = 0
    parameters: tuple = ()
    law: Law | None = Law()
    size: int = 0
    places: Any = None


def test_a_fit_is_free_where_nothing_was_known_and_common_parts_are_of_no_matter():
    slope = Coordinates("slope", (3, 2), ("components", "covariates"), 6)
    moves = Coordinates("moves", (2, 3), ("components", TO), 6)
    level = Coordinates("level", (3,), ("components",), 2)  # sums to zero by itself
    loc = Coordinates("loc", (3,), ("components",), 3)
    sites = Coordinates(parameters=(slope, moves, level, loc))
    density = Coordinates(
        size=17, places={"slope": np.arange(6), "moves": np.arange(6, 12), "level": [12, 13], "loc": [14, 15, 16]}
    )
    free = tangent(sites, density, {"loc"}, is_posterior=False)
    np.testing.assert_allclose(free.T @ free, np.eye(4 + 4 + 2), atol=1e-14)
    np.testing.assert_allclose(free[:6].reshape(3, 2, -1).sum(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(free[6:12].reshape(2, 3, -1).sum(axis=1), 0.0, atol=1e-14)
    assert not free[14:].any() and np.linalg.matrix_rank(free[12:14]) == 2
    np.testing.assert_array_equal(tangent(sites, density, (), is_posterior=True), np.eye(17))
    np.testing.assert_array_equal(tangent(replace(sites, law=None), density, (), is_posterior=False), np.eye(17))


def test_a_saddle_is_no_maximum():
    assert not Information.of(np.diag([1.0, -1.0]), np.zeros(2), REAL[:2], np.eye(2)).is_curved
    assert not Information.of(np.array([[1.0, 2.0], [2.0, 1.0]]), np.zeros(2), REAL[:2], np.eye(2)).is_curved


def test_intervals_are_symmetric_where_values_have_no_ends():
    supports = np.array(["real", "positive", "unit interval", "simplex", "correlation", "positive"])
    estimate, error = np.array([2.0, 3.0, 0.2, 0.7, -0.6, 1.0]), np.array([0.5, 0.4, 0.1, 0.05, 0.1, np.nan])
    lower, upper = interval(estimate, error, supports, 2.0)
    at = [logit(0.2), logit(0.7), np.arctanh(-0.6)]
    by = [2 * 0.1 / 0.16, 2 * 0.05 / 0.21, 2 * 0.1 / 0.64]
    back = [expit, expit, np.tanh]
    right = [1.0, 3.0 * np.exp(-0.8 / 3), *(f(a - b) for f, a, b in zip(back, at, by, strict=True)), np.nan]
    np.testing.assert_allclose(lower, right, rtol=1e-12)
    right = [3.0, 3.0 * np.exp(0.8 / 3), *(f(a + b) for f, a, b in zip(back, at, by, strict=True)), np.nan]
    np.testing.assert_allclose(upper, right, rtol=1e-12)


@pytest.mark.parametrize(
    ("support", "value"), [("real", -1.3), ("positive", 2.5), ("simplex", 0.3), ("correlation", -0.4)]
)
def test_slopes_of_scales_are_their_differences(support, value):
    scale, step = scale_of(support), 1e-6
    slope = (scale.to_line(value + step) - scale.to_line(value - step)) / (2 * step)
    assert float(scale.slope(value)) == pytest.approx(slope, rel=1e-8)
    assert float(scale.back(scale.to_line(value))) == pytest.approx(value, rel=1e-12)


def test_scores_count_by_themselves_and_in_clusters_together():
    scores, times = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0]]), np.array([1.0, 2.0, 3.0])
    units = Units(scores, times, np.arange(3), "row")
    np.testing.assert_allclose(meat_of(units, None), [[1 + 18 + 0.75, 2 - 6], [2 - 6, 4 + 2]])
    # s_0 + 3 s_2 = (2.5, 2), and 2 s_1 = (6, -2)
    np.testing.assert_allclose(meat_of(units, np.array([0, 1, 0])), [[6.25 + 36, 5 - 12], [5 - 12, 4 + 4]])
