"""Tables in text files: their encoding, separator and decimal mark are found out and said, or the file is refused, never misread.

A separator fits if every line has as many fields by it as the header. What spreadsheets write where commas are decimal marks has
semicolons or tabs between its fields, and reading such a file by commas gives numbers too, but others.
"""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from inference.checks import check_choice, check_path
from mixtures.errors import DataError

BLANKS = "blanks"
SEPARATORS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'", BLANKS: BLANKS}
"""What may stand between fields, and what it is called."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
HEAD = 1000
"""How many lines tell separators apart; that all lines fit is looked at in every case."""

BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

Rows = list[list[str]]


@dataclass(frozen=True)
class TextOptions:
    """What is known of a text file; what is not given is found out.

    Args:
        separator: between fields: `","`, `";"`, `"\\t"`, `"|"`, or `"blanks"`.
        decimal: the decimal mark, `"."` or `","`.
        encoding: such as `"utf-8"`, `"latin-1"`.
        header: whether the first row holds the names of the columns; without it they are called x0, x1, ...
        missing: further texts that stand for a missing cell, such as `"?"`, beside an empty cell, NA, NaN, null and the like.
    """

    separator: str = ""
    decimal: str = ""
    encoding: str = ""
    header: bool = True
    missing: tuple[str, ...] = ()

    def __post_init__(self):
        if self.separator:
            check_choice("separator", self.separator, tuple(SEPARATORS))
        if self.decimal:
            check_choice("decimal", self.decimal, (".", ","))
        if self.encoding:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                raise DataError(
                    "encoding", got=repr(self.encoding), expected="an encoding such as utf-8, latin-1, utf-16"
                ) from None


def read_frame(path: str | Path, options: TextOptions = TextOptions()) -> tuple[pd.DataFrame, str]:
    """Read a table with a header row; a first column without a name holds the rows' names.

    Args:
        path: a text file, which may be compressed (.gz, .bz2, .xz).
        options: what is known of it.

    Returns:
        The table, and in words how it was read.

    Raises:
        OSError: the file cannot be read.
        DataError: it is no table, or could be read in several ways.
    """
    path = check_path("path", path)
    with OPENERS.get(path.suffix, open)(path, "rb") as opened:  # type: ignore[operator]
        return frame_of(opened.read(), path.name, options)


def frame_of(content: bytes, name: str, options: TextOptions = TextOptions()) -> tuple[pd.DataFrame, str]:
    """`read_frame` of what is read already.

    Args:
        content: of the file.
        name: what it is called in errors.
        options: what is known of it.
    """
    text, encoding = _decoded(name, content, options.encoding)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise _no_table(name, "an empty file")
    separator, rows = _split(name, lines, options.separator)
    if not options.header:
        rows = [[f"x{column}" for column in range(len(rows[0]))], *rows]
    if len(rows) == 1:
        raise _no_table(name, f"a header row, {rows[0]}, and no other row")
    if all(map(_is_number, rows[0])):
        advice = "Write the names of the columns above them, or say that there are none: --no-header."
        raise _no_table(name, f"numbers in the first row, {rows[0]}", advice)
    _check_names(name, rows[0])
    between = f"separator {SEPARATORS[separator]}" if separator else "one column"
    decimal = options.decimal or _decimal_mark(name, rows[1:], between)
    # written anew in one form, so that what has been looked at is what is read
    plain = io.StringIO()
    csv.writer(plain).writerows([rows[0], *(_with_points(row) if decimal == "," else row for row in rows[1:])])
    plain.seek(0)
    table = pd.read_csv(plain, index_col=False, na_values=list(options.missing))
    if not rows[0][0]:
        table = table.set_index(table.columns[0])
    return table, f"{between}, decimal mark '{decimal}', {encoding}"


def _check_names(name: str, header: list[str]) -> None:
    """Check that no two columns have one name: pandas would call the second by another, and which is meant cannot be said."""
    twice = [column for column, count in Counter(header).items() if column and count > 1]
    if twice:
        raise DataError(
            name,
            got=f"several columns of one name ({', '.join(map(repr, twice))})",
            expected="a name of its own for every column",
            advice="Rename them in the file's first row.",
        )


def _decoded(name: str, content: bytes, given: str) -> tuple[str, str]:
    """The file's text and its encoding: as given, by its byte order mark, UTF-8, or else what Windows writes in western languages."""
    marked = next((found for mark, found in BYTE_ORDER_MARKS.items() if content.startswith(mark)), None)
    for encoding in [given] if given else [marked] if marked else ["utf-8", "cp1252"]:
        try:
            text = content.decode(encoding)
        except UnicodeError:
            continue
        if CONTROL.search(text) is None:
            return text, encoding
    raise _no_table(name, f"no text in {given}" if given else "no text", "Save the table as CSV, in UTF-8.")


def _split(name: str, lines: list[str], given: str = "") -> tuple[str, Rows]:
    """The separator by which all lines have as many fields as the header, and the fields; the one by which most are numbers."""
    fitting: list[tuple[float, str, Rows]] = []
    ragged: list[tuple[int, str, int, int]] = []
    for separator in [given] if given else SEPARATORS:
        if not given and len(lines) > HEAD and {len(row) for row in _fields(lines[:HEAD], separator)} == {1}:
            continue  # a long file is not split by what is not in its head
        rows = _fields(lines, separator)
        odd = next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None)
        if odd is not None:
            ragged.append((len(rows[0]), separator, odd, len(rows[odd])))
        elif len(rows[0]) > 1:
            head = rows[:HEAD]
            numbers = sum(_is_number(cell) for row in head for cell in row)
            fitting.append((numbers / sum(map(len, head)), separator, rows))
    if fitting:
        fitting.sort(key=lambda found: -found[0])
        if len(fitting) > 1 and fitting[0][0] == fitting[1][0] and fitting[0][2] != fitting[1][2]:
            several = " and ".join(SEPARATORS[separator] for _, separator, _ in fitting[:2])
            raise _no_table(name, f"fields that could be separated by {several}", "Use one separator only.")
        return fitting[0][1:]
    bad = [found for found in ragged if found[1] != BLANKS or given]  # blanks are in names and texts too
    if bad:
        fields, separator, odd, found = max(bad, key=lambda one: (one[0], one[3]))
        line = f"line {odd + 1} ({lines[odd].strip()[:40]!r})"
        raise _no_table(
            name,
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


def _decimal_mark(name: str, rows: Rows, between: str) -> str:
    """A comma where numbers have commas, and none a point."""
    marks = {mark for row in rows for cell in row if _is_number(cell) for mark in ".," if mark in cell}
    if marks == {".", ","}:
        got = f"numbers with decimal points and numbers with decimal commas ({between})"
        raise _no_table(name, got, "Use one decimal mark, and none for thousands.")
    return "," if marks == {","} else "."


def _with_points(row: list[str]) -> list[str]:
    return [cell.replace(",", ".") if _is_number(cell) else cell for cell in row]


def _no_table(name: str, got: str, advice: str = "") -> DataError:
    return DataError(name, got=got, expected="a table in a text file, with a header row", advice=advice)
