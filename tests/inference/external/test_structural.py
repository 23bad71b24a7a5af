"""Equations of structural models, by finite differences of scipy's densities, and their roots, by scipy's optimisers; no fit is needed."""

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import log_softmax, logsumexp

from inference.external import solving
from inference.external import wald as walds
from inference.external.classification import bch_shares, classification_table, misclassification, modal
from inference.external.distal import Distal
from inference.external.evidence import Evidence
from inference.external.kinds import Categorical, Continuous, Count
from inference.external.logit import Logit
from inference.external.sandwich import bread, covariance
from inference.external.solving import solve
from mixtures.errors import DataError, FitError, ModelError

RNG = np.random.default_rng(0)
N, K = 12, 3
TIMES = RNG.integers(1, 4, N).astype(float)
SHARES = RNG.dirichlet(np.ones(K), N)
DESIGN = np.column_stack([np.ones(N), RNG.normal(size=(N, 2))])
MIDDLE, UNIT = np.array([3.0, -1.0]), np.array([2.0, 0.5])
WEIGHTS = np.array([0.2, 0.3, 0.5])
PROBS = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.3, 0.3, 0.4]])
MOMENTS = np.array([[-0.5, 0.4], [0.2, 1.3], [1.0, 0.8]])
RATES = np.array([[0.7], [2.0], [4.5]])
Y, KINDS, COUNTS = RNG.normal(size=N), RNG.integers(0, 3, N).astype(float), RNG.poisson(2.0, N).astype(float)

CASES = {
    "continuous": (Distal(Continuous(Y), K), np.r_[WEIGHTS, MOMENTS.ravel()]),
    "categorical": (Distal(Categorical(KINDS, ("a", "b", "c")), K), np.r_[WEIGHTS, PROBS.ravel()]),
    "count": (Distal(Count(COUNTS), K), np.r_[WEIGHTS, RATES.ravel()]),
    "logit": (Logit(DESIGN, K, 1, ("u", "v"), MIDDLE, UNIT), RNG.normal(size=6)),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def differences(function, at, step=1e-6):
    """Central differences of a function of a vector, (..., size)."""
    return np.stack([(function(at + e) - function(at - e)) / (2 * step) for e in step * np.eye(len(at))], axis=-1)


def by_scipy(name, theta):
    """log p(class, outcome), or log p(class given covariates)."""
    if name == "logit":
        odds = np.zeros((N, K))
        odds[:, [0, 2]] = DESIGN @ theta.reshape(2, 3).T
        return log_softmax(odds, axis=1)
    weights, moments = theta[:K], theta[K:].reshape(K, -1)
    table = {
        "continuous": lambda: stats.norm(moments[:, 0], np.sqrt(moments[:, -1])).logpdf(Y[:, None]),
        "categorical": lambda: np.log(moments[:, KINDS.astype(int)]).T,
        "count": lambda: stats.poisson(moments[:, 0]).logpmf(COUNTS[:, None]),
    }[name]()
    return np.log(weights) + table


@pytest.mark.parametrize("name", CASES)
def test_densities_are_scipys(name):
    structural, theta = CASES[name]
    np.testing.assert_allclose(structural.log_joint(theta), by_scipy(name, theta), rtol=1e-12)


def test_derivatives_are_differences(case):
    structural, theta = case
    np.testing.assert_allclose(structural.slopes(theta), differences(structural.log_joint, theta), atol=1e-7)
    by_share = [structural.estimating(theta, SHARES + e) - structural.estimating(theta, SHARES) for e in np.eye(K)]
    np.testing.assert_allclose(structural.by_share(theta), np.stack(by_share, axis=1), atol=1e-12)
    curvature = -differences(lambda at: TIMES @ structural.estimating(at, SHARES), theta)
    np.testing.assert_allclose(structural.curvature(theta, SHARES, TIMES), curvature, atol=1e-6)


def test_shares_follow_the_parameters(case):
    structural, theta = case
    table, counts = RNG.normal(size=(N, 2, K)), RNG.dirichlet([1.0, 1.0], N)
    evidence = Evidence(table, counts)

    def shares(at):
        joint = structural.log_joint(at)[:, None] + table
        return np.sum(counts[:, :, None] * np.exp(joint - logsumexp(joint, axis=2, keepdims=True)), axis=1)

    np.testing.assert_allclose(evidence.shares(structural.log_joint(theta)), shares(theta), rtol=1e-12)
    value = sum(
        n * c * np.log(np.exp(line + own).sum())
        for n, cs, lines, own in zip(TIMES, counts, table, structural.log_joint(theta), strict=True)
        for c, line in zip(cs, lines, strict=True)
    )
    assert evidence.log_likelihood(structural.log_joint(theta), TIMES) == pytest.approx(value, rel=1e-12)
    held = structural.by_share(theta)
    feedback = differences(lambda at: np.einsum("i,ikp,ik->p", TIMES, held, shares(at)), theta)
    np.testing.assert_allclose(evidence.feedback(structural, theta, TIMES), feedback, atol=1e-6)
    whole = differences(lambda at: TIMES @ structural.estimating(at, shares(at)), theta)
    inverse = bread(structural, theta, shares(theta), TIMES, evidence)
    np.testing.assert_allclose(inverse @ -whole, np.eye(len(theta)), atol=1e-5)
    held = -differences(lambda at: TIMES @ structural.estimating(at, SHARES), theta)
    inverse = bread(structural, theta, SHARES, TIMES, None)
    np.testing.assert_allclose(inverse @ held, np.eye(len(theta)), atol=1e-5)


def test_given_shares_have_weighted_means_and_regressions():
    weights = SHARES * TIMES[:, None]
    means = weights.sum(axis=0) / TIMES.sum()
    for name, columns in (
        ("continuous", None), ("categorical", KINDS[:, None] == np.arange(3)), ("count", COUNTS[:, None])
    ):  # fmt: skip
        found = CASES[name][0].solve(SHARES, TIMES)
        np.testing.assert_allclose(found[:K], means, rtol=1e-12)
        right = np.stack([np.average(columns, axis=0, weights=w) for w in weights.T]) if columns is not None else None
        if columns is None:
            own = [np.average(Y, weights=w) for w in weights.T]
            right = np.array([[m, np.cov(Y, aweights=w, bias=True)] for m, w in zip(own, weights.T, strict=True)])
        np.testing.assert_allclose(found[K:], right.ravel(), rtol=1e-10)
    logit = CASES["logit"][0]
    best = optimize.minimize(lambda at: -np.sum(weights * by_scipy("logit", at)), np.zeros(6), options={"gtol": 1e-8})
    np.testing.assert_allclose(logit.solve(SHARES, TIMES), best.x, atol=1e-5)
    np.testing.assert_allclose(logit.solve(SHARES, TIMES, best.x + 3.0), best.x, atol=1e-5)
    with pytest.raises(DataError, match="rows of each component"):
        CASES["count"][0].solve(SHARES * [1.0, 0.0, 1.0], TIMES)
    with pytest.raises(FitError, match="run off to infinity"):
        logit.solve(np.eye(K)[np.argsort(np.argsort(DESIGN[:, 1])) // 4], TIMES)


def test_errors_of_classification_are_taken_into_account_as_scipys_maximum():
    """Outcomes of three classes that overlap, whose assignments are known with errors."""
    rng = np.random.default_rng(1)
    z = rng.integers(0, 3, 90)
    y, assigned = rng.normal(1.2 * z, 0.8), np.where(rng.random(90) < 0.75, z, rng.integers(0, 3, 90))
    table = np.full((K, K), 1 / 12) + 0.75 * np.eye(K)
    evidence, times = misclassification(np.eye(K)[assigned], table, is_modal=True), rng.integers(1, 3, 90).astype(float)
    structural = Distal(Continuous(y), K)
    start = structural.solve(np.eye(K)[assigned], times)
    found, is_at_rest = solve(structural, evidence, times, start)
    assert is_at_rest

    def loss(u):
        weights = log_softmax(np.r_[0.0, u[:2]])
        joint = weights + stats.norm(u[2:5], np.exp(u[5:])).logpdf(y[:, None]) + np.log(table[:, assigned]).T
        return -times @ logsumexp(joint, axis=1)

    own = np.r_[np.log(found[1:3] / found[0]), found[3::2], np.log(found[4::2]) / 2]
    best = optimize.minimize(loss, own, options={"gtol": 1e-8})
    assert loss(own) == pytest.approx(best.fun, rel=1e-12)
    np.testing.assert_allclose(own, best.x, atol=1e-5)
    assert evidence.log_likelihood(structural.log_joint(found), times) == pytest.approx(-best.fun, rel=1e-12)


def test_em_alone_ends_where_newton_does(monkeypatch):
    rng = np.random.default_rng(1)
    y = np.r_[rng.normal(0.0, 0.5, 30), rng.normal(2.0, 0.5, 30)]
    table = np.log([[0.8, 0.2], [0.3, 0.7]])[:, (rng.random(60) < 0.3 + 0.4 * (y > 1)).astype(int)].T
    evidence, structural = Evidence(table[:, None], np.ones((60, 1))), Distal(Continuous(y), 2)
    start = structural.solve(np.exp(log_softmax(table, axis=1)), np.ones(60))
    found, is_at_rest = solve(structural, evidence, np.ones(60), start)
    assert is_at_rest
    # from afar Newton's steps lead elsewhere, and are not taken
    assert solving._polished(structural, evidence, np.ones(60), found + 5.0) is None
    monkeypatch.setattr(solving, "_polished", lambda *_: None)
    slow, is_at_rest = solve(structural, evidence, np.ones(60), start)
    assert is_at_rest
    np.testing.assert_allclose(slow, found, atol=1e-6)


def test_a_saddle_is_no_root_to_end_at():
    """Two classes that are one, of an outcome with two humps and nothing else known: the equation holds, and EM goes away from there."""
    y = np.r_[np.linspace(-1.2, -0.8, 10), np.linspace(0.8, 1.2, 10)]
    structural, evidence = Distal(Continuous(y), 2), Evidence(np.zeros((20, 1, 2)), np.ones((20, 1)))
    saddle = np.r_[0.5, 0.5, [y.mean(), y.var()] * 2]
    shares = evidence.shares(structural.log_joint(saddle))
    np.testing.assert_allclose(np.ones(20) @ structural.estimating(saddle, shares), 0.0, atol=1e-12)
    assert solving._polished(structural, evidence, np.ones(20), saddle) is None
    humps = np.r_[0.5, 0.5, -1.0, y[:10].var(), 1.0, y[10:].var()]
    np.testing.assert_allclose(solving._polished(structural, evidence, np.ones(20), humps), humps, atol=1e-9)


def test_tables_of_classification():
    given = modal(SHARES)
    np.testing.assert_array_equal(given.argmax(axis=1), SHARES.argmax(axis=1))
    np.testing.assert_array_equal(given.sum(axis=1), 1.0)
    table = classification_table(SHARES, given, TIMES)
    rows = np.repeat(np.arange(N), TIMES.astype(int))
    right = [[np.average(given[rows, s], weights=SHARES[rows, k]) for s in range(K)] for k in range(K)]
    np.testing.assert_allclose(table, right, rtol=1e-12)
    np.testing.assert_allclose(classification_table(SHARES, given, TIMES / 100), right, rtol=1e-12)
    assert np.isnan(classification_table(SHARES * [1.0, 1.0, 0.0], given, TIMES)[2]).all()
    corrected = bch_shares(SHARES, classification_table(SHARES, SHARES, TIMES))
    np.testing.assert_allclose(classification_table(SHARES, corrected, TIMES), np.eye(K), atol=1e-12)
    with pytest.raises(ModelError, match="cannot be inverted"):
        bch_shares(SHARES, np.full((K, K), 1 / 3))
    with pytest.raises(ModelError, match="cannot be inverted"):
        bch_shares(SHARES, np.where(np.eye(K) > 0, np.nan, 0.5))
    soft = misclassification(SHARES, PROBS, is_modal=False)
    np.testing.assert_allclose(np.exp(soft.table[0]), PROBS.T, rtol=1e-12)
    np.testing.assert_array_equal(soft.counts, SHARES)
    hard = misclassification(given, PROBS, is_modal=True)
    np.testing.assert_allclose(np.exp(hard.table[:, 0]), PROBS[:, SHARES.argmax(axis=1)].T, rtol=1e-12)
    np.testing.assert_array_equal(hard.counts, np.ones((N, 1)))


def test_covariances_are_sandwiches_of_units_that_are_there_so_often():
    slices, psi = RNG.normal(size=(3, 3)), RNG.normal(size=(N, 3))
    rows = np.repeat(psi, TIMES.astype(int), axis=0)
    extra = np.cov(RNG.normal(size=(3, 9)))
    np.testing.assert_allclose(covariance(slices, psi, TIMES), slices @ rows.T @ rows @ slices.T, rtol=1e-10)
    both = slices @ (rows.T @ rows + extra) @ slices.T
    np.testing.assert_allclose(covariance(slices, psi, TIMES, extra), both, rtol=1e-10)


def test_numbers_are_read_in_the_units_of_the_data():
    shown = Logit(DESIGN, K, 1, ("u", "v"), MIDDLE, UNIT).reported()
    theta = CASES["logit"][1]
    assert shown.lines == tuple((k, term) for k in (0, 2) for term in ("intercept", "u", "v"))
    read = (shown.offset + shown.matrix @ theta).reshape(2, 3)
    own = MIDDLE + UNIT * DESIGN[:, 1:]
    np.testing.assert_allclose(read[:, 0] + own @ read[:, 1:].T, DESIGN @ theta.reshape(2, 3).T, rtol=1e-10)
    np.testing.assert_allclose(shown.unit[[1, 2]], 1 / UNIT, rtol=1e-12)
    distal = Distal(Continuous(Y), K, middle=10.0, unit=4.0)
    shown = distal.reported()
    read = (shown.offset + shown.matrix @ CASES["continuous"][1]).reshape(K, 2)
    np.testing.assert_allclose(read, np.stack([10 + 4 * MOMENTS[:, 0], 16 * MOMENTS[:, 1]], axis=1), rtol=1e-12)
    assert shown.lines == tuple((k, name) for k in range(K) for name in ("mean", "variance"))
    np.testing.assert_array_equal(shown.compared, [[0], [2], [4]])
    two = Distal(Categorical(KINDS % 2, ("no", "yes")), 2).reported()
    assert two.lines == ((0, "P(yes)"), (1, "P(yes)"))
    np.testing.assert_array_equal(two.matrix @ [0.4, 0.6, 0.9, 0.1, 0.3, 0.7], [0.1, 0.7])
    np.testing.assert_array_equal(two.compared, [[0], [1]])
    three = CASES["categorical"][0].reported()
    np.testing.assert_array_equal(three.compared, [[1, 2], [4, 5], [7, 8]])


def test_what_is_said_of_moments_on_their_bounds():
    beyond = [[0.0, -0.1], [0.0, 0.0], [0.0, 0.5]]
    assert [k for k, _ in Continuous(Y).findings(np.array(beyond))] == [0, 1]
    assert "negative" in Continuous(Y).findings(np.array(beyond))[0][1]
    assert "variance is 0" in Continuous(Y).findings(np.array(beyond))[1][1]
    probs = np.array([[1.0, 0.0, 0.0], [1.2, -0.2, 0.0], [0.3, 0.3, 0.4]])
    said = Categorical(KINDS, ("a", "b", "c")).findings(probs)
    assert [(k, "comes out" in text) for k, text in said] == [(0, False)] * 3 + [(1, True), (1, True), (1, False)]
    said = Count(COUNTS).findings(np.array([[-0.5], [0.0], [1.0]]))
    assert [(k, "comes out" in text) for k, text in said] == [(0, True), (1, False)]
    # what lies on a bound has a density, and no slope
    on = np.array([[1.0, 0.0, 0.0]] * 3)
    np.testing.assert_array_equal(Categorical(KINDS, ("a", "b", "c")).slopes(on)[:, 0, 1:], 0.0)
    np.testing.assert_array_equal(Count(COUNTS).slopes(np.array([[0.0]])), -np.ones((N, 1, 1)))


def test_walds_tests_and_tables():
    values, spread = np.array([1.0, 3.0, 2.0, 0.5]), np.diag([1.0, 4.0, 0.25, 1.0]) + 0.1
    contrasts = np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 1.0, -1.0, 0.0], [1.0, 0.0, -1.0, 0.0]])
    away = contrasts[:2] @ values
    right = away @ np.linalg.inv(contrasts[:2] @ spread @ contrasts[:2].T) @ away
    for some in (contrasts[:2], contrasts):  # the third is the sum of the others
        chi2, df, p = walds.wald(some, values, spread)
        assert (df, chi2) == (2, pytest.approx(right, rel=1e-8))
        assert p == pytest.approx(np.exp(-right / 2), rel=1e-8)
    chi2, df, p = walds.wald(np.zeros((1, 4)), values, spread)
    assert (chi2, df) == (0.0, 0) and np.isnan(p)
    table = walds.tests_of_classes(["a", "b", "c"], np.array([[0], [1], [2]]), values, spread)
    assert table.index.tolist() == ["all alike", "a = b", "a = c", "b = c"]
    assert table.loc["all alike", "chi2"] == pytest.approx(right, rel=1e-8)
    assert table.loc["a = c", "chi2"] == pytest.approx(1 / (1.25), rel=1e-8)
    assert walds.tests_of_classes(["a", "b"], np.array([[0], [1]]), values, spread).index.tolist() == ["all alike"]
    lines = [(0, "intercept"), (0, "u"), (1, "intercept"), (1, "u")]
    table = walds.tests_of_covariates(lines, values, spread, "intercept")
    own = values[[1, 3]] @ np.linalg.inv(spread[np.ix_([1, 3], [1, 3])]) @ values[[1, 3]]
    assert table.index.tolist() == ["u"] and table.loc["u", "chi2"] == pytest.approx(own, rel=1e-8)
    lines, spread = [("a", "m"), ("a", "v"), ("a", "w")], np.diag([4.0, 1e-22, 1e-22])
    found = walds.estimates(lines, np.array([-2.0, 1.0, 1.0]), spread, np.array([1.0, 1.0, 1e-3]), 0.9)
    width = 2 * stats.norm.ppf(0.95)
    right = [-2.0, 2.0, -1.0, 2 * stats.norm.cdf(-1.0), -2 - width, -2 + width]
    np.testing.assert_allclose(found.iloc[0], right, rtol=1e-10)
    assert found.iloc[1].isna().tolist() == [False] + [True] * 5
    assert found.iloc[2, 1] == pytest.approx(1e-11, rel=1e-9)  # small, beside a unit that is small
