"""Regressions of gamma and Student's t responses: at the maximum that scipy finds, with bounds, and by their distribution functions."""

import numpy as np
import pytest
from scipy import optimize, stats

import inference
from inference.backends import engine
from mixtures import Mixture, Observations, families, regression_mixture
from mixtures.errors import DataError

C = np.random.default_rng(3).normal([50.0, 0.0], [5.0, 1.0], size=(60, 2))


def gamma(u, c):
    """Of a line's coordinates at covariates 50 and 0, and of log concentration."""
    mean, concentration = np.exp(u[0] + (c - [50, 0]) @ u[1:3]), np.exp(u[3])
    return stats.gamma(concentration, scale=mean / concentration)


def student_t(u, c, df=None):
    return stats.t(np.exp(u[4]) if df is None else df, u[0] + (c - [50, 0]) @ u[1:3], np.exp(u[3]))


CASES = {
    "gamma": ({"kind": "gamma"}, gamma, [0.5, 0.1, -0.6, 1.0], {"concentration": 3}),
    "student_t": ({"kind": "student_t"}, student_t, [1.0, 0.2, -0.5, 0.1, 1.0], {"scale": 3, "df": 4}),
    "of a known df": (
        {"kind": "student_t", "df": 3.0},
        lambda u, c: student_t(u, c, 3.0),
        [1.0, 0.2, -0.5, 0.1],
        {"scale": 3},
    ),
}


@pytest.mark.quick(
    "pyro-*", "numpyro-of a known df", reason="one code climbs, and the densities have tests of their own"
)
@pytest.mark.parametrize("name", CASES)
def test_one_line_is_at_the_maximum(name, backend):
    given, law, truth, beside = CASES[name]
    y = law(np.array(truth), C).rvs(random_state=1)
    best = optimize.minimize(lambda u: -law(u, C).logpdf(y).sum(), truth, options={"gtol": 1e-8})
    x = Observations(y, covariates=C)
    fit = inference.fit_em(regression_mixture(1, **given), x, restarts=2, seed=0, backend=backend)
    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    np.testing.assert_allclose(fit.parameters["slope"][0], best.x[1:3], rtol=2e-3, atol=2e-4)
    for site, place in beside.items():
        np.testing.assert_allclose(fit.parameters[site], np.exp(best.x[place]), rtol=5e-3)
    residuals = inference.pseudo_residuals(fit, x)
    np.testing.assert_allclose(residuals.values, stats.norm.ppf(law(best.x, C).cdf(y)), atol=5e-3)


@pytest.mark.quick("pyro-*", "numpyro-gamma", reason="one code serves both backends")
@pytest.mark.parametrize("name", CASES)
def test_what_is_known_of_a_response_by_its_bounds(name, backend):
    given, law, truth, beside = CASES[name]
    x = Observations([np.nan, np.nan, 2.0], lower=[1.5, np.nan, np.nan], upper=[np.nan, 0.8, np.nan], covariates=C[:3])
    slope = np.array(truth[1:3])
    values = {"weights": np.ones(1), "intercept": np.array([truth[0]]) - slope[0] * 50, "slope": slope[None]}
    values |= {site: np.exp(truth[place : place + 1]) for site, place in beside.items()}
    table = engine(backend).log_joint(Mixture(1, families.Regression(**given)), values, x)[:, 0]
    each = [law(np.array(truth), row[None]) for row in C[:3]]
    exact = [each[0].logsf(1.5), each[1].logcdf(0.8), each[2].logpdf(2.0)]
    np.testing.assert_allclose(table, np.ravel(exact), rtol=1e-9)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_two_gamma_lines_that_cross(backend):
    """A bound from below, at the truth, and a gradient of zero: no better place near the fit."""
    rng = np.random.default_rng(5)
    c = rng.normal(size=150)
    is_first = rng.random(150) < 0.4
    mean = np.exp(np.where(is_first, 1.0 + 0.8 * c, 0.5 - 0.6 * c))
    y = rng.gamma(12.0, mean / 12.0)

    def log_likelihood(u):
        lines = [stats.gamma(np.exp(a), scale=np.exp(b + s * c - a)).logpdf(y) for a, b, s in (u[1:4], u[4:])]
        return np.logaddexp(lines[0] - np.logaddexp(0, -u[0]), lines[1] - np.logaddexp(0, u[0])).sum()

    x = Observations(y, covariates=c)
    fit = inference.fit_em(regression_mixture(2, "gamma"), x, restarts=4, seed=0, backend=backend)
    w, a, b, s = (fit.parameters[name] for name in ("weights", "concentration", "intercept", "slope"))
    u = np.array([np.log(w[0] / w[1]), *(n for k in (0, 1) for n in (np.log(a[k]), b[k], s[k, 0]))])
    assert fit.log_likelihood == pytest.approx(log_likelihood(u), abs=1e-8)
    truth = np.array([np.log(0.4 / 0.6), np.log(12), 1.0, 0.8, np.log(12), 0.5, -0.6])
    best = optimize.minimize(lambda u: -log_likelihood(u), truth)
    assert -best.fun < fit.log_likelihood + 1e-5


def test_a_gamma_response_is_positive():
    with pytest.raises(DataError, match="got 0.0 at row 1"):
        inference.fit_map(regression_mixture(1, "gamma"), Observations([1.0, 0.0], covariates=[1.0, 2.0]), seed=0)
