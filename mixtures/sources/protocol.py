"""A source of rows: what `Observations` are for rows in memory, for as many as there are on disk."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from mixtures.elsewhere import as_array
from mixtures.errors import DataError, ModelError, in_words
from mixtures.observations import Observations
from mixtures.sources.places import Block, Places, RowPlaces
from mixtures.sources.summary import Moments, Summary, logarithms, moments_of

BLOCK = 65_536
"""Rows that are looked at together, where columns are not many. Sums are of such blocks, whatever the chunks, which leaves no digit to these."""

CELLS = 2**21
"""Numbers in a block at the most: 16 MB."""


def rows_at_once(features: int | None) -> int:
    """Rows in a block of so many columns.

    Example:
        >>> rows_at_once(None), rows_at_once(8), rows_at_once(1000)
        (65536, 65536, 2097)
    """
    return min(BLOCK, max(1, CELLS // (features or 1)))


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows as they come.

    Args:
        values: (rows, features), or (rows,) of one variable.
        place: the file or chunk that they are of; empty: of the one array.
        first: the first one's number there.
    """

    values: np.ndarray
    place: str
    first: int = 0

    def after(self, rows: int) -> "Chunk":
        """The same without its first rows."""
        return Chunk(self.values[rows:], self.place, self.first + rows) if rows else self


class Source(ABC):
    """Rows that are read whenever they are needed, in order, a chunk at a time; `mixtures.source` makes one.

    Verbs that stream take it in the place of `x`. What is known of all rows (`rows`, `summary`, `fingerprint`) is found in one pass, once.
    Its rows must be the same each time they are read.

    Attributes:
        missing: `"raise"` or `"allow"`, see `Observations`.
        feature_names: the columns' names, or None.
    """

    missing: str
    feature_names: tuple[str, ...] | None

    @abstractmethod
    def chunks(self, begin: int = 0) -> Iterator[Chunk]:
        """All rows from one of this number on, in chunks of any size; those before it are read as little as can be."""

    @property
    @abstractmethod
    def features(self) -> int | None:
        """The number of columns; None for rows of one variable, shape (rows,)."""

    @abstractmethod
    def select(self, names: tuple[str, ...]) -> "Source":
        """The columns of these names alone, in this order."""

    @cached_property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(len(chunk.values) for chunk in self.chunks())

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows,) or (rows, features), as the same data in memory have it."""
        return (self.rows,) if self.features is None else (self.rows, self.features)

    def blocks(self, size: int | None = None, begin: int = 0) -> Iterator[Observations]:
        """All rows, checked, in blocks of one size (see `rows_at_once` if not given); the last may be shorter.

        Args:
            size: of a block.
            begin: the number of the first row that is wanted.

        Raises:
            DataError: cells that cannot be used, or a chunk with other columns; the text names the file or chunk and the row.
        """
        size = size or rows_at_once(self.features)
        places, waiting = Places(), _Waiting()
        for chunk in self.chunks(begin):
            self._check_columns(chunk)
            places.note(begin + waiting.rows - chunk.first, chunk.place)
            waiting.put(chunk.values)
            while waiting.rows >= size:
                yield self._observed(waiting.take(size), places, begin)
                begin += size
        if waiting.rows:
            yield self._observed(waiting.take(waiting.rows), places, begin)
        elif not begin:
            raise DataError("x", got="no rows", expected="at least one row")

    def _observed(self, values: np.ndarray, places: Places, begin: int) -> Observations:
        block: Any = Block(values, self.feature_names, RowPlaces(places, begin))
        return Observations(block, missing=self.missing)

    def _check_columns(self, chunk: Chunk) -> None:
        features = chunk.values.shape[1] if chunk.values.ndim == 2 else None
        if chunk.values.ndim > 2 or features != self.features:
            raise DataError(
                chunk.place or "x",
                got=f"rows of shape {chunk.values.shape[1:]}",
                expected=f"{() if self.features is None else (self.features,)}, as in the first rows",
                advice="All rows of a source have the same columns.",
            )

    @cached_property
    def _pass(self) -> tuple[Summary, str]:
        """The summary and the fingerprint."""
        digest = hashlib.sha256(repr((self.shape, self.feature_names)).encode())

        def hashed() -> Iterator[np.ndarray]:
            for values in self._tables():
                digest.update(values.data)
                yield values

        summary = self._summary(moments_of(hashed()), self._of_logs)
        return summary, digest.hexdigest()

    def _of_logs(self) -> Summary:
        return self._summary(moments_of(map(logarithms, self._tables())), self._of_logs)

    def _summary(self, moments: Moments, of_logs: Callable[[], Summary]) -> Summary:
        return Summary(moments.cut(0) if self.features is None else moments, of_logs)

    def _tables(self) -> Iterator[np.ndarray]:
        """Blocks as arrays, (rows, features)."""
        return (block.x.reshape(len(block), -1) for block in self.blocks())

    @property
    def summary(self) -> Summary:
        """What default priors are scaled by."""
        return self._pass[0]

    @property
    def fingerprint(self) -> str:
        """sha256 of all rows, whatever the chunks: that of `Observations` of the same data."""
        return self._pass[1]

    @property
    def weighted_fingerprint(self) -> str:
        """The same with how often each row counts."""
        return self.fingerprint

    def take(self, rows: Any) -> Observations:
        """Some of the rows, in memory.

        Args:
            rows: their numbers, increasing, or a mask of all rows.

        Raises:
            DataError: no row, or something else.

        Example:
            >>> import mixtures
            >>> mixtures.source(np.arange(10.0)).take(np.array([2, 5])).x
            array([2., 5.])
        """
        found, begin, numbers = [], 0, _increasing(rows, self.rows)
        for chunk in self.chunks():
            end = begin + len(chunk.values)
            first, last = np.searchsorted(numbers, (begin, end))
            found.append(chunk.values[numbers[first:last] - begin])
            begin = end
        return Observations(np.concatenate(found), self.feature_names, self.missing)

    def __len__(self) -> int:
        return self.rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise ModelError(
            "x",
            got=f"a {type(self).__name__}, whose rows need not be in memory",
            expected="rows in memory, for this verb",
            advice="fit_em, select_components, classify, responsibilities and log_likelihood stream; x.take(rows) has some rows in memory.",
        )


def _increasing(rows: Any, total: int) -> np.ndarray:
    """Numbers of rows, which are met in this order.

    Raises:
        DataError: they are none.
    """
    given = as_array(rows, "rows")
    numbers = np.flatnonzero(given) if given.dtype == bool and given.shape == (total,) else given
    is_increasing = numbers.ndim == 1 and numbers.dtype.kind in "iu" and bool((numbers[1:] >= numbers[:-1]).all())
    if is_increasing and numbers.size and numbers[0] >= 0 and numbers[-1] < total:
        return numbers.astype(np.int64)
    expected = f"increasing numbers of {total} rows, 0 to {total - 1}, or a mask of all"
    raise DataError("rows", got=in_words(rows), expected=expected, advice="numpy.sort puts numbers in order.")


class _Waiting:
    """Rows that were read and are not handed on yet."""

    def __init__(self) -> None:
        self.rows = 0
        self._parts: list[np.ndarray] = []

    def put(self, values: np.ndarray) -> None:
        self._parts.append(values)
        self.rows += len(values)

    def take(self, size: int) -> np.ndarray:
        """The first so many, at most as many as there are."""
        taken, left = [], size
        while left:
            part = self._parts.pop(0)
            taken.append(part[:left])
            if len(part) > left:
                self._parts.insert(0, part[left:])
            left -= len(taken[-1])
        self.rows -= size
        return taken[0] if len(taken) == 1 else np.concatenate(taken)
