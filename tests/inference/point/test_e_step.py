"""One pass over rows: shares, the log likelihood and sums, of known labels, row weights and hard assignments, by scipy's densities."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp, softmax

from inference.point.em.e_step import Block, e_step, with_labels, with_prior
from inference.point.em.m_steps import registry
from inference.point.em.m_steps.chain import ChainEM
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.shares import one_of, shares_of
from mixtures import Observations, families

X = np.array([0.0, 1.0, 3.0, 2.0, 7.0, 4.0])
WEIGHTS, RATES = np.array([0.2, 0.5, 0.3]), np.array([1.0, 2.5, 5.0])
JOINT = np.log(WEIGHTS)[:, None] + stats.poisson(RATES[:, None]).logpmf(X)


def test_shares_are_posterior_probabilities():
    shares, log_likelihood = shares_of(np, JOINT, is_hard=False)
    np.testing.assert_allclose(shares, softmax(JOINT, axis=0), rtol=1e-13)
    np.testing.assert_allclose(log_likelihood, logsumexp(JOINT, axis=0), rtol=1e-13)
    far = shares_of(np, JOINT - 2000.0, is_hard=False)  # exp of it is no number
    np.testing.assert_allclose(far[0], softmax(JOINT, axis=0), rtol=1e-10)
    shares, log_likelihood = shares_of(np, JOINT, is_hard=True)
    np.testing.assert_array_equal(shares, np.eye(3)[JOINT.argmax(axis=0)].T)
    np.testing.assert_array_equal(log_likelihood, JOINT.max(axis=0))


def test_one_of_many_axes():
    values = np.random.default_rng(0).normal(size=(3, 2, 4))
    right = np.moveaxis(np.eye(3)[values.argmax(axis=0)], 2, 0)
    np.testing.assert_array_equal(one_of(np, values), right)


@pytest.mark.parametrize("is_hard", [False, True])
@pytest.mark.parametrize("row_weights", [None, np.array([1.0, 2.0, 0.0, 1.0, 3.0, 0.5])])
@pytest.mark.parametrize("labels", [None, np.array([-1, 0, 2, -1, 1, -1])])
def test_a_pass_over_rows(is_hard, row_weights, labels):
    closed, x = MixtureEM(registry.closed_form(families.Poisson())), Observations(X)
    columns = closed.columns(x)
    frame = closed.frame(columns)
    state = closed.encode({"weights": WEIGHTS, "rate": RATES}, None, frame)
    block = Block(((columns - frame.centre) / frame.unit).T, row_weights, labels)
    objective, sums = e_step(np, closed, state, block, is_hard)
    table = JOINT - stats.poisson(1.0).logpmf(X) - 1.0  # less -log x!, which no parameter changes
    if labels is not None:
        known = labels >= 0
        table[:, known] = np.where(np.arange(3)[:, None] == labels[known], table[:, known], -np.inf)
    shares = np.eye(3)[table.argmax(axis=0)].T if is_hard else softmax(table, axis=0)
    each = table.max(axis=0) if is_hard else logsumexp(table, axis=0)
    times = np.ones(6) if row_weights is None else row_weights
    assert float(objective) == pytest.approx(each @ times, rel=1e-12)
    np.testing.assert_allclose(sums["rows"], shares @ times, rtol=1e-12)
    np.testing.assert_allclose(sums["sums"], shares @ (times[:, None] * np.column_stack([X, np.ones(6)])), rtol=1e-12)


@pytest.mark.parametrize("row_weights", [None, np.array([1.0, 1.0, 0.0, 1.0, 0.0, 1.0])])
@pytest.mark.parametrize("labels", [None, np.array([-1, 0, 2, -1, 1, -1])])
def test_a_pass_over_a_chain(row_weights, labels):
    """By all paths; a row of weight 0 is a step in time at which nothing was seen."""
    closed, x = MixtureEM(registry.closed_form(families.Poisson()), ChainEM("free")), Observations(X)
    moves = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    columns = closed.columns(x)
    frame = closed.frame(columns)
    state = closed.encode({"initial": WEIGHTS, "transition": moves, "rate": RATES}, None, frame)
    block = Block(((columns - frame.centre) / frame.unit).T, row_weights, labels)
    objective, sums = e_step(np, closed, state, block, False)
    times = np.ones(6) if row_weights is None else row_weights
    table = times * (X * np.log(RATES)[:, None] - RATES[:, None])
    paths = np.array(list(itertools.product(range(3), repeat=6)))
    if labels is not None:
        paths = paths[(paths[:, labels >= 0] == labels[labels >= 0]).all(axis=1)]
    log_probs = np.log(WEIGHTS)[paths[:, 0]] + np.log(moves)[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    log_probs += table[paths, np.arange(6)].sum(axis=1)
    shares = np.array([[np.exp(logsumexp(log_probs[paths[:, i] == k])) for i in range(6)] for k in range(3)])
    shares /= np.exp(logsumexp(log_probs))
    assert float(objective) == pytest.approx(logsumexp(log_probs), rel=1e-12)
    np.testing.assert_allclose(sums["rows"], shares @ times, atol=1e-12)
    np.testing.assert_allclose(sums["sums"], shares @ (times[:, None] * np.column_stack([X, np.ones(6)])), atol=1e-12)
    np.testing.assert_allclose(sums["first"], shares[:, 0], atol=1e-12)
    assert float(np.sum(sums["moves"])) == pytest.approx(5.0)


def test_known_components_exclude_the_others():
    np.testing.assert_array_equal(with_labels(np, JOINT, None), JOINT)
    found = with_labels(np, JOINT, np.array([0, 0, -1, 1, 2, 2]))
    assert np.isneginf(found).sum(axis=0).tolist() == [2, 2, 0, 2, 2, 2]
    right = [JOINT[0, 0], JOINT[0, 1], JOINT[1, 3], JOINT[2, 4], JOINT[2, 5]]
    assert [found[0, 0], found[0, 1], found[1, 3], found[2, 4], found[2, 5]] == right


def test_a_prior_is_rows_that_were_never_seen():
    closed = MixtureEM(registry.closed_form(families.Poisson()))
    state = closed.encode({"weights": WEIGHTS, "rate": RATES}, None, closed.frame(X[:, None]))
    pseudo = {"rows": np.array([1.0, 2.0, 3.0]), "sums": np.array([[2.0, 0.5]] * 3)}
    sums = {"rows": np.ones(3), "sums": np.ones((3, 2))}
    objective, both = with_prior(np, closed, state, 4.0, sums, pseudo)
    np.testing.assert_array_equal(both["rows"], [2.0, 3.0, 4.0])
    np.testing.assert_array_equal(both["sums"], [[3.0, 1.5]] * 3)
    # of Gamma(3, 0.5) rates and Dirichlet(2, 3, 4) weights, but for their constants
    right = np.sum(2.0 * np.log(RATES) - 0.5 * RATES) + [1.0, 2.0, 3.0] @ np.log(WEIGHTS)
    assert float(objective) == pytest.approx(4.0 + right, rel=1e-12)
