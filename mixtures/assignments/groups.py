"""Groups of rows in array code: what is summed over the rows of each, and where a group begins. One text for NumPy, JAX and torch.

Rows of a group need not be side by side: `group` has the number 0, 1, ... of each row's group.
"""

from typing import Any

import numpy as np

from mixtures.among import ALL, Among
from mixtures.errors import DataError
from mixtures.rows import Rows

Array = Any


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


def check_groups(rows: Rows) -> None:
    """Check that there are groups.

    Raises:
        DataError: there are none.
    """
    if rows.group is None:
        raise DataError(
            "group",
            got="none",
            expected="the group of each row, on which this model's assignments depend",
            advice="Pass Observations(x, group=...), for new rows too.",
        )


def check_same_in_groups(rows: Rows, among: Among = ALL) -> None:
    """Check that some covariates are the same in all rows of a group.

    Raises:
        DataError: they are not.
    """
    assert rows.covariates is not None  # the caller has checked, the groups too
    own = among.columns(rows.covariates)
    differs = np.argwhere(own != own[rows.first][rows.group])
    if len(differs):
        row, column = differs[0][0], among.of(rows.covariates.shape[1])[differs[0][1]]
        raise DataError(
            "covariates",
            got=f"{rows.covariates[row, column]} at row {row}, column {column}, and another value in a row of the same group",
            expected="covariates of the group, the same in all of its rows, on which its component depends",
            advice="Leave out what changes within groups, or let weights be the same for all groups: PerGroup().",
        )


def check_labels_of_groups(labels: np.ndarray | None, group: np.ndarray) -> None:
    """Check that rows of a group are known to be of one component, as far as they are known.

    Raises:
        DataError: they are of several.
    """
    if labels is None:
        return
    highest = np.full(group.max() + 1, -1)
    np.maximum.at(highest, group, labels)
    differs = np.flatnonzero((labels >= 0) & (labels != highest[group]))
    if len(differs):
        row = differs[0]
        raise DataError(
            "labels",
            got=f"{labels[row]} at row {row}, and {highest[group[row]]} in a row of the same group",
            expected="one component for all rows of a group, which share it",
            advice="Mend the labels, or the groups.",
        )
