"""A table of probabilities as a map: dark is probable, and where there is room each cell has its number."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis

from inference.plots.palette import DENSITY, Look

DARK = 0.6
"""Above this probability a cell's number is written in white."""

MOST_ACROSS, MOST_DOWN = 10, 25
"""Cells up to which each has its number written in it."""


def draw_map(ax: Axes, table: np.ndarray, aspect: Literal["auto", "equal"] = "auto") -> None:
    """Draw probabilities, (lines, columns)."""
    ax.imshow(table, cmap=DENSITY, vmin=0, vmax=1, aspect=aspect, interpolation="nearest")
    if len(table) <= MOST_DOWN and len(table.T) <= MOST_ACROSS:
        for (line, column), value in np.ndenumerate(table):
            shade = "white" if value > DARK else "black"
            ax.text(column, line, f"{value:.2f}", ha="center", va="center", color=shade, fontsize=7)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def colour_ticks(axis: Axis, looks: Sequence[Look]) -> None:
    """Give the first ticks of an axis, one a component, the components' colours."""
    for tick, look in zip(axis.get_ticklabels(), looks, strict=False):
        tick.set(color=look.colour, fontweight="bold")
