"""Rows of Parquet and Arrow files, read batch by batch with pyarrow."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from mixtures.blocks import rows_at_once
from mixtures.errors import BackendError, DataError
from mixtures.sources.protocol import Chunk, Source
from mixtures.tables import aligned_empty, squeezed

FORMATS = {".feather": "feather", ".arrow": "feather", ".orc": "orc", ".csv": "csv"}
"""By the end of the first file's name; all others are Parquet."""

_HDF5 = 'Open it, and pass its array: source(h5py.File(path)["name"]).'

OPENED = {
    ".zarr": "Open it: source(zarr.open_array(path)).",
    ".h5": _HDF5,
    ".hdf5": _HDF5,
    ".npz": "Load one of its arrays, or write it to a .npy file.",
    ".npy": 'Map them, each a chunk: source([numpy.load(path, mmap_mode="r") for path in paths]).',
}
"""What to do with files that are no tables, by the end of their names."""

ROWS_IN_CACHE = 4096
"""Rows whose columns are laid side by side together, so that each line of memory is fetched once."""


@dataclass(frozen=True, eq=False)
class ParquetSource(Source):
    """See `Source`.

    Args:
        dataset: a `pyarrow.dataset.Dataset`.
        columns: the names of those to read; None: all but what pandas, or Dask, wrote a frame's index to.
        missing: see `Observations`; a null is a missing cell.
    """

    dataset: Any
    columns: tuple[str, ...] | None = None
    missing: str = "raise"

    def __post_init__(self):
        if not self.feature_names:
            raise DataError("data", got="files without columns, or no files", expected="columns of numbers")
        absent = [name for name in self.columns or () if name not in self.dataset.schema.names]
        if absent:
            raise DataError(
                "data",
                got=f"no column {' or '.join(map(repr, absent))} in the files",
                expected=f"some of {self.dataset.schema.names}",
            )
        self._check_numbers(self.dataset.schema, "data")

    @cached_property
    def feature_names(self) -> tuple[str, ...]:  # type: ignore[override]  # known beforehand
        schema = self.dataset.schema
        index = (schema.pandas_metadata or {}).get("index_columns", ())
        return self.columns or tuple(name for name in schema.names if name not in index)

    @property
    def features(self) -> int | None:
        return len(self.feature_names) if len(self.feature_names) > 1 else None

    def _check_numbers(self, schema: Any, place: str) -> None:
        """Check the types that columns have: a file's own may be others than the first file's.

        Raises:
            DataError: some are no numbers.
        """
        bad = [name for name in self.feature_names if name in schema.names and not _is_number(schema.field(name).type)]
        if bad:
            raise DataError(
                place,
                got=f"columns {bad} that are not numbers",
                expected="real numbers",
                advice="Choose columns: columns=[...]; number the categories of others from 0.",
            )

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        """Rows of each file, from their heads."""
        found = []
        for place, fragment in self._fragments():
            with readable(place):
                found.append(fragment.count_rows())
        return tuple(found)

    @cached_property
    def rows(self) -> int:
        return sum(self._lengths)

    def _fragments(self) -> Iterator[tuple[str, Any]]:
        """The files, by their paths from the folder that all are in."""
        fragments = list(self.dataset.get_fragments())
        paths = [(getattr(fragment, "path", "") or "data").split("/") for fragment in fragments]
        folders = zip(*(path[:-1] for path in paths), strict=False)
        shared = sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, folders))
        for path, fragment in zip(paths, fragments, strict=True):
            yield "/".join(path[shared:]), fragment

    def chunks(self, begin: int = 0) -> Iterator[Chunk]:
        names, as_floats = list(self.feature_names), _floats(self.feature_names)
        for number, (place, fragment) in enumerate(self._fragments()):
            if begin and begin >= self._lengths[number]:
                begin -= self._lengths[number]
                continue
            with readable(place):
                fragment, first = _from_group_of(fragment, begin)
                begin -= first
                own = fragment.physical_schema.names
                partition = str(fragment.partition_expression)  # columns that folders' names say
            absent = [name for name in names if name not in own and f"{name} ==" not in partition]
            if absent:
                raise DataError(
                    place,
                    got=f"columns {own}",
                    expected=f"{', '.join(map(repr, absent))} among them, as in the first file",
                    advice="All files of a source have the same columns.",
                )
            self._check_numbers(fragment.physical_schema, place)
            batches = fragment.to_batches(
                schema=as_floats,  # not the dataset's: the first file's types need not hold what others have
                columns=names,
                batch_size=rows_at_once(self.features),
                batch_readahead=1,
                fragment_scan_options=_piece_by_piece(fragment),
                use_threads=False,
            )
            while True:
                with readable(place):
                    batch = next(batches, None)
                if batch is None:
                    break
                if batch.num_rows > begin:
                    chunk = Chunk(squeezed(_numbers(batch, names), self.feature_names), place, first)
                    yield chunk.after(begin)
                first += batch.num_rows
                begin = max(0, begin - batch.num_rows)

    def select(self, names: tuple[str, ...]) -> Source:
        return replace(self, columns=names)


def opened(*paths: str | PathLike[str]) -> Any:
    """The dataset of files, or of those of one folder.

    Raises:
        DataError: no such files, or none that can be read.
        BackendError: pyarrow is not installed.
    """
    try:
        import pyarrow.dataset as datasets
    except ImportError as error:
        raise BackendError(
            "data",
            got="files that need pyarrow",
            expected="a package that reads them",
            advice='pip install "bayes-mixtures[files]"',
        ) from error
    absolute = [os.path.abspath(path) for path in paths]  # workers may have begun in another folder
    kind = _kind_of(Path(absolute[0]))
    if kind in OPENED:
        raise DataError("data", got=f"{kind} at {paths[0]}", expected="Parquet or Arrow files", advice=OPENED[kind])
    with readable(str(paths[0])):
        return datasets.dataset(absolute if len(paths) > 1 else absolute[0], format=FORMATS.get(kind, "parquet"))


def _kind_of(path: Path) -> str:
    """By the end of its name, or, of a folder, of its first file's."""
    if path.is_dir() and path.suffix not in OPENED:
        path = next((file for file in sorted(path.rglob("*")) if file.is_file() and file.name[0] not in "._"), path)
    return path.suffix.lower()


@contextmanager
def readable(place: str) -> Iterator[None]:
    """Say of which file it is what pyarrow cannot read.

    Raises:
        DataError: with pyarrow's error as its cause.
    """
    try:
        yield
    except (OSError, ValueError) as error:  # pyarrow's own derive from these
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(
            place,
            got=f"a file that cannot be read ({said[:200]})",
            expected="a whole file of its kind",
            advice="Restore it from a copy, or write it again.",
        ) from error


def _piece_by_piece(fragment: Any) -> Any:
    """Options by which a Parquet file's row groups, which may be as large as the file, are not read whole before their first rows are seen."""
    import pyarrow.dataset as datasets

    is_parquet = fragment.format.default_extname == "parquet"
    return datasets.ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False) if is_parquet else None


def _from_group_of(fragment: Any, row: int) -> tuple[Any, int]:
    """A file without the row groups that end before a row, and the number of the first row that is left."""
    if not row or fragment.format.default_extname != "parquet":
        return fragment, 0
    groups, first = fragment.row_groups, 0
    for number, group in enumerate(groups):
        if row < first + group.num_rows:
            return fragment.subset(row_group_ids=[left.id for left in groups[number:]]), first
        first += group.num_rows
    return fragment, 0


def _is_number(kind: Any) -> bool:
    import pyarrow.types as types

    is_number = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_null)
    return any(is_kind(kind) for is_kind in is_number)


def _floats(names: tuple[str, ...]) -> Any:
    """The schema of columns of floating-point numbers."""
    import pyarrow as arrow

    return arrow.schema([(name, arrow.float64()) for name in names])


def _numbers(batch: Any, names: list[str]) -> np.ndarray:
    """The columns of a batch side by side, NaN where null."""
    columns = [np.asarray(batch.column(name)) for name in names]
    values = aligned_empty((batch.num_rows, len(names)))
    for begin in range(0, len(values), ROWS_IN_CACHE):
        rows = slice(begin, begin + ROWS_IN_CACHE)
        for place, column in enumerate(columns):
            values[rows, place] = column[rows]
    return values
