"""Tables from files of any usual format, from the standard input, or shipped with the package; how they were read is said."""

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from inference.desk.text_tables import TextOptions, frame_of, read_frame
from mixtures import load_dataset
from mixtures.datasets import SOURCES
from mixtures.errors import BackendError, DataError

STANDARD_INPUT = "-"
ENGINES = {"openpyxl": "openpyxl", "xlrd": "xlrd", "odfpy": "odf"}
BINARY = {
    ".parquet": ("read_parquet", "Parquet", "pyarrow"),
    ".feather": ("read_feather", "Arrow", "pyarrow"),
    ".arrow": ("read_feather", "Arrow", "pyarrow"),
    ".xlsx": ("read_excel", "Excel", "openpyxl"),
    ".xls": ("read_excel", "Excel", "xlrd"),
    ".ods": ("read_excel", "OpenDocument", "odfpy"),
}
"""By the end of a file's name: how pandas reads it, what it is called, and which package pandas needs for it."""


@dataclass(frozen=True)
class Table:
    """A table that was read.

    Args:
        frame: its columns.
        name: of the run that it is for.
        read: in words, how it was read: format, separator, size.
    """

    frame: pd.DataFrame
    name: str
    read: str


def read_table(source: str, options: TextOptions = TextOptions(), sheet: str = "") -> Table:  # noqa: B008 (frozen)
    """Read a table.

    Args:
        source: a path; `-` for text on the standard input; or the name of a data set that the package has.
        options: what is known of a text file.
        sheet: of a workbook; the first one if not given.

    Raises:
        OSError: the file cannot be read.
        DataError: it is no table.
        BackendError: pandas needs a package that is not installed.

    Example:
        >>> read_table("faithful").frame.shape
        (272, 2)
    """
    path = Path(source)
    if source == STANDARD_INPUT:
        frame, read = frame_of(sys.stdin.buffer.read(), "standard input", options)
        return _table(frame, "stdin", read)
    if source in SOURCES and not path.exists():
        x = load_dataset(source)
        return _table(pd.DataFrame(x.x, columns=x.feature_names), source, "a data set of the package")
    if path.suffix.lower() in BINARY:
        return _table(*_binary(path, sheet))
    frame, read = read_frame(path, options)
    return _table(frame, path.name.split(".")[0] or "table", read)


def _table(frame: pd.DataFrame, name: str, read: str) -> Table:
    columns = f"{frame.shape[1]} column{'s' if frame.shape[1] != 1 else ''}"
    return Table(frame, name, f"{len(frame)} rows, {columns}: {read}")


def _binary(path: Path, sheet: str) -> tuple[pd.DataFrame, str, str]:
    reader, kind, package = BINARY[path.suffix.lower()]
    options = {"sheet_name": sheet or 0, "engine": ENGINES[package]} if reader == "read_excel" else {}
    content = io.BytesIO(path.read_bytes())  # a file that is not there is said by its own error
    try:
        frame = getattr(pd, reader)(content, **options)
    except ImportError as error:
        raise BackendError(
            path.name,
            got=f"a file that needs {package}",
            expected="a package that reads it",
            advice=f"pip install {package}",
        ) from error
    except Exception as error:
        got = f"no {kind} file that can be read ({str(error).splitlines()[0][:200]})"
        raise DataError(path.name, got=got, expected=f"a table in {kind} format") from error
    frame.columns = [str(name) for name in frame.columns]
    return frame, path.stem, f"{kind}{f', sheet {sheet}' if sheet else ''}"
