"""The house style of pictures: small type, thin axes without a box, marks that stay readable from 10 rows to 100,000.

It holds for figures that a picture opens itself; on axes of the caller's the caller's settings hold. `with house_style():` gives figures of
one's own the same look. Nothing global changes: the settings end with the context.
"""

from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np

SETTINGS = {
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "figure.titlesize": 11,
}

MOST_ROWS = 20_000
"""Rows that a scatter shows at most, evenly spaced: more of them only cover one another."""

MOST_BINS = 100
"""Bars of a histogram, at most: one far row must not make thousands of them."""

UNITS = (1.0, 0.5, 0.1, 0.01)
"""What numbers may have been rounded to."""

MOST_BARS = 30
"""Whole numbers that have a bar each; beyond, counts are drawn as curves."""

VECTORS = 2_000
"""Marks up to which a picture keeps each of them as a vector: more are drawn as pixels within it."""


def house_style() -> AbstractContextManager[None]:
    """The settings of the house, for the figures that are made within.

    Example:
        >>> import matplotlib as mpl
        >>> with house_style():
        ...     mpl.rcParams["axes.spines.top"]
        False
        >>> mpl.rcParams["axes.spines.top"]
        True
    """
    return mpl.rc_context(SETTINGS)


def thinned(count: int, most: int = MOST_ROWS) -> np.ndarray:
    """The rows that are shown of so many, (shown,): evenly spaced, so that no stretch of the data is left out."""
    return np.linspace(0, count - 1, min(count, most)).astype(int)


def marks(count: int) -> dict[str, Any]:
    """Size and opacity of so many marks in one picture: the more there are the smaller and fainter, and drawn as pixels.

    Example:
        >>> few, many = marks(100), marks(20_000)
        >>> bool(few["markersize"] > many["markersize"] and few["alpha"] > many["alpha"])
        True
    """
    tens = np.log10(max(count, 10)) - 1.0
    size, alpha = np.interp(tens, [1.0, 2.0, 3.3], [4.0, 3.0, 1.6]), np.interp(tens, [1.0, 2.0, 3.3], [0.75, 0.5, 0.25])
    return {"markersize": float(size), "alpha": float(alpha), "markeredgewidth": 0, "rasterized": count > VECTORS}


def bins(values: np.ndarray) -> np.ndarray:
    """Edges of a histogram's bars, after Freedman & Diaconis (1981): 2 IQR / n^(1/3) wide, and never more than `MOST_BINS`.

    In the place of the interquartile range, which spans the gap between two components, stands twice the shortest interval that holds a
    quarter of the values; of one normal it is as wide. Numbers that were rounded are not cut between: bars are a multiple of the unit wide,
    so that none holds one value more than its neighbour.

    Example:
        >>> bins(np.array([1.0, 2.0, 2.0, 4.0])).tolist()
        [0.5, 1.5, 2.5, 3.5, 4.5]
    """
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.array([low - 0.5, high + 0.5])
    quarter, ordered = max(1, len(values) // 4), np.sort(values)
    wide = 4.0 * np.min(ordered[quarter:] - ordered[:-quarter]) / len(values) ** (1 / 3)
    fewest = np.log2(len(values)) + 1.0  # Sturges (1926), where most rows are alike
    count = int(np.ceil(np.clip((high - low) / wide if wide > 0 else fewest, fewest, MOST_BINS)))
    unit = next((unit for unit in UNITS if unit <= high - low and _is_whole(values / unit)), None)
    if unit is not None:
        step = unit * max(1.0, np.round((high - low) / count / unit))
        return np.arange(low - unit / 2, high + step, step)
    return np.linspace(low, high, count + 1)


def _is_whole(values: np.ndarray) -> bool:
    return bool((np.abs(values - np.round(values)) <= 1e-6).all())
