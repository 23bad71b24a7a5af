"""EM for Gaussian components where cells are missing: their conditional moments take the place of what was not seen.

A component is mu + R y with y standard normal, so that y = W (x - mu), W = R^-1. A missing cell moves y along its column of W: what is seen
of y is what lies across these columns, and along them y is standard normal. With Q an orthonormal basis of a row's missing columns,

    m = E[y | observed] = (I - Q Q') y,    E[y y' | observed] = m m' + Q Q',    log p(observed) = ... - sum log lengths - |m|^2 / 2

take the place of y and y y' in the M-steps of all covariance structures, and no covariance is ever inverted. A row costs as many steps as
cells that it misses.

Source: Ghahramani & Jordan (1994), "Supervised learning from incomplete data via an EM approach"; Little & Rubin (2002), chapter 11. For
the orthonormalisation, done twice: Giraud, Langou & Rozloznik (2005), Computers & Mathematics with Applications 50.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.beside import BesideGaussianEM
from mixtures.observations import Observations

NOWHERE = -1.0
"""In the place of a missing column's number, where a row misses fewer."""


class Conditional(NamedTuple):
    """What the observed cells of rows say of y.

    Args:
        mean: E[y | observed], (components, features, rows).
        unseen: an orthonormal basis of the directions of y that were not seen, 0 where there are fewer, (components, features, most, rows).
        log_volume: the sum of the logarithms of its vectors' lengths before they were made unit vectors, (components, rows).
    """

    mean: Float[Array, "components features rows"]
    unseen: Float[Array, "components features most rows"]
    log_volume: Float[Array, "components rows"]


def conditional(
    xp: Any,
    whiten: Float[Array, "components features features"],
    y: Float[Array, "components features rows"],
    missing: Float[Array, "most rows"],
) -> Conditional:
    """What rows say of y.

    Args:
        xp: the namespace.
        whiten: W of each component.
        y: W (x - mu), with any finite numbers in place of missing cells.
        missing: the numbers of the columns that each row misses, then `NOWHERE`.
    """
    log_volume, numbers = xp.zeros_like(y[:, 0]), xp.arange(y.shape[1])[:, None]
    basis: list[Array] = []
    for number in missing:
        # a column of W, or 0
        direction = whiten @ xp.where(numbers == number, xp.ones_like(y[0]), xp.zeros_like(y[0]))
        if basis:
            others = xp.stack(basis, axis=2)
            for _ in range(2):
                direction = direction - _within(xp, others, direction)
        length = xp.sqrt(xp.sum(direction**2, axis=1))
        length = xp.where(number >= 0, length, xp.ones_like(length))
        log_volume = log_volume + xp.log(length)
        basis.append(direction / length[:, None])
    unseen = xp.stack(basis, axis=2)
    return Conditional(y - _within(xp, unseen, y), unseen, log_volume)


def _within(xp: Any, basis: Array, vectors: Array) -> Array:
    """What of vectors (components, features, rows) lies within the span of a basis (components, features, vectors, rows)."""
    along = xp.sum(basis * vectors[:, :, None, :], axis=1)
    return xp.sum(basis * along[:, None], axis=2)


@dataclass(frozen=True)
class MissingGaussianEM(BesideGaussianEM):
    """Gaussian components where cells are missing. Columns: the values, the column's mean where there is none; the numbers of the missing
    columns; and whether nothing at all was seen, which takes no steps.

    Args:
        most: how many cells a row misses at the most, rows without any aside.
    """

    most: int = 1

    takes_missing = True

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        values, missing, is_blank = self._parts(x)
        y = state["whiten"] @ (values - state["loc"][:, :, None])
        return self._of(xp, state, y, missing, is_blank)

    def _of(self, xp: Any, state: State, y: Array, missing: Array, is_blank: Array) -> tuple[Array, Conditional]:
        found = conditional(xp, state["whiten"], y, missing)
        seen = y.shape[1] - xp.sum(xp.where(missing >= 0, xp.ones_like(missing), xp.zeros_like(missing)), axis=0)
        log_density = (
            -state["log_det"][:, None]
            - found.log_volume
            - 0.5 * np.log(2 * np.pi) * seen
            - 0.5 * xp.sum(found.mean**2, axis=1)
        )
        return xp.where(is_blank > 0, xp.zeros_like(log_density), log_density), found

    def exact_log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        (values, missing, is_blank), own = self._parts(x), self._of_values(frame)
        loc = state["loc"] * own.unit + own.centre
        y = state["whiten"] @ ((values - loc[:, :, None]) / own.unit[:, None])
        logarithms = self._seen_values(x).sum(axis=0) if self.of_logarithm else 0.0
        return self._of(np, state, y, missing, is_blank)[0] + self.log_jacobian(frame, x.T) - logarithms

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Conditional) -> Statistics:
        is_blank = self._parts(x)[2]
        here = xp.where(is_blank > 0, xp.zeros_like(responsibilities), responsibilities)
        weighted = here[:, None, :] * seen.mean
        components, features = seen.mean.shape[:2]
        # sum r Q Q', all rows' directions side by side
        unseen = xp.reshape(seen.unseen, (components, features, -1))
        shares = xp.reshape(seen.unseen * here[:, None, None, :], (components, features, -1))
        blank = xp.sum(responsibilities - here, axis=-1)[:, None, None] * xp.eye(features, dtype=unseen.dtype)
        return {
            "sum": xp.sum(weighted, axis=-1),
            "square": weighted @ xp.matrix_transpose(seen.mean) + shares @ xp.matrix_transpose(unseen) + blank,
        }

    def columns(self, x: Observations) -> np.ndarray:
        values = super().columns(x)
        is_missing = np.isnan(values)
        is_blank = is_missing.all(axis=1)
        # missing columns first, in their order
        order = np.argsort(~is_missing, axis=1, kind="stable")[:, : self.most]
        is_one = np.take_along_axis(is_missing, order, axis=1) & ~is_blank[:, None]
        filled = np.where(is_missing, np.nanmean(values, axis=0), values)
        return np.hstack([filled, np.where(is_one, order, NOWHERE), is_blank[:, None]])

    def width(self, features: int) -> int:
        return features + self.most + 1

    def _features(self, columns: int) -> int:
        return columns - self.most - 1

    def _parts(self, x: Array) -> tuple[Array, Array, Array]:
        """Values, numbers of missing columns, and whether rows are blank."""
        features = self._features(x.shape[0])
        return x[:features], x[features:-1], x[-1]

    def _is_seen(self, x: np.ndarray) -> np.ndarray:
        """(features, rows)."""
        values, missing, is_blank = self._parts(x)
        is_missing = (missing[None] == np.arange(len(values))[:, None, None]).any(axis=1)
        return ~is_missing & (is_blank == 0)

    def _seen_values(self, x: np.ndarray) -> np.ndarray:
        return np.where(self._is_seen(x), self._parts(x)[0], 0.0)

    def log_base(self, x: Observations) -> np.ndarray:
        return -self._seen_values(self.columns(x).T).sum(axis=0) if self.of_logarithm else np.zeros(len(x))

    def frame(self, x: np.ndarray) -> Frame:
        own = super().frame(x[:, : self._features(x.shape[1])])
        others = self.most + 1
        return Frame(np.append(own.centre, np.zeros(others)), np.append(own.unit, np.ones(others)))

    def log_jacobian(self, frame: Frame, x: np.ndarray) -> np.ndarray:
        return -np.log(self._of_values(frame).unit) @ self._is_seen(x.T)


def most_missing(observed: np.ndarray) -> int:
    """How many cells a row misses at the most, rows without any aside; at least 1."""
    missing = (~observed.reshape(len(observed), -1)).sum(axis=1)
    some = missing[missing < observed.reshape(len(observed), -1).shape[1]]
    return max(1, int(some.max(initial=0)))
