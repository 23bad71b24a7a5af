"""One M-step of factor analysers is the regression of Ghahramani & Hinton (1996), by dense matrices, and densities are scipy's; in NumPy."""

import numpy as np
import pytest
from scipy import linalg, stats

from inference.point.em.m_steps.factors import FactorEM
from mixtures import Observations
from mixtures.families import Gaussian

RNG = np.random.default_rng(0)
N, K, D, Q = 25, 2, 5, 2
X = RNG.normal(size=(N, D)) @ RNG.normal(size=(D, D)) * [1.0, 30.0, 0.1, 2.0, 1.0] + [5.0, -400.0, 0.0, 1.0, 2.0]
SHARES = RNG.dirichlet(np.ones(K), N).T * RNG.integers(1, 4, N)
ROWS = SHARES.sum(axis=1)
FREE = {"loc": False, "spread": False}
FORM = FactorEM("factor-2", factors=Q)
FRAME = FORM.frame(FORM.columns(Observations(X)))
Z = (X - FRAME.centre) / FRAME.unit
STATE = {
    "loc": RNG.normal(size=(K, D)),
    "deviation": RNG.uniform(0.5, 1.5, (K, D)),
    "loading": RNG.normal(size=(K, D, Q)),
}
LOADING = STATE["deviation"][:, :, None] * STATE["loading"]
COVARIANCES = LOADING @ LOADING.swapaxes(1, 2) + np.eye(D) * STATE["deviation"][:, :, None] ** 2


def statistics(shares=SHARES, rows=Z, state=STATE):
    seen = FORM.log_density(np, state, rows.T)[1]
    return FORM.statistics(np, shares, rows.T, seen) | {"rows": shares.sum(axis=1)}


def factors_of(k):
    """E[f | x], (rows, factors), and what is left of f's covariance."""
    gain = LOADING[k].T @ np.linalg.inv(COVARIANCES[k])
    return (Z - STATE["loc"][k]) @ gain.T, np.eye(Q) - gain @ LOADING[k]


def regression(k, is_known):
    """Of rows on factors, and on 1 where the location is not known: location, loading, variances."""
    f, left = factors_of(k)
    design, rows = (f, Z - STATE["loc"][k]) if is_known else (np.column_stack([f, np.ones(N)]), Z)
    moment = design.T @ (SHARES[k][:, None] * design)
    moment[:Q, :Q] += ROWS[k] * left
    cross = rows.T @ (SHARES[k][:, None] * design)
    line = cross @ np.linalg.inv(moment)
    variances = (SHARES[k] @ rows**2 - (line * cross).sum(axis=1)) / ROWS[k]
    return (STATE["loc"][k] if is_known else line[:, Q]), line[:, :Q], variances


def test_densities_are_scipys():
    loc, covariances = STATE["loc"] * FRAME.unit + FRAME.centre, COVARIANCES * FRAME.unit[:, None] * FRAME.unit
    right = [stats.multivariate_normal(m, s).logpdf(X) for m, s in zip(loc, covariances, strict=True)]
    np.testing.assert_allclose(FORM.covariances(STATE), COVARIANCES, rtol=1e-12)
    fast = FORM.log_density(np, STATE, Z.T)[0] + FORM.log_jacobian(FRAME, X)
    exact = FORM.exact_log_density(STATE, X.T, FRAME)
    for found in (fast, exact):
        np.testing.assert_allclose(found, right, rtol=1e-9)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_step_is_a_regression_on_factors(is_known):
    after = FORM.m_step(np, statistics(), STATE, FREE | {"loc": is_known})
    for k in range(K):
        loc, loading, variances = regression(k, is_known)
        np.testing.assert_allclose(after["loc"][k], loc, rtol=1e-9)
        np.testing.assert_allclose(after["deviation"][k] ** 2, variances, rtol=1e-9)
        np.testing.assert_allclose(after["deviation"][k][:, None] * after["loading"][k], loading, rtol=1e-9, atol=1e-12)


def test_what_is_known_and_what_has_no_rows_stays():
    after = FORM.m_step(np, statistics(), STATE, FREE | {"spread": True})
    for k in range(K):
        rest = Z - factors_of(k)[0] @ LOADING[k].T
        np.testing.assert_allclose(after["loc"][k], SHARES[k] @ rest / ROWS[k], rtol=1e-9)
    for name in ("deviation", "loading"):
        np.testing.assert_allclose(after[name], STATE[name], rtol=1e-12)
    none = np.vstack([SHARES[:1], np.zeros(N)])
    after = FORM.m_step(np, statistics(none), STATE, FREE)
    assert not np.allclose(after["loading"][0], STATE["loading"][0])
    for name, value in after.items():
        np.testing.assert_allclose(value[1], STATE[name][1], rtol=1e-12)


def test_a_column_of_one_number_has_the_least_variance():
    rows, state = Z.copy(), STATE | {"loc": STATE["loc"].copy()}
    rows[:, 1] = state["loc"][:, 1] = 0.5
    after = FORM.m_step(np, statistics(rows=rows, state=state), state, FREE)
    np.testing.assert_allclose(after["deviation"][:, 1], 1e-4, rtol=1e-9)
    assert (after["deviation"][:, [0, 2, 3, 4]] > 1e-3).all()


def test_shrinking_adds_rows_of_average_scatter_about_the_components_means():
    sums, shrunk = statistics(), FORM.shrunk(statistics(), 3.0)
    seen = FORM.log_density(np, STATE, Z.T)[1]
    assert seen.shape == (K, D + Q, N)
    means = np.stack([one @ share / share.sum() for one, share in zip(seen, SHARES, strict=True)])
    within = sum(np.cov(one, aweights=share, bias=True) * share.sum() for one, share in zip(seen, SHARES, strict=True))
    average = within / ROWS.sum()
    for k in range(K):
        both = average + np.outer(means[k], means[k])
        right = {"sum": means[k, :D], "factor": means[k, D:], "square": np.diagonal(both)[:D] + 1e-6}
        right |= {"cross": both[:D, D:], "factors": both[D:, D:]}
        for name, value in right.items():
            np.testing.assert_allclose((shrunk[name] - sums[name])[k], 3 * value, rtol=1e-8, atol=1e-10)


def test_parameters_are_encoded_and_decoded():
    decoded = FORM.decode(STATE, D, FRAME)
    np.testing.assert_allclose(decoded["loc"], STATE["loc"] * FRAME.unit + FRAME.centre, rtol=1e-12)
    np.testing.assert_allclose(decoded["scale"], STATE["deviation"] * FRAME.unit, rtol=1e-12)
    right = COVARIANCES * FRAME.unit[:, None] * FRAME.unit
    np.testing.assert_allclose(Gaussian("factor-2").covariances(decoded, D), right, rtol=1e-9)
    again = FORM.encode(decoded, D, FRAME)
    np.testing.assert_allclose(again["loc"], STATE["loc"], rtol=1e-9)
    np.testing.assert_allclose(FORM.covariances(again), COVARIANCES, rtol=1e-9)
    assert FORM.held(frozenset({"loc"}), D) == {"loc": True, "spread": False}
    assert FORM.held(frozenset({"scale", "loading"}), D) == {"loc": False, "spread": True}
    assert FORM.held(frozenset({"weights"}), D) == {"loc": False, "spread": False}
    assert FORM.held(frozenset({"scale"}), D) is None


def test_loadings_begin_as_orthogonal_waves_about_zero():
    blank = FORM.blank(K, D)
    waves = np.column_stack([np.ones(D), blank["loading"][0]])
    np.testing.assert_allclose(waves.T @ waves, np.diag([D, D / 2, D / 2]), atol=1e-12)
    np.testing.assert_array_equal(np.sign(np.diff(waves[:, 1])), -1)  # half a turn, then a whole one
    np.testing.assert_array_equal(blank["loading"][0], blank["loading"][1])
    np.testing.assert_array_equal(blank["loc"], np.zeros((K, D)))
    np.testing.assert_array_equal(blank["deviation"], np.ones((K, D)))


def test_how_narrow_and_how_far_apart():
    spread = np.cov(RNG.normal(size=(D, 20)))
    least = min(linalg.eigh(sigma, spread, eigvals_only=True)[0] for sigma in COVARIANCES)
    assert FORM.narrowest(STATE, spread) == pytest.approx(least, rel=0.02)
    assert FORM.narrowest(STATE | {"loc": np.where(np.eye(K, D) > 0, np.nan, STATE["loc"])}, spread) == 0.0
    # a column that factors leave nothing over of is a maximum, as long as there is a spread in every direction
    heywood = STATE | {"deviation": STATE["deviation"].copy(), "loading": STATE["loading"].copy()}
    heywood["deviation"][0, 2], heywood["loading"][0, 2] = 1e-4, [1e4, 0.0]
    right = min(linalg.eigh(sigma, spread, eigvals_only=True)[0] for sigma in FORM.covariances(heywood))
    assert FORM.narrowest(heywood, spread) == pytest.approx(right, rel=0.02)
    heywood["loading"][0, 2] = 0.0
    assert FORM.narrowest(heywood, spread) == 0.0
    apart = FORM.apart(STATE)
    for k, j in np.ndindex(K, K):
        deviations = np.sqrt(np.diagonal(COVARIANCES[k]))
        far = np.abs(STATE["loc"][k] - STATE["loc"][j]) / deviations
        unlike = np.abs(COVARIANCES[k] - COVARIANCES[j]) / np.outer(deviations, deviations)
        assert apart[k, j] == pytest.approx(max(far.max(), unlike.max()), abs=1e-12)
