"""What M-steps of linear predictors share: the design, its coordinates, and a Newton step."""

from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, Frame

RIDGE = 1e-14
"""What is added to a curvature, as a share of its mean eigenvalue: enough for it to have an inverse, and no more."""

LEAST = 1e-280
"""What is added beside: where nothing was seen there is no curvature at all."""


LONGEST = 5.0
"""How far a Newton step goes at most, in units of linear predictors: where there is next to no curvature it would go anywhere."""


def with_ones(xp: Any, x: Array) -> Array:
    """The design of rows, (1 + covariates, rows), of their covariates, (covariates, rows)."""
    return xp.concat([xp.ones((1, *x.shape[1:]), dtype=x.dtype), x], axis=0)


def moment_of(xp: Any, responsibilities: Array, design: Array) -> Array:
    """sum_i w_i z_i z_i', (size, size), w_i being the row's weight."""
    return (xp.sum(responsibilities, axis=0) * design) @ xp.matrix_transpose(design)


def coefficients_in(frame: Frame, intercept: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Of the covariates in these coordinates, (components, 1 + covariates)."""
    return np.column_stack([intercept + slope @ frame.centre, slope * frame.unit])


def line_of(frame: Frame, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and slope of the covariates in their own units: the inverse of `coefficients_in`."""
    slope = coefficients[:, 1:] / frame.unit
    return coefficients[:, 0] - slope @ frame.centre, slope


def newton_step(xp: Any, curvature: Array, gradient: Array) -> Array:
    """curvature^-1 gradient, (..., size), of curvatures (..., size, size) that may be singular."""
    size = gradient.shape[-1]
    diagonal = xp.sum(curvature * xp.eye(size, dtype=curvature.dtype), axis=(-2, -1)) / size
    ridge = (RIDGE * diagonal + LEAST)[..., None, None] * xp.eye(size, dtype=curvature.dtype)
    return xp.linalg.solve(curvature + ridge, gradient[..., None])[..., 0]


def joint_step(xp: Any, curvature: Array, gradient: Array) -> Array:
    """The same of several predictors that curve together: gradients (..., predictors, size), curvatures of all their coefficients."""
    flat = xp.reshape(gradient, (*gradient.shape[:-2], -1))
    return xp.reshape(newton_step(xp, curvature, flat), gradient.shape)


def share_of(xp: Any, move: Array, moment: Array, rows: Array) -> Array:
    """The share of a move, (..., size), of coefficients that goes at most `LONGEST`: by the root mean square of predictors' changes, for
    coefficients of covariates that nearly depend on each other are large where predictors are not.

    Args:
        xp: the array namespace.
        move: of each component.
        moment: sum_i w_i z_i z_i', (size, size).
        rows: sum_i w_i.
    """
    square = xp.sum((move @ moment) * move, axis=-1) / rows
    length = xp.sqrt(xp.where(square > 0, square, xp.zeros_like(square)))
    return xp.where(
        length > LONGEST, LONGEST / xp.where(length > LONGEST, length, xp.ones_like(length)), xp.ones_like(length)
    )
