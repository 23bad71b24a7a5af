"""Steps of hidden Markov chains: shares of moves, scipy's maximum where chains begin in the long run, and sums over all paths; in NumPy."""

import itertools

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import log_softmax, logsumexp

from inference.point.em.m_steps.chain import ChainEM, leads_apart
from mixtures import Observations
from mixtures.assignments import Markov

MOVES, FIRST = np.array([[8.0, 3.0, 1.0], [2.0, 6.0, 2.0], [1.0, 1.0, 5.0]]), np.array([1.0, 2.0, 6.0])


def chain_at_rest(form, fixed=()):
    state = form.encode(
        {"transition": np.full((3, 3), 1 / 3), "initial": np.full(3, 1 / 3)}, form.frame(np.zeros((1, 1)))
    )
    held = {name: name in fixed for name in form.fixable}
    for _ in range(200):
        state = form.m_step(np, {"moves": MOVES, "first": FIRST}, state, held)
    return state


def test_chains_have_the_shares_of_their_moves():
    found = chain_at_rest(ChainEM("free"))
    np.testing.assert_allclose(found["transition"], MOVES / MOVES.sum(axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(found["initial"], FIRST / 9, rtol=1e-12)
    np.testing.assert_allclose(chain_at_rest(ChainEM("uniform"))["initial"], 1 / 3, rtol=1e-12)
    even = np.full((3, 3), 1 / 3)
    np.testing.assert_array_equal(chain_at_rest(ChainEM("free"), fixed=("transition",))["transition"], even)
    form = ChainEM("free")
    pseudo = form.pseudo(Markov(((2.0, 1.0, 3.0), (1.0, 1.0, 1.0), (1.0, 4.0, 1.0)), initial=(1.0, 2.5, 1.0)), 3)
    prior = sum(stats.dirichlet(row + 1).logpdf(p) for row, p in zip(pseudo["moves"], found["transition"], strict=True))
    prior += stats.dirichlet(pseudo["first"] + 1).logpdf(found["initial"])
    at_even = sum(stats.dirichlet(row + 1).logpdf(even[0]) for row in (*pseudo["moves"], pseudo["first"]))
    own = [form.log_prior(np, state, pseudo) for state in (found, {"transition": even, "initial": even[0]})]
    assert own[0] - own[1] == pytest.approx(prior - at_even, rel=1e-12)


def test_a_component_that_no_move_leaves_keeps_its_moves():
    form, even = ChainEM("free"), np.full((3, 3), 1 / 3)
    state = {"transition": even, "initial": even[0]}
    moves = MOVES * [[1.0], [0.0], [1.0]]
    found = form.m_step(np, {"moves": moves, "first": FIRST}, state, dict.fromkeys(form.fixable, False))["transition"]
    np.testing.assert_allclose(found, np.vstack([MOVES[0] / 12, even[1], MOVES[2] / 7]), rtol=1e-12)


def test_what_a_chain_is_told():
    form = ChainEM("uniform")
    assert form.pseudo(Markov(2.0, initial="uniform"), 3)["first"].tolist() == [0.0] * 3
    assert form.pseudo(Markov(0.9, initial="uniform"), 3) is None
    assert ChainEM("free").pseudo(Markov(1.0, initial=0.9), 3) is None
    assert form.held(frozenset({"transition"})) == {"transition": True, "initial": False}
    assert form.held(frozenset({"initial"})) == {"transition": False, "initial": True}
    # of rows known by their shares alone: they stay with probability 0.8, or go anywhere
    sums = form.statistics(np, np.array([[1.0, 2.0, 0.0], [0.5, 0.0, 1.5]]), ())
    np.testing.assert_allclose(sums["moves"], [[3 * 0.9, 3 * 0.1], [2 * 0.1, 2 * 0.9]], rtol=1e-12)
    np.testing.assert_allclose(sums["first"], [3.0, 2.0], rtol=1e-12)
    x = Observations(np.zeros(5), sequence=[0, 0, 1, 1, 2])
    assert form.columns(x).tolist() == [[1.0], [0.0], [1.0], [0.0], [1.0]]
    frame = form.frame(form.columns(x))
    np.testing.assert_array_equal((form.columns(x) - frame.centre) / frame.unit, form.columns(x))


def test_a_stationary_chain_ends_at_scipys_maximum():
    found = chain_at_rest(ChainEM("stationary"))

    def expected(u):
        log_moves = log_softmax(u.reshape(3, 3), axis=1)
        long_run = np.linalg.matrix_power(np.exp(log_moves), 200)[0]
        return -np.sum(MOVES * log_moves) - FIRST @ np.log(long_run)

    best = optimize.minimize(expected, np.zeros(9), options={"gtol": 1e-6})
    assert expected(np.log(found["transition"])) == pytest.approx(best.fun, rel=1e-9)
    np.testing.assert_allclose(found["initial"], np.linalg.matrix_power(found["transition"], 200)[0], rtol=1e-12)


def test_components_lead_apart_by_their_moves_to_others():
    moves = np.array([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3], [0.1, 0.1, 0.8]])
    # of 0 and 1 where they lead to 2, and so on
    assert leads_apart(moves) == pytest.approx(np.array([[0.0, 0.0, 0.1], [0.0, 0.0, 0.0], [0.1, 0.0, 0.0]]))


@pytest.mark.parametrize("is_hard", [False, True])
def test_sums_over_paths_are_those_of_all_paths(is_hard):
    table, begins = np.random.default_rng(1).normal(size=(3, 5)), np.array([[1.0, 0.0, 0.0, 1.0, 0.0]])
    state = {"transition": MOVES / MOVES.sum(axis=1, keepdims=True), "initial": FIRST / 9}
    paths = np.array(list(itertools.product(range(3), repeat=5)))
    log_probs = np.zeros(len(paths))
    for row in range(5):
        before = (
            state["initial"][paths[:, row]] if begins[0, row] else state["transition"][paths[:, row - 1], paths[:, row]]
        )
        log_probs += np.log(before) + table[paths[:, row], row]
    shares = np.exp(log_probs - logsumexp(log_probs))
    if is_hard:
        shares = (log_probs == log_probs.max()).astype(float)
    total, responsibilities, sums = ChainEM("free").over_paths(np, state, table, begins, is_hard)
    assert float(total) == pytest.approx(log_probs.max() if is_hard else logsumexp(log_probs), rel=1e-12)
    right = [[shares @ (paths[:, row] == k) for row in range(5)] for k in range(3)]
    np.testing.assert_allclose(responsibilities, right, atol=1e-13)
    moved = [
        [[shares @ ((paths[:, r - 1] == i) & (paths[:, r] == j)) for j in range(3)] for i in range(3)]
        for r in (1, 2, 4)
    ]
    np.testing.assert_allclose(sums["moves"], np.sum(moved, axis=0), atol=1e-13)
    np.testing.assert_allclose(sums["first"], np.array(right)[:, [0, 3]].sum(axis=1), atol=1e-13)
