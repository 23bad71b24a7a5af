"""Observations: what the user hands in, checked once, names kept.

Every verb passes its `x` through here before any backend sees it, because backends answer bad data with NaN, silence, or an error about
something else.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Union

import numpy as np

from mixtures.errors import DataError

MAX_NAMED = 5
"""How many offending cells an error names."""


@dataclass(frozen=True, eq=False)
class Observations:
    """Data with their names.

    Args:
        x: numbers, shape (rows,) or (rows, features): a list, array, pandas Series or DataFrame. A DataFrame's columns become the features'
            names and its index the rows'; a DataFrame of one column is one variable, shape (rows,).
        feature_names: names of the columns, where `x` does not bring them.
        labels: the components of rows whose component is known, ints from 0, and -1 or None where it is not, shape (rows,).

    Attributes:
        x: the checked values, float64, read-only.
        feature_names: the columns' names, or None.
        row_names: the rows' names, or None where they are just 0, 1, 2, ...

    Raises:
        DataError: empty, NaN or infinite, not numeric, more than two dimensions; the text names rows and columns.

    Example:
        >>> Observations([1.0, 2.0, 4.0]).shape
        (3,)
    """

    x: Any
    feature_names: tuple[str, ...] | None = None
    labels: Any = None
    row_names: np.ndarray | None = field(default=None, init=False)

    def __post_init__(self):
        feature_names, row_names = _names(self.x)
        feature_names = tuple(map(str, self.feature_names)) if self.feature_names is not None else feature_names
        values = _squeezed(_numeric(self.x, feature_names), feature_names)
        _check_shape(values)
        _check_names(values, feature_names)
        _check_finite(values, feature_names, row_names)
        values.flags.writeable = False
        object.__setattr__(self, "feature_names", feature_names)
        object.__setattr__(self, "row_names", row_names)
        if self.labels is None and isinstance(self.x, Observations):
            object.__setattr__(self, "labels", self.x.labels)
        if self.labels is not None:
            object.__setattr__(self, "labels", _labels(self.labels, len(values)))
        object.__setattr__(self, "x", values)

    @classmethod
    def of(cls, x: Union["Observations", Any]) -> "Observations":
        """`x` itself if it is checked already, else checked."""
        return x if isinstance(x, cls) else cls(x)

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows,) or (rows, features)."""
        return self.x.shape

    @property
    def features(self) -> int | None:
        """The number of columns; None for data of shape (rows,)."""
        return self.x.shape[1] if self.x.ndim == 2 else None

    def __len__(self) -> int:
        return len(self.x)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.x, dtype=dtype) if copy else np.asarray(self.x, dtype=dtype)

    @property
    def fingerprint(self) -> str:
        """sha256 of shape, values and column names: tells whether two results speak of the same data."""
        digest = hashlib.sha256(repr((self.shape, self.feature_names)).encode())
        digest.update(np.ascontiguousarray(self.x).tobytes())
        if self.labels is not None:
            digest.update(self.labels.tobytes())
        return digest.hexdigest()

    def coords(self) -> dict[str, Any]:
        """Coordinates of the dims `rows` and `features`, for xarray."""
        coords: dict[str, Any] = {"rows": np.arange(len(self)) if self.row_names is None else self.row_names}
        if self.features is not None:
            coords["features"] = list(self.feature_names or range(self.features))
        return coords

    def check_labels(self, components: int) -> None:
        """Check that known labels are numbers of components.

        Raises:
            DataError: a label is not below `components`.
        """
        if self.labels is not None and self.labels.max() >= components:
            row = int(np.argmax(self.labels))
            raise DataError(
                "labels",
                got=f"{self.labels[row]} at row {row}",
                expected=f"components 0 to {components - 1}, or -1 where unknown",
                advice="Number the known components from 0.",
            )

    def check_like(self, features: int | None, feature_names: tuple[str, ...] | None) -> None:
        """Check that these data have the columns that a model was fitted to.

        Raises:
            DataError: another number of columns, or other names, or another order.
        """
        if self.features != features:
            raise DataError(
                "x",
                got=_columns(self.features),
                expected=f"{_columns(features)}, as in the data that the model was fitted to",
                advice="Pass the same columns.",
            )
        if feature_names and self.feature_names and feature_names != self.feature_names:
            raise DataError(
                "x",
                got=f"columns {list(self.feature_names)}",
                expected=f"columns {list(feature_names)}, in that order",
                advice=f"Select them: x[{list(feature_names)}].",
            )


def _labels(labels: Any, rows: int) -> np.ndarray:
    """Known components as ints, -1 where unknown."""
    listed = [-1 if label is None else label for label in np.asarray(labels, dtype=object).reshape(-1)]
    try:
        values = np.asarray(listed, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("labels", got=repr(labels)[:60], expected="ints from 0, and -1 or None where unknown") from error
    values = np.where(np.isnan(values), -1.0, values)
    if np.shape(labels) != (rows,):
        raise DataError("labels", got=f"shape {np.shape(labels)}", expected=f"one for each row, shape ({rows},)")
    if (values < -1).any() or (values != np.round(values)).any():
        bad = int(np.argmax((values < -1) | (values != np.round(values))))
        raise DataError("labels", got=f"{listed[bad]!r} at row {bad}", expected="ints from 0, and -1 or None where unknown")
    known = values.astype(np.int64)
    known.flags.writeable = False
    return known


def _columns(features: int | None) -> str:
    if features is None:
        return "one variable, shape (rows,)"
    return f"{features} column{'s' if features != 1 else ''}, shape (rows, {features})"


def _names(x: Any) -> tuple[tuple[str, ...] | None, np.ndarray | None]:
    """Names of columns and rows, if `x` is a DataFrame or a Series (known by their attributes: pandas is not needed)."""
    if isinstance(x, Observations):
        return x.feature_names, x.row_names
    index = getattr(x, "index", None)
    is_pandas = index is not None and not callable(index)
    row_names = np.asarray(index) if is_pandas and not _is_default_index(index, len(x)) else None
    if is_pandas and hasattr(x, "columns"):
        return tuple(map(str, x.columns)), row_names
    if is_pandas and getattr(x, "name", None) is not None:
        return (str(x.name),), row_names
    return None, row_names


def _is_default_index(index: Any, rows: int) -> bool:
    return np.asarray(index).dtype.kind in "iu" and np.array_equal(np.asarray(index), np.arange(rows))


def _numeric(x: Any, feature_names: tuple[str, ...] | None) -> np.ndarray:
    """A fresh float64 array, or an error that names the columns that are not numbers."""
    if hasattr(x, "dtypes") and hasattr(x, "columns"):
        bad = [
            str(name)
            for name, dtype in zip(x.columns, x.dtypes, strict=True)
            if getattr(dtype, "kind", "O") not in "fiub"
        ]
        if bad:
            raise _not_numeric(f"columns {bad} that are not numbers")
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise DataError("x", got="rows of unequal lengths", expected="a rectangular array of numbers") from error
    if array.dtype.kind not in "fiub":
        raise _not_numeric(f"dtype {array.dtype}")
    return _aligned(array)


def _aligned(array: np.ndarray) -> np.ndarray:
    """A float64 copy whose memory starts at a multiple of 64 bytes: JAX then takes it over as it is, without a copy of its own."""
    size = array.size * 8
    memory = np.empty(size + 64, dtype=np.uint8)
    begin = -memory.ctypes.data % 64
    copy = memory[begin : begin + size].view(np.float64).reshape(array.shape)
    copy[...] = array
    return copy


def _not_numeric(got: str) -> DataError:
    return DataError(
        "x",
        got=got,
        expected="real numbers",
        advice="Convert text with float(...), encode categories as integers, and drop columns that are not data.",
    )


def _squeezed(values: np.ndarray, feature_names: tuple[str, ...] | None) -> np.ndarray:
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 and feature_names else values


def _check_shape(values: np.ndarray) -> None:
    if values.ndim not in (1, 2):
        raise DataError(
            "x",
            got=f"an array of shape {values.shape}",
            expected="shape (rows,) or (rows, features)",
            advice="Reshape it so that each row is one observation.",
        )
    if values.size == 0:
        raise DataError("x", got=f"no data, shape {values.shape}", expected="at least one row and one column")


def _check_names(values: np.ndarray, feature_names: tuple[str, ...] | None) -> None:
    columns = values.shape[1] if values.ndim == 2 else 1
    if feature_names is not None and len(feature_names) != columns:
        raise DataError("feature_names", got=f"{len(feature_names)} names", expected=f"{columns}, one for each column")


def _check_finite(values: np.ndarray, feature_names: tuple[str, ...] | None, row_names: np.ndarray | None) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        cells = ", ".join(_cell(values, index, feature_names, row_names) for index in bad[:MAX_NAMED])
        more = f" and {len(bad) - MAX_NAMED} more" if len(bad) > MAX_NAMED else ""
        raise DataError(
            "x",
            got=cells + more,
            expected="finite numbers",
            advice="Drop or mend these cells; a mixture cannot be fitted to them as they are.",
        )


def _cell(
    values: np.ndarray, index: np.ndarray, feature_names: tuple[str, ...] | None, row_names: np.ndarray | None
) -> str:
    """One offending cell in words: `nan at row 3, column 'waiting'`."""
    value, row = values[tuple(index)], int(index[0])
    name = "" if row_names is None else f" ({row_names[row]!r})"
    if len(index) == 1:
        return f"{value} at row {row}{name}"
    column = int(index[1])
    return (
        f"{value} at row {row}{name}, column {feature_names[column]!r}"
        if feature_names
        else f"{value} at row {row}{name}, column {column}"
    )
