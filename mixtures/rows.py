"""Rows: what has one entry a row, in one value, as arrays of NumPy or of one backend; names and checks are those of `Observations`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any


@dataclass(frozen=True, eq=False)
class Rows:
    """Arrays with an entry a row; None where the data have no such thing. A field comes when a law asks for it.

    Args:
        x: (rows[, features]).
        covariates: (rows, covariates).
        sequence: the series of each row, numbers; those of one series are side by side, in the order of time. None: one series.
        group: the group of each row, numbers 0, 1, ..., in any order.
        first: the first row of each group, (groups,): of what is the same in all rows of a group, where to read it; its length is how
            many groups there are, which compiled programs must know beforehand.
    """

    x: Array
    covariates: Array | None = None
    sequence: Array | None = None
    group: Array | None = None
    first: Array | None = None

    @property
    def groups(self) -> "Rows":
        """A row of each group, the first, in place of all."""
        return Rows(None, None if self.covariates is None else self.covariates[self.first])


def first_rows(group: Any) -> np.ndarray:
    """The first row of each group, (groups,), of groups that are numbered 0, 1, ...

    Example:
        >>> first_rows([0, 1, 0, 2])
        array([0, 1, 3])
    """
    return np.unique(np.asarray(group), return_index=True)[1]
