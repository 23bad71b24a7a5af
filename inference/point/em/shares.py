"""What each component, or class, has of rows, or groups, by the table of their joint densities; one text for NumPy, JAX and torch."""

from typing import Any

from inference.point.em.closed_form import Array


def shares_of(xp: Any, log_joint: Array, is_hard: bool) -> tuple[Array, Array]:
    """r_ki = p(x_i, k) / p(x_i), and log p(x_i); or, of the most probable alone, 1 and log p(x_i, k).

    Args:
        xp: the array namespace.
        log_joint: log p(x_i, k), (components, rows).
        is_hard: whether the most probable counts alone.
    """
    peak = xp.max(log_joint, axis=0)
    if is_hard:
        return one_of(xp, log_joint), peak
    shares = xp.exp(log_joint - peak)
    total = xp.sum(shares, axis=0)
    return shares / total, peak + xp.log(total)


def one_of(xp: Any, values: Array) -> Array:
    """1 at the place of the greatest value along the first axis, else 0.

    Example:
        >>> import numpy as np
        >>> one_of(np, np.array([[1.0, 5.0], [2.0, 4.0]])).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    numbers = xp.reshape(xp.arange(values.shape[0]), (-1,) + (1,) * (values.ndim - 1))
    is_best = xp.argmax(values, axis=0) == numbers
    return xp.where(is_best, xp.ones_like(values), xp.zeros_like(values))
