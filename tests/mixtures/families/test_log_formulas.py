"""Formulas of log densities and tails, in NumPy, are scipy's and mpmath's on either side of each of their branches.

That both backends have them over the whole range of parameters is said in `test_densities.py` and `test_tails.py`, which take longer.
"""

import numpy as np
import pytest
from mpmath import mp
from scipy import special, stats

from mixtures.ppl.log_densities import LogDensities
from mixtures.ppl.log_group_normal import log_group_normal
from mixtures.ppl.log_positive import LogPositive
from mixtures.ppl.log_skewed import LogSkewed
from mixtures.ppl.log_tails import LogTails
from mixtures.ppl.protocol import IMPOSSIBLE

DENSITIES = LogDensities(np, special.gammaln, special.i0e)
TAILS = LogTails(DENSITIES, special.log_ndtr, lambda value: value, lambda value, like: value)
SKEWED = LogSkewed(TAILS)
POSITIVE = LogPositive(TAILS)
SIZES = np.array([0.01, 0.3, 1.0, 2.5, 9.9, 10.1, 49.9, 50.1, 400.0])
"""Around which Stirling's series and that of the Bessel function begin."""
X, A, B = (grid.ravel() for grid in np.meshgrid(SIZES, SIZES, SIZES))
P = A / (A + 2.0)
COUNTS = np.floor(X)


def close(found, right):
    np.testing.assert_allclose(
        found, right, rtol=2e-12, atol=2e-12
    )  # scipy's differences of logarithms lose some digits


def test_what_stirling_leaves_and_how_far_from_the_mean():
    with mp.workdps(40):
        right = [float(mp.loggamma(x + 1) - (x * mp.log(x) - x)) for x in map(mp.mpf, SIZES)]
        np.testing.assert_allclose(DENSITIES.excess(SIZES), right, rtol=1e-13)
        shares = np.array([0.5, 0.9, 0.905, 0.99, 1.0, 1 + 1e-9, 1.1, 1.106, 3.0])
        for share in map(mp.mpf, shares):
            right = [float(x * mp.log(1 / share) + x * share - x) for x in map(mp.mpf, SIZES)]
            m = SIZES * float(share)
            found = DENSITIES.deviance(SIZES, m, np.log(m))
            assert (np.abs(found - right) <= 1e-11 * np.array(right) + 1e-14 * float(abs(share - 1)) * SIZES).all()
    assert DENSITIES.excess(np.zeros(1)) == 0.0 and DENSITIES.deviance(np.zeros(1), np.ones(1), np.zeros(1)) == 1.0


def test_densities_of_one_number():
    close(DENSITIES.poisson(COUNTS, A), stats.poisson.logpmf(COUNTS, A))
    close(DENSITIES.gamma(X, A, B), stats.gamma.logpdf(X, A, scale=1 / B))
    close(DENSITIES.beta(X / 500, A, B), stats.beta.logpdf(X / 500, A, B))
    close(DENSITIES.gamma_poisson(COUNTS, A, B), stats.nbinom.logpmf(COUNTS, A, B / (1 + B)))
    close(DENSITIES.weibull(X, A, np.sqrt(B)), stats.weibull_min.logpdf(X, np.sqrt(B), scale=A))
    close(DENSITIES.von_mises(X, 0.3, A), stats.vonmises.logpdf(X, A, 0.3))
    close(DENSITIES.student_t(X**2, A, 1), stats.t.logpdf(X, A))
    close(DENSITIES.log_gamma(SIZES), special.gammaln(SIZES))
    total = COUNTS + np.floor(B)
    close(DENSITIES.binomial(COUNTS, total, P), stats.binom.logpmf(COUNTS, total, P))
    close(DENSITIES.bernoulli(np.array([0.0, 1.0]), np.array([0.3, 0.3])), np.log([0.7, 0.3]))


def test_inverse_gaussian_and_generalised_pareto():
    law = stats.invgauss(A / B, scale=B)
    close(POSITIVE.inverse_gaussian(X, A, B), law.logpdf(X))
    below, above = POSITIVE.inverse_gaussian_tails(X, A, B)
    np.testing.assert_allclose(below, law.logcdf(X), rtol=1e-10, atol=2e-12)  # of scipy's numbers of a million
    np.testing.assert_allclose(above, law.logsf(X), rtol=1e-10, atol=2e-12)
    law = stats.genpareto(A, scale=B)
    close(POSITIVE.pareto(X, B, A), law.logpdf(X))
    below, above = POSITIVE.pareto_tails(X, B, A)
    close(np.exp(below), law.cdf(X))
    close(above, law.logsf(X))
    nothing = np.array([-1.0, 0.0])
    for tails in (POSITIVE.inverse_gaussian_tails, POSITIVE.pareto_tails):
        assert tails(nothing, 1.0, 0.5)[1].tolist() == [0.0, 0.0]
        assert tails(nothing, 1.0, 0.5)[0].tolist() == [IMPOSSIBLE, IMPOSSIBLE]


def test_densities_of_several_numbers():
    x, probs = np.array([[3.0, 0.0, 20.0], [1.0, 2.0, 3.0]]), np.array([0.2, 0.3, 0.5])
    close(DENSITIES.multinomial(x, probs), stats.multinomial.logpmf(x, x.sum(axis=1), probs))
    concentration = np.array([0.4, 3.0, 30.0])
    right = [stats.dirichlet_multinomial.logpmf(row, concentration, int(row.sum())) for row in x.astype(int)]
    close(DENSITIES.dirichlet_multinomial(x, concentration), np.array(right))
    close(DENSITIES.dirichlet(probs, concentration), stats.dirichlet.logpdf(probs, concentration))
    nothing = np.zeros((1, 3))
    close(DENSITIES.multinomial(nothing, probs), np.zeros(1))
    close(DENSITIES.dirichlet_multinomial(nothing, concentration), np.zeros(1))
    for df in (0.5, 7.0, 60.0):
        right = stats.multivariate_t.logpdf([1.0, -2.0, 0.5], np.zeros(3), np.eye(3), df)
        close(DENSITIES.student_t(np.array(5.25), np.array(df), 3), right)


def test_infinitely_many_degrees_of_freedom_are_the_normal():
    z, df = np.array([-3.0, 0.2, 5.0]), np.array([1e200, 1e300, np.inf])
    close(DENSITIES.student_t(z**2, df, 1), stats.norm.logpdf(z))
    close(TAILS.student_t(z, df, 0.0, 1.0)[0], stats.norm.logcdf(z))
    close(SKEWED.student_t(z, df, np.full(3, -0.7)), stats.skewnorm.logpdf(z, -0.7))


def test_ordered_categories():
    cutpoints, predictor = np.array([-1.0, 0.5, 0.7]), np.array([0.2, -3.0])
    below = special.expit(cutpoints - predictor[:, None])
    probs = np.diff(np.hstack([np.zeros((2, 1)), below, np.ones((2, 1))]), axis=1)
    close(DENSITIES.ordered(predictor, cutpoints), np.log(probs))
    concentration = np.array([2.0, 0.5, 3.0, 1.5])

    def shares(c):
        return np.diff(np.r_[0.0, special.expit(c), 1.0])

    step = 1e-6
    jacobian = [(shares(cutpoints + step * e) - shares(cutpoints - step * e))[:-1] / (2 * step) for e in np.eye(3)]
    right = stats.dirichlet.logpdf(shares(cutpoints), concentration) + np.linalg.slogdet(jacobian)[1]
    assert float(DENSITIES.induced_dirichlet(cutpoints, concentration)) == pytest.approx(right, rel=1e-8)


T = np.array([-1e3, -30.0, -2.0, -0.4, 0.3, 0.9, 5.0, 50.0])
TS, VS = (grid.ravel() for grid in np.meshgrid(T, np.array([0.4, 1.0, 3.0, 30.0])))
SUCCESSES, TOTAL = np.floor(X) % 40, np.full(len(X), 39.0)


@pytest.mark.parametrize(
    ("found", "right"),
    [
        (TAILS.normal(T / 30, 0.2, 2.0), stats.norm(0.2, 2.0)),
        (TAILS.log_normal(X, 0.2, 2.0), stats.lognorm(2.0, scale=np.exp(0.2))),
        (TAILS.exponential(X, A / 20), stats.expon(scale=20 / A)),
        (TAILS.weibull(X, A, np.sqrt(B) / 4), stats.weibull_min(np.sqrt(B) / 4, scale=A)),
        (TAILS.gamma(X, A, B), stats.gamma(A, scale=1 / B)),
        (TAILS.beta(X / 401, A, B), stats.beta(A, B)),
        (TAILS.student_t(TS, VS, 0.1, 1.5), stats.t(VS, 0.1, 1.5)),
        (TAILS.poisson(X, A), stats.poisson(A)),
        (TAILS.gamma_poisson(X, A, B), stats.nbinom(A, B / (1 + B))),
        (TAILS.binomial(SUCCESSES, TOTAL, P), stats.binom(39, P)),
        (TAILS.uniform(X, 0.2, 300.0), stats.uniform(0.2, 299.8)),
    ],
    ids=[
        "normal",
        "log normal",
        "exponential",
        "weibull",
        "gamma",
        "beta",
        "t",
        "poisson",
        "nbinom",
        "binomial",
        "uniform",
    ],
)
def test_tails_are_scipys_where_it_has_their_digits(found, right):
    at = {len(T): T / 30, len(TS): TS, len(X): X}[len(found[0])]
    at = at / 401 if right.dist.name == "beta" else SUCCESSES if right.dist.name == "binom" else at
    for own, other in zip(found, (right.cdf(at), right.sf(at)), strict=True):
        seen = (other > 1e-200) & (other < 1 - 1e-3)
        assert seen.mean() > 0.1
        np.testing.assert_allclose(own[seen], np.log(other[seen]), rtol=2e-10, atol=1e-13)
        assert (own[other == 1] > -1e-12).all() and (own[other < 1e-290] < -600).all()


def test_tails_of_numbers_below_and_above_all():
    beyond, one = np.array([-1.0, 0.0]), np.ones(2)
    for below, above in (
        TAILS.log_normal(beyond, 0 * one, one),
        TAILS.exponential(beyond, one),
        TAILS.weibull(beyond, one, one),
        TAILS.gamma(beyond, one, one),
        TAILS.beta(beyond, one, one),
        TAILS.uniform(beyond, 0.0, 1.0),
        TAILS.poisson(np.array([-1.0, -0.5]), one),
        TAILS.binomial(np.array([-1.0, -0.5]), 4 * one, 0.5 * one),
    ):
        assert (below < -9e4).all() and (above == 0).all()
    for below, above in (
        TAILS.beta(one, one, one),
        TAILS.uniform(one, 0.0, 1.0),
        TAILS.binomial(np.array([4.0, 9.0]), 4 * one, 0.5 * one),
    ):
        assert (below == 0).all() and (above < -9e4).all()


def test_tails_of_counts_of_few_values():
    at = np.array([-0.5, 0.0, 0.5, 1.0, 1.5, 2.0])
    right = np.array([0.0, 0.7, 0.7, 1.0, 1.0, 1.0])
    below, above = TAILS.bernoulli(at, np.full(6, 0.3))
    close(np.exp(below), right)
    close(np.exp(above), 1 - right)
    probs, right = np.array([0.2, 0.5, 0.3]), np.array([0.0, 0.2, 0.2, 0.7, 0.7, 1.0])
    for below, above in (TAILS.categories(at, probs), TAILS.log_categories(at, np.log(probs))):
        close(np.exp(below), right)
        close(np.exp(above), 1 - right)
    # a share of 0.2 at 0, and else exponential
    x = np.array([-1.0, 0.0, 0.5, 3.0])
    below, above = TAILS.inflated(x >= 0, np.full(4, 0.2), TAILS.exponential(x, np.ones(4)))
    right = np.where(x >= 0, 0.2 + 0.8 * stats.expon.cdf(x), 0.0)
    close(np.exp(below), right)
    close(np.exp(above), 1 - right)


def test_skewed_densities_and_tails():
    z = np.array([-4.0, -0.7, 0.0, 1.3, 5.0])
    for skew in (-3.0, 0.8):
        close(SKEWED.normal(z, skew), stats.skewnorm.logpdf(z, skew))
        below, above = SKEWED.normal_tails(z, np.full(5, skew))
        # turned round, the tail below is the one above
        for value, at, own in zip(np.r_[below, above], np.r_[-z, z], np.repeat([-skew, skew], len(z)), strict=True):
            pieces = [at, at + 0.1, at + 0.4, at + 1.5, at + 6.0, mp.inf]
            right = mp.log(mp.quad(lambda t, a=own: 2 * mp.npdf(t) * mp.ncdf(a * t), pieces))
            assert abs(value - right) < 1e-10 * (1 + abs(right))
        for df in (0.7, 5.0, 40.0):
            turned = skew * z * np.sqrt((df + 1) / (df + z**2))
            right = np.log(2) + stats.t.logpdf(z, df) + stats.t.logcdf(turned, df + 1)
            np.testing.assert_allclose(SKEWED.student_t(z, np.full(5, df), np.full(5, skew)), right, rtol=1e-10)


@pytest.mark.parametrize("effects", [1, 2, 3])
def test_rows_of_groups_are_dense_normals(effects):
    rng = np.random.default_rng(effects)
    group, is_seen = np.array([0, 1, 0, 2, 1, 0, 3]), np.array([1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    residual, scale, design = rng.normal(size=7), rng.uniform(0.5, 2.0, 7), rng.normal(size=(7, effects))
    found = log_group_normal(np, residual, scale, design, is_seen, group, 4)
    assert found[[4, 6]].tolist() == [0.0, 0.0]
    for g in range(3):
        rows = np.flatnonzero((group == g) & (is_seen > 0))
        spread = scale[rows, None] * (np.eye(len(rows)) + design[rows] @ design[rows].T) * scale[rows]
        right = stats.multivariate_normal(np.zeros(len(rows)), spread).logpdf(residual[rows] * scale[rows])
        assert found[rows].sum() == pytest.approx(right, rel=1e-12)
