"""Columns of names: pandas' categoricals, texts and truth values become whole numbers from 0, and keep their names.

The order of a categorical's categories is its own, that of texts the alphabet's. A column whose names are known already, because a model was
fitted to it, is numbered by them, whatever the order of a new frame's own.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mixtures.errors import DataError, in_words

Names = tuple[str, ...]
"""The names of a column's categories, by their numbers 0, 1, ..."""

Categories = tuple[Names | None, ...]
"""One entry a column: its names; None: a column of numbers."""

BOOLEAN: Names = ("False", "True")
"""The names of truth values, which are numbers as well."""

MAX_SHOWN = 8
"""How many names an error lists."""


def coded(x: Any, feature_names: Sequence[str] | None, known: Categories | None) -> tuple[Any, Categories | None]:
    """A pandas object with numbers in place of names, and the names of every column; None where all columns are of numbers.

    Args:
        x: a DataFrame or Series; anything else is given back as it is, its numbers being those of the known names.
        feature_names: the columns' names, for errors.
        known: names that are known already, one entry a column.

    Raises:
        DataError: a name that is not among the known ones, or two of one column that read the same.

    Example:
        >>> import pandas as pd
        >>> numbers, names = coded(pd.DataFrame({"city": ["Rome", "Oslo", None], "age": [1, 2, 3]}), ("city", "age"), None)
        >>> numbers["city"].tolist(), names
        ([1.0, 0.0, nan], (('Oslo', 'Rome'), None))
    """
    is_frame = hasattr(x, "columns") and hasattr(x, "dtypes")
    if not is_frame and not (hasattr(x, "to_numpy") and hasattr(x, "dtype") and hasattr(x, "index")):
        return x, known
    columns = [x.iloc[:, place] for place in range(x.shape[1])] if is_frame else [x]
    of_columns = known if known is not None and len(known) == len(columns) else (None,) * len(columns)
    given = feature_names if feature_names is not None and len(feature_names) == len(columns) else range(len(columns))
    names, changed = list(of_columns), {}
    for place, column in enumerate(columns):
        if column.dtype.kind not in "fiu" and (found := _as_categorical(column)) is not None:
            own = _distinct(given[place], found.categories)
            names[place] = of_columns[place] or own
            changed[place] = _numbered(found.codes, own, names[place] or own, given[place], x.index)
    if not changed:
        return x, known
    made = x.copy(deep=False) if is_frame else None
    if made is None:
        made = type(x)(changed[0], index=x.index, name=x.name)
    else:
        for place, codes in changed.items():
            made.isetitem(place, codes)
    return made, tuple(names)


def _as_categorical(column: Any) -> Any:
    """A column of names as a pandas Categorical; None of one that is none: numbers, dates, mixtures."""
    import pandas as pd

    if hasattr(column.dtype, "categories"):
        return column.array
    kind = "boolean" if column.dtype.kind == "b" else pd.api.types.infer_dtype(column, skipna=True)
    if kind == "boolean":
        return pd.Categorical(column, categories=[False, True])
    return pd.Categorical(column) if kind == "string" else None


def _distinct(column: Any, values: Any) -> Names:
    """Categories as text, all different."""
    names = tuple(map(str, values))
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        got = f"several categories of column {column!r} that read {twice[0]!r}"
        raise DataError("x", got=got, expected="categories whose names differ", advice="Rename them.")
    return names


def _numbered(codes: Any, own: Names, names: Names, column: Any, index: Any) -> np.ndarray:
    """Numbers by the names that are to be used, from those by a column's own; NaN where there is none."""
    table = np.array([names.index(name) if name in names else -1 for name in own] + [np.nan])
    numbers = table[codes]  # -1, which stands for a missing cell, is the last
    bad = np.flatnonzero(numbers == -1)
    if len(bad):
        row = int(bad[0])
        is_plain = index.dtype.kind in "iu" and index[row] == row
        where = f"row {row}" + ("" if is_plain else f" ({index[row]!r})")
        raise DataError(
            "x",
            got=f"{own[codes[row]]!r} at {where}, column {column!r}",
            expected=f"one of the categories {listed(names)}, which the column had before",
            advice="Mend these cells, or leave the rows out: nothing is known of other categories.",
        )
    return numbers


def listed(names: Sequence[str]) -> str:
    """Names in words, not too many of them."""
    more = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
    return ", ".join(map(repr, names[:MAX_SHOWN])) + more


def checked_categories(given: Any, columns: Sequence[str] | None) -> Categories | None:
    """Names of categories as they are given, `{column: names}` or one entry a column, as text.

    Raises:
        DataError: no such thing, columns that the data do not have, or two names that are the same.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        unknown = [column for column in given if column not in (columns or ())]
        if unknown:
            expected = f"columns among {list(columns or ())}"
            raise DataError("categories", got=f"categories of a column {unknown[0]!r}", expected=expected)
        given = [given.get(column) for column in columns or ()]
    if not isinstance(given, list | tuple) or not all(
        names is None or (isinstance(names, list | tuple) and names) for names in given
    ):
        raise DataError("categories", got=in_words(given), expected="{column: [names of its categories]}")
    found = tuple(None if names is None else _distinct(place, names) for place, names in enumerate(given))
    return found if any(found) else None


def check_codes(values: np.ndarray, categories: Categories, columns: Sequence[str] | None) -> None:
    """Check that numbers of categories are 0, 1, ..., up to one less than there are names.

    Raises:
        DataError: another number of columns, or other numbers.
    """
    table = values.reshape(len(values), -1)
    if len(categories) != table.shape[1]:
        raise DataError(
            "categories", got=f"names for {len(categories)} of the columns", expected=f"{table.shape[1]}, one for each"
        )
    for place in np.flatnonzero(_are_bad(table, categories).any(axis=0)).tolist():
        row = int(_are_bad(table, categories)[:, place].argmax())
        names = categories[place] or ()
        raise DataError(
            "x",
            got=f"{table[row, place]:g} at row {row}, column {columns[place] if columns else place!r}",
            expected=f"numbers of its categories {listed(names)}: 0 to {len(names) - 1}",
        )


def are_codes(values: np.ndarray, categories: Categories) -> bool:
    """Whether each number in a column of categories has a name."""
    return not _are_bad(values.reshape(len(values), -1), categories).any()


def _are_bad(table: np.ndarray, categories: Categories) -> np.ndarray:
    """The cells in columns of categories that are no numbers of these, (rows, columns)."""
    counts = np.array([np.inf if names is None else len(names) for names in categories])
    return np.isfinite(counts) & ~np.isnan(table) & ~((table >= 0) & (table < counts) & (table == np.floor(table)))


def check_numbers(own: Categories, known: Categories, columns: Sequence[str] | None) -> None:
    """Check that columns in which a model knows no names have none, but for truth values, which are numbers too.

    Raises:
        DataError: they have.
    """
    for place, (names, before) in enumerate(zip(own, known, strict=True)):
        if before is None and names not in (None, BOOLEAN):
            raise DataError(
                "x",
                got=f"names in column {columns[place] if columns else place!r}: {listed(names)}",
                expected="numbers, as in the data that the model was fitted to",
                advice="Fit the model to a table with the names, or pass the numbers that it was fitted to.",
            )
