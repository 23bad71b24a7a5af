"""Diagonal Gaussians by two matrix products a pass: log densities are linear in a row's numbers and their squares.

    log p(x | k) = sum_j (-x_j^2 / 2 + loc_kj x_j) / scale_kj^2 + constant_k

That is the exponential family's way. Terms are as large as (loc / scale)^2, in the coordinates of the data's centre, of whose digits as many
are lost: where fewer than twelve would be left, rows are whitened instead (`gaussian.py`).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, State, Statistics
from inference.point.em.m_steps.gaussian import DIAGONAL, GaussianEM
from inference.point.em.mixture_em import MixtureEM

LARGEST = 1e4
"""The largest squared distance of a component from the centre, in its own standard deviations: twelve digits are left."""


@dataclass(frozen=True)
class DiagonalGaussianEM(GaussianEM):
    """`GaussianEM`, of the same state, with other statistics of rows: the sums of their numbers and of the squares."""

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        loc, deviation = state["loc"], xp.linalg.diagonal(state["root"])
        precision = 1 / deviation**2
        slopes = xp.concat([loc * precision, -0.5 * precision], axis=-1)
        constant = -state["log_det"] - 0.5 * (loc.shape[-1] * np.log(2 * np.pi) + xp.sum(loc**2 * precision, axis=-1))
        powers = xp.concat([x, x * x], axis=0)
        return slopes @ powers + constant[:, None], powers

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Array) -> Statistics:
        return {"powers": responsibilities @ xp.matrix_transpose(seen)}


def by_products(closed: MixtureEM, state: State) -> MixtureEM | None:
    """The same whole by products of the rows' powers; None where that is not known, or would cost digits at this state."""
    family = closed.family
    if type(family) is not GaussianEM or family.code not in DIAGONAL:
        return None
    apart = np.asarray(state["loc"]) / np.diagonal(np.asarray(state["root"]), axis1=1, axis2=2)
    if not (apart**2).sum(axis=1).max() < LARGEST:  # so that NaN is not
        return None
    return replace(closed, family=DiagonalGaussianEM(family.code, family.of_logarithm))


def as_whitened(statistics: Statistics, state: State) -> Statistics:
    """The statistics that `GaussianEM` has of the same rows: of y = (x - loc) / scale."""
    loc, deviation = np.asarray(state["loc"]), np.diagonal(np.asarray(state["root"]), axis1=1, axis2=2)
    rest = dict(statistics)
    sums, squares = np.split(rest.pop("powers"), 2, axis=-1)
    rows = rest["rows"][:, None]
    centred = (squares - 2 * loc * sums + rows * loc**2) / deviation**2
    return {**rest, "sum": (sums - rows * loc) / deviation, "square": centred[:, :, None] * np.eye(loc.shape[-1])}
