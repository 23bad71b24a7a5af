"""The names above a table's columns: there is one above each, or the table is refused; rows of numbers are no names."""

import re
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from mixtures.errors import DataError

NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


def is_number(cell: str) -> bool:
    """Whether a text is a number, with either decimal mark and none for thousands.

    Example:
        >>> is_number("1,5e3"), is_number("1.234,5")
        (True, False)
    """
    return NUMBER.fullmatch(cell) is not None


def check_header(name: str, header: Sequence[str]) -> None:
    """Check that the first row holds names, and no two columns have one: which of them is meant could not be said.

    Args:
        name: of the table, in errors.
        header: its first row; an empty text where there is nothing.

    Raises:
        DataError: there are numbers, or a name twice.
    """
    if all(map(is_number, header)) or any(is_number(cell) and not cell.isdecimal() for cell in header):
        advice = "Write the names of the columns above them, or say that there are none: --no-header."
        got = f"numbers in the first row, {list(header)}"
        raise DataError(name, got=got, expected="a table with a header row", advice=advice)
    twice = [column for column, count in Counter(header).items() if column and count > 1]
    if twice:
        raise DataError(
            name,
            got=f"several columns of one name ({', '.join(map(repr, twice))})",
            expected="a name of its own for every column",
            advice="Rename them in the file's first row.",
        )


def named(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame without empty columns that have no name; a first column without a name holds the rows' names.

    Args:
        name: of the table, in errors.
        frame: its columns; those without a name are called by an empty text.

    Raises:
        DataError: cells below no name.
    """
    nameless = [j for j, column in enumerate(frame.columns) if not column]
    empty = [j for j in nameless if frame.iloc[:, j].isna().all()]
    bad = [j for j in nameless if j > 0 and j not in empty]
    if bad:
        raise DataError(
            name,
            got=f"no name above column {bad[0] + 1}",
            expected="a name of its own for every column",
            advice="Write it in the file's first row.",
        )
    index = frame.iloc[:, 0] if nameless[:1] == [0] and 0 not in empty else None
    named = frame.iloc[:, [j for j in range(frame.shape[1]) if j not in nameless]]
    return named if index is None else named.set_axis(pd.Index(index, name=None), axis=0)
