"""EM of columns of different families: densities are sums of scipy's, and a step gives each column its own means and shares; in NumPy."""

import numpy as np
import pytest
from scipy import stats

from inference.point.em.m_steps.exponential_family import ExponentialFamilyEM
from inference.point.em.m_steps.factors import FactorEM
from inference.point.em.m_steps.gaussian import GaussianEM
from inference.point.em.m_steps.product import ProductEM
from inference.point.em.m_steps.rates import Rates
from inference.point.em.m_steps.shares import Shares
from mixtures import Observations, priors

RNG = np.random.default_rng(0)
N, K = 8, 2
X = np.column_stack(
    [40 * RNG.normal(size=N) - 300, RNG.integers(0, 3, N), RNG.poisson(3.0, N), 0.1 * RNG.normal(size=N)]
)
DATA = Observations(X.astype(float))
KIND, COUNT = ExponentialFamilyEM(Shares("category", categories=3)), ExponentialFamilyEM(Rates(False))
FORM = ProductEM((("size", GaussianEM("VVV")), ("kind", KIND), ("count", COUNT), ("length", GaussianEM("VVV"))))
PARAMETERS = {
    "size_loc": np.array([-310.0, -280.0]),
    "size_scale": np.array([20.0, 50.0]),
    "kind_probs": np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]),
    "count_rate": np.array([2.0, 5.0]),
    "length_loc": np.array([0.1, -0.1]),
    "length_scale": np.array([0.05, 0.2]),
}
COLUMNS = FORM.columns(DATA)
FRAME = FORM.frame(COLUMNS)
AT = ((COLUMNS - FRAME.centre) / FRAME.unit).T
STATE = FORM.encode(PARAMETERS, 4, FRAME)
SHARES = RNG.dirichlet(np.ones(K), N).T
ROWS = SHARES.sum(axis=1)


def statistics():
    return FORM.statistics(np, SHARES, AT, FORM.log_density(np, STATE, AT)[1]) | {"rows": ROWS}


def test_densities_are_sums_of_scipys():
    p = PARAMETERS
    right = stats.norm(p["size_loc"], p["size_scale"]).logpdf(X[:, :1])
    right = right + np.log(p["kind_probs"][:, X[:, 1].astype(int)].T) + stats.poisson(p["count_rate"]).logpmf(X[:, 2:3])
    right += stats.norm(p["length_loc"], p["length_scale"]).logpdf(X[:, 3:])
    assert COLUMNS.shape == (N, FORM.width(4))
    fast = FORM.log_density(np, STATE, AT)[0].T + (FORM.log_jacobian(FRAME, COLUMNS) + FORM.log_base(DATA))[:, None]
    np.testing.assert_allclose(fast, right, rtol=1e-10)
    np.testing.assert_allclose(FORM.exact_log_density(STATE, COLUMNS.T, FRAME).T, right, rtol=1e-10)
    for name, value in FORM.decode(STATE, 4, FRAME).items():
        np.testing.assert_allclose(value, PARAMETERS[name], rtol=1e-12)


def test_a_step_gives_each_column_its_own():
    free = FORM.held(frozenset(), 4)
    found = FORM.decode(FORM.m_step(np, statistics(), STATE, free), 4, FRAME)
    means = SHARES @ X / ROWS[:, None]
    deviations = np.sqrt([SHARES[k] @ (X - means[k]) ** 2 / ROWS[k] for k in range(K)])
    for column, name in ((0, "size"), (3, "length")):
        np.testing.assert_allclose(found[f"{name}_loc"], means[:, column], rtol=1e-10)
        np.testing.assert_allclose(found[f"{name}_scale"], deviations[:, column], rtol=1e-10)
    np.testing.assert_allclose(found["count_rate"], means[:, 2], rtol=1e-10)
    kinds = SHARES @ (X[:, 1:2] == np.arange(3)) / ROWS[:, None]
    np.testing.assert_allclose(found["kind_probs"], kinds, rtol=1e-10)
    held = FORM.held(frozenset({"count_rate", "size_loc"}), 4)
    assert {name for name, is_held in held.items() if is_held} == {"count_rate", "size_loc"}
    known = FORM.decode(FORM.m_step(np, statistics(), STATE, held), 4, FRAME)
    np.testing.assert_allclose(known["count_rate"], PARAMETERS["count_rate"], rtol=1e-12)
    np.testing.assert_allclose(known["size_loc"], PARAMETERS["size_loc"], rtol=1e-12)
    np.testing.assert_allclose(known["kind_probs"], kinds, rtol=1e-10)
    assert ProductEM((("a", FactorEM("factor-1")), ("b", COUNT))).held(frozenset({"a_scale"}), 2) is None


def test_a_conjugate_prior_is_one_of_every_column():
    form = ProductEM((("kind", KIND), ("count", COUNT)))
    given = {"kind_probs": priors.Dirichlet(2.0), "count_rate": priors.Gamma(3.0, 0.5)}
    pseudo = form.pseudo(given, K, 2)
    values = [
        {"kind_probs": PARAMETERS["kind_probs"], "count_rate": rate} for rate in (np.array([2.0, 5.0]), np.ones(2))
    ]
    frame = form.frame(np.zeros((1, form.width(2))))
    own = [form.log_prior(np, form.encode(one, 2, frame), pseudo) for one in values]
    gamma = stats.gamma(3.0, scale=2.0)
    assert own[0] - own[1] == pytest.approx(gamma.logpdf([2.0, 5.0]).sum() - 2 * gamma.logpdf(1.0), rel=1e-10)
    other = form.encode({"kind_probs": np.full((K, 3), 1 / 3), "count_rate": np.array([2.0, 5.0])}, 2, frame)
    dirichlet = sum(stats.dirichlet([2.0] * 3).logpdf(p) for p in PARAMETERS["kind_probs"])
    even = K * stats.dirichlet([2.0] * 3).logpdf([1 / 3] * 3)
    assert own[0] - form.log_prior(np, other, pseudo) == pytest.approx(dirichlet - even, rel=1e-10)
    assert form.pseudo(given | {"count_rate": priors.LogNormal(0.0, 1.0)}, K, 2) is None


def test_what_is_asked_of_all_columns_and_of_any():
    assert not FORM.takes_missing and ProductEM((("kind", KIND), ("count", COUNT))).takes_missing
    assert not FORM.is_damped and FORM.starts_at_rows == any(part.starts_at_rows for _, part in FORM.parts)
    shrunk, sums = FORM.shrunk(statistics(), 3.0), statistics()
    for column, part in (("kind", KIND), ("count", COUNT)):
        own = {"sums": sums[f"{column}_sums"], "rows": ROWS}
        np.testing.assert_allclose(shrunk[f"{column}_sums"], part.shrunk(own, 3.0)["sums"], rtol=1e-12)


def test_columns_are_uncorrelated_and_apart_where_one_of_them_is():
    scales = np.stack([PARAMETERS["size_scale"], PARAMETERS["length_scale"]], axis=1) / FRAME.unit[[0, -1]]
    np.testing.assert_allclose(FORM.covariances(STATE), [np.diag(one**2) for one in scales], rtol=1e-12)
    assert (
        ProductEM((("kind", KIND), ("count", COUNT))).covariances({"kind_coefficients": 0, "count_coefficients": 0})
        is None
    )
    spread = np.diag(AT.var(axis=1))
    narrow = FORM.encode(PARAMETERS | {"length_scale": np.array([1e-3, 0.2])}, 4, FRAME)
    assert FORM.narrowest(narrow, spread) == pytest.approx((1e-3 / X[:, 3].std()) ** 2, rel=1e-9)
    found = FORM.apart(FORM.encode(PARAMETERS | {"size_loc": np.array([-310.0, 1e4])}, 4, FRAME))
    np.testing.assert_allclose(found, [[0.0, 10310 / 20], [10310 / 50, 0.0]], rtol=1e-9)
    blank = FORM.blank(K, 4)
    assert {name: value.shape for name, value in blank.items()} == {name: value.shape for name, value in STATE.items()}
