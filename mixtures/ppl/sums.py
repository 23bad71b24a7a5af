"""Sums over groups of rows, in the array code of NumPy, JAX and torch.

Rows of a group need not be side by side: `group` has the number 0, 1, ... of each row's group.
"""

import math
from typing import Any

import numpy as np

from mixtures.ppl.protocol import Array


def summed(xp: Any, values: Array, group: Array, groups: int) -> Array:
    """The sums of values (rows, columns) over the rows of each group, (groups, columns).

    Example:
        >>> summed(np, np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 0]), 2).tolist()
        [[5.0], [2.0]]
    """
    if isinstance(values, np.ndarray):
        return np.stack([np.bincount(group, column, groups) for column in values.T], axis=1)
    nothing = xp.zeros((groups, values.shape[1]), dtype=values.dtype)
    # the array API has no sum by number: JAX and torch each have one
    return nothing.at[group].add(values) if hasattr(nothing, "at") else nothing.index_add(0, group, values)


def totals_of_groups(xp: Any, values: Array, group: Array, groups: int) -> Array:
    """The sums of values (..., rows) over the rows of each group, (..., groups); rows may have several axes, as `group` has them."""
    lead = tuple(values.shape[: len(values.shape) - len(group.shape)])
    columns = xp.reshape(values, (-1, math.prod(group.shape))).T
    return xp.reshape(summed(xp, columns, xp.reshape(group, (-1,)), groups).T, (*lead, groups))


def largest_of_groups(xp: Any, values: Array, group: Array, groups: int) -> Array:
    """The largest of values (..., rows) >= 0 in each group, (..., groups), as `totals_of_groups` has their sums; 0 of none."""
    lead = tuple(values.shape[: len(values.shape) - len(group.shape)])
    columns, number = xp.reshape(values, (-1, math.prod(group.shape))).T, xp.reshape(group, (-1,))
    largest = xp.zeros((groups, columns.shape[1]), dtype=values.dtype)
    if isinstance(values, np.ndarray):
        np.maximum.at(largest, number, columns)
    elif hasattr(largest, "at"):  # as for sums
        largest = largest.at[number].max(columns)
    else:
        largest = largest.scatter_reduce(0, number[:, None].expand(columns.shape), columns, "amax")
    return xp.reshape(largest.T, (*lead, groups))
