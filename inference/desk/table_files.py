"""Tables from files of any usual format, from the standard input, or shipped with the package; how they were read is said."""

import io
import sys
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from inference.desk.column_names import check_header, named
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
        DataError: the file cannot be read, or is no table.
        BackendError: pandas needs a package that is not installed.

    Example:
        >>> read_table("faithful").frame.shape
        (272, 2)
    """
    try:
        return _read(source, options, sheet)
    except OSError as error:
        near = get_close_matches(source, SOURCES, n=1)
        raise DataError(
            source,
            got=f"a file that cannot be read ({error.strerror or error})",
            expected="the path of a table, - for the standard input, or the name of a data set",
            advice=f"Did you mean the data set {near[0]}?" if near else "",
        ) from error


def _read(source: str, options: TextOptions, sheet: str) -> Table:
    path = Path(source)
    is_workbook = BINARY.get(path.suffix.lower(), ("",))[0] == "read_excel"
    if sheet and not is_workbook:
        raise DataError("--sheet", got=f"{sheet!r} of {source}", expected="a sheet of a workbook, .xlsx, .xls or .ods")
    if source == STANDARD_INPUT:
        frame, read = frame_of(sys.stdin.buffer.read(), "standard input", options)
        return _table(frame, "stdin", read)
    if source in SOURCES and not path.exists():
        x = load_dataset(source)
        return _table(pd.DataFrame(x.x, columns=x.feature_names), source, "a data set of the package")
    if path.suffix.lower() in BINARY:
        return _table(*_binary(path, options, sheet))
    frame, read = read_frame(path, options)
    return _table(frame, path.name.split(".")[0] or "table", read)


def _table(frame: pd.DataFrame, name: str, read: str) -> Table:
    if not frame.size:
        lacks = "rows" if len(frame.columns) else "columns"
        raise DataError(name, got=f"a table without {lacks}", expected="a row and a column at least")
    rows, columns = (
        f"{n} {what}{'s' if n != 1 else ''}" for n, what in zip(frame.shape, ("row", "column"), strict=True)
    )
    return Table(frame, name, f"{rows}, {columns}: {read}")


def _binary(path: Path, options: TextOptions, sheet: str) -> tuple[pd.DataFrame, str, str]:
    reader, kind, package = BINARY[path.suffix.lower()]
    is_workbook = reader == "read_excel"
    _check_options(path, kind, options, is_workbook)
    content = io.BytesIO(path.read_bytes())  # a file that is not there is said by its own error
    try:
        frame = _workbook(content, package, options, sheet) if is_workbook else getattr(pd, reader)(content)
    except ImportError as error:
        raise BackendError(
            path.name,
            got=f"a file that needs {package}",
            expected="a package that reads it",
            advice=f"pip install {package}",
        ) from error
    except Exception as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(
            path.name, got=f"no {kind} file that can be read ({said[:200]})", expected=f"a table in {kind} format"
        ) from error
    frame.columns = pd.Index([str(name) for name in frame.columns])
    if is_workbook and options.header:
        check_header(path.name, list(frame.columns))
        frame = named(path.name, frame)
    return frame, path.stem, f"{kind}{f', sheet {sheet}' if sheet else ''}"


def _workbook(content: io.BytesIO, package: str, options: TextOptions, sheet: str) -> pd.DataFrame:
    """A sheet; pandas would give names to columns that have none, or that of another."""
    how: dict[str, Any] = {"sheet_name": sheet or 0, "engine": ENGINES[package]}
    frame = pd.read_excel(content, header=0 if options.header else None, na_values=list(options.missing), **how)
    if not options.header:
        return frame.set_axis([f"x{column}" for column in range(frame.shape[1])], axis=1)
    first = pd.read_excel(content, header=None, nrows=1, **how).reindex(index=[0], columns=range(frame.shape[1]))
    return frame.set_axis(["" if pd.isna(cell) else str(cell).strip() for cell in first.loc[0]], axis=1)


def _check_options(path: Path, kind: str, options: TextOptions, is_workbook: bool) -> None:
    """Check that nothing was said of the file that only text files have: it would be left out without a word.

    Raises:
        DataError: something was.
    """
    known = TextOptions(header=options.header, missing=options.missing) if is_workbook else TextOptions()
    if options != known:
        names = {field.name: "na" if field.name == "missing" else field.name for field in fields(options)}
        said = next(names[name] for name in names if getattr(options, name) != getattr(known, name))
        raise DataError(f"--{said}", got=f"{path.name}, {kind}", expected="a text file")
