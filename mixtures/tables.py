"""Reading tables: lists, arrays and pandas objects as checked arrays with names, and cells in words."""

from typing import Any

import numpy as np

from mixtures.errors import DataError

MAX_NAMED = 5
"""How many offending cells an error names."""


def names_of(x: Any) -> tuple[tuple[str, ...] | None, np.ndarray | None]:
    """Names of columns and rows, if `x` is a DataFrame or a Series (known by their attributes: pandas is not needed)."""
    if hasattr(x, "feature_names") and hasattr(x, "row_names"):
        return x.feature_names, x.row_names
    index = getattr(x, "index", None)
    is_pandas = index is not None and not callable(index)
    row_names = np.asarray(index) if is_pandas and not is_default_index(index, len(x)) else None
    if is_pandas and hasattr(x, "columns"):
        return tuple(map(str, x.columns)), row_names
    if is_pandas and getattr(x, "name", None) is not None:
        return (str(x.name),), row_names
    return None, row_names


def is_default_index(index: Any, rows: int) -> bool:
    """Whether an index is just 0, 1, 2, ..."""
    return np.asarray(index).dtype.kind in "iu" and np.array_equal(np.asarray(index), np.arange(rows))


def aligned(array: np.ndarray) -> np.ndarray:
    """A float64 copy whose memory starts at a multiple of 64 bytes: JAX then takes it over as it is, without a copy of its own."""
    size = array.size * 8
    memory = np.empty(size + 64, dtype=np.uint8)
    begin = -memory.ctypes.data % 64
    copy = memory[begin : begin + size].view(np.float64).reshape(array.shape)
    copy[...] = array
    return copy


def numeric(x: Any, what: str = "x") -> np.ndarray:
    """A fresh float64 array, or an error that names the columns that are not numbers."""
    if hasattr(x, "dtypes") and hasattr(x, "columns"):
        bad = [
            str(name)
            for name, dtype in zip(x.columns, x.dtypes, strict=True)
            if getattr(dtype, "kind", "O") not in "fiub"
        ]
        if bad:
            raise _not_numeric(f"columns {bad} that are not numbers", what)
        return np.array(x.to_numpy(dtype=np.float64, na_value=np.nan))  # mixed types would otherwise become objects
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise DataError(what, got="rows of unequal lengths", expected="a rectangular array of numbers") from error
    if array.dtype.kind not in "fiub":
        raise _not_numeric(f"dtype {array.dtype}", what)
    return aligned(unmasked(x, array))


def unmasked(x: Any, array: np.ndarray) -> np.ndarray:
    """`array`, read from `x`, with NaN where `x` is masked: NumPy itself would put back what the mask hides."""
    return np.where(np.ma.getmaskarray(x), np.nan, array) if isinstance(x, np.ma.MaskedArray) else array


def _not_numeric(got: str, what: str) -> DataError:
    return DataError(
        what,
        got=got,
        expected="real numbers",
        advice="Convert text with float(...), encode categories as integers, and drop columns that are not data.",
    )


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
    """Check that there is a name for each column."""
    columns = values.shape[1] if values.ndim == 2 else 1
    if feature_names is not None and len(feature_names) != columns:
        raise DataError("feature_names", got=f"{len(feature_names)} names", expected=f"{columns}, one for each column")


def checked_covariates(given: Any, rows: int) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Covariates as (rows, covariates), read-only, and their names."""
    names, row_names = names_of(given)
    values = numeric(given, "covariates")
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) != rows or values.shape[1] == 0:
        raise DataError(
            "covariates",
            got=f"shape {np.shape(given)}",
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


def cell_in_words(
    values: np.ndarray, index: np.ndarray, feature_names: tuple[str, ...] | None, row_names: np.ndarray | None
) -> str:
    """One offending cell in words: `nan at row 3, column 'waiting'`."""
    value, row = values[tuple(index)], int(index[0])
    where = f"{value} at row {row}" + ("" if row_names is None else f" ({row_names[row]!r})")
    if len(index) < values.ndim or (values.ndim == 1 and not feature_names):
        return where
    column = int(index[1]) if len(index) > 1 else 0
    return f"{where}, column {(feature_names[column] if feature_names else column)!r}"
