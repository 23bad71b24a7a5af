"""Rows that count as often as one of their columns says."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mixtures.blocks import rows_at_once
from mixtures.errors import DataError, in_words
from mixtures.observations import Observations
from mixtures.sources.places import Block
from mixtures.sources.protocol import Chunk, Source
from mixtures.tables import squeezed


@dataclass(frozen=True, eq=False)
class WeightedSource(Source):
    """See `Source`.

    Args:
        table: the rows with the column of weights.
        column: its name.
    """

    table: Source
    column: str

    @property
    def missing(self) -> str:  # type: ignore[override]  # the table's
        return self.table.missing

    @property
    def _all(self) -> tuple[str, ...]:
        return self.table.feature_names or ()

    @property
    def feature_names(self) -> tuple[str, ...]:  # type: ignore[override]  # the others
        return tuple(name for name in self._all if name != self.column)

    @property
    def features(self) -> int | None:
        return len(self.feature_names) if len(self.feature_names) > 1 else None

    @property
    def rows(self) -> int:  # the table's
        return self.table.rows

    def chunks(self, begin: int = 0) -> Iterator[Chunk]:
        for chunk in self.table.chunks(begin):
            yield replace(chunk, values=self._values(chunk.values))

    def unchecked(self, size: int | None = None, begin: int = 0) -> Iterator[Block]:
        return self.table.unchecked(size or rows_at_once(self.features), begin)

    def checked(self, block: Block) -> Observations:
        return self._observations(self.table.checked(block))

    def take(self, rows: np.ndarray) -> Observations:
        return self._observations(self.table.take(rows))

    def select(self, names: tuple[str, ...]) -> Source:
        return replace(self, table=self.table.select((*names, self.column)))

    @property
    def weighted_fingerprint(self) -> str:
        return self.table.fingerprint

    def _values(self, table: np.ndarray) -> np.ndarray:
        """The columns beside that of weights."""
        return squeezed(np.delete(table, self._all.index(self.column), axis=1), self.feature_names)

    def _observations(self, rows: Observations) -> Observations:
        """Some rows, and how often each counts: all of a block may not, where all of `Observations` may not."""
        weights = rows.x[:, self._all.index(self.column)]
        is_bad = np.zeros(rows.shape, dtype=bool)
        is_bad[:, self._all.index(self.column)] = ~(weights >= 0)
        rows.refuse(is_bad, "weights, finite numbers >= 0", "Mend them, or leave these rows out of the source.")
        values = self._values(rows.x)
        if rows.row_names is not None:
            values = Block(values, self.feature_names, rows.row_names)  # type: ignore[assignment, arg-type]  # where its rows lie
        made = Observations(values, self.feature_names, self.missing)
        object.__setattr__(made, "row_weights", np.ascontiguousarray(weights))
        return made


def weighted(table: Source, column: str) -> Source:
    """The rows of a table, one of whose columns says how often each counts.

    Raises:
        DataError: it has no such column, or no other.
    """
    names = table.feature_names or ()
    if not isinstance(column, str) or column not in names or len(names) < 2 or isinstance(table, WeightedSource):
        raise DataError(
            "weights",
            got=f"{in_words(column)}, and columns {list(names)}"
            if names
            else f"{in_words(column)}, and columns without names",
            expected="the name of one of several columns of a table",
            advice="Give chunks as data frames, or files, whose columns have names.",
        )
    return WeightedSource(table, column)
