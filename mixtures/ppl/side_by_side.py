"""Groups of rows side by side, as enumeration needs them: a plate of groups, and in it one of rows, as many as the longest group has."""

from typing import Any, NamedTuple

import numpy as np

from mixtures.errors import ModelError


class SideBySide(NamedTuple):
    """Where rows are in a table that has a column for each group.

    Args:
        rows: the row that is in each place, (most rows of a group, groups); where a group has no more, its last.
        is_there: whether a row is in its place for the first time.
        place: where each row is within its group, (rows,).
        group: the group of each row, (rows,).
    """

    rows: np.ndarray
    is_there: np.ndarray
    place: np.ndarray
    group: np.ndarray

    @classmethod
    def of(cls, group: Any) -> "SideBySide":
        """The places of these groups.

        Raises:
            ModelError: their numbers are not known before the program runs.

        Example:
            >>> SideBySide.of([0, 1, 0]).rows.tolist()
            [[0, 1], [2, 1]]
        """
        try:
            numbers = np.asarray(group).copy()  # torch warns of memory that nobody may write to
        except Exception as error:  # what a library traces has no numbers
            raise ModelError(
                "group",
                got="numbers that are not known before the program runs",
                expected="an array of numbers",
                advice="Close over the groups instead of passing them to a compiled function.",
            ) from error
        counts = np.bincount(numbers)
        order = np.argsort(numbers, kind="stable")
        begins = np.cumsum(counts) - counts
        place = np.empty(len(numbers), dtype=np.int64)
        place[order] = np.arange(len(numbers)) - np.repeat(begins, counts)
        steps = np.arange(counts.max())[:, None]
        return cls(order[begins + np.minimum(steps, counts - 1)], steps < counts, place, numbers)

    @property
    def groups(self) -> np.ndarray:
        """The group whose row is in each place; where there is none, a number beyond them all."""
        return np.where(self.is_there, self.group[self.rows], self.is_there.shape[1])

    def of_rows(self, observed: Any) -> Any:
        """What was observed in places, an entry a row."""
        return observed[self.place, self.group] if hasattr(observed, "shape") else observed
