"""Log densities that keep their digits over the whole range of their parameters, in the array code of any backend.

Written by gamma functions, a density is a small difference of large numbers: at concentration 1e12 a negative binomial, or Student's t of
1e12 degrees of freedom, is off by 1e-3 and worse. Loader (2000), "Fast and accurate computation of binomial probabilities", has the remedy,
which R uses too: the large numbers cancel on paper, and what is left are two functions without cancellation,

    excess(x)      = log Gamma(x + 1) - (x log x - x)      what Stirling's leading terms leave, log(2 pi x) / 2 + 1 / (12 x) - ...
    deviance(x, m) = x log(x / m) + m - x >= 0             how far x lies from its mean m

in which every density around a gamma function is a sum. Each is tested against mpmath.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mixtures.ppl.protocol import Array

LOG_2_PI = math.log(2 * math.pi)

STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
"""Coefficients of 1 / x, 1 / x^3, ... in log Gamma(x + 1): Bernoulli numbers B_2n / (2n (2n - 1))."""

LARGE = 10.0
"""From here on Stirling's series is exact in float64."""

NEAR = 0.05
"""Relative difference |x - m| / (x + m) below which the deviance is a series."""

ARCTANH = tuple(1 / (2 * term + 3) for term in range(6))
"""Coefficients of v^3, v^5, ... in artanh(v), where log(x / m) = 2 artanh((x - m) / (x + m))."""

LARGE_CONCENTRATION = 50.0
"""From here on the series of the Bessel function is exact in float64."""


def _hankel(terms: int) -> tuple[float, ...]:
    """Coefficients of 1 / k, 1 / k^2, ... in I0(k) e^-k sqrt(2 pi k) (Abramowitz & Stegun 9.7.1)."""
    coefficients = [1.0]
    for term in range(1, terms + 1):
        coefficients.append(coefficients[-1] * (2 * term - 1) ** 2 / (8 * term))
    return tuple(coefficients[1:])


HANKEL = _hankel(12)


@dataclass(frozen=True)
class LogDensities:
    """The densities in one backend.

    Args:
        xp: the array namespace.
        gammaln: log Gamma, for arguments from 1 to 11.
        i0e: the Bessel function I0(k) e^-k, for arguments up to 50.
    """

    xp: Any
    gammaln: Callable[[Array], Array]
    i0e: Callable[[Array], Array]

    def excess(self, x: Array) -> Array:
        """log Gamma(x + 1) - (x log x - x) for x >= 0; 0 at 0."""
        is_large = x >= LARGE
        # each branch is given a legal value where the other one counts, so that gradients are finite
        large, small = self.xp.where(is_large, x, LARGE), self.xp.where(is_large, 1.0, x)
        inverse = 1 / large
        series = 0.5 * (LOG_2_PI + self.xp.log(large)) + inverse * _polynomial(STIRLING, inverse**2)
        return self.xp.where(is_large, series, self.gammaln(small + 1.0) - small * (self._log(small) - 1.0))

    def deviance(self, x: Array, m: Array, log_m: Array) -> Array:
        """x log(x / m) + m - x for x >= 0 and m > 0, given log m too, which may have more digits."""
        difference, total = x - m, x + m
        ratio = difference / self.xp.where(total > 0, total, 1.0)
        is_near = self.xp.abs(ratio) < NEAR
        v = self.xp.where(is_near, ratio, 0.0)
        series = difference * v + 2 * x * v**3 * _polynomial(ARCTANH, v**2)
        return self.xp.where(is_near, series, x * (self._log(x) - self.xp.where(x > 0, log_m, 0.0)) - difference)

    def _log(self, x: Array) -> Array:
        """log x, and 0 where x is 0."""
        return self.xp.log(self.xp.where(x > 0, x, 1.0))

    def poisson(self, x: Array, rate: Array) -> Array:
        """log(rate^x e^-rate / x!)."""
        return -self.excess(x) - self.deviance(x, rate, self.xp.log(rate))

    def gamma(self, x: Array, concentration: Array, rate: Array) -> Array:
        """log(r^c x^(c - 1) e^(-r x) / Gamma(c)), where c log(r x) - r x - log Gamma(c + 1) is a Poisson density's formula."""
        log_x = self.xp.log(x)
        shape = self.deviance(concentration, rate * x, self.xp.log(rate) + log_x)
        return self.xp.log(concentration) - log_x - shape - self.excess(concentration)

    def beta(self, x: Array, concentration1: Array, concentration0: Array) -> Array:
        """log(x^(a - 1) (1 - x)^(b - 1) / B(a, b)): a binomial density's formula for a successes and b failures."""
        log_x, log_rest = self.xp.log(x), self.xp.log1p(-x)
        return self.beta_logit((x, log_x), (1 - x, log_rest), concentration1, concentration0) - log_x - log_rest

    def beta_logit(self, p: tuple[Array, Array], q: tuple[Array, Array], a: Array, b: Array) -> Array:
        """log(p^a q^b / B(a, b)): the density of log p / q where p = 1 - q has a beta distribution; both with their logarithms."""
        total = a + b
        log_total = self.xp.log(total)
        return self.xp.log(a) + self.xp.log(b) - log_total + self._trials(a, b, (total, log_total), p, q)

    def binomial(self, x: Array, total: Array, probs: Array) -> Array:
        """log((n choose x) p^x (1 - p)^(n - x))."""
        tiny = self.xp.finfo(probs.dtype).tiny
        p, q = self.xp.where(probs > tiny, probs, tiny), self.xp.where(probs < 1, 1 - probs, tiny)
        log_q = self.xp.where(probs < 0.5, self.xp.log1p(-self.xp.where(probs < 0.5, probs, 0.0)), self.xp.log(q))
        return self._trials(x, total - x, (total, self._log(total)), (p, self.xp.log(p)), (q, log_q))

    def gamma_poisson(self, x: Array, concentration: Array, rate: Array) -> Array:
        """log(Gamma(c + x) / (Gamma(c) x!) p^c (1 - p)^x), p = r / (1 + r): c / (c + x) times a binomial density's formula."""
        total = concentration + x
        log_q, log_p = -self.xp.log1p(rate), self.xp.log(rate) - self.xp.log1p(rate)
        p, q = rate / (1 + rate), 1 / (1 + rate)
        log_total = self.xp.log(total)
        trials = self._trials(concentration, x, (total, log_total), (p, log_p), (q, log_q))
        return self.xp.log(concentration) - log_total + trials

    def _trials(
        self, x: Array, y: Array, n: tuple[Array, Array], p: tuple[Array, Array], q: tuple[Array, Array]
    ) -> Array:
        """log(Gamma(n + 1) / (Gamma(x + 1) Gamma(y + 1)) p^x q^y), n = x + y, p + q = 1; these three each with its logarithm."""
        (total, log_total), (p, log_p), (q, log_q) = n, p, q
        apart = self.deviance(x, total * p, log_total + log_p) + self.deviance(y, total * q, log_total + log_q)
        return self.excess(total) - self.excess(x) - self.excess(y) - apart

    def multinomial(self, x: Array, probs: Array) -> Array:
        """log(n! prod_j p_j^x_j / x_j!), n = sum_j x_j; 0 where all counts are 0."""
        tiny = self.xp.finfo(probs.dtype).tiny
        p = self.xp.where(probs > tiny, probs, tiny)
        total = self.xp.sum(x, axis=-1)
        mean, log_mean = total[..., None] * p, self._log(total)[..., None] + self.xp.log(p)
        cells = self.excess(x) + self.deviance(x, mean, log_mean)
        # probabilities add up to 1 but for rounding
        return self.excess(total) - self.xp.sum(cells, axis=-1) + total * (self.xp.sum(p, axis=-1) - 1)

    def dirichlet(self, x: Array, concentration: Array) -> Array:
        """log(Gamma(sum a) prod_j x_j^(a_j - 1) / Gamma(a_j)): independent gammas of one rate, whatever it is, given that their sum is 1."""
        total = self.xp.sum(concentration, axis=-1)
        each = self.gamma(x, concentration, total[..., None])
        return self.xp.sum(each, axis=-1) - self.gamma(self.xp.ones_like(total), total, total)

    def dirichlet_multinomial(self, x: Array, concentration: Array) -> Array:
        """Independent negative binomials of one rate, whatever it is, given that their sum is n = sum_j x_j; 0 where all counts are 0."""
        total, counted = self.xp.sum(concentration, axis=-1), self.xp.sum(x, axis=-1)
        rate = total / self.xp.where(counted > 0, counted, 1.0)
        each = self.gamma_poisson(x, concentration, rate[..., None])
        return self.xp.sum(each, axis=-1) - self.gamma_poisson(counted, total, rate)

    def bernoulli(self, x: Array, probs: Array) -> Array:
        """x log p + (1 - x) log(1 - p); what is impossible has the log of the smallest number."""
        tiny = self.xp.finfo(probs.dtype).tiny
        log_p = self.xp.log(self.xp.where(probs > tiny, probs, tiny))
        is_inside = probs < 1
        log_q = self.xp.where(is_inside, self.xp.log1p(-self.xp.where(is_inside, probs, 0.0)), math.log(tiny))
        return x * log_p + (1 - x) * log_q

    def ordered(self, predictor: Array, cutpoints: Array) -> Array:
        """log P(X = c) of ordered categories, (..., categories), where P(X <= c) = 1 / (1 + e^-(cutpoint_c - predictor))."""
        z = cutpoints - predictor[..., None]
        below, above = -self.xp.logaddexp(0 * z, -z), -self.xp.logaddexp(0 * z, z)
        # F(b) - F(a) = F(b) F(-a) (1 - e^(a - b))
        between = self.xp.log(-self.xp.expm1(z[..., :-1] - z[..., 1:]))
        inner = below[..., 1:] + above[..., :-1] + between
        return self.xp.concat([below[..., :1], inner, above[..., -1:]], axis=-1)

    def induced_dirichlet(self, cutpoints: Array, concentration: Array) -> Array:
        """Cutpoints by which the probabilities of categories have a Dirichlet density (Betancourt 2019, Ordinal Regression, section 2.2)."""
        log_probs = self.ordered(0 * cutpoints[..., 0], cutpoints)
        total = self.xp.sum(concentration, axis=-1)
        constant = self.log_gamma(total) - self.xp.sum(self.log_gamma(concentration), axis=-1)
        # each cutpoint moves probability by F' = F (1 - F) from one side of it to the other
        jacobian = -self.xp.logaddexp(0 * cutpoints, cutpoints) - self.xp.logaddexp(0 * cutpoints, -cutpoints)
        return constant + self.xp.sum((concentration - 1) * log_probs, axis=-1) + self.xp.sum(jacobian, axis=-1)

    def log_gamma(self, x: Array) -> Array:
        """log Gamma(x) of x > 0."""
        # log Gamma(x + 1) - log x
        return self.excess(x) + (x - 1) * self.xp.log(x) - x

    def student_t(self, squared: Array, df: Array, dimension: Array | int) -> Array:
        """The multivariate t, but for -log |L|, at a squared distance |L^-1 (x - mu)|^2 in p dimensions.

        log G((v + p) / 2) - log G(v / 2) - p/2 log(v pi) - (v + p)/2 log(1 + delta / v), whose limit at v = infinity is the normal's.
        """
        # beyond any number that matters to the density delta / v would lose its digits, and infinity all of them
        most = self.xp.finfo(squared.dtype).max * 1e-18
        v = self.xp.where(df < most, df, most)
        half, q = 0.5 * v, 0.5 * dimension
        # log G(h + q) - log G(h) - q log h = (h + q - 1) log(1 + q / h) - q + excess(h + q) - excess(h)
        ratio = (half + q - 1) * self.xp.log1p(q / half) - q + self.excess(half + q) - self.excess(half)
        return ratio - q * LOG_2_PI - (half + q) * self.xp.log1p(squared / v)

    def weibull(self, x: Array, scale: Array, concentration: Array) -> Array:
        """log(k / s (x / s)^(k - 1) e^-((x / s)^k))."""
        is_near = self.xp.abs(x - scale) < 0.5 * scale
        share = self.xp.where(is_near, (x - scale) / scale, 0.0)
        log_scale = self.xp.log(scale)
        # log(x / s), which a large shape multiplies
        log_ratio = self.xp.where(is_near, self.xp.log1p(share), self.xp.log(x) - log_scale)
        power = concentration * log_ratio
        return self.xp.log(concentration) - log_scale + power - log_ratio - self.xp.exp(power)

    def von_mises(self, x: Array, loc: Array, concentration: Array) -> Array:
        """k cos(x - mu) - log(2 pi I0(k))."""
        # cos d - 1 = -2 sin(d / 2)^2
        return -2 * concentration * self.xp.sin(0.5 * (x - loc)) ** 2 - LOG_2_PI - self._log_i0e(concentration)

    def _log_i0e(self, k: Array) -> Array:
        """log(I0(k) e^-k)."""
        is_large = k >= LARGE_CONCENTRATION
        large, small = self.xp.where(is_large, k, LARGE_CONCENTRATION), self.xp.where(is_large, 1.0, k)
        inverse = 1 / large
        series = self.xp.log1p(inverse * _polynomial(HANKEL, inverse)) - 0.5 * (LOG_2_PI + self.xp.log(large))
        return self.xp.where(is_large, series, self.xp.log(self.i0e(small)))


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """c_0 + c_1 x + c_2 x^2 + ..., by Horner's rule."""
    value = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        value = coefficient + x * value
    return value
