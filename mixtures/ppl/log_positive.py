"""Log densities and tails of inverse Gaussian and generalised Pareto distributions, in the array code of any backend.

Source: Tweedie (1957), Annals of Mathematical Statistics 28; Shuster (1968), Journal of the American Statistical Association 63, for the
tails; Pickands (1975), Annals of Statistics 3.
"""

from dataclasses import dataclass
from typing import Any

from mixtures.ppl.log_densities import LOG_2_PI
from mixtures.ppl.log_tails import LogTails, Tails
from mixtures.ppl.protocol import Array

FAR, TERMS = 20.0, 9
"""From where so many terms of the asymptotic series of Mills' ratio have all digits: the next is 1e-17 of the first."""


@dataclass(frozen=True)
class LogPositive:
    """The formulas in one backend.

    Args:
        tails: what integrates tails.
    """

    tails: LogTails

    @property
    def xp(self) -> Any:
        return self.tails.xp

    def inverse_gaussian(self, x: Array, loc: Array, concentration: Array) -> Array:
        """log of sqrt(c / (2 pi x^3)) exp(-c (x - m)^2 / (2 m^2 x))."""
        xp = self.xp
        squared = concentration * ((x - loc) / loc) ** 2 / x
        return 0.5 * (xp.log(concentration) - LOG_2_PI - 3 * xp.log(x) - squared)

    def inverse_gaussian_tails(self, x: Array, loc: Array, concentration: Array) -> Tails:
        """P(X <= x) = Phi(a) + e^(-a^2 / 2) M(b), P(X > x) = e^(-a^2 / 2) (M(a) - M(b)) with M(t) = e^(t^2 / 2) Phi(-t)."""
        xp = self.xp
        is_inside = x > 0
        x = xp.where(is_inside, x, loc)
        root = xp.sqrt(concentration / x)
        a, b = root * (x - loc) / loc, root * (x + loc) / loc
        is_above = a > 0
        mirrored = self._log_mills(b)
        # where the other tail is asked for, a difference of its own
        ahead = self._log_mills(xp.where(is_above, a, 0.5 * b))
        above = ahead + xp.log(-xp.expm1(mirrored - ahead)) - 0.5 * a**2
        below = xp.logaddexp(self.tails.log_ndtr(a), mirrored - 0.5 * a**2)
        return self.tails.begun(is_inside, *self.tails.both(is_above, xp.where(is_above, above, below)))

    def _log_mills(self, t: Array) -> Array:
        """log M(t) of t >= 0: where its two factors cancel, by the asymptotic series."""
        xp = self.xp
        is_far = t > FAR
        near, far = xp.where(is_far, 1.0, t), xp.where(is_far, t, FAR)
        series = xp.ones_like(far)
        for k in range(TERMS, 0, -1):
            series = 1 - (2 * k - 1) / far**2 * series
        return xp.where(
            is_far,
            xp.log(series) - xp.log(far) - 0.5 * LOG_2_PI,
            self.tails.log_ndtr(-near) + 0.5 * near**2,
        )

    def pareto(self, x: Array, scale: Array, concentration: Array) -> Array:
        """log of (1 + c x / s)^(-1 - 1 / c) / s."""
        _, above = self.pareto_tails(x, scale, concentration)
        return (1 + concentration) * above - self.xp.log(scale)

    def pareto_tails(self, x: Array, scale: Array, concentration: Array) -> Tails:
        """S(x) = (1 + c x / s)^(-1 / c)."""
        is_inside = x >= 0
        x = self.xp.where(is_inside, x, 0.0)
        above = -self.xp.log1p(concentration * x / scale) / concentration
        return self.tails.begun(is_inside & (x > 0), self.tails.rest(above), above)
