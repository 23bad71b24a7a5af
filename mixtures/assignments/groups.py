"""Groups of rows: what is checked of them, of their covariates and of their labels."""

import numpy as np

from mixtures.among import ALL, Among
from mixtures.errors import DataError
from mixtures.rows import Rows


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
            advice="Pass Observations(x, group=...), with a formula model.formula.observations(table, group=...), for new rows too.",
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
