"""The index that a pandas object brings: the names of its rows, and whether two objects speak of the same rows."""

from typing import Any

import numpy as np

from mixtures.elsewhere import tabular
from mixtures.errors import DataError


def index_of(x: Any) -> np.ndarray | None:
    """The labels of the rows, be they just 0, 1, 2, ..., if `x` has an index."""
    if hasattr(x, "row_names") and hasattr(x, "has_index"):
        row_names = np.arange(len(x)) if x.row_names is None else x.row_names
        return row_names if x.has_index else None
    index = getattr(tabular(x), "index", None)
    return None if index is None or callable(index) else np.asarray(index)


def check_index(what: str, given: Any, x: Any) -> None:
    """Check that what is given beside x speaks of the rows of x in their order, where both have an index.

    An index 0, 1, 2, ... is the mark of rows that were never named, and agrees with every index that is not just another order of it.

    Args:
        what: what is given.
        given: anything; what has no index, or has not as many rows, is left alone.
        x: the data.

    Raises:
        DataError: the indices differ; the text names the first row where they do.
    """
    mine, theirs = index_of(given), index_of(x)
    if mine is None or theirs is None or mine.shape != theirs.shape:
        return
    pairs = list(zip(_listed(mine), _listed(theirs), strict=True))
    first = next((row for row, pair in enumerate(pairs) if not _is_same(*pair)), None)
    if first is None:
        return
    is_other_order = sorted(map(repr, _listed(mine))) == sorted(map(repr, _listed(theirs)))
    if not is_other_order and (is_default_index(mine, len(mine)) or is_default_index(theirs, len(theirs))):
        return
    got, wanted = pairs[first]
    raise DataError(
        what,
        got=f"another index (first difference at row {first}: {got!r} and {wanted!r})",
        expected="the rows of x in the same order",
        advice=f"Put them in that order: {what}.loc[x.index]."
        if is_other_order
        else f"Pass the same rows: {what}.loc[x.index]; or {what}.to_numpy(), if they are and the index says nothing.",
    )


def _listed(index: np.ndarray) -> list[Any]:
    """The labels as Python's own objects; times of one unit, because NumPy lists some units as dates and others as ints."""
    kind = {"M": "datetime64[us]", "m": "timedelta64[us]"}.get(index.dtype.kind)
    return (index if kind is None else index.astype(kind)).tolist()


def _is_same(one: Any, other: Any) -> bool:
    """Whether two labels of rows are equal; missing ones equal each other."""
    try:
        return one is other or bool(one == other) or bool(one != one and other != other)
    except (TypeError, ValueError):  # pandas' NA is neither equal nor unequal to anything
        return False


def is_default_index(index: Any, rows: int) -> bool:
    """Whether an index is just 0, 1, 2, ..."""
    return np.asarray(index).dtype.kind in "iu" and np.array_equal(np.asarray(index), np.arange(rows))
