"""Log densities and tails of skewed distributions, in the array code of any backend: a symmetric density times the probability of a half line.

Source: Azzalini (1985), Scandinavian Journal of Statistics 12; Azzalini & Capitanio (2003), JRSS B 65, for the t.
"""

import math
from dataclasses import dataclass
from typing import Any

from mixtures.ppl.log_densities import LOG_2_PI
from mixtures.ppl.log_tails import LogTails, Tails, quadratic
from mixtures.ppl.protocol import Array

LOG_2 = math.log(2.0)


@dataclass(frozen=True)
class LogSkewed:
    """The formulas in one backend.

    Args:
        tails: the tails of the symmetric distributions.
    """

    tails: LogTails

    @property
    def xp(self) -> Any:
        return self.tails.xp

    def normal(self, z: Array, skew: Array) -> Array:
        """log(2 phi(z) Phi(a z))."""
        return LOG_2 - 0.5 * (z**2 + LOG_2_PI) + self.tails.log_ndtr(skew * z)

    def student_t(self, z: Array, df: Array, skew: Array) -> Array:
        """log(2 t_v(z) T_(v + 1)(a z sqrt((v + 1) / (v + z^2))))."""
        most = self.xp.finfo(df.dtype).max * 1e-18
        v = self.xp.where(df < most, df, most)
        turned = skew * z * self.xp.sqrt((v + 1) / (v + z**2))
        half_line, _ = self.tails.student_t(turned, v + 1, 0.0, 1.0)
        return LOG_2 + self.tails.densities.student_t(z**2, v, 1) + half_line

    def normal_tails(self, z: Array, skew: Array) -> Tails:
        """Of the skew normal, whose density is log-concave: see `log_tails`."""
        xp, log_ndtr = self.xp, self.tails.log_ndtr

        def slant(w: Array) -> Array:
            # phi(w) / Phi(w), the slope of log Phi
            return xp.exp(-0.5 * (w**2 + LOG_2_PI) - log_ndtr(w))

        def fall(s: Array, z: Array, skew: Array) -> tuple[Array, Array]:
            # h(z) - h(z + s) of h(z) = -z^2 / 2 + log Phi(a z)
            further = skew * (z + s)
            drop = s * (z + 0.5 * s) - log_ndtr(further) + log_ndtr(skew * z)
            return drop, z + s - skew * slant(further)

        is_above = z > skew * slant(skew * z)
        # turned so that the tail lies above the mode
        sign = xp.where(is_above, 1.0, -1.0)
        z, skew = sign * z, sign * skew
        ratio = slant(skew * z)
        curvature = 1 + skew**2 * ratio * (ratio + skew * z)
        length = quadratic(xp, xp.abs(z - skew * ratio), curvature)
        return self.tails.both(is_above, self.tails.tail(fall, length, z, skew) + self.normal(z, skew))
