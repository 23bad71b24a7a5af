"""Loadings of factors, lower triangular in their first rows with a positive diagonal: of all turned loadings, which say the same covariance, one
is (Anderson & Rubin 1956). Kept as two vectors: the diagonal, `leading`, and what is below it, one factor's after the other's.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from mixtures.ppl.protocol import Array

LEAST_LEADING = 1e-6
"""The smallest number of the diagonal: a factor that nothing loads on is at the edge of what the site can say."""


def below(features: int, factors: int) -> int:
    """How many loadings there are below the diagonal."""
    return features * factors - factors * (factors + 1) // 2


def matrix_of(
    xp: Any, leading: Float[Array, "... factors"], loading: Float[Array, "... below"], features: int
) -> Float[Array, "... features factors"]:
    """L, from its diagonal and what is below.

    Example:
        >>> matrix_of(np, np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0]), 3)
        array([[1., 0.],
               [3., 2.],
               [4., 5.]])
    """
    columns, begin = [], 0
    for factor in range(leading.shape[-1]):
        above, rest = xp.zeros_like(leading[..., :factor]), features - factor - 1
        own = [above, leading[..., factor : factor + 1], loading[..., begin : begin + rest]]
        columns.append(xp.concat(own, axis=-1))
        begin += rest
    return xp.stack(columns, axis=-1)


def lower_of(loadings: Float[np.ndarray, "... features factors"]) -> tuple[np.ndarray, np.ndarray]:
    """The sites `leading` and `loading` of any loadings, turned until they are lower triangular.

    Example:
        >>> leading, loading = lower_of(np.array([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]))
        >>> leading.tolist(), loading.tolist()
        ([1.0, 2.0], [3.0, 4.0, 5.0])
    """
    factors = loadings.shape[-1]
    # L[:q]' = Q R, so that L Q begins with R', lower triangular
    turn, upper = np.linalg.qr(loadings[..., :factors, :].swapaxes(-1, -2))
    signs = np.where(np.diagonal(upper, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    lower = (loadings @ turn) * signs[..., None, :]
    leading = np.diagonal(lower[..., :factors, :], axis1=-2, axis2=-1)
    parts = [lower[..., factor + 1 :, factor] for factor in range(factors)]
    return np.maximum(leading, LEAST_LEADING), np.concatenate(parts, axis=-1)
