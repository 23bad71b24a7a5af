"""Exponential families as EM knows them: densities and priors are scipy's, cells that are missing add nothing, and M-steps are ratios."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from inference.point.em.m_steps.exponential_family import ExponentialFamily
from inference.point.em.m_steps.rates import Rates
from inference.point.em.m_steps.shares import Shares
from mixtures.priors import Beta, Dirichlet, Gamma, LogNormal, Prior

NAN = np.nan


@dataclass(frozen=True)
class Case:
    """A family with rows, values of two components, and scipy's log densities of cells or rows: (x, value of a component)."""

    family: ExponentialFamily
    x: np.ndarray
    value: np.ndarray
    log_density: Callable
    prior: Prior
    log_prior: Callable
    improper: Prior


COUNTS = np.array([[0.0, 3.0], [2.0, NAN], [NAN, 7.0], [1.0, 1.0]])
YES = np.array([[0.0, 3.0], [2.0, NAN], [NAN, 1.0], [4.0, 0.0]])
KINDS = np.array([[0.0, 2.0], [1.0, NAN], [2.0, 1.0]])
TIMES = np.array([[0.5, 3.0], [2.0, NAN], [NAN, 1.0]])
TALLIES = np.array([[3.0, 1.0, 0.0], [0.0, 2.0, 2.0]])
RATES, PROBS = np.array([[1.0, 4.0], [2.5, 0.3]]), np.array([[0.2, 0.5], [0.7, 0.6]])
OF_KINDS = np.array([[[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]], [[0.4, 0.4, 0.2], [0.6, 0.3, 0.1]]])


def of_kinds(x, p):
    return np.array([[NAN if np.isnan(c) else np.log(p[j, int(c)]) for j, c in enumerate(row)] for row in x])


CASES = {
    "poisson": Case(
        Rates(False), COUNTS, RATES, lambda x, p: stats.poisson(p).logpmf(x), Gamma(3.0, 0.5),
        lambda p: stats.gamma(3.0, scale=2.0).logpdf(p).sum(), Gamma(0.9, 0.5),
    ),
    "exponential": Case(
        Rates(True), TIMES, RATES, lambda x, p: stats.expon(scale=1 / p).logpdf(x), Gamma(3.0, 0.5),
        lambda p: stats.gamma(3.0, scale=2.0).logpdf(p).sum(), LogNormal(0.0, 1.0),
    ),
    "binomial": Case(
        Shares("successes", trials=4), YES, PROBS, lambda x, p: stats.binom(4, p).logpmf(x), Beta(2.0, 5.0),
        lambda p: stats.beta(2.0, 5.0).logpdf(p).sum(), Beta(2.0, 0.5),
    ),
    "categories": Case(
        Shares("category", categories=3), KINDS, OF_KINDS, of_kinds, Dirichlet((2.0, 1.0, 4.0)),
        lambda p: sum(stats.dirichlet([2.0, 1.0, 4.0]).logpdf(row) for one in p for row in one), Beta(2.0, 2.0),
    ),
    "multinomial": Case(
        Shares("count", trials=4), TALLIES, OF_KINDS[:, 0], lambda x, p: stats.multinomial(4, p).logpmf(x), Dirichlet(2.0),
        lambda p: sum(stats.dirichlet([2.0] * 3).logpdf(one) for one in p), Dirichlet(0.5),
    ),
}  # fmt: skip


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_densities_are_scipys_of_the_cells_that_are_there(case):
    family, columns = case.family, case.family.columns(case.x)
    assert columns.shape[1] == family.width(case.x.shape[1])
    right = np.stack([np.atleast_2d(case.log_density(case.x, own)).reshape(len(case.x), -1) for own in case.value])
    right, coefficients = np.nansum(right, axis=2), family.encode(case.value)
    np.testing.assert_allclose(coefficients @ columns.T + family.log_base(case.x), right, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(family.log_density(coefficients, columns.T), right, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(family.decode(coefficients), case.value, rtol=1e-12)


def test_a_conjugate_prior_is_a_row_that_was_never_seen(case):
    row = case.family.prior_columns(case.prior, case.x.shape[1])
    own, other = case.family.encode(case.value), case.family.encode(case.value[::-1][:1])
    difference = np.sum(own @ row) - 2 * np.sum(other @ row)
    right = case.log_prior(case.value) - 2 * case.log_prior(case.value[::-1][:1])
    assert difference == pytest.approx(right, rel=1e-10)
    assert case.family.prior_columns(case.improper, case.x.shape[1]) is None


def test_steps_are_ratios_and_even_where_nothing_was_seen():
    sums = np.array([[6.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0], [0.1, 0.2, 0.4, 0.1]])
    np.testing.assert_allclose(
        Rates(False).decode(Rates(False).best(np, sums)), [[2.0, 0.5], [1.0, 1.0], [0.25, 2.0]], rtol=1e-12
    )
    yes = Shares("successes", trials=4)
    np.testing.assert_allclose(yes.decode(yes.best(np, sums)), [[0.75, 3 / 7], [0.5, 0.5], [1 / 3, 0.8]], rtol=1e-12)
    kinds = Shares("count")
    np.testing.assert_allclose(
        kinds.decode(kinds.best(np, sums)), [sums[0] / 15, [0.25] * 4, sums[2] / 0.8], rtol=1e-12
    )


def test_how_closely_a_row_tells_a_value():
    np.testing.assert_allclose(Rates(False).deviation(RATES), np.sqrt(RATES))
    np.testing.assert_allclose(Rates(True).deviation(RATES), RATES)
    np.testing.assert_allclose(Shares("successes", trials=4).deviation(PROBS), np.sqrt(PROBS / 4))
    # the variance of a waiting time is one over its rate squared; columns of spreads are ones, then times
    spread = np.diag([0.0, 0.0, 2.0, 5.0])
    assert Rates(True).narrowest(Rates(True).encode(RATES), spread) == pytest.approx(1 / 16 / 5)
    assert Rates(False).narrowest(Rates(False).encode(RATES), spread) == np.inf
