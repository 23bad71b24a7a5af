"""Rows of one array that is sliced when it is read: NumPy's, `numpy.memmap`, HDF5, Zarr, Dask."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mixtures.blocks import rows_at_once
from mixtures.errors import DataError, ModelError
from mixtures.sources.protocol import Chunk, Source
from mixtures.tables import numbers_in


@dataclass(frozen=True, eq=False)
class ArraySource(Source):
    """See `Source`.

    Args:
        array: (rows,) or (rows, features); whatever has a shape and gives some of its rows as `array[begin:end]`.
        missing: see `Observations`.
    """

    array: Any
    missing: str = "raise"

    feature_names = None

    def __post_init__(self):
        if len(self.array.shape) not in (1, 2) or 0 in self.array.shape:
            raise DataError(
                "data", got=f"an array of shape {self.array.shape}", expected="shape (rows,) or (rows, features)"
            )

    @property
    def rows(self) -> int:  # known beforehand
        return self.array.shape[0]

    @property
    def features(self) -> int | None:
        return self.array.shape[1] if len(self.array.shape) == 2 else None

    def chunks(self, begin: int = 0) -> Iterator[Chunk]:
        step = self._step()
        for first in range(begin, self.rows, step):
            yield Chunk(numbers_in(self.array[first : first + step], "data"), "", first)

    def _step(self) -> int:
        """Rows at a time: whole chunks of arrays that are stored in such, which are decompressed whole."""
        own = getattr(self.array, "chunks", None)
        first = own[0] if own else 1
        stored = first if isinstance(first, int) else max(first)  # Dask's are listed one by one
        return stored * max(1, rows_at_once(self.features) // stored)

    def select(self, names: tuple[str, ...]) -> Source:
        raise ModelError(
            "columns", got=f"names, {names}", expected="none: an array's columns have no names", advice="Slice it."
        )
