"""Sums over groups whose rows share a component, or whose class says in which shares they have components, are those over all assignments.

In NumPy; what rows are worth under the components is a table of random numbers.
"""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from inference.point.em.m_steps.constant_weights import ConstantWeights
from inference.point.em.m_steps.group_classes import GroupClassesEM
from inference.point.em.m_steps.groups import GroupsEM
from mixtures import Observations
from mixtures.assignments import GroupClasses, PerGroup

RNG = np.random.default_rng(0)
K, GROUP = 3, np.array([2, 0, 1, 2, 0, 2])
TABLE = RNG.normal(size=(K, 6))
X = Observations(np.arange(6.0), group=GROUP)
PROBS, SHARES, WEIGHTS = np.array([0.6, 0.4]), np.array([[0.5, 0.1, 0.4], [0.2, 0.7, 0.1]]), np.array([0.5, 0.3, 0.2])


def weighed(log_probs, is_hard):
    if is_hard:
        return (log_probs == log_probs.max()).astype(float), log_probs.max()
    return np.exp(log_probs - logsumexp(log_probs)), logsumexp(log_probs)


def laid_out(form):
    """The form for these groups, the table in its order, and the order."""
    form, ordered, whole = form.laid_out(X)
    assert whole is None
    order = ordered.x.astype(int)
    assert GROUP[order].tolist() == [1, 0, 0, 2, 2, 2]  # by lengths
    return form, TABLE[:, order], order


@pytest.mark.parametrize("is_hard", [False, True])
@pytest.mark.parametrize("left_out", [None, 0, 2])
def test_classes_of_groups(is_hard, left_out):
    form, table, order = laid_out(GroupClassesEM(2))
    counts = np.ones(3) if left_out is None else (np.arange(3) != left_out).astype(float)
    row_weights = None if left_out is None else counts[GROUP][order]
    if left_out is not None:
        table = table * row_weights  # as a pass does with rows that do not count
    state = {"class_probs": PROBS, "class_weights": SHARES.T}
    total, responsibilities, sums = form.over_paths(np, state, table, np.zeros((0, 6)), is_hard, row_weights)
    right_total, right_classes, right_pairs, right = 0.0, np.zeros(2), np.zeros((K, 2)), np.zeros((K, 6))
    for group in np.flatnonzero(counts):  # groups are independent
        rows = np.flatnonzero(GROUP[order] == group)
        some = [(c, path) for c in range(2) for path in itertools.product(range(K), repeat=len(rows))]
        log_probs = np.array(
            [
                np.log(PROBS[c]) + sum(np.log(SHARES[c, k]) + table[k, i] for i, k in zip(rows, path, strict=True))
                for c, path in some
            ]
        )
        shares, value = weighed(log_probs, is_hard)
        right_total += value
        for share, (c, path) in zip(shares, some, strict=True):
            right_classes[c] += share
            for row, k in zip(rows, path, strict=True):
                right_pairs[k, c] += share
                right[k, row] += share
    assert float(total) == pytest.approx(right_total, rel=1e-12)
    np.testing.assert_allclose(sums["classes"], right_classes, atol=1e-13)
    np.testing.assert_allclose(sums["pairs"], right_pairs, atol=1e-13)
    seen = counts[GROUP][order] > 0
    np.testing.assert_allclose(responsibilities[:, seen], right[:, seen], atol=1e-13)


@pytest.mark.parametrize("is_hard", [False, True])
def test_a_class_that_cannot_produce_a_row_has_no_group_of_it(is_hard):
    form, table, _ = laid_out(GroupClassesEM(2))
    table = np.where(
        np.array([[True], [False], [True]]) & (np.arange(6) == 4), -np.inf, table
    )  # row 4 is of component 1
    shares = np.array([[0.5, 0.0, 0.5], [0.2, 0.7, 0.1]])
    state = {"class_probs": PROBS, "class_weights": shares.T}
    _, responsibilities, sums = form.over_paths(np, state, table, np.zeros((0, 6)), is_hard)
    assert responsibilities[:, 4].tolist() == [0.0, 1.0, 0.0]
    if not is_hard:
        with np.errstate(divide="ignore"):
            of_class = np.log(shares)[:, :, None] + table
        joint = np.stack([logsumexp(of_class, axis=1)[:, rows].sum(axis=1) for rows in ([0], [1, 2])]) + np.log(PROBS)
        right = np.exp(joint - logsumexp(joint, axis=1, keepdims=True)).sum(axis=0) + np.array([0.0, 1.0])
        np.testing.assert_allclose(sums["classes"], right, rtol=1e-12)
    assert np.isfinite(sums["pairs"]).all() and sums["pairs"].sum() == pytest.approx(6.0)


def test_steps_of_classes():
    form = GroupClassesEM(2)
    sums = {"classes": np.array([3.0, 5.0]), "pairs": np.array([[1.0, 4.0], [3.0, 0.0], [2.0, 6.0]])}
    state, free = form.blank(K), dict.fromkeys(form.fixable, False)
    found = form.m_step(np, sums, state, free)
    np.testing.assert_allclose(found["class_probs"], [3 / 8, 5 / 8], rtol=1e-12)
    np.testing.assert_allclose(found["class_weights"], np.array([[1 / 6, 0.4], [3 / 6, 0.0], [2 / 6, 0.6]]), rtol=1e-12)
    held = form.m_step(np, sums, state, free | {"class_weights": True})
    np.testing.assert_array_equal(held["class_weights"], np.full((K, 2), 1 / 3))
    none = form.m_step(np, sums | {"pairs": sums["pairs"] * [1.0, 0.0]}, state, free)
    np.testing.assert_allclose(none["class_weights"][:, 1], 1 / 3)
    pseudo = form.pseudo(GroupClasses(2, weights=(1.5, 2.0, 3.0), probs=4.0), K)
    other = {"class_probs": PROBS, "class_weights": SHARES.T}

    def log_prior(state):
        own = stats.dirichlet([4.0, 4.0]).logpdf(state["class_probs"])
        return own + sum(stats.dirichlet([1.5, 2.0, 3.0]).logpdf(each) for each in state["class_weights"].T)

    difference = float(form.log_prior(np, other, pseudo) - form.log_prior(np, state, pseudo))
    assert difference == pytest.approx(log_prior(other) - log_prior(state), rel=1e-12)
    assert form.pseudo(GroupClasses(2, weights=0.9), K) is None and form.pseudo(GroupClasses(2, probs=0.9), K) is None


@pytest.mark.parametrize("is_hard", [False, True])
@pytest.mark.parametrize("left_out", [None, 0, 2])
def test_groups_that_share_a_component(is_hard, left_out):
    form, table, order = laid_out(GroupsEM(ConstantWeights()))
    counts = np.ones(3) if left_out is None else (np.arange(3) != left_out).astype(float)
    row_weights = None if left_out is None else counts[GROUP][order]
    state = form.encode({"weights": WEIGHTS}, form.frame(np.zeros((6, 0))))
    total, responsibilities, sums = form.over_paths(np, state, table, np.zeros((0, 6)), is_hard, row_weights)
    right_total, right_groups = 0.0, np.zeros(K)
    for group in range(3):
        rows = np.flatnonzero(GROUP[order] == group)
        shares, value = weighed(np.log(WEIGHTS) + table[:, rows].sum(axis=1), is_hard)
        right_total += counts[group] * value
        right_groups += counts[group] * shares
        np.testing.assert_allclose(responsibilities[:, rows], np.tile(shares[:, None], len(rows)), atol=1e-13)
    assert float(total) == pytest.approx(right_total, rel=1e-12)
    np.testing.assert_allclose(sums["groups"], right_groups, atol=1e-13)
    moved = form.m_step(np, sums | {"rows": np.ones(K)}, state, dict.fromkeys(form.fixable, False))
    np.testing.assert_allclose(form.decode(moved, None)["weights"], right_groups / counts.sum(), atol=1e-13)
    assert form.pseudo(PerGroup(), K)["groups"].tolist() == [0.0] * K


def test_groups_of_many_lengths_are_filled_up_with_rows_that_do_not_count():
    counts = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 30])
    group = RNG.permutation(np.repeat(np.arange(10), counts))
    x = Observations(np.arange(75.0), group=group)
    form, ordered, whole = GroupClassesEM(2).laid_out(x)
    assert sum(groups for groups, _ in form.spans) == 10 and len(form.spans) == 8
    rows = np.arange(len(ordered))
    assert sorted(ordered.x[whole > 0].tolist()) == x.x.tolist()
    begin = 0
    for groups, length in form.spans:
        for one in rows[begin : begin + groups * length].reshape(groups, length):
            own = group[ordered.x[one].astype(int)]
            assert (own == own[0]).all() and whole[one].sum() == counts[own[0]]
            assert counts[own[0]] <= length
        begin += groups * length
    assert begin == len(ordered)
