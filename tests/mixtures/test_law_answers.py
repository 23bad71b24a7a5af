"""What every law of the assignment answers is what the sum, or the maximum, over all joint assignments of a few rows says."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp, softmax

from mixtures.assignments import Dirichlet, Gating, GroupClasses, GroupWeights, Markov, PerGroup, chains
from mixtures.assignments.markov import staying
from mixtures.rows import Rows
from tests.mixtures.law_cases import (
    CASES,
    CLASS_PROBS,
    CLASSES,
    COVARIATES,
    EVEN_LESS,
    GROUP,
    IMPOSSIBLE,
    INITIAL,
    INTERCEPT,
    MOVES,
    OFFSET,
    PATHS,
    ROWS,
    SLOPE,
    TABLE,
    WEIGHTS,
    K,
    N,
    log_joint,
    of_row,
    without,
)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return CASES[request.param]


@pytest.fixture(scope="module")
def prior(case):
    """log P(path, all else), (paths, values of all else)."""
    with np.errstate(divide="ignore"):
        return np.array([case.log_prior(path) for path in PATHS])


def by_row(prior: np.ndarray, silent: Callable[[int], Iterator[int]]) -> np.ndarray:
    """log P(assignment_i = k | all rows but the silent), (rows, components)."""
    return np.stack([log_softmax(of_row(log_joint(prior, without(*silent(row))), row)) for row in range(N)])


@pytest.mark.parametrize("table", [TABLE, IMPOSSIBLE], ids=["possible", "impossible"])
def test_sums_over_all_assignments(case, prior, table):
    joint, given = log_joint(prior, table), (np, case.values, table, ROWS)
    np.testing.assert_allclose(np.sum(case.law.log_marginal(*given)), logsumexp(joint), rtol=1e-12)
    right = np.stack([softmax(of_row(joint, row)) for row in range(N)])
    np.testing.assert_allclose(case.law.marginals(*given), right, atol=1e-13)
    found = case.law.joint(*given)
    np.testing.assert_allclose(softmax(found, axis=1), right, atol=1e-13)
    np.testing.assert_allclose(logsumexp(found, axis=1).sum(), logsumexp(joint), rtol=1e-12)


def test_parts_of_the_log_likelihood_are_of_what_is_independent(case, prior):
    given = np, case.values, TABLE, ROWS
    if case.law.unit == "group":
        others = [[row for row in range(N) if GROUP[row] != group] for group in range(3)]
        right = np.array([logsumexp(log_joint(prior, without(*rows))) for rows in others])
        np.testing.assert_allclose(case.law.log_marginal(*given), right, rtol=1e-12)
        of_rows = np.zeros(N)
        of_rows[[0, 1, 3]] = right
    else:
        until = [logsumexp(log_joint(prior, without(*range(row, N)))) for row in range(N + 1)]
        of_rows = np.diff(until)
    np.testing.assert_allclose(logsumexp(case.law.joint(*given), axis=1), of_rows, rtol=1e-10, atol=1e-12)


def test_what_is_known_of_a_row_from_others(case, prior):
    given = np, case.values, TABLE, ROWS
    with np.errstate(divide="ignore"):
        found = case.law.left_out(*given)
    np.testing.assert_allclose(np.exp(found), np.exp(by_row(prior, lambda row: (row,))), atol=1e-13)
    if case.law.unit != "group":
        until, before = by_row(prior, lambda row: range(row + 1, N)), by_row(prior, lambda row: range(row, N))
        np.testing.assert_allclose(case.law.filtered(*given), np.exp(until), atol=1e-13)
        np.testing.assert_allclose(np.exp(case.law.predicted(*given)), np.exp(before), atol=1e-13)


def test_the_most_probable_assignments(case, prior):
    joint, given = log_joint(prior, TABLE), (np, case.values, TABLE, ROWS)
    assert tuple(case.law.mode(*given)) == PATHS[joint.max(axis=1).argmax()]
    np.testing.assert_allclose(case.law.log_mode(*given), joint.max(), rtol=1e-12)


@pytest.mark.statistical
def test_drawn_assignments_are_of_all_rows_together(case, prior):
    probs = softmax(log_joint(prior, TABLE)).sum(axis=1)
    rng = np.random.default_rng(0)
    drawn = np.array([case.law.sample(case.values, TABLE, ROWS, rng) for _ in range(500)])
    for first, second in itertools.combinations(range(N), 2):
        for k, j in itertools.product(range(K), repeat=2):
            right = probs[[path[first] == k and path[second] == j for path in PATHS]].sum()
            found = np.mean((drawn[:, first] == k) & (drawn[:, second] == j))
            assert abs(found - right) < 5 * np.sqrt(right * (1 - right) / 500) + 2e-3


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("law", "values"),
    [
        (Dirichlet(), {"weights": EVEN_LESS}),
        (PerGroup(), {"weights": EVEN_LESS}),
        (GroupClasses(3), {"class_probs": EVEN_LESS, "class_weights": np.eye(3)}),
        (GroupClasses(1), {"class_probs": np.ones(1), "class_weights": EVEN_LESS[None]}),
        (Markov(), {"initial": EVEN_LESS, "transition": MOVES}),
    ],
)
def test_many_draws_at_once(law, values):
    many = np.arange(20_000)
    drawn = law.sample(values, np.zeros((20_000, 3)), Rows(many, None, many, many, many), np.random.default_rng(0))
    found = np.bincount(drawn, minlength=3) / 20_000
    assert (np.abs(found - EVEN_LESS) < 5 * np.sqrt(EVEN_LESS * (1 - EVEN_LESS) / 20_000)).all()


def test_a_share_that_may_fall_to_nothing():
    assert GroupClasses(2, weights=(0.5, 2.0, 3.0)).favours_empty() and GroupClasses(2, probs=0.5).favours_empty()
    assert not GroupClasses(2, weights=(1.0, 2.0, 3.0)).favours_empty()
    assert Markov(transition=0.9).favours_empty() and Markov(initial=(0.5, 2.0, 2.0)).favours_empty()
    assert not Markov().favours_empty() and not Markov(initial="uniform").favours_empty()
    np.testing.assert_allclose(Dirichlet((1.0, 2.5, 4.0)).pseudo_rows(3), [0.0, 1.5, 3.0])


STAYING = np.full((K, K), 0.1) + 0.7 * np.eye(K)
STARTS = {
    "weights": np.full(K, 1 / K),
    "weight_concentration": np.array(0.5),  # the mean of Gamma(1, 2)
    "sticks": np.array([1 / 3, 1 / 2]),
    "gating_intercept": np.zeros(K),
    "gating_slope": np.zeros((K, 2)),
    "group_scale": np.array(0.5),
    "class_probs": np.full(3, 1 / 3),
    "initial": np.full(K, 1 / K),
    "transition": STAYING,
    "transition_intercept": np.log(STAYING),
    "transition_slope": np.zeros((K, K, 2)),
}
"""Where optimisation starts: even, and of chains, where they stay with probability 0.8."""


def test_starts_are_even_but_where_that_would_be_a_saddle(case):
    start = case.law.start(K, ROWS, np.random.default_rng(0))
    assert start.keys() == case.values.keys()
    for site, value in start.items():
        assert value.shape == case.values[site].shape
        if site == "class_weights":
            np.testing.assert_allclose(value.sum(axis=1), 1.0, rtol=1e-12)
            assert np.abs(value - value[0]).max() > 0.01
        elif site == "group_offset":
            assert 0.05 < value.std() < 0.2
        else:
            np.testing.assert_allclose(value, STARTS[site], rtol=1e-12)


def test_chains_begin_by_staying_four_times_of_five():
    assert staying(1).tolist() == [[1.0]]
    np.testing.assert_allclose(staying(2), [[0.8, 0.2], [0.2, 0.8]], rtol=1e-12)
    np.testing.assert_allclose(staying(3), 0.1 + 0.7 * np.eye(3), rtol=1e-12)


def test_weights_of_groups_that_are_next_to_nothing_have_logarithms():
    values = {"weights": WEIGHTS, "group_scale": np.array(2000.0), "group_offset": OFFSET}
    right = log_softmax(np.log(WEIGHTS) + 2000.0 * OFFSET, axis=1)[GROUP]
    np.testing.assert_allclose(GroupWeights().log_probs(np, values, ROWS), right, rtol=1e-12)
    values = {"gating_intercept": 2000.0 * INTERCEPT, "gating_slope": SLOPE}
    right = log_softmax(2000.0 * INTERCEPT + COVARIATES @ SLOPE.T, axis=1)
    np.testing.assert_allclose(Gating().log_probs(np, values, ROWS), right, rtol=1e-12)


def test_components_numbered_anew_have_the_same_probabilities(case):
    order = np.array([2, 0, 1])
    before = case.law.marginals(np, case.values, TABLE, ROWS)
    after = case.law.marginals(np, case.law.permuted(case.values, order), TABLE[:, order], ROWS)
    np.testing.assert_allclose(after, before[:, order], atol=1e-13)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("Markov")])
def test_moves_are_as_probable_as_on_all_paths(name):
    case = CASES[name]
    with np.errstate(divide="ignore"):
        probs = softmax(log_joint(np.array([case.log_prior(path) for path in PATHS]), TABLE)).sum(axis=1)
    moved = case.law.log_transition(np, case.values, ROWS)
    begins = np.array([True, False, False, True, False])
    steps = chains.steps(np, np.log(case.law.initial_probs(np, case.values)), moved, TABLE, begins)
    tree = chains.sum_tree(np, steps)
    shares = chains.shares_of_moves(np, steps, chains.forward(np, tree, N)[0], chains.backward(np, tree, N))
    for row, k, j in itertools.product(range(1, N), range(K), range(K)):
        right = probs[[path[row - 1] == k and path[row] == j for path in PATHS]].sum()
        assert shares[row, k, j] == pytest.approx(right, abs=1e-13)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 9])
def test_a_chain_of_any_length_has_the_products_of_its_matrices(rows):
    table = np.random.default_rng(rows).normal(size=(rows, K))
    given = np, {"initial": INITIAL, "transition": MOVES}, table, Rows(np.zeros(rows))
    seen = np.exp(table)
    ahead, before = [INITIAL * seen[0]], [np.ones(K)]
    for row in range(1, rows):
        ahead.append(ahead[-1] @ MOVES * seen[row])
        before.append(MOVES @ (seen[rows - row] * before[-1]))
    both = np.array(ahead) * np.array(before[::-1])
    law = Markov()
    np.testing.assert_allclose(law.log_marginal(*given), np.log(both.sum(axis=1)[:1]), rtol=1e-12)
    np.testing.assert_allclose(law.marginals(*given), both / both.sum(axis=1, keepdims=True), rtol=1e-12)
    best = np.log(INITIAL) + table[0]
    for row in range(1, rows):
        best = (best[:, None] + np.log(MOVES)).max(axis=0) + table[row]
    path = law.mode(*given)
    own = np.log(INITIAL[path[0]]) + np.log(MOVES[path[:-1], path[1:]]).sum() + table[np.arange(rows), path].sum()
    np.testing.assert_allclose([law.log_mode(*given), own], best.max(), rtol=1e-12)


def test_classes_of_groups_are_as_probable_as_over_all_assignments():
    case = CASES["GroupClasses"]
    with np.errstate(divide="ignore"):
        joint = log_joint(np.array([case.log_prior(path) for path in PATHS]), TABLE)
    of_classes = softmax(logsumexp(joint, axis=0))
    found = case.law.class_marginals(np, case.values, TABLE, ROWS)
    for group, c in itertools.product(range(3), range(3)):
        right = of_classes[[classes[group] == c for classes in CLASSES]].sum()
        assert found[group, c] == pytest.approx(right, abs=1e-13)


def test_classes_of_one_component_are_nothing_that_rows_could_be_assigned_to():
    case, table = CASES["GroupClasses"], TABLE[:, :1]
    values = {"class_probs": CLASS_PROBS, "class_weights": np.ones((3, 1))}
    np.testing.assert_allclose(case.law.log_mode(np, values, table, ROWS), table.sum(), rtol=1e-12)


def test_classes_of_equal_shares_are_told_apart_by_the_next_component():
    values = {
        "class_probs": np.array([0.5, 0.3, 0.2]),
        "class_weights": np.array([[0.2, 0.2, 0.6], [0.4, 0.1, 0.5], [0.2, 0.5, 0.3]]),
    }
    found = GroupClasses(3).permuted(values, np.arange(3))
    np.testing.assert_array_equal(found["class_probs"], [0.3, 0.2, 0.5])
    np.testing.assert_array_equal(found["class_weights"], values["class_weights"][[1, 2, 0]])
