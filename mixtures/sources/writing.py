"""Columns written to a Parquet file as they come: whole, or not at all."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from mixtures.checks import check_path
from mixtures.errors import BackendError, ModelError
from mixtures.sources.parquet import FORMATS
from mixtures.whole_files import already_there, whole_file, writing

Write = Callable[[Mapping[str, np.ndarray]], None]

OTHERS = {".npy", ".npz", ".zarr", ".h5", ".hdf5", ".nc", ".xlsx", ".json", ".txt", *FORMATS}
"""Ends of names of files that would be read as something else."""


def check_target(to: str | PathLike[str]) -> Path:
    """A place for a file, before the work for it.

    Raises:
        ModelError: no path, or one that says another format.
        StoredFileError: there is a file already.
        BackendError: pyarrow is not installed.
    """
    path = check_path("to", to)
    if path.suffix in OTHERS:
        expected = "a Parquet file, whose name ends in .parquet"
        raise ModelError("to", got=f"a name that ends in {path.suffix}", expected=expected)
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        got, advice = "a Parquet file, which needs pyarrow", 'pip install "bayes-mixtures[files]"'
        raise BackendError("to", got=got, expected="a package that writes it", advice=advice) from error
    if path.exists():
        raise already_there(path)
    return path


@contextmanager
def parquet_file(path: Path) -> Iterator[Write]:
    """A function that writes some rows, columns by name; the file is there when all are.

    Raises:
        StoredFileError: it cannot be written; nothing is there then.
    """
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    writer: Any = None
    with whole_file(path, overwrite=False) as opened:

        def write(columns: Mapping[str, np.ndarray]) -> None:
            nonlocal writer
            table = arrow.table(dict(columns))
            with writing(path):
                writer = parquet.ParquetWriter(opened, table.schema) if writer is None else writer
                writer.write_table(table)

        try:
            yield write
        finally:
            if writer is not None:
                with writing(path):
                    writer.close()
