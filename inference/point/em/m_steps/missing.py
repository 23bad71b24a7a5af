"""EM for Gaussian components where cells are missing: their conditional moments take the place of what was not seen.

A component is mu + R y with y standard normal. The observed columns of a row are M (mu + R y), and what they say of y is found by
orthonormalising the rows of R that belong to them: y lies at m in the span of those, and is standard normal across it. So

    E[y | observed] = m,    E[y y' | observed] = m m' + I - Q Q',    log p(observed) = - sum log lengths - |m|^2 / 2 - ...

take the place of y and y y' in the M-steps of all covariance structures, and no covariance is ever inverted.

Source: Ghahramani & Jordan (1994), "Supervised learning from incomplete data via an EM approach"; Little & Rubin (2002), chapter 11. For
the orthonormalisation, done twice: Giraud, Langou & Rozloznik (2005), Computers & Mathematics with Applications 50.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.gaussian import GaussianEM
from mixtures.observations import Observations


class Conditional(NamedTuple):
    """What the observed cells of rows say of y.

    Args:
        mean: E[y | observed], (components, features, rows).
        seen: an orthonormal basis of the directions of y that were seen, 0 for columns that were not, (components, features, columns, rows):
            the third axis counts them.
        log_volume: the log determinant of the root of the observed columns' covariance, (components, rows).
    """

    mean: Float[Array, "components features rows"]
    seen: Float[Array, "components features columns rows"]
    log_volume: Float[Array, "components rows"]


def conditional(
    xp: Any,
    root: Float[Array, "components features features"],
    apart: Float[Array, "components features rows"],
    is_seen: Float[Array, "features rows"],
) -> Conditional:
    """What rows say of y, given x - mu = R y where they were seen.

    Args:
        xp: the namespace.
        root: R of each component.
        apart: x - mu; any finite numbers where nothing was seen.
        is_seen: 1 where a cell was observed, else 0.
    """
    mean, log_volume = xp.zeros_like(apart), xp.zeros_like(apart[:, 0])
    basis: list[Array] = []
    for column in range(apart.shape[1]):
        row, seen = root[:, column, :, None], is_seen[column]
        direction = row + xp.zeros_like(apart)
        if basis:
            others = xp.stack(basis, axis=2)
            for _ in range(2):
                along = xp.sum(others * direction[:, :, None, :], axis=1)
                direction = direction - xp.sum(others * along[:, None], axis=2)
        length = xp.sqrt(xp.sum(direction**2, axis=1))
        length = xp.where(seen > 0, length, xp.ones_like(length))
        direction = seen * direction / length[:, None]
        place = seen * (apart[:, column] - xp.sum(row * mean, axis=1)) / length
        mean, log_volume = mean + place[:, None] * direction, log_volume + xp.log(length)
        basis.append(direction)
    return Conditional(mean, xp.stack(basis, axis=2), log_volume)


@dataclass(frozen=True)
class MissingGaussianEM(GaussianEM):
    """Gaussian components where cells are missing: its columns are the values, anything where there is none, and then which were seen."""

    takes_missing = True

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        values, is_seen = _halves(x)
        found = conditional(xp, state["root"], values - state["loc"][:, :, None], is_seen)
        constant = -0.5 * np.log(2 * np.pi) * xp.sum(is_seen, axis=0)
        return constant - found.log_volume - 0.5 * xp.sum(found.mean**2, axis=1), found

    def exact_log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        (values, is_seen), own = _halves(x), _of_values(frame)
        loc = state["loc"] * own.unit + own.centre
        found = conditional(np, state["root"], (values - loc[:, :, None]) / own.unit[:, None], is_seen)
        constant = -0.5 * np.log(2 * np.pi) * is_seen.sum(axis=0) + self.log_jacobian(frame, x.T)
        base = (is_seen * values).sum(axis=0) if self.of_logarithm else 0.0
        return constant - base - found.log_volume - 0.5 * (found.mean**2).sum(axis=1)

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Conditional) -> Statistics:
        weighted = responsibilities[:, None, :] * seen.mean
        components, features = seen.mean.shape[:2]
        # sum r (I - Q Q'), all rows' directions side by side
        flat = (components, features, -1)
        spanned = xp.reshape(seen.seen * responsibilities[:, None, None, :], flat) @ xp.matrix_transpose(
            xp.reshape(seen.seen, flat)
        )
        across = xp.sum(responsibilities, axis=-1)[:, None, None] * xp.eye(features, dtype=spanned.dtype) - spanned
        return {
            "sum": xp.sum(weighted, axis=-1),
            "square": weighted @ xp.matrix_transpose(seen.mean) + across,
        }

    def columns(self, x: Observations) -> np.ndarray:
        values = super().columns(x)
        is_seen = ~np.isnan(values)
        return np.hstack([np.where(is_seen, values, np.nanmean(values, axis=0)), is_seen])

    def width(self, features: int) -> int:
        return 2 * features

    def log_base(self, x: Observations) -> np.ndarray:
        values, is_seen = _halves(self.columns(x).T)
        return -(values * is_seen).sum(axis=0) if self.of_logarithm else np.zeros(len(x))

    def frame(self, x: np.ndarray) -> Frame:
        own = super().frame(_halves(x.T)[0].T)
        features = len(own.unit)
        return Frame(np.append(own.centre, np.zeros(features)), np.append(own.unit, np.ones(features)))

    def blank(self, components: int, columns: int) -> State:
        return super().blank(components, columns // 2)

    def encode(self, parameters: Any, features: int | None, frame: Frame) -> State:
        return super().encode(parameters, features, _of_values(frame))

    def decode(self, state: State, features: int | None, frame: Frame) -> dict[str, np.ndarray]:
        return super().decode(state, features, _of_values(frame))

    def log_jacobian(self, frame: Frame, x: np.ndarray) -> np.ndarray:
        return -_halves(x.T)[1].T @ np.log(_of_values(frame).unit)

    def narrowest(self, state: State, spread: np.ndarray) -> float:
        features = len(spread) // 2
        return super().narrowest(state, spread[:features, :features])


def _halves(columns: Array) -> tuple[Array, Array]:
    """Values, and which were seen."""
    features = columns.shape[0] // 2
    return columns[:features], columns[features:]


def _of_values(frame: Frame) -> Frame:
    features = len(frame.unit) // 2
    return Frame(frame.centre[:features], frame.unit[:features])
