"""Rows in chunks that can be gone through again and again: a list of frames, an object with `__iter__`, a function that gives an iterator."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from mixtures.elsewhere import tabular
from mixtures.errors import DataError, in_words
from mixtures.sources.protocol import Chunk, Source
from mixtures.tables import names_of, numeric, squeezed


@dataclass(frozen=True, eq=False)
class ChunkSource(Source):
    """See `Source`.

    Args:
        begin: gives the chunks from the first: arrays or tables, (rows,) or (rows, features).
        columns: the names of those to read, where chunks have names; None: all.
        missing: see `Observations`.
    """

    begin: Callable[[], Iterable]
    columns: tuple[str, ...] | None = None
    missing: str = "raise"

    @cached_property
    def _columns(self) -> tuple[tuple[str, ...] | None, int | None]:
        """The names of the first chunk's columns, and how many these are; its rows are not kept, nor sent to workers."""
        for number, given in self._numbered():
            chunk, names = self._read(given, number)
            return names, chunk.values.shape[1] if chunk.values.ndim == 2 else None
        raise DataError("data", got="no chunks", expected="at least one array or table")

    def _numbered(self) -> Iterator[tuple[int, object]]:
        chunks = self.begin()
        if not isinstance(chunks, Iterable) or hasattr(chunks, "shape"):  # an array is rows, and not chunks
            got = f"a function that returns a {type(chunks).__name__}"
            expected = "one that returns an iterator over arrays or tables"
            raise DataError("data", got=got, expected=expected, advice="Let it yield one after the other.")
        return enumerate(chunks)

    @property
    def feature_names(self) -> tuple[str, ...] | None:  # type: ignore[override]  # known when read
        return self._columns[0]

    @property
    def features(self) -> int | None:
        return self._columns[1]

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        """Rows of each chunk."""
        return tuple(len(chunk.values) for chunk in self.chunks())

    @cached_property
    def rows(self) -> int:
        return sum(self._lengths)

    def chunks(self, begin: int = 0) -> Iterator[Chunk]:
        for number, given in self._numbered():
            if begin and begin >= self._lengths[number]:  # not read: a partition of Dask's is not computed
                begin -= self._lengths[number]
                continue
            chunk, names = self._read(given, number)
            if names != self.feature_names:
                raise DataError(
                    chunk.place,
                    got=f"columns {names}",
                    expected=f"{self.feature_names}, as in chunk 0",
                    advice="All rows of a source have the same columns; columns=[...] chooses them by name.",
                )
            yield chunk.after(begin)
            begin = 0

    def _read(self, given: object, number: int) -> tuple[Chunk, tuple[str, ...] | None]:
        place = f"chunk {number}"
        if not hasattr(given, "shape"):  # a list may be rows, or one row
            advice = "Each chunk is some rows: [x1, x2] of two arrays; an array, or a table, is a source by itself."
            raise DataError(place, got=in_words(given), expected="an array or a table of rows", advice=advice)
        table = tabular(given.compute() if hasattr(given, "compute") else given)  # a partition of Dask's
        if self.columns is not None:
            table = self._cut(table, place)
        names, values = names_of(table)[0], numeric(table, place)  # copied: the next chunk may come in the same memory
        if values.ndim == 0:
            raise DataError(place, got=in_words(given), expected="an array or a table of rows")
        return Chunk(squeezed(values, names), place), names

    def _cut(self, table, place: str):
        assert self.columns is not None  # the caller has checked
        names = names_of(table)[0] or ()
        absent = [name for name in self.columns if name not in names]
        if absent or not hasattr(table, "columns"):
            got = f"columns {names}" if names else "columns without names"
            raise DataError(place, got=got, expected=f"{', '.join(map(repr, absent or self.columns))} among them")
        return table[list(self.columns)]

    def select(self, names: tuple[str, ...]) -> Source:
        return replace(self, columns=names)


def again_and_again(chunks: Iterable) -> Callable[[], Iterator]:
    """What gives the chunks from the first, whenever it is called.

    Raises:
        DataError: they can be gone through only once.
    """
    if isinstance(chunks, Iterator):
        raise DataError(
            "data",
            got=f"a {type(chunks).__name__}, which can be read only once",
            expected="chunks that can be read again: EM goes through them many times",
            advice="Pass the function that makes it, without calling it: source(read_chunks).",
        )
    return lambda: iter(chunks)
