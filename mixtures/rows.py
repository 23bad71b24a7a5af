"""Rows: what has one entry a row, in one value, as arrays of NumPy or of one backend; names and checks are those of `Observations`."""

from dataclasses import dataclass
from typing import Any

Array = Any


@dataclass(frozen=True, eq=False)
class Rows:
    """Arrays with an entry a row; None where the data have no such thing. A field comes when a law asks for it.

    Args:
        x: (rows[, features]).
        covariates: (rows, covariates).
        sequence: the series of each row, numbers; those of one series are side by side, in the order of time. None: one series.
    """

    x: Array
    covariates: Array | None = None
    sequence: Array | None = None
