"""Log probabilities of either tail, log P(X <= x) and log P(X > x), that keep their digits far out, in the array code of any backend.

Gradients go through them, with respect to every parameter: neither backend has those of the incomplete gamma and beta functions, and the
functions themselves underflow where a logarithm is still a plain number. So the tails of gamma, beta and Student's t are integrated. On a
line where the density is log-concave (log x, log x / (1 - x), arsinh(x / sqrt(df))) the tail beyond the mode is the density at x times

    integral over s > 0 of exp(h(x +- s) - h(x)),

whose integrand falls from 1 without ever turning: Gauss and Legendre's rule on panels that are long in proportion to its own length has
twelve digits whatever the parameters. The other tail is one minus it, which is at least about 1/2. Tested against mpmath and scipy.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtures.ppl.log_densities import LogDensities
from mixtures.ppl.protocol import IMPOSSIBLE, Array

Tails = tuple[Array, Array]
"""log P(X <= x) and log P(X > x)."""

EDGES = (0.0, 0.125, 0.5, 1.0, 1.5, 2.25, 4.0, 8.0, 16.0, 40.0)
"""Panels, in units of the length over which the integrand falls to 1 / e; beyond the last it is below e^-40."""

POINTS = 12
"""Points of a panel."""


def _rule() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on all panels."""
    node, weight = np.polynomial.legendre.leggauss(POINTS)
    low, high = np.array(EDGES[:-1])[:, None], np.array(EDGES[1:])[:, None]
    return ((low + high) / 2 + (high - low) / 2 * node).ravel(), ((high - low) / 2 * weight).ravel()


NODES, WEIGHTS = _rule()


@dataclass(frozen=True)
class LogTails:
    """The tails in one backend.

    Args:
        densities: the log densities.
        log_ndtr: log P(Z <= z) of a standard normal.
        constant: an array -> the same array, without gradient.
        array: NumPy's array -> one like another.
    """

    densities: LogDensities
    log_ndtr: Callable[[Array], Array]
    constant: Callable[[Array], Array]
    array: Callable[[np.ndarray, Array], Array]

    @property
    def xp(self) -> Any:
        return self.densities.xp

    def rest(self, log_p: Array) -> Array:
        """log(1 - p), from log p <= 0."""
        xp = self.xp
        log_p = xp.where(log_p < 0, log_p, -xp.finfo(log_p.dtype).tiny)
        is_large = log_p > -math.log(2)
        return xp.where(
            is_large,
            xp.log(-xp.expm1(xp.where(is_large, log_p, -1.0))),
            xp.log1p(-xp.exp(xp.where(is_large, -1.0, log_p))),
        )

    def normal(self, x: Array, loc: Array, scale: Array) -> Tails:
        """Of a normal distribution."""
        z = (x - loc) / scale
        return self.log_ndtr(z), self.log_ndtr(-z)

    def log_normal(self, x: Array, loc: Array, scale: Array) -> Tails:
        """Of numbers whose logarithm is normal."""
        is_inside = x > 0
        below, above = self.normal(self.xp.log(self.xp.where(is_inside, x, 1.0)), loc, scale)
        return self.begun(is_inside, below, above)

    def exponential(self, x: Array, rate: Array) -> Tails:
        """Of waiting times without memory."""
        is_inside = x > 0
        above = -rate * self.xp.where(is_inside, x, 1.0)
        return self.begun(is_inside, self.rest(above), above)

    def weibull(self, x: Array, scale: Array, concentration: Array) -> Tails:
        """S(x) = e^-((x / s)^k)."""
        xp = self.xp
        is_inside = x > 0
        power = concentration * (xp.log(xp.where(is_inside, x, 1.0)) - xp.log(scale))
        above = -xp.exp(power)
        # 1 - e^-y = y - y^2 / 2 + ..., whose logarithm is that of y where y itself is too small for a number
        is_tiny = power < -36
        below = xp.where(is_tiny, power, self.rest(xp.where(is_tiny, -1.0, above)))
        return self.begun(is_inside, below, above)

    def uniform(self, x: Array, low: Array, high: Array) -> Tails:
        """Of a uniform distribution."""
        xp = self.xp
        share = (x - low) / (high - low)
        is_inside = (share > 0) & (share < 1)
        inner = xp.where(is_inside, share, 0.5)
        below = xp.where(is_inside, xp.log(inner), xp.where(share >= 1, 0.0, IMPOSSIBLE))
        return below, xp.where(is_inside, xp.log1p(-inner), xp.where(share <= 0, 0.0, IMPOSSIBLE))

    def step(self, is_reached: Array) -> Tails:
        """Of all probability at one value, which has been reached or not."""
        return self.xp.where(is_reached, 0.0, IMPOSSIBLE), self.xp.where(is_reached, IMPOSSIBLE, 0.0)

    def gamma(self, x: Array, concentration: Array, rate: Array) -> Tails:
        """Of a gamma distribution, on the line of log x."""
        xp = self.xp
        is_inside = x > 0
        x = xp.where(is_inside, x, concentration / rate)
        z, a = rate * x, concentration
        is_above = z > a
        sign = xp.where(is_above, 1.0, -1.0)
        slope = xp.abs(z - a)
        length = quadratic(xp, slope, z)
        length = xp.where(is_above, xp.minimum(length, xp.log1p((1 + a * length) / z)), length)

        def fall(s: Array, z: Array, a: Array, sign: Array) -> tuple[Array, Array]:
            # h(u) - h(u + s) = z (e^s - 1) - a s, and its slope
            step = xp.minimum(sign * s, 600.0)
            grown = xp.expm1(step)
            return z * (grown - step) + (z - a) * step, sign * (z - a + z * grown)

        tail = self.tail(fall, length, z, a, sign) + self.densities.gamma(x, a, rate) + xp.log(x)
        return self.begun(is_inside, *self.both(is_above, tail))

    def beta(self, x: Array, concentration1: Array, concentration0: Array) -> Tails:
        """Of a beta distribution, on the line of log x / (1 - x)."""
        is_inside = (x > 0) & (x < 1)
        x_in = self.xp.where(is_inside, x, 0.5)
        below, above = self._beta(x_in, 1 - x_in, concentration1, concentration0)
        below, above = self.begun(x > 0, below, above)
        return self.xp.where(x < 1, below, 0.0), self.xp.where(x < 1, above, IMPOSSIBLE)

    def _beta(self, p: Array, q: Array, a: Array, b: Array) -> Tails:
        """At p, given q = 1 - p too, which may have more digits."""
        xp = self.xp
        total = a + b
        is_above = total * p > a
        # turned so that the tail lies above
        near, far = xp.where(is_above, p, q), xp.where(is_above, q, p)
        rise, decay = xp.where(is_above, a, b), xp.where(is_above, b, a)
        length = quadratic(xp, near * total - rise, total * near * far)
        growth = (1 + rise * length) / total
        bound = xp.logaddexp(0 * growth, growth + xp.log(-xp.expm1(-growth)) - xp.log(near))
        length = xp.minimum(length, bound)

        def fall(s: Array, near: Array, far: Array, rise: Array, decay: Array) -> tuple[Array, Array]:
            # h(u) - h(u + s) = (a + b) log(q + p e^s) - a s
            is_short = s < 1.0
            grown = xp.expm1(xp.where(is_short, s, 0.0))
            tilt = xp.where(is_short, 0.0, xp.log(far) - s)
            log_sum = xp.where(is_short, xp.log1p(near * grown), s + xp.logaddexp(xp.log(near) + 0 * s, tilt))
            share = xp.exp(xp.log(near) + s - log_sum)
            whole = rise + decay
            drop = xp.where(is_short, whole * log_sum - rise * s, whole * (log_sum - s) + decay * s)
            return drop, whole * share - rise

        log_p, log_q = xp.log(p), xp.log(q)
        density = self.densities.beta_logit((p, log_p), (q, log_q), a, b)
        tail = self.tail(fall, length, near, far, rise, decay) + density
        return self.both(is_above, tail)

    def student_t(self, x: Array, df: Array, loc: Array, scale: Array) -> Tails:
        """Of Student's t, on the line of arsinh(t / sqrt(df)), where its density is that of cosh(u)^-df."""
        xp = self.xp
        most = xp.finfo(df.dtype).max * 1e-18
        v = xp.where(df < most, df, most)
        t = (x - loc) / scale
        root = xp.sqrt(v)
        u = xp.asinh(xp.abs(t) / root)
        slant = xp.tanh(u)
        length = quadratic(xp, v * slant, v * (1 - slant**2))

        def fall(s: Array, v: Array, slant: Array) -> tuple[Array, Array]:
            # log cosh(u + s) - log cosh u = log(cosh s + tanh u sinh s)
            is_short = s < 1.0
            short = xp.where(is_short, s, 0.0)
            near = xp.log1p(2 * xp.sinh(0.5 * short) ** 2 + slant * xp.sinh(short))
            decayed = xp.exp(-2 * s)
            far = s + xp.log(0.5 * (1 + slant) + 0.5 * (1 - slant) * decayed)
            angle = xp.tanh(s)
            return v * xp.where(is_short, near, far), v * (slant + angle) / (1 + slant * angle)

        # dt / du = sqrt(df) cosh u
        jacobian = 0.5 * xp.log(v) + 0.5 * xp.log1p(t**2 / v)
        tail = self.tail(fall, length, v, slant) + self.densities.student_t(t**2, v, 1) + jacobian
        return self.both(t > 0, tail)

    def poisson(self, x: Array, rate: Array) -> Tails:
        """P(X <= k) = P(G > rate), G of Gamma(k + 1)."""
        above, below = self.gamma(rate, self._counted(x) + 1, self.xp.ones_like(rate))
        return self.begun(x >= 0, below, above)

    def inflated(self, is_reached: Array, gate: Array, tails: Tails) -> Tails:
        """Of a share `gate` at one value, which has been reached or not, and the rest by a distribution of these tails."""
        xp = self.xp
        log_gate, log_rest = xp.log(gate), xp.log1p(-gate)
        below, above = (log_rest + tail for tail in tails)
        more = [xp.logaddexp(log_gate, tail) for tail in (below, above)]
        below, above = xp.where(is_reached, more[0], below), xp.where(is_reached, above, more[1])
        # by the other one where that is smaller, and has the digits
        return xp.where(above < -1, self.rest(above), below), xp.where(below < -1, self.rest(below), above)

    def gamma_poisson(self, x: Array, concentration: Array, rate: Array) -> Tails:
        """P(X <= k) = P(B <= r / (1 + r)), B of Beta(c, k + 1)."""
        below, above = self._beta(rate / (1 + rate), 1 / (1 + rate), concentration, self._counted(x) + 1)
        return self.begun(x >= 0, below, above)

    def binomial(self, x: Array, total: Array, probs: Array) -> Tails:
        """P(X <= k) = P(B > p), B of Beta(k + 1, n - k)."""
        xp = self.xp
        tiny = xp.finfo(probs.dtype).tiny
        p, q = xp.where(probs > tiny, probs, tiny), xp.where(probs < 1, 1 - probs, tiny)
        counted = self._counted(x)
        is_inside = counted < total
        counted = xp.where(is_inside, counted, 0.0)
        above, below = self._beta(p, q, counted + 1, xp.where(is_inside, total - counted, 1.0))
        below, above = self.begun(x >= 0, below, above)
        return xp.where(is_inside, below, 0.0), xp.where(is_inside, above, IMPOSSIBLE)

    def bernoulli(self, x: Array, probs: Array) -> Tails:
        """Of 0 or 1."""
        log_p, log_q = self._log(probs), self._log(1 - probs)
        below = self.xp.where(x >= 1, 0.0, self.xp.where(x >= 0, log_q, IMPOSSIBLE))
        return below, self.xp.where(x >= 1, IMPOSSIBLE, self.xp.where(x >= 0, log_p, 0.0))

    def categories(self, x: Array, probs: Array) -> Tails:
        """Of numbers 0, 1, ... with these probabilities."""
        xp = self.xp
        number = self.array(np.arange(probs.shape[-1]), probs)
        is_below = number <= x[..., None]
        below, above = (xp.sum(xp.where(mask, probs, 0.0), axis=-1) for mask in (is_below, ~is_below))
        return self._log(below), self._log(above)

    def log_categories(self, x: Array, log_probs: Array) -> Tails:
        """The same, from the logarithms of the probabilities."""
        xp = self.xp
        is_below = self.array(np.arange(log_probs.shape[-1]), log_probs) <= x[..., None]
        highest = xp.max(self.constant(log_probs), axis=-1, keepdims=True)
        sums = (xp.sum(xp.where(mask, xp.exp(log_probs - highest), 0.0), axis=-1) for mask in (is_below, ~is_below))
        below, above = (self._log(total) + highest[..., 0] for total in sums)
        # the smaller one has the digits
        return xp.where(below < above, below, self.rest(above)), xp.where(below < above, self.rest(below), above)

    def _log(self, p: Array) -> Array:
        return self.xp.where(p > 0, self.xp.log(self.xp.where(p > 0, p, 1.0)), IMPOSSIBLE)

    def _counted(self, x: Array) -> Array:
        """The largest whole number that is not above x; 0 where that is negative."""
        return self.xp.where(x >= 0, self.xp.floor(x), 0.0)

    def begun(self, is_inside: Array, below: Array, above: Array) -> Tails:
        """Tails of numbers that begin somewhere: below that nothing has come yet."""
        return self.xp.where(is_inside, below, IMPOSSIBLE), self.xp.where(is_inside, above, 0.0)

    def both(self, is_above: Array, tail: Array) -> Tails:
        """Both tails, of which the one on the outer side is known."""
        rest = self.rest(tail)
        return self.xp.where(is_above, rest, tail), self.xp.where(is_above, tail, rest)

    def tail(self, fall: Callable[..., tuple[Array, Array]], length: Array, *parameters: Array) -> Array:
        """log of the integral of e^-fall over s > 0, `fall` convex from 0; `length` is about where it comes to 1."""
        xp = self.xp
        held = [self.constant(value) for value in parameters]
        length = self.constant(length)
        for _ in range(3):  # Newton's steps, which a convex function never lets fall short but at the first
            value, slope = fall(length, *held)
            length = self.constant(length - (value - 1) / slope)
        nodes, weights = self.array(NODES, length), self.array(WEIGHTS, length)
        drop, _ = fall(length[..., None] * nodes, *(value[..., None] for value in parameters))
        return xp.log(length) + xp.log(xp.sum(weights * xp.exp(-drop), axis=-1))


def quadratic(xp: Any, slope: Array, curvature: Array) -> Array:
    """Where slope s + curvature s^2 / 2 comes to 1."""
    return 2 / (slope + xp.sqrt(slope**2 + 2 * curvature))
