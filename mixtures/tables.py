"""Reading tables: lists, arrays and pandas objects as checked arrays with names, and cells in words."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping
from keyword import iskeyword
from typing import Any

import numpy as np

from mixtures.checks import MOST, is_number
from mixtures.elsewhere import UNKNOWN, advice_for, as_array, holds_dates, not_numeric, tabular
from mixtures.errors import DataError, in_words
from mixtures.indices import index_of, is_default_index

MAX_NAMED = 5
"""How many offending cells an error names."""


def names_of(x: Any) -> tuple[tuple[str, ...] | None, np.ndarray | None]:
    """Names of columns and rows, if `x` is a DataFrame or a Series (known by their attributes: pandas is not needed)."""
    if hasattr(x, "feature_names") and hasattr(x, "row_names"):
        return x.feature_names, x.row_names
    x = tabular(x)
    index = index_of(x)
    row_names = None if index is None or is_default_index(index, len(x)) else index
    if index is not None and hasattr(x, "columns"):
        return tuple(map(str, x.columns)), row_names
    if index is not None and getattr(x, "name", None) is not None:
        return (str(x.name),), row_names
    return None, row_names


LINE = 64
"""Bytes: JAX takes memory that begins at a multiple of them over as it is, without a copy of its own."""


def aligned_empty(shape: tuple[int, ...]) -> np.ndarray:
    """Memory for float64 of such a shape, where JAX takes it over."""
    size = 8 * math.prod(shape)
    memory = np.empty(size + LINE, dtype=np.uint8)
    begin = -memory.ctypes.data % LINE
    return memory[begin : begin + size].view(np.float64).reshape(shape)


def aligned(array: np.ndarray, *, is_lent: bool = False) -> np.ndarray:
    """The numbers as float64, row by row, where JAX takes them over: a copy, unless they are lent for reading, and lie so already."""
    if is_lent and array.dtype == np.float64 and array.flags.c_contiguous and not array.ctypes.data % LINE:
        return array.view()
    copy = aligned_empty(array.shape)
    copy[...] = array
    return copy


def numeric(x: Any, what: str = "x") -> np.ndarray:
    """A float64 array of its own (of a block of a source the block's, which nobody writes to), or an error that names the columns that are not
    numbers.

    Raises:
        DataError: no array of real numbers; the text says how to make one.
    """
    return aligned(numbers_in(x, what), is_lent=getattr(x, "is_lent", False) is True)


def numbers_in(x: Any, what: str = "x") -> np.ndarray:
    """The real numbers that `x` holds, NaN where it masks or lacks one; the array itself, where `x` is one.

    Raises:
        DataError: as for `numeric`.
    """
    x = tabular(x)
    if hasattr(x, "dtypes") and hasattr(x, "columns"):
        bad = [place for place, dtype in enumerate(x.dtypes) if not _is_real(dtype)]
        if bad:
            dates = [place for place in bad if holds_dates(x.iloc[:, place])]
            names = [str(x.columns[place]) for place in dates or bad]
            got = f"columns {names} that {'hold dates' if dates else 'are not numbers'}"
            advice = advice_for(np.dtype("M8[s]") if dates else x.dtypes.iloc[bad[0]], names[0])
            raise DataError(what, got=got, expected="real numbers", advice=advice)
        return np.array(x.to_numpy(dtype=np.float64, na_value=np.nan))  # mixed types would otherwise become objects
    if hasattr(x, "to_numpy") and hasattr(x, "dtype") and not hasattr(x, "dims"):
        if hasattr(x.dtype, "categories"):  # categories may be numbers, and mean none
            raise DataError(what, got="categories", expected="real numbers", advice=advice_for(x.dtype, str(x.name)))
        if holds_dates(x):
            advice = advice_for(np.dtype("M8[s]"), str(x.name))
            raise DataError(what, got=f"dates, dtype {x.dtype}", expected="real numbers", advice=advice)
        if _is_real(x.dtype):
            x = x.to_numpy(dtype=np.float64, na_value=np.nan)  # nullable types would otherwise become objects
    array = as_array(x, what)
    if array.dtype.kind not in "fiub":
        raise not_numeric(array, what)
    return unmasked(x, array)


def _is_real(dtype: Any) -> bool:
    return getattr(dtype, "kind", "O") in "fiub"


def unmasked(x: Any, array: np.ndarray) -> np.ndarray:
    """`array`, read from `x`, with NaN where `x` is masked: NumPy itself would put back what the mask hides."""
    return np.where(np.ma.getmaskarray(x), np.nan, array) if isinstance(x, np.ma.MaskedArray) else array


def whole_numbers(
    what: str, given: Any, rows: int | None = None, expected: str = "an int from 0 for each row"
) -> np.ndarray:
    """One whole number >= 0 for each row: its component, class or cluster.

    Args:
        what: what is given.
        given: the numbers.
        rows: how many there must be; None: any number but none.
        expected: what would have been right, for the error.

    Raises:
        DataError: fractions, truth values or negative numbers among them, or another number of rows.
    """
    array = as_array(tabular(given), what)
    if array.ndim != 1 or len(array) != (rows or max(len(array), 1)):
        raise DataError(what, got=f"shape {array.shape}", expected=expected)
    is_bad = array < 0 if array.dtype.kind in "iu" else np.ones(len(array), dtype=bool)
    if is_bad.any():
        bad = int(is_bad.argmax())
        raise DataError(
            what, got=f"{in_words(array.tolist()[bad])} at row {bad}, dtype {array.dtype}", expected=expected
        )
    return array.astype(np.int64)


def components_in(what: str, given: Any, rows: int | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The components that `classify` found, and their names, where they are called by names; arguments as of `whole_numbers`.

    Example:
        >>> import pandas as pd
        >>> components_in("classes", pd.Series(pd.Categorical(["long", "short"], ["short", "long"])))
        (array([1, 0]), ('short', 'long'))
    """
    if not hasattr(getattr(given, "dtype", None), "categories"):
        return whole_numbers(what, given, rows), ()
    codes = getattr(given, "cat", given).codes
    return whole_numbers(what, np.asarray(codes), rows), tuple(map(str, given.dtype.categories))


def squeezed(values: np.ndarray, feature_names: tuple[str, ...] | None) -> np.ndarray:
    """A named table of one column as one variable."""
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 and feature_names else values


def check_shape(values: np.ndarray) -> None:
    """Check for (rows,) or (rows, features), not empty."""
    if values.ndim not in (1, 2):
        raise DataError(
            "x",
            got=f"an array of shape {values.shape}",
            expected="shape (rows,) or (rows, features)",
            advice="Reshape it so that each row is one observation.",
        )
    if values.size == 0:
        raise DataError("x", got=f"no data, shape {values.shape}", expected="at least one row and one column")


def check_names(values: np.ndarray, feature_names: tuple[str, ...] | None) -> None:
    """Check that there is a name for each column, and another for each."""
    check_distinct("x", feature_names)
    columns = values.shape[1] if values.ndim == 2 else 1
    if feature_names is not None and len(feature_names) != columns:
        raise DataError("feature_names", got=f"{len(feature_names)} names", expected=f"{columns}, one for each column")


def checked_names(names: Any, what: str = "feature_names") -> tuple[str, ...] | None:
    """Names of columns as a user gives them, as text; `what` is the argument."""
    if names is None:
        return None
    is_listed = isinstance(names, list | tuple) or (hasattr(names, "tolist") and np.ndim(names) == 1)
    given = list(names) if is_listed else []
    if not given or not all(isinstance(name, str | int | np.integer) for name in given):
        raise DataError(what, got=in_words(names), expected="a list of names, one for each column")
    return tuple(map(str, given))


def check_distinct(what: str, names: tuple[str, ...] | None) -> None:
    """Check that no two columns have the same name: nobody could say which is meant."""
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(
            what,
            got=f"several columns called {', '.join(map(repr, twice[:MAX_NAMED]))}",
            expected="another name for each column",
            advice="Rename or drop the duplicates.",
        )


def covariates_first(
    values: np.ndarray, names: tuple[str, ...] | None, wanted: tuple[str, ...]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Covariates (rows, covariates) and their names, those of the wanted names first.

    Raises:
        DataError: there are no names, or one is not among them.
    """
    if names is None or (absent := [name for name in wanted if name not in names]):
        got = f"{values.shape[1]} columns without names" if names is None else f"{list(names)}, without {absent[0]!r}"
        raise DataError(
            "covariates",
            got=got,
            expected=f"{list(wanted)} among them, which the model chooses by name",
            advice="Pass a DataFrame of all covariates; or choose them by their numbers, 0 for the first.",
        )
    order = (*wanted, *(name for name in names if name not in wanted))
    moved = values if order == names else values[:, [names.index(name) for name in order]]
    moved.flags.writeable = False
    return moved, order


def checked_covariates(given: Any, rows: int) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Covariates as (rows, covariates), read-only, and their names."""
    names, row_names = names_of(given)
    check_distinct("covariates", names)
    values = numeric(given, "covariates")
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or len(values) != rows or values.shape[1] == 0:
        raise DataError(
            "covariates",
            got=f"shape {values.shape}",
            expected=f"one row for each of the {rows} rows of x, shape ({rows},) or ({rows}, covariates)",
            advice="Pass the covariates of the same rows, in the same order.",
        )
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        cells = ", ".join(cell_in_words(values, index, names, row_names) for index in bad[:MAX_NAMED])
        raise DataError(
            "covariates", got=cells, expected="finite numbers", advice="Covariates must be known for every row."
        )
    values.flags.writeable = False
    return values, names


def checked_labels(labels: Any, rows: int) -> np.ndarray:
    """Known components as ints, read-only, -1 where unknown."""
    labels = tabular(labels)
    given = unmasked(labels, as_array(labels, "labels"))
    if given.shape != (rows,):
        raise DataError("labels", got=f"shape {given.shape}", expected=f"one for each row, shape ({rows},)")
    listed = given.tolist()
    values = given.astype(np.float64) if given.dtype.kind in "iuf" else np.array([_label(value) for value in listed])
    values = np.where(np.isnan(values), -1.0, values)
    bad = np.flatnonzero(~((values >= -1) & (values == np.round(values)) & (values < MOST)))
    if len(bad):
        got = f"{in_words(listed[bad[0]])} at row {bad[0]}"
        raise DataError("labels", got=got, expected="ints from 0, and -1 or None where unknown")
    known = values.astype(np.int64)
    known.flags.writeable = False
    return known


def checked_row_weights(given: Any, rows: int) -> np.ndarray:
    """How often each row counts: finite, not negative, not all zero; read-only."""
    weights = numeric(given, "row_weights")
    if weights.shape != (rows,):
        raise DataError("row_weights", got=f"shape {weights.shape}", expected=f"one for each row, shape ({rows},)")
    bad = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if len(bad) or weights.sum() == 0:
        got = f"{weights[bad[0]]} at row {bad[0]}" if len(bad) else "only zeros"
        raise DataError("row_weights", got=got, expected="finite numbers >= 0, not all zero")
    weights.flags.writeable = False
    return weights


def checked_sequence(given: Any, rows: int) -> np.ndarray:
    """The series of each row, numbered 0, 1, ... as they come; read-only."""
    found, names = _numbered("sequence", "series", given, rows)
    back = np.flatnonzero(found[1:] < np.maximum.accumulate(found)[:-1]) + 1
    if len(back):
        raise DataError(
            "sequence",
            got=f"{in_words(names[found[back[0]]])} at row {back[0]} again, after rows of another series",
            expected="all rows of a series side by side, in the order of time",
            advice="Sort the rows by series and time: table.sort_values([series, time]).",
        )
    return found


def checked_clusters(given: Any, rows: int) -> np.ndarray:
    """The cluster of each row, numbered 0, 1, ... as they come.

    Example:
        >>> checked_clusters(["b", "a", "b"], 3).tolist()
        [0, 1, 0]
    """
    return _numbered("clusters", "cluster", given, rows)[0]


def checked_group(given: Any, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The group of each row, numbered 0, 1, ... as they come, and the groups' names, both read-only.

    Example:
        >>> checked_group(["b", "a", "b"], 3)
        (array([0, 1, 0]), array(['b', 'a'], dtype='<U1'))
    """
    found, listed = _numbered("group", "group", given, rows)
    is_number = all(isinstance(name, int | float) and not isinstance(name, bool) for name in listed)
    names = np.array(listed if is_number else list(map(str, listed)))
    if len(set(names.tolist())) < len(names):
        raise DataError(
            "group", got="different names that are one as text, such as 1 and '1'", expected="names of one type"
        )
    names.flags.writeable = False
    return found, names


def _numbered(what: str, noun: str, given: Any, rows: int) -> tuple[np.ndarray, list[Any]]:
    """What each row is of, by its name, numbered 0, 1, ... as they come; and the names.

    Raises:
        DataError: not one a row, or rows that are of none.
    """
    given = tabular(given)
    names = unmasked(given, as_array(given, what))
    if names.shape != (rows,):
        got = repr(given) if isinstance(given, str) else f"shape {names.shape}"
        advice = f"Pass the column itself: {what}=table[{given!r}]." if isinstance(given, str) else ""
        raise DataError(what, got=got, expected=f"one for each row, shape ({rows},)", advice=advice)
    listed = names.tolist()
    absent = [row for row, name in enumerate(listed) if name is None or name != name]
    if absent:
        raise DataError(
            what,
            got=f"{listed[absent[0]]} at row {absent[0]}",
            expected=f"a {noun} for each row",
            advice="Drop such rows.",
        )
    unhashable = [row for row, name in enumerate(listed) if not isinstance(name, Hashable)]
    if unhashable:
        got = f"{in_words(listed[unhashable[0]])} at row {unhashable[0]}"
        plural = "series" if noun == "series" else f"{noun}s"
        raise DataError(what, got=got, expected=f"numbers or names of {plural}")
    numbers: dict[Any, int] = {}
    found = np.array([numbers.setdefault(name, len(numbers)) for name in listed], dtype=np.int64)
    found.flags.writeable = False
    return found, list(numbers)


OWN_NAMES = frozenset({"x", "ppl", "size", "observed", "covariates", "labels", "sequence", "hyper", "row_weights"})
"""Names of arguments that programs have already. What is known of a row, such as `trials`, has its name only where it is given."""


def checked_data(given: Any) -> Mapping[str, np.ndarray]:
    """Named arrays beside `x`, read-only: whole numbers and truth values stay what they are, other numbers are float64."""
    expected = "{name: array}, names that an argument of a program can have"
    if not isinstance(given, Mapping) or hasattr(given, "data_vars"):  # xarray's are mappings too, of more than arrays
        raise DataError("data", got=in_words(given), expected=expected)
    for name in given:
        _check_free(name)
    return {name: _named_array(name, value) for name, value in given.items()}


def _check_free(name: Any) -> None:
    """Check that a program can take an argument of that name."""
    if not isinstance(name, str) or not name.isidentifier() or iskeyword(name):
        raise DataError("data", got=f"the name {in_words(name)}", expected="names that an argument can have")
    if name in OWN_NAMES:
        raise DataError(
            "data", got=f"the name {name!r}", expected="another: programs have an argument of that name already"
        )


def _named_array(name: str, given: Any) -> np.ndarray:
    what = f"data[{name!r}]"
    is_whole = getattr(getattr(given, "dtype", None), "kind", "") in "iub"  # what pandas has as well
    array = np.array(given if is_whole else numbers_in(given, what))
    if array.dtype.kind not in "fiub":  # of a list, as it was given
        raise not_numeric(array, what)
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise DataError(what, got=f"{array.max()}", expected=f"whole numbers up to {np.iinfo(np.int64).max}")
    array = array.astype({"f": np.float64, "b": np.bool_}.get(array.dtype.kind, np.int64))
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = ", ".join(map(str, bad[0].tolist()))
        raise DataError(what, got=f"{array[tuple(bad[0])]} at [{where}]", expected="finite numbers")
    array.flags.writeable = False
    return array


def _label(value: Any) -> float:
    """One label as a number: NaN where it is not available, infinite where it is none."""
    if type(value).__name__ in UNKNOWN:
        return np.nan
    return float(value) if is_number(value) and abs(value) < MOST else np.nan if value != value else np.inf


def named_row(row_names: np.ndarray | None, row: int) -> str:
    """The name of a row in brackets, as Python's own object; nothing where rows have no names."""
    return "" if row_names is None else f" ({row_names[row : row + 1].tolist()[0]!r})"


def row_in_words(row_names: Any, row: int) -> str:
    """A row, with its name where it has one; of a block of a source, where in the source it lies."""
    return row_names.in_words(row) if hasattr(row_names, "in_words") else f"row {row}{named_row(row_names, row)}"


def cell_in_words(
    values: np.ndarray, index: np.ndarray, feature_names: tuple[str, ...] | None, row_names: np.ndarray | None
) -> str:
    """One offending cell in words: `nan at row 3, column 'waiting'`."""
    value, row = values[tuple(index)], int(index[0])
    where = f"{value} at {row_in_words(row_names, row)}"
    if len(index) < values.ndim or (values.ndim == 1 and not feature_names):
        return where
    column = int(index[1]) if len(index) > 1 else 0
    return f"{where}, column {(feature_names[column] if feature_names else column)!r}"
