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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pandas as pd

from inference.checks import check_choice, check_path
from inference.desk.column_names import check_header, is_number, named
from mixtures.errors import DataError

BLANKS, TAB = "blanks", "tab"
SEPARATORS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'", BLANKS: BLANKS}
"""What may stand between fields, and what it is called."""

NONE = "\x1f"
"""The separator of one column: no text has it, see `CONTROL`."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
"""What may be a number of three decimals, or one of thousands."""

OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
HEAD = 1000
"""How many lines tell separators apart; that all lines fit is looked at in every case."""

BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

Row = list[str]


@dataclass(frozen=True)
class TextOptions:
    """What is known of a text file; what is not given is found out.

    Args:
        separator: between fields: `","`, `";"`, `"tab"`, `"|"`, or `"blanks"`.
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
        if self.separator and self.separator != "\t":
            check_choice("separator", self.separator, (",", ";", TAB, "|", BLANKS))
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
    try:
        with OPENERS.get(path.suffix.lower(), open)(path, "rb") as opened:  # type: ignore[operator]
            content = opened.read()
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError) as error:
        raise _no_table(path.name, f"a compressed file that is broken ({error})") from error
    return frame_of(content, path.name, options)


def frame_of(content: bytes, name: str, options: TextOptions = TextOptions()) -> tuple[pd.DataFrame, str]:
    """`read_frame` of what is read already.

    Args:
        content: of the file.
        name: what it is called in errors.
        options: what is known of it.
    """
    text = Text(name, content, _encoding(name, content, options.encoding))
    separator, header = _split(text, "\t" if options.separator == TAB else options.separator)
    if options.header:
        check_header(name, header)
    begin = 1 if options.header else 0
    if next(text.rows(separator, begin), None) is None:
        raise _no_table(name, f"a header row, {header}, and no other row")
    between = f"separator {SEPARATORS[separator]}" if separator in SEPARATORS else "one column"
    decimal = _decimal_mark(name, text.rows(separator, begin), options.decimal, between)
    # written anew in one form, so that what has been looked at is what is read
    rows = (row[: len(header)] for _, row in text.rows(separator, begin))
    frame = _frame(map(_with_points, rows) if decimal == "," else rows, options.missing)
    frame.columns = pd.Index(header if options.header else [f"x{column}" for column in range(len(header))])
    return named(name, frame), f"{between}, decimal mark '{decimal}', {text.encoding}"


@dataclass(frozen=True)
class Text:
    """A text file, which is read line by line as often as it takes: the fields of all lines at once would take far more room than it.

    Args:
        name: what it is called in errors.
        content: its bytes.
        encoding: of them.
    """

    name: str
    content: bytes
    encoding: str

    def rows(self, separator: str, begin: int = 0) -> Iterator[tuple[int, Row]]:
        """The number of each line that is not blank, and its fields without blanks around them, from row `begin` on.

        Where a file has one column, a blank line between others is an empty cell.
        """
        return islice(self._rows(separator), begin, None)

    def _rows(self, separator: str) -> Iterator[tuple[int, Row]]:
        blank: list[int] | None = None  # lines since the last that was not
        for number, cells in self._lines(separator):
            row = [cell.strip() for cell in cells]
            if len(row) > 1 or any(row):
                yield from ((empty, [""]) for empty in blank or ())
                yield number, row
                blank = []
            elif separator == NONE and blank is not None:
                blank.append(number)

    def _lines(self, separator: str) -> Iterator[tuple[int, Row]]:
        lines = io.TextIOWrapper(io.BytesIO(self.content), encoding=self.encoding, newline="")
        if separator == BLANKS:
            yield from ((number, line.split()) for number, line in enumerate(lines, 1))
            return
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            advice = "Is a quotation mark not closed?"
            raise _no_table(self.name, f"line {reader.line_num}: {error}", advice) from error


def _encoding(name: str, content: bytes, given: str) -> str:
    """The file's encoding: as given, by its byte order mark, UTF-8, or else what Windows writes in western languages."""
    marked = next((found for mark, found in BYTE_ORDER_MARKS.items() if content.startswith(mark)), None)
    for encoding in [given] if given else [marked] if marked else ["utf-8", "cp1252"]:
        try:
            text = content.decode(encoding)
        except UnicodeError:
            continue
        if CONTROL.search(text) is None:
            return encoding
    raise _no_table(name, f"no text in {given}" if given else "no text", "Save the table as CSV, in UTF-8.")


def _split(text: Text, given: str = "") -> tuple[str, Row]:
    """The separator by which all lines have as many fields as the header, and by which most are numbers; and the header."""
    fitting: list[tuple[float, str, list[Row]]] = []
    ragged: list[tuple[int, str, int, Row]] = []
    for separator in [given] if given else SEPARATORS:
        head = [row for _, row in islice(text.rows(separator), HEAD)]
        if not head:
            raise _no_table(text.name, "an empty file")
        if all(len(row) == 1 for row in head) and not given:
            continue
        odd = _odd(text.rows(separator))
        if odd is not None:
            ragged.append((len(head[0]), separator, *odd))
        elif len(head[0]) > 1:
            numbers = sum(is_number(cell) for row in head for cell in row)
            fitting.append((numbers / sum(map(len, head)), separator, head))
    if not fitting:
        _check_even(text.name, [found for found in ragged if found[1] != BLANKS or given])  # texts have blanks too
        return NONE, next(text.rows(NONE))[1]
    fitting.sort(key=lambda found: -found[0])
    if len(fitting) > 1 and fitting[0][0] == fitting[1][0] and fitting[0][2] != fitting[1][2]:
        several = " and ".join(SEPARATORS[separator] for _, separator, _ in fitting[:2])
        raise _no_table(text.name, f"fields that could be separated by {several}", "Say which: --separator.")
    return fitting[0][1], [cell.removeprefix("\ufeff") for cell in fitting[0][2][0]]


def _odd(rows: Iterator[tuple[int, Row]]) -> tuple[int, Row] | None:
    """The first line of another number of fields than the header; none where all have one more, which is empty: they end by a separator."""
    width = len(next(rows)[1])
    odd, is_closed = None, True
    for number, row in rows:
        is_closed = is_closed and len(row) == width + 1 and row[-1] == ""
        if odd is None and len(row) != width:
            odd = number, row
        if odd is not None and not is_closed:
            return odd
    return None


def _check_even(name: str, ragged: list[tuple[int, str, int, Row]]) -> None:
    """Check that there is no separator by which some lines have several fields."""
    if ragged:
        fields, separator, number, row = max(ragged, key=lambda one: (one[0], len(one[3])))
        line = (" " if separator == BLANKS else separator).join(row)[:40]
        found = f"{len(row)} field{'s' if len(row) != 1 else ''} under a header of {fields}"
        raise _no_table(
            name,
            f"line {number} ({line!r}) of {found}, by the separator {SEPARATORS[separator]}",
            "Mend that line; if commas are decimal marks, separate fields by semicolons.",
        )


def _frame(rows: Iterable[Row], missing: tuple[str, ...]) -> pd.DataFrame:
    """Rows of text as columns of numbers and texts."""
    content = io.BytesIO()
    plain = io.TextIOWrapper(content, encoding="utf-8", newline="")
    csv.writer(plain).writerows(rows)
    plain.flush()
    content.seek(0)
    return pd.read_csv(
        content, header=None, index_col=False, skip_blank_lines=False, na_values=list(missing), low_memory=False
    )


def _decimal_mark(name: str, rows: Iterable[tuple[int, Row]], given: str, between: str) -> str:
    """A comma where numbers have commas, and none a point.

    Raises:
        DataError: both are there; or every number has three digits behind its mark, which may be one of thousands.
    """
    if given == ".":
        return given
    found: dict[str, str] = {}  # the first number with each mark, or the first that cannot be one of thousands
    for cell in (cell for _, row in rows for cell in row):
        mark = "," if "," in cell else "."
        if mark not in cell or not is_number(cell):
            continue
        if mark not in found or (THOUSANDS.fullmatch(found[mark]) and not THOUSANDS.fullmatch(cell)):
            found[mark] = cell
    if len(found) == 2 or (given and "." in found):
        got = f"numbers with decimal points and numbers with decimal commas ({between})"
        raise _no_table(name, got, "Use one decimal mark, and none for thousands.")
    if given:
        return given
    for mark, cell in found.items():
        # points are marks of thousands only where commas are decimal marks, and there semicolons separate
        if THOUSANDS.fullmatch(cell) and (mark == "," or SEPARATORS[";"] in between):
            got = f"numbers such as {cell!r}, which may have three decimals, or be thousands ({between})"
            raise _no_table(name, got, f"Say --decimal {mark} if it is a decimal mark; else write them without it.")
    return next(iter(found), ".")


def _with_points(row: Row) -> Row:
    return [cell.replace(",", ".") if is_number(cell) else cell for cell in row]


def _no_table(name: str, got: str, advice: str = "") -> DataError:
    return DataError(name, got=got, expected="a table in a text file, with a header row", advice=advice)
