"""Cells that are known by bounds alone: censored, or between two numbers."""

from typing import Any

import numpy as np

from mixtures.errors import DataError
from mixtures.tables import MAX_NAMED, cell_in_words, numeric

BOUNDS = ("lower", "upper")

EXACT_ADVICE = "Put NaN into x where only bounds are known, and NaN into the bounds where x is."


def with_bounds(
    x: np.ndarray,
    lower: Any,
    upper: Any,
    feature_names: tuple[str, ...] | None = None,
    row_names: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The data, and bounds of cells that are not known exactly, infinite where there is none; a cell whose bounds are one number is that.

    Args:
        x: the data, NaN where only bounds are known.
        lower: as the user gives them: in the shape of `x`, NaN or an infinity where there is none; None: nowhere.
        upper: likewise.
        feature_names: of the columns, for errors.
        row_names: of the rows, for errors.

    Raises:
        DataError: bounds of another shape, a bound of a cell that is known exactly, or a lower bound above the upper one.
    """
    low, high = _bound("lower", lower, x, -np.inf), _bound("upper", upper, x, np.inf)

    def refuse(what: str, is_bad: np.ndarray, expected: str, advice: str) -> None:
        bad = np.argwhere(is_bad)
        if len(bad):
            shown = low if what == "lower" else high
            got = ", ".join(cell_in_words(shown, index, feature_names, row_names) for index in bad[:MAX_NAMED])
            more = f" and {len(bad) - MAX_NAMED} more" if len(bad) > MAX_NAMED else ""
            raise DataError(what, got=got + more, expected=expected, advice=advice)

    is_known = ~np.isnan(x)
    for name, bound in (("lower", low), ("upper", high)):
        refuse(name, is_known & np.isfinite(bound), "bounds of cells alone that are NaN in x", EXACT_ADVICE)
    refuse("lower", low > high, "lower bounds that are not above the upper ones", "Exchange them, or mend the row.")
    refuse("lower", low == np.inf, "lower bounds below infinity", "Put NaN where there is no bound.")
    refuse("upper", high == -np.inf, "upper bounds above minus infinity", "Put NaN where there is no bound.")
    is_exact = low == high
    if is_exact.any():
        x = np.where(is_exact, low, x)
        low, high = np.where(is_exact, -np.inf, low), np.where(is_exact, np.inf, high)
    return x, _kept(low), _kept(high)


def _bound(name: str, given: Any, x: np.ndarray, absent: float) -> np.ndarray:
    """Bounds as numbers in the shape of the data."""
    if given is None:
        return np.full(x.shape, absent)
    values = numeric(given, name)
    if values.ndim == 2 and values.shape[1] == 1 and x.ndim == 1:
        values = values[:, 0]
    if values.shape != x.shape:
        raise DataError(name, got=f"shape {values.shape}", expected=f"one for each cell of x, shape {x.shape}")
    return np.where(np.isnan(values), absent, values)


def _kept(bound: np.ndarray) -> np.ndarray | None:
    """Bounds, read-only; None where there are none."""
    if np.isinf(bound).all():
        return None
    bound.flags.writeable = False
    return bound


def substituted(x: np.ndarray, lower: np.ndarray | None, upper: np.ndarray | None) -> np.ndarray:
    """The data with the middle of its bounds, or the one that it has, in place of each censored cell.

    Example:
        >>> substituted(np.full(3, np.nan), np.array([1.0, 2.0, -np.inf]), np.array([np.inf, 4.0, 9.0])).tolist()
        [1.0, 3.0, 9.0]
    """
    low = np.full(x.shape, -np.inf) if lower is None else lower
    high = np.full(x.shape, np.inf) if upper is None else upper
    with np.errstate(invalid="ignore"):
        middle = 0.5 * low + 0.5 * high
    one = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high, np.nan))
    found = np.where(np.isnan(x), np.where(np.isfinite(middle), middle, one), x)
    found.flags.writeable = False
    return found
