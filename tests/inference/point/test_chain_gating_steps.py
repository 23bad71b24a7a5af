"""Chains whose moves depend on covariates: sums by finite differences, a Newton step by dense matrices, probabilities by scipy; in NumPy."""

import numpy as np
import pytest
from scipy import optimize
from scipy.special import log_softmax, softmax

from inference.point.em.m_steps.chain_gating import ChainGatingEM
from inference.point.em.m_steps.newton import LONGEST
from mixtures import Observations

RNG = np.random.default_rng(0)
N, K, C = 9, 3, 2
COVARIATES = RNG.normal(size=(N, C)) * [1.0, 30.0] + [2.0, -40.0]
DATA = Observations(np.zeros(N), covariates=COVARIATES, sequence=[0] * 4 + [1] * 5)
FORM = ChainGatingEM(C)
FRAME = FORM.frame(FORM.columns(DATA))
ROWS = ((FORM.columns(DATA) - FRAME.centre) / FRAME.unit).T
DESIGN = np.column_stack([np.ones(N), (COVARIATES - FRAME.centre[1:]) / FRAME.unit[1:]])
STATE = {"odds": RNG.normal(size=(K, K, 1 + C)), "initial": np.array([0.2, 0.3, 0.5])}
MOVES, FIRST = RNG.dirichlet(np.ones(K * K), N).T.reshape(K, K, N), np.array([0.5, 1.0, 0.5])
FREE = {"odds": False, "initial": False}


def expected(odds, k):
    """What moves from component k contribute to the expected complete log likelihood."""
    return np.sum(MOVES[k] * log_softmax(odds.reshape(K, 1 + C) @ DESIGN.T, axis=0))


def gradient_at(odds, k):
    return optimize.approx_fprime(odds, expected, 1e-6, k)


def test_sums_of_moves_are_derivatives():
    sums = FORM.of_moves(np, STATE, MOVES, FIRST, ROWS)
    for k in range(K):
        odds = STATE["odds"][k].ravel()
        np.testing.assert_allclose(sums["odds_gradient"][k].ravel(), gradient_at(odds, k), atol=1e-5)
        steps = 1e-3 * np.eye(odds.size)
        curvature = [(gradient_at(odds - s, k) - gradient_at(odds + s, k)) / 2e-3 for s in steps]
        np.testing.assert_allclose(sums["odds_curvature"][k], curvature, atol=2e-3)
        leaves = MOVES[k].sum(axis=0)
        np.testing.assert_allclose(sums["odds_moment"][k], (leaves * DESIGN.T) @ DESIGN, rtol=1e-12)
        np.testing.assert_allclose(sums["leaves"][k], [leaves.sum()], rtol=1e-12)
    np.testing.assert_array_equal(sums["first"], FIRST)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_a_step_is_newtons_and_goes_no_further_than_it_may(scale):
    sums = FORM.of_moves(np, STATE, MOVES, FIRST, ROWS)
    sums["odds_gradient"] = scale * sums["odds_gradient"]
    after = FORM.m_step(np, sums, STATE, FREE, 0.5)
    for k in range(K):
        # the least of all solutions: a common change of what a component leads to changes nothing
        move = (np.linalg.pinv(sums["odds_curvature"][k], 1e-10) @ sums["odds_gradient"][k].ravel()).reshape(K, -1)
        weights = MOVES[k].sum(axis=0)
        lengths = np.sqrt((move @ DESIGN.T) ** 2 @ weights / weights.sum())
        assert (lengths.max() > LONGEST) == (scale > 1)
        share = min(1.0, LONGEST / lengths.max())
        np.testing.assert_allclose(after["odds"][k] - STATE["odds"][k], 0.5 * share * move, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(after["initial"], FIRST / 2, rtol=1e-12)


def test_what_is_known_stays():
    sums = FORM.of_moves(np, STATE, MOVES, FIRST, ROWS)
    after = FORM.m_step(np, sums, STATE, {"odds": True, "initial": True})
    for name, value in STATE.items():
        np.testing.assert_array_equal(after[name], value)
    even = STATE | {"initial": np.full(K, 1 / K)}
    uniform = ChainGatingEM(C, is_uniform=True)
    np.testing.assert_array_equal(uniform.m_step(np, sums, even, FREE)["initial"], even["initial"])
    both = frozenset({"transition_intercept", "transition_slope"})
    assert FORM.held(both) == {"odds": True, "initial": False}
    assert FORM.held(frozenset({"initial"})) == {"odds": False, "initial": True}
    assert FORM.held(frozenset({"transition_slope"})) is None


def test_probabilities_are_softmaxes_of_covariates_in_their_own_units():
    parameters = FORM.decode(STATE, FRAME)
    logits = parameters["transition_intercept"][:, :, None] + parameters["transition_slope"] @ COVARIATES.T
    initial, probs, begins = FORM.probabilities(np, STATE, ROWS)
    assert ROWS.shape == (FORM.width, N)
    np.testing.assert_allclose(probs, softmax(logits, axis=1), rtol=1e-9)
    np.testing.assert_array_equal(begins, [True] + [False] * 3 + [True] + [False] * 4)
    np.testing.assert_array_equal(parameters["initial"], initial)
    again = FORM.encode(parameters, FRAME)
    for name, value in STATE.items():
        np.testing.assert_allclose(again[name], value, rtol=1e-9, atol=1e-12)
    uniform = ChainGatingEM(C, is_uniform=True)
    assert set(uniform.decode(STATE, FRAME)) == {"transition_intercept", "transition_slope"}
    del parameters["initial"]
    np.testing.assert_array_equal(uniform.encode(parameters, FRAME)["initial"], [1 / K] * K)


def test_a_chain_begins_by_staying_whatever_the_covariates():
    blank = FORM.blank(K)
    _, probs, _ = FORM.probabilities(np, blank, ROWS)
    np.testing.assert_allclose(probs, np.repeat((0.1 + 0.7 * np.eye(K))[:, :, None], N, axis=2), rtol=1e-12)
    np.testing.assert_array_equal(blank["initial"], [1 / K] * K)
    # rows that are known by their shares alone say nothing of moves
    sums = FORM.statistics(np, np.ones((K, 4)), ())
    after = FORM.m_step(np, sums, blank, FREE)
    np.testing.assert_array_equal(after["odds"], blank["odds"])
    np.testing.assert_array_equal(after["initial"], [1 / K] * K)


def test_components_lead_apart_at_the_mean_or_a_deviation_from_it():
    state = STATE | {"odds": np.zeros((K, K, 1 + C))}
    state["odds"][0, 2] = [0.3, 0.0, 1.0]
    found = FORM.apart(state)
    # of 0 and 1 where they lead to 2, above the second covariate's mean; nobody else differs there
    far = softmax([0.0, 0.0, 1.3])[2] - 1 / 3
    near = 1 / 3 - softmax([0.0, 0.0, 1.3])[1]
    np.testing.assert_allclose(found, [[0.0, far, near], [far, 0.0, 0.0], [near, 0.0, 0.0]], rtol=1e-12)
    state["odds"][0, 2] = [0.3, -1.0, 0.0]
    np.testing.assert_allclose(FORM.apart(state), found, rtol=1e-12)
