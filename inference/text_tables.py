"""Tables in text files: their encoding, separator and decimal mark are found out and said, or the file is refused, never misread.

A separator fits if every line has as many fields by it as the header. What spreadsheets write where commas are decimal marks has
semicolons or tabs between its fields, and reading such a file by commas gives numbers too, but others.
"""

import bz2
import csv
import gzip
import io
import lzma
import re
from collections import Counter
from pathlib import Path

import pandas as pd

from inference.checks import check_path
from mixtures.errors import DataError

BLANKS = "blanks"
SEPARATORS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'", BLANKS: BLANKS}
"""What may stand between fields, and what it is called."""

NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

Rows = list[list[str]]


def read_frame(path: str | Path) -> tuple[pd.DataFrame, str]:
    """Read a table with a header row; a first column without a name holds the rows' names.

    Args:
        path: a text file, which may be compressed (.gz, .bz2, .xz).

    Returns:
        The table, and in words how it was read.

    Raises:
        OSError: the file cannot be read.
        DataError: it is no table, or could be read in several ways.
    """
    path = check_path("path", path)
    lines = [line for line in _decoded(path).splitlines() if line.strip()]
    if not lines:
        raise _no_table(path, "an empty file")
    separator, rows = _split(path, lines)
    if len(rows) == 1:
        raise _no_table(path, f"a header row, {rows[0]}, and no other row")
    if all(map(_is_number, rows[0])):
        raise _no_table(path, f"numbers in the first row, {rows[0]}", "Write the names of the columns above them.")
    _check_names(path, rows[0])
    between = f"separator {SEPARATORS[separator]}" if separator else "one column"
    decimal = _decimal_mark(path, rows[1:], between)
    # written anew in one form, so that what has been looked at is what is read
    plain = io.StringIO()
    csv.writer(plain).writerows([rows[0], *(_with_points(row) if decimal == "," else row for row in rows[1:])])
    plain.seek(0)
    table = pd.read_csv(plain, index_col=False)
    if not rows[0][0]:
        table = table.set_index(table.columns[0])
    return table, f"{between}, decimal mark '{decimal}'"


def _check_names(path: Path, header: list[str]) -> None:
    """Check that no two columns have one name: pandas would call the second by another, and which is meant cannot be said."""
    twice = [name for name, count in Counter(header).items() if name and count > 1]
    if twice:
        raise DataError(
            path.name,
            got=f"several columns of one name ({', '.join(map(repr, twice))})",
            expected="a name of its own for every column",
            advice="Rename them in the file's first row.",
        )


def _decoded(path: Path) -> str:
    """The file's text, by its byte order mark, as UTF-8, or else as what Windows writes in western languages."""
    with OPENERS.get(path.suffix, open)(path, "rb") as opened:  # type: ignore[operator]
        content = opened.read()
    marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if content.startswith(mark)), None)
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not any(ord(character) < 32 and character not in "\t\n\r" for character in text):
            return text
    raise _no_table(path, "no text", "Save the table as CSV, in UTF-8.")


def _split(path: Path, lines: list[str]) -> tuple[str, Rows]:
    """The separator by which all lines have as many fields as the header, and the fields; the one by which most are numbers."""
    fitting: list[tuple[float, str, Rows]] = []
    ragged: list[tuple[int, str, int, int]] = []
    for separator in SEPARATORS:
        rows = _fields(lines, separator)
        odd = next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None)
        if odd is not None:
            ragged.append((len(rows[0]), separator, odd, len(rows[odd])))
        elif len(rows[0]) > 1:
            numbers = sum(_is_number(cell) for row in rows for cell in row)
            fitting.append((numbers / sum(map(len, rows)), separator, rows))
    if fitting:
        fitting.sort(key=lambda found: -found[0])
        if len(fitting) > 1 and fitting[0][0] == fitting[1][0] and fitting[0][2] != fitting[1][2]:
            several = " and ".join(SEPARATORS[separator] for _, separator, _ in fitting[:2])
            raise _no_table(path, f"fields that could be separated by {several}", "Use one separator only.")
        return fitting[0][1:]
    bad = [found for found in ragged if found[1] != BLANKS]  # blanks are in names and texts too
    if bad:
        fields, separator, odd, found = max(bad, key=lambda one: (one[0], one[3]))
        line = f"line {odd + 1} ({lines[odd].strip()[:40]!r})"
        raise _no_table(
            path,
            f"{line} of {found} field{'s' if found != 1 else ''} under a header of {fields}, by the separator {SEPARATORS[separator]}",
            "Mend that line; if commas are decimal marks, separate fields by semicolons.",
        )
    return "", [[line.strip()] for line in lines]


def _fields(lines: list[str], separator: str) -> Rows:
    """Each line's fields; where every row ends with a separator, what is behind it is none."""
    if separator == BLANKS:
        return [line.split() for line in lines]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator, skipinitialspace=True)]
    header, others = rows[0], rows[1:]
    is_closed = others and all(len(row) > 1 and row[-1] == "" and len(row) == len(others[0]) for row in others)
    if is_closed and (len(others[0]) == len(header) + 1 or (len(others[0]) == len(header) and header[-1] == "")):
        return [header[: len(others[0]) - 1], *(row[:-1] for row in others)]
    return rows


def _is_number(cell: str) -> bool:
    return NUMBER.fullmatch(cell) is not None


def _decimal_mark(path: Path, rows: Rows, between: str) -> str:
    """A comma where numbers have commas, and none a point."""
    marks = {mark for row in rows for cell in row if _is_number(cell) for mark in ".," if mark in cell}
    if marks == {".", ","}:
        got = f"numbers with decimal points and numbers with decimal commas ({between})"
        raise _no_table(path, got, "Use one decimal mark, and none for thousands.")
    return "," if marks == {","} else "."


def _with_points(row: list[str]) -> list[str]:
    return [cell.replace(",", ".") if _is_number(cell) else cell for cell in row]


def _no_table(path: Path, got: str, advice: str = "") -> DataError:
    return DataError(path.name, got=got, expected="a table in a text file, with a header row", advice=advice)
