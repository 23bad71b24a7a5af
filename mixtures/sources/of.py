"""Which source are these data?"""

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from mixtures.checks import check_choice
from mixtures.errors import DataError, in_words
from mixtures.observations import MISSING
from mixtures.sources.arrays import ArraySource
from mixtures.sources.chunks import ChunkSource, again_and_again
from mixtures.sources.mapped import mapped
from mixtures.sources.parquet import ParquetSource, opened, readable
from mixtures.sources.protocol import Source
from mixtures.sources.weighted import weighted
from mixtures.tables import checked_names

EXPECTED = "a path, an array, or chunks of rows"


def source(
    data: Any, *, columns: Sequence[str] | None = None, weights: str | None = None, missing: str = "raise"
) -> Source:
    """A source of rows, for data that need not fit into memory: verbs that stream take it in the place of `x`.

    Args:
        data: what the rows are in, by columns (rows, features), or of one variable (rows,):
            a path of a Parquet, Arrow or `.npy` file; a folder of Parquet or Arrow files (in the order of their
            names as text, `part.10` before `part.2`), a list of their paths, a `pyarrow.dataset.Dataset`;
            an array that is sliced as it is read (`numpy.memmap`, HDF5, Zarr, Dask);
            a Dask data frame; chunks, arrays or tables, in a list or anything else that can be gone through again and again, or the
            function that returns an iterator over them.
        columns: the names of those to read, in order, where there are names; None: all but those that a data frame's index was written to.
        weights: the name of the column that says how often each row counts, numbers >= 0: a row of weight 2 is a row that is there twice. It
            is none of the data's. None: each row counts once.
        missing: see `Observations`.

    Returns:
        A `Source`, whose first rows have been looked at.

    Raises:
        DataError: data that cannot be read, or only once; no column of that name.
        ChoiceError: `missing` is neither `"raise"` nor `"allow"`.
        BackendError: pyarrow is needed, and not installed.

    Example:
        >>> import numpy as np
        >>> rows = source([np.zeros((3, 2)), np.ones((4, 2))])
        >>> rows.shape, [len(block) for block in rows.blocks(5)]
        ((7, 2), [5, 2])
    """
    check_choice("missing", missing, MISSING)
    names = checked_names(columns, "columns")
    if names is not None and weights is not None and weights not in names:
        names = (*names, weights)
    made = _made(data, names, missing)
    if weights is not None:
        made = weighted(made, weights)
    next(made.blocks())  # what is wrong with the first rows is said here
    return made


def _made(data: Any, names: tuple[str, ...] | None, missing: str) -> Source:
    if isinstance(data, Source):
        return _chosen(data, names)
    if isinstance(data, str | PathLike):
        path = Path(data)
        if not path.exists():
            raise DataError("data", got=f"no file or folder {path}", expected=EXPECTED)
        if path.suffix == ".npy":
            with readable(path.name):
                data = np.load(path, mmap_mode="r")
        else:
            data = opened(path)
    if isinstance(data, list | tuple) and data and isinstance(data[0], str | PathLike):
        data = opened(*data)
    if hasattr(data, "get_fragments"):
        return ParquetSource(data, names, missing)
    if hasattr(data, "partitions") and hasattr(data, "columns"):  # a Dask data frame
        return ChunkSource(lambda: iter(data.partitions), names, missing)
    if hasattr(data, "iloc") or hasattr(data, "column_names"):  # one table of pandas or Arrow
        return ChunkSource(lambda: iter([data]), names, missing)
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        if data.shape and data.shape[0] != data.shape[0]:  # NaN: Dask has not counted its partitions' rows
            return ChunkSource(lambda: map(data.blocks.__getitem__, range(data.numblocks[0])), names, missing)
        return _chosen(ArraySource(mapped(data), missing), names)
    if isinstance(data, list | tuple):
        data = list(map(mapped, data))
    if isinstance(data, Iterable) and not isinstance(data, bytes | dict | set | frozenset):
        return ChunkSource(again_and_again(data), names, missing)
    if callable(data) and not isinstance(data, type):
        return ChunkSource(data, names, missing)
    raise DataError("data", got=in_words(data), expected=EXPECTED)


def _chosen(made: Source, names: tuple[str, ...] | None) -> Source:
    return made if names is None else made.select(names)
