"""Sums over groups of rows, in the array code of NumPy, JAX and torch.

Rows of a group need not be side by side: `group` has the number 0, 1, ... of each row's group.
"""

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
