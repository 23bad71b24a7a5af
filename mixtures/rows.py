"""Rows: whatever has one entry a row, in one value, as arrays of NumPy or of one backend; names and checks are those of `Observations`."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

Array = Any


@dataclass(frozen=True, eq=False)
class Rows:
    """Arrays with an entry a row; None where the data have no such thing.

    Args:
        x: (rows[, features]).
        observed: which cells were observed, in the shape of `x`.
        covariates: (rows, covariates).
        component: known components, -1 where unknown.
        weight: how often each row counts.
    """

    x: Array
    observed: Array | None = None
    covariates: Array | None = None
    component: Array | None = None
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    def map(self, function: Callable[[Array], Array]) -> "Rows":
        """The rows with a function applied to every array that there is."""
        return Rows(
            **{
                field.name: None if (value := getattr(self, field.name)) is None else function(value)
                for field in fields(self)
            }
        )

    def take(self, index: Any) -> "Rows":
        """Some of the rows, by a slice, indices or a mask."""
        return self.map(lambda values: values[index])
