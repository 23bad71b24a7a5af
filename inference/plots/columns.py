"""One column of the data with what each component says of it: a curve, bars or lines, by the kind of its values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from inference.axis_names import places
from inference.interval import INTERVAL, tails
from inference.plots.axes import name_of, shortened
from inference.plots.kinds import Kind, categories_of, supports_of
from inference.plots.palette import DATA, WHOLE, Look
from inference.plots.style import MOST_BARS, bins
from mixtures import Observations
from mixtures.families.support import REAL

FEW_ROWS = 60
"""Up to so many rows are shown one by one, as a rug; more as a histogram."""

HALF = 0.42
"""The width of a bar where two stand side by side at each whole number."""

MOST_LETTERS = 30
"""Letters of categories' names that have room side by side; more stand aslant."""

Data = Literal["auto", "rug", "histogram", "none"]


@dataclass(frozen=True)
class Column:
    """What is drawn of a column.

    Args:
        name: what the axis is called.
        kind: of its values.
        values: those that were observed, (observed,).
        grid: where the density was asked for, (points,).
        joint: p(x, k) there, (draws, points, components); one draw of a fit.
        categories: what the points are called, where they are categories.
    """

    name: str
    kind: Kind
    values: Float[np.ndarray, " observed"]
    grid: Float[np.ndarray, " points"]
    joint: Float[np.ndarray, "draws points components"]
    categories: Sequence[str] = ()


def grids_of(result: Any, x: Observations, kinds: Sequence[Kind], points: int) -> list[np.ndarray]:
    """Where the densities of all columns are asked for."""
    cells = x.x.reshape(len(x), -1)
    made = []
    for column, (kind, support) in enumerate(zip(kinds, supports_of(result, x), strict=True)):
        values = cells[~np.isnan(cells[:, column]), column]
        low, high = float(values.min()), float(values.max())
        if kind == "category":
            grid = categories_of(support)
        elif kind == "direction":
            grid = np.linspace(-np.pi, np.pi, points)
        elif kind == "count":
            grid = np.arange(low, high + 1)
        else:  # a quarter of the range beyond the data, where the support allows for it
            margin = 0.0 if support is None else 0.25 * (high - low or 1.0)
            grid = np.linspace(low - (margin if support is REAL else 0.0), high + margin, points)
            if support is not None:
                grid = grid[support.holds(grid)]
                grid = grid[~np.isnan(support.straightened(grid)[0])]  # where there is a density
        made.append(grid)
    return made


def column_of(x: Observations, index: int, kind: Kind, grid: np.ndarray, joint: np.ndarray) -> Column:
    """A column of the data, and its densities."""
    cells = x.x.reshape(len(x), -1)[:, index]
    categories = places(x, "categories", len(grid), index) if kind == "category" else ()
    return Column(name_of(x, index), kind, cells[~np.isnan(cells)], grid, joint, categories)


def draw_column(ax: Axes, column: Column, looks: Sequence[Look], data: Data = "auto") -> None:
    """Draw the column, by its kind."""
    has_bars = column.kind == "category" or (column.kind == "count" and len(column.grid) <= MOST_BARS)
    if has_bars:
        _bars(ax, column, looks, data)
    else:
        _curves(ax, column, looks, data)
    unit = {"category": "share of the rows", "count": "probability"}.get(column.kind, "probability density")
    ax.set(xlabel=column.name, ylabel=unit)
    ax.set_ylim(bottom=0)
    ax.ticklabel_format(axis="y", scilimits=(-5, 5))
    if column.kind == "direction":
        turns = ["-\u03c0", "-\u03c0/2", "0", "\u03c0/2", "\u03c0"]
        ax.set_xticks(np.linspace(-np.pi, np.pi, 5), turns)
        ax.set_xlim(-np.pi, np.pi)


def _curves(ax: Axes, column: Column, looks: Sequence[Look], data: Data) -> None:
    grid, joint = column.grid, column.joint
    _observed(ax, column, data)
    lines = [(look.colour, look.label, "-", 1.5, joint[..., k]) for k, look in enumerate(looks)]
    for shade, label, style, width, densities in [*lines, (WHOLE, "mixture", "--", 1.0, joint.sum(axis=2))]:
        if len(joint) > 1:  # the mixture's lies over the others
            ax.fill_between(
                grid,
                *np.quantile(densities, tails(), axis=0),
                color=shade,
                alpha=0.08 if shade == WHOLE else 0.22,
                linewidth=0,
            )
        ax.plot(grid, densities.mean(axis=0), style, color=shade, linewidth=width, label=label)
    if len(joint) > 1:
        ax.fill_between([], [], color=DATA, alpha=0.3, linewidth=0, label=f"{INTERVAL:.0%} interval")


def _bars(ax: Axes, column: Column, looks: Sequence[Look], data: Data) -> None:
    """At each whole number its share of the rows, and beside it what the components add up to."""
    grid, joint = column.grid, column.joint
    if data != "none":
        shares = [np.mean(column.values == value) for value in grid]
        ax.bar(grid - HALF / 2, shares, HALF, color=f"{DATA}22", edgecolor=DATA, linewidth=0.7, label="data")
    floor = np.zeros(len(grid))
    for k, look in enumerate(looks):
        height = joint[..., k].mean(axis=0)
        ax.bar(grid + HALF / 2, height, HALF, floor, color=look.colour, alpha=0.85, linewidth=0, label=look.label)
        floor = floor + height
    if len(joint) > 1:
        low, high = np.quantile(joint.sum(axis=2), tails(), axis=0)
        ax.vlines(grid + HALF / 2, low, high, color=WHOLE, linewidth=1.0, label=f"{INTERVAL:.0%} interval")
    if column.kind == "category":
        ax.set_xticks(grid, list(map(shortened, column.categories)))
        if sum(map(len, column.categories)) > MOST_LETTERS:
            ax.tick_params(axis="x", labelrotation=30)
            for label in ax.get_xticklabels():
                label.set(horizontalalignment="right", rotation_mode="anchor")
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _observed(ax: Axes, column: Column, data: Data) -> None:
    x = column.values
    is_whole = column.kind == "count"
    if data == "rug" or (data == "auto" and len(x) <= FEW_ROWS and not is_whole):
        ax.plot(
            x, np.full(len(x), 0.02), "|", transform=ax.get_xaxis_transform(), color=DATA, markersize=9,
            markeredgewidth=1.2, label="data",
        )  # fmt: skip
    elif data != "none":
        ax.hist(x, bins=bins(x).tolist(), density=True, color=f"{DATA}55", linewidth=0, label="data")
