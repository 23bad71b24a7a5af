"""Data of other libraries: those that bring names become pandas objects, those that are no array of numbers are refused with what to do.

Libraries are known by what their objects have, so that none of them is needed, or loaded.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mixtures.errors import DataError, MixturesError, in_words
from mixtures.memory import spoken

OWN_DIMS = ("rows", "features")
"""The axes of the data in this package's own trees."""


def tabular(x: Any) -> Any:
    """`x` itself, or, where it is a table with names of another library than pandas, as a pandas object.

    A labelled array of xarray's has its coordinates as names; its axes are rows, then features, in the order in which they stand unless
    they are called so. A polars frame's columns and an Arrow table's have their names.

    Raises:
        DataError: a table that is still to be computed.
    """
    for make in ("collect", "compute"):
        if hasattr(type(x), make) and hasattr(type(x), "columns"):
            got = f"a {type(x).__name__}, which is still to be computed"
            raise DataError("data", got=got, expected="a table of numbers", advice=f"Pass x.{make}().")
    if hasattr(x, "dims") and hasattr(x, "coords") and hasattr(x, "to_pandas") and not hasattr(x, "data_vars"):
        return _from_xarray(x)
    if hasattr(x, "to_pandas") and hasattr(x, "column_names"):  # an Arrow table
        return x.to_pandas()
    if hasattr(x, "columns") and hasattr(x, "to_dict") and not hasattr(x, "index"):  # polars
        import pandas as pd

        return pd.DataFrame({name: np.asarray(x[name]) for name in x.columns})
    return x


def _from_xarray(x: Any) -> Any:
    if x.dims == OWN_DIMS[::-1]:
        x = x.transpose(*OWN_DIMS)
    if x.ndim not in (1, 2) or x.dims[-1] not in x.coords or (x.ndim == 2 and x[x.dims[1]].dtype.kind in "iu"):
        return x.values  # numbers of columns are no names
    return x.to_pandas()


def as_array(x: Any, what: str) -> np.ndarray:
    """The array that `x` is, or can be read as, of any type; no copy where there is one.

    Raises:
        DataError: what has no order, can be read once only, or is no array in another way; the text says how to make one of it.
    """
    kind = type(x).__name__
    if isinstance(x, Iterator):
        raise _refused(what, f"a {kind}, which can be read only once", f"Pass list({what}).")
    if isinstance(x, Mapping):
        raise _refused(what, f"a {kind}", f"Pass pandas.DataFrame({what}), whose columns have names.")
    if isinstance(x, set | frozenset):
        raise _refused(what, f"a {kind}, which has no order", f"Pass list({what}).")
    if hasattr(x, "toarray") or hasattr(x, "todense"):
        make = "toarray" if hasattr(x, "toarray") else "todense"
        size = spoken(8 * math.prod(map(float, x.shape)))
        raise _refused(what, f"a sparse matrix, {kind}", f"Pass {what}.{make}(), which takes {size}.")
    try:
        return np.asarray(x)
    except MixturesError:  # of a source of rows, which says itself what to do
        raise
    except Exception as error:  # what another library raises where NumPy asks for its numbers
        raise _refused(what, *_unreadable(x, error)) from error


def _unreadable(x: Any, error: Exception) -> tuple[str, str]:
    """What cannot be read as an array, and what to do."""
    if isinstance(x, list | tuple) and isinstance(error, ValueError):
        return "rows of unequal lengths", ""
    if hasattr(x, "detach"):
        return f"a {type(x).__name__} that NumPy cannot read", "Pass it as x.detach().cpu().double().numpy()."
    return f"a {type(x).__name__} that NumPy cannot read ({in_words(error)})", "Pass its numbers as a NumPy array."


def _refused(what: str, got: str, advice: str) -> DataError:
    return DataError(what, got=got, expected="a rectangular array of numbers", advice=advice)


def not_numeric(array: np.ndarray, what: str) -> DataError:
    """The error of an array whose type is not of real numbers: what there is instead, and what to do about just that."""
    got, advice = f"dtype {array.dtype}", _ADVICE.get(array.dtype.kind, _ADVICE["U"])
    if array.dtype.kind == "O":
        values = array.reshape(-1)
        bad = next((i for i, value in enumerate(values) if not isinstance(value, int | float | np.number)), None)
        if bad is not None:
            place = "" if array.ndim == 0 else f", {in_words(values[bad])} at row {bad // max(1, array[0:1].size)}"
            got += f"{place} ({type(values[bad]).__name__})"
            advice = _ADVICE["none"] if type(values[bad]).__name__ in UNKNOWN else advice
    return DataError(what, got=got, expected="real numbers", advice=advice)


UNKNOWN = ("NoneType", "NAType")
"""Types of what stands for an unknown value: None, and pandas' NA."""

_TEXT = "Convert text with float(...), hand in names as a pandas object, and drop columns that are not data."

_ADVICE = {
    "U": _TEXT,
    "S": _TEXT,
    "O": _TEXT,
    "M": "Times are numbers of a unit since an origin: (x - x.min()) / np.timedelta64(1, 's'), of pandas.to_datetime(x).",
    "m": "Durations are numbers of a unit: x / np.timedelta64(1, 's').",
    "c": "Complex numbers are two columns: x.real and x.imag.",
    "V": "Convert them: x.astype(np.float64); of a structured array, choose columns.",
    "none": 'Put NaN where nothing was observed, and say so: Observations(x, missing="allow").',
}
"""What to do about each kind of dtype that is not of real numbers."""


def holds_dates(column: Any) -> bool:
    """Whether a pandas column holds dates or times, of a type of their own or one by one."""
    if column.dtype.kind != "O":
        return column.dtype.kind == "M"
    import pandas as pd

    return pd.api.types.infer_dtype(column, skipna=True) in ("date", "datetime", "datetime64")


def advice_for_names(column: str | None) -> str:
    """What to do about a column of names where numbers are wanted."""
    cells = "x" if column is None else f"x[{column!r}]"
    return (
        f"Numbers that are text become numbers by pandas.to_numeric({cells}); names want a family of categories, "
        f"Categorical(n), of its own for the column in a Product; or leave the column out."
    )


def advice_for(dtype: Any, column: str) -> str:
    """What to do about a column of a frame that is not of numbers."""
    if hasattr(dtype, "categories"):
        return f"x[{column!r}].cat.codes numbers the categories from 0."
    return _ADVICE.get(getattr(dtype, "kind", "O"), _TEXT)
