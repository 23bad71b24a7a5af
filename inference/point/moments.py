"""Mean and covariance of many rows, a block at a time, so that memory does not grow with their number."""

import numpy as np
from jaxtyping import Float

ROWS_AT_ONCE = 10_000
"""Rows in a block."""


def moments(
    x: Float[np.ndarray, "rows features"], row_weights: Float[np.ndarray, " rows"] | None = None
) -> tuple[Float[np.ndarray, " features"], Float[np.ndarray, "features features"]]:
    """Mean and covariance (of divisor n), in two passes: no large number is subtracted from another."""
    weights = np.ones(len(x)) if row_weights is None else row_weights
    mean = weights @ x / weights.sum()
    covariance = np.zeros((x.shape[1], x.shape[1]))
    for begin in range(0, len(x), ROWS_AT_ONCE):
        centred = x[begin : begin + ROWS_AT_ONCE] - mean
        covariance += (centred * weights[begin : begin + ROWS_AT_ONCE, None]).T @ centred
    return mean, covariance / weights.sum()
