"""Where the rows of a block lie, for errors: of which file or chunk, and which row there."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np


@dataclass
class Places:
    """Where each part of a source begins, noted while it is read.

    Args:
        begins: its rows' numbers among all.
        names: what it is called: a file, a chunk; empty for an array, whose rows have no other number.
    """

    begins: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def note(self, begin: int, name: str) -> None:
        """A part begins; more of the same part changes nothing."""
        if not self.names or (self.begins[-1], self.names[-1]) != (begin, name):
            self.begins.append(begin)
            self.names.append(name)

    def of(self, row: int) -> str:
        """A row in words."""
        part = bisect_right(self.begins, row) - 1
        name = self.names[part]
        return f"row {row - self.begins[part]} of {name}" if name else f"row {row}"


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows as `Observations` takes them, with the names of columns, and of rows where they lie.

    Args:
        values: (rows,) or (rows, features).
        feature_names: or None.
        row_names: says of a row in words where it is, see `mixtures.tables.row_in_words`.
    """

    values: np.ndarray
    feature_names: tuple[str, ...] | None
    row_names: "RowPlaces"

    is_lent: ClassVar[bool] = True
    """That nobody writes to the values while the block is there."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class RowPlaces:
    """The places of a block's rows, in the place of their names.

    Args:
        places: of the whole source.
        begin: the block's first row.
    """

    places: Places
    begin: int

    def in_words(self, row: int) -> str:
        """A row of the block."""
        return self.places.of(self.begin + row)
