"""A source of rows: what `Observations` are for rows in memory, for as many as there are on disk."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from mixtures.blocks import fingerprint_of, rows_at_once
from mixtures.elsewhere import as_array
from mixtures.errors import DataError, ModelError, in_words
from mixtures.observations import Observations
from mixtures.sources.places import Block, Places, RowPlaces
from mixtures.sources.summary import Moments, Summary, centre_of, logarithms, moments_of
from mixtures.sources.survey import Survey
from mixtures.sources.tree import summed
from mixtures.tables import aligned_empty


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
        return map(self.checked, self.unchecked(size, begin))

    def unchecked(self, size: int | None = None, begin: int = 0) -> Iterator[Block]:
        """The same blocks before they are checked: one thread may read, and another check."""
        size = size or rows_at_once(self.features)
        places, waiting = Places(), _Waiting()
        for chunk in self.chunks(begin):
            self._check_columns(chunk)
            places.note(begin + waiting.rows - chunk.first, chunk.place)
            waiting.put(chunk.values)
            while waiting.rows >= size:
                yield Block(waiting.take(size), self.feature_names, RowPlaces(places, begin))
                begin += size
        if waiting.rows:
            yield Block(waiting.take(waiting.rows), self.feature_names, RowPlaces(places, begin))
        elif not begin:
            raise DataError("x", got="no rows", expected="at least one row")

    def checked(self, block: Block) -> Observations:
        """One of them.

        Raises:
            DataError: cells that cannot be used.
        """
        given: Any = block
        return Observations(given, missing=self.missing)

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
    def centre(self) -> np.ndarray:
        """The means of the first block, from which those of all rows are told."""
        return centre_of(next(self.blocks()).x)

    @cached_property
    def survey(self) -> Survey:
        """What one pass finds of all rows; another pass may have found it beside what it was made for, see `learn`."""
        return summed((Survey.of(block.x, self.centre) for block in self.blocks()), Survey.with_more)

    @property
    def is_surveyed(self) -> bool:
        """Whether that is known already."""
        return "survey" in vars(self)

    def learn(self, survey: Survey) -> None:
        """Take over what a pass over all rows has found of blocks of `rows_at_once`, see `Survey.of`."""
        vars(self).setdefault("survey", survey)

    @cached_property
    def summary(self) -> Summary:
        """What default priors are scaled by."""
        return self._summary(self.survey.moments)

    def _of_logs(self) -> Summary:
        blocks = (logarithms(block.x) for block in self.blocks())
        return self._summary(moments_of(blocks, centre_of(logarithms(next(self.blocks()).x))))

    def _summary(self, moments: Moments) -> Summary:
        return Summary(moments.cut(0) if self.features is None else moments, self._of_logs)

    @property
    def fingerprint(self) -> str:
        """sha256 of all rows, whatever the chunks: that of `Observations` of the same data."""
        return fingerprint_of(self.shape, self.feature_names, [self.survey.digests]).hexdigest()

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
            found.append(chunk.values[numbers_within(numbers, begin, end)])
            begin = end
        return Observations(np.concatenate(found), self.feature_names, self.missing)

    def __len__(self) -> int:
        return self.rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise ModelError(
            "x",
            got=f"a {type(self).__name__}, whose rows need not be in memory",
            expected="rows in memory, for this verb",
            advice="fit_em, select_components, classify, responsibilities and, of a point fit, log_likelihood stream; x.take(rows) has some "
            "in memory.",
        )


def numbers_within(numbers: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Of increasing numbers of rows those of the rows from `begin` to before `end`, counted from there.

    Example:
        >>> numbers_within(np.array([2, 5, 7, 9]), 5, 9).tolist()
        [0, 2]
    """
    first, last = np.searchsorted(numbers, (begin, end))
    return numbers[first:last] - begin


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
        if len(taken) == 1:
            return taken[0]
        return np.concatenate(taken, out=aligned_empty((size, *taken[0].shape[1:])))
