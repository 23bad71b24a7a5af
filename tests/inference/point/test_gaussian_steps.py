"""One M-step of Gaussian components gives weighted means and covariances, wherever it begins, and densities are scipy's."""

import numpy as np
import pytest
from scipy import stats

from inference.point.em.m_steps.gaussian import GaussianEM
from inference.point.moments import moments
from mixtures import Observations

RNG = np.random.default_rng(0)
N, K, D = 30, 2, 3
X = RNG.normal(size=(N, D)) @ RNG.normal(size=(D, D)) * [1.0, 30.0, 0.1] + [5.0, -400.0, 0.0]
RESPONSIBILITIES = RNG.dirichlet(np.ones(K), N).T * RNG.integers(1, 4, N)
ROWS = RESPONSIBILITIES.sum(axis=1)
MEANS = RESPONSIBILITIES @ X / ROWS[:, None]
COVARIANCES = np.stack([np.cov(X.T, aweights=r, bias=True) for r in RESPONSIBILITIES])
FREE = {"loc": False, "spread": False}


def started(code):
    """A form, its frame, rows in it, and a state that is not the one to come."""
    form, x = GaussianEM(code), Observations(X)
    frame = form.frame(form.columns(x))
    state = form.blank(K, D)
    root = np.tril(RNG.normal(size=(K, D, D))) + 2 * np.eye(D)
    if code == "VVI":
        root = root * np.eye(D)
    state |= {"loc": RNG.normal(size=(K, D)), "root": root, "whiten": np.linalg.inv(root)}
    state["log_det"] = np.linalg.slogdet(root)[1]
    return form, frame, ((X - frame.centre) / frame.unit).T, state


def statistics(form, rows, state):
    return form.statistics(np, RESPONSIBILITIES, rows, form.log_density(np, state, rows)[1]) | {"rows": ROWS}


def spread_of(form, state, frame):
    return form.covariances(state) * frame.unit[:, None] * frame.unit


@pytest.mark.parametrize("code", ["VVV", "EEE", "VVI"])
def test_a_step_gives_means_and_covariances(code):
    form, frame, rows, state = started(code)
    after = form.m_step(np, statistics(form, rows, state), state, FREE)
    np.testing.assert_allclose(after["loc"] * frame.unit + frame.centre, MEANS, rtol=1e-10)
    pooled = np.tensordot(ROWS, COVARIANCES, axes=1) / ROWS.sum()
    right = {"VVV": COVARIANCES, "EEE": np.stack([pooled] * K), "VVI": COVARIANCES * np.eye(D)}[code]
    np.testing.assert_allclose(spread_of(form, after, frame), right, rtol=1e-9, atol=1e-10)
    decoded = form.decode(after, D, frame)
    np.testing.assert_allclose(decoded["loc"], MEANS, rtol=1e-10)
    again = form.encode(decoded, D, frame)
    np.testing.assert_allclose(form.covariances(again), form.covariances(after), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(again["log_det"], after["log_det"], rtol=1e-9)


def test_a_component_without_rows_has_the_average_covariance():
    form, x = GaussianEM("VVV"), Observations(X)
    frame = form.frame(form.columns(x))
    rows, shares = ((X - frame.centre) / frame.unit).T, np.vstack([RESPONSIBILITIES, np.zeros(N)])
    state = form.blank(3, D)
    sums = form.statistics(np, shares, rows, form.log_density(np, state, rows)[1]) | {"rows": shares.sum(axis=1)}
    after = form.m_step(np, sums, state, FREE)
    np.testing.assert_array_equal(after["loc"][2], state["loc"][2])
    pooled = np.tensordot(ROWS, COVARIANCES, axes=1) / ROWS.sum()
    np.testing.assert_allclose(spread_of(form, after, frame), [*COVARIANCES, pooled], rtol=1e-9)


def test_what_is_known_stays():
    form, frame, rows, state = started("VVV")
    sums = statistics(form, rows, state)
    of_spread = form.m_step(np, sums, state, {"loc": True, "spread": False})
    np.testing.assert_array_equal(of_spread["loc"], state["loc"])
    apart = rows.T - state["loc"][:, None]
    right = np.einsum("ki,kia,kib->kab", RESPONSIBILITIES, apart, apart) / ROWS[:, None, None]
    np.testing.assert_allclose(form.covariances(of_spread), right, rtol=1e-9)
    of_means = form.m_step(np, sums, state, {"loc": False, "spread": True})
    np.testing.assert_allclose(of_means["loc"] * frame.unit + frame.centre, MEANS, rtol=1e-10)
    for name in ("root", "whiten", "log_det"):
        np.testing.assert_array_equal(of_means[name], state[name])


@pytest.mark.parametrize("code", ["VVV", "VVI"])
@pytest.mark.parametrize("of_logarithm", [False, True])
def test_densities_are_scipys(code, of_logarithm):
    _, frame, _, state = started(code)
    form, x = GaussianEM(code, of_logarithm), Observations(np.exp(X / 100) if of_logarithm else X)
    columns = form.columns(x).T
    np.testing.assert_allclose(columns, X.T / 100 if of_logarithm else X.T, rtol=1e-12, atol=1e-12)
    loc, covariances = state["loc"] * frame.unit + frame.centre, spread_of(form, state, frame)
    right = np.stack([stats.multivariate_normal(m, s).logpdf(columns.T) for m, s in zip(loc, covariances, strict=True)])
    right -= columns.sum(axis=0) if of_logarithm else 0.0  # p(x) = N(log x) / x
    np.testing.assert_allclose(form.exact_log_density(state, columns, frame), right, rtol=1e-9)
    at = (columns - frame.centre[:, None]) / frame.unit[:, None]
    fast = form.log_density(np, state, at)[0] + form.log_jacobian(frame, columns.T) + form.log_base(x)
    np.testing.assert_allclose(fast, right, rtol=1e-9)


def test_shrinking_adds_rows_of_average_scatter():
    form, _, rows, _ = started("VVV")
    blank = form.blank(K, D)
    sums = statistics(form, rows, blank)
    shrunk = form.shrunk(sums, 3.0)
    z = rows.T
    means = RESPONSIBILITIES @ z / ROWS[:, None]
    within = sum(np.cov(z.T, aweights=r, bias=True) * r.sum() for r in RESPONSIBILITIES) / ROWS.sum()
    overall = np.cov(z.T, aweights=RESPONSIBILITIES.sum(axis=0), bias=True)
    average = within + 1e-6 * overall + 1e-12 * np.trace(overall) * np.eye(D)
    np.testing.assert_allclose(shrunk["sum"], sums["sum"] + 3 * means, rtol=1e-12)
    added = shrunk["square"] - sums["square"]
    np.testing.assert_allclose(added, 3 * (average + means[:, :, None] * means[:, None]), rtol=1e-9, atol=1e-12)


def test_how_narrow_and_how_far_apart():
    form, _, _, state = started("VVV")
    spread = np.cov(RNG.normal(size=(D, 20)))
    whitened = np.linalg.inv(np.linalg.cholesky(spread))
    least = [np.linalg.eigvalsh(whitened @ sigma @ whitened.T).min() for sigma in form.covariances(state)]
    assert form.narrowest(state, spread) == pytest.approx(min(least), rel=1e-9)
    flat = state | {"root": state["root"] * 1.0}
    flat["root"][0] = np.outer([1.0, 2.0, 3.0], [1.0, 0.0, 0.0]) + 1e-9 * np.eye(D)
    assert form.narrowest(flat, spread) == 0.0
    apart = form.apart(state)
    for k, j in np.ndindex(K, K):
        seen = state["whiten"][k] @ form.covariances(state)[j] @ state["whiten"][k].T - np.eye(D)
        far = state["whiten"][k] @ (state["loc"][k] - state["loc"][j])
        assert apart[k, j] == pytest.approx(max(np.abs(seen).max(), np.abs(far).max()), abs=1e-12)


def test_coordinates_have_units_of_two_and_no_origin_that_one_row_draws_away():
    x = np.vstack([X, X[:1] * 1e6])
    for code, common in (("VVV", False), ("EVE", True)):
        frame = GaussianEM(code).frame(x)
        np.testing.assert_array_equal(frame.centre, np.median(x, axis=0))
        spread = x.std(axis=0)
        spread = np.full(D, np.sqrt(np.mean(spread**2))) if common else spread
        np.testing.assert_array_equal(frame.unit, 2.0 ** np.round(np.log2(spread)))


@pytest.mark.parametrize("row_weights", [None, ROWS[0] * RESPONSIBILITIES[0]])
def test_moments_in_blocks_are_numpys(row_weights, monkeypatch):
    monkeypatch.setattr("inference.point.moments.ROWS_AT_ONCE", 7)
    mean, covariance = moments(X, row_weights)
    np.testing.assert_allclose(mean, np.average(X, axis=0, weights=row_weights), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(X.T, aweights=row_weights, bias=True), rtol=1e-10)
