"""Loadings of factors, lower triangular in their first rows: of all turned loadings, which say the same covariance, one is, up to the signs of
factors (Anderson & Rubin 1956). Kept as a vector, one factor's after the other's, from the diagonal down.
"""

import math
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mixtures.ppl.protocol import Array

LOADINGS = "loadings"
"""The dim of such a vector begins so; the number of factors follows."""


def columns_of(features: int, factors: int) -> Int[np.ndarray, " loadings"]:
    """The column that each loading is of.

    Example:
        >>> columns_of(3, 2).tolist()
        [0, 1, 2, 1, 2]
    """
    return np.concatenate([np.arange(factor, features) for factor in range(factors)])


def loadings_of(xp: Any, loading: Float[Array, "... loadings"], features: int) -> Float[Array, "... features factors"]:
    """L, from its columns' parts one after the other.

    Example:
        >>> loadings_of(np, np.array([1.0, 3.0, 4.0, 2.0, 5.0]), 3)
        array([[1., 0.],
               [3., 2.],
               [4., 5.]])
    """
    # the smaller root of q (features - (q - 1) / 2) = loadings, there being as many on the diagonal and below it
    middle = features + 0.5
    factors = round(middle - math.sqrt(middle**2 - 2 * loading.shape[-1]))
    columns, begin = [], 0
    for factor in range(factors):
        end = begin + features - factor
        columns.append(xp.concat([xp.zeros_like(loading[..., :factor]), loading[..., begin:end]], axis=-1))
        begin = end
    return xp.stack(columns, axis=-1)


def lower_of(loadings: Float[np.ndarray, "... features factors"]) -> Float[np.ndarray, "... loadings"]:
    """The vector of any loadings, turned until they are lower triangular, with signs by which the diagonal is positive.

    Example:
        >>> lower_of(np.array([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])).tolist()
        [1.0, 3.0, 4.0, 2.0, 5.0]
    """
    factors = loadings.shape[-1]
    # L[:q]' = Q R, so that L Q begins with R', lower triangular
    turn, upper = np.linalg.qr(loadings[..., :factors, :].swapaxes(-1, -2))
    signs = np.where(np.diagonal(upper, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    lower = (loadings @ turn) * signs[..., None, :]
    return np.concatenate([lower[..., factor:, factor] for factor in range(factors)], axis=-1)
