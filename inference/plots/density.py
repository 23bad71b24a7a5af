"""The mixture over the data, one picture a kind of column: densities, bars of counts and categories, the circle, lines over a covariate."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from inference.assignment.density import column_densities, program_in
from inference.assignment.responsibilities import checked_like
from inference.checks import check_choice, check_count
from inference.plots.axes import check_observed, given_or_new, given_or_new_figure, legend_beside, one_variable
from inference.plots.columns import Column, Data, column_of, draw_column, grids_of
from inference.plots.kinds import Kind, kinds_of, looks_of
from inference.plots.palette import Look
from inference.plots.regression import draw_response
from inference.plots.style import house_style
from inference.results import PointFit
from mixtures import Observations
from mixtures.errors import DataError, ModelError

MOST_COLUMNS = 16
"""Panels of one figure: more would be too small to read."""

ACROSS = 4
"""Panels side by side."""


def plot_density(
    fit: PointFit | xr.DataTree, x: Any, ax: Axes | None = None, *, data: Data = "auto", points: int = 500
) -> Axes:
    """The mixture and its components over the data; one variable, any family.

    Measurements have curves, angles curves over the whole circle, counts and categories bars of what was observed beside what the
    components add up to, and a response the components' lines over its first covariate (`plot_regression` chooses another). Of a posterior
    the mean over at most 200 draws is shown, with bands that hold 89 % of them at each point; components keep their meaning over draws
    where these are relabelled.

    Args:
        fit: a point fit, or draws, of a program with one assignment a row.
        x: the data, shape (rows,); missing cells are left out.
        ax: where to draw; None makes a figure.
        data: how measurements are shown; `"auto"` is a rug for few rows and a histogram for many.
        points: how many points curves have; counts are drawn at every whole number.

    Returns:
        The axes.

    Raises:
        ChoiceError: unknown `data`.
        DataError: data with columns, or with missing cells only.
        ModelError: neither a point fit nor draws.
    """
    observations = program_in(fit).read(x)
    one_variable(observations, "Use plot_ellipses for two columns, plot_columns or plot_pairs for more.")
    check_observed(observations)
    check_choice("data", data, ("auto", "rug", "histogram", "none"))
    check_count("points", points, least=2)
    observations = checked_like(fit, observations)
    looks, kinds = looks_of(fit, observations), kinds_of(fit, observations)
    ax = given_or_new(ax)
    _draw(ax, fit, observations, 0, kinds, looks, _columns(fit, observations, kinds, points), data)
    legend_beside(ax)
    return ax


def plot_columns(
    fit: PointFit | xr.DataTree, x: Any, figure: FigureBase | None = None, *, points: int = 200
) -> np.ndarray:
    """One small panel a column with what the components say of it alone, by the kind of its values; see `plot_density`.

    Args:
        fit: a point fit, or draws, of a mixture.
        x: the data, (rows, features), at most 16 columns; columns may be of different kinds.
        figure: where to draw; None makes one.
        points: how many points curves have.

    Returns:
        The Axes, one a column.

    Raises:
        DataError: too many columns, or missing cells only.
        ModelError: neither a point fit nor draws, or columns without densities of their own (`plot_categories` shows these).
    """
    check_count("points", points, least=2)
    observations = checked_like(fit, x)
    check_observed(observations)
    count = observations.features or 1
    if count > MOST_COLUMNS:
        advice = "plot_profiles shows many columns at once; or fit fewer."
        raise DataError("x", got=f"{count} columns", expected=f"{MOST_COLUMNS} at most", advice=advice)
    looks, kinds = looks_of(fit, observations), kinds_of(fit, observations)
    check_own_densities(kinds)
    across = min(count, ACROSS if count > 4 or count == 3 else 2)
    down = -(-count // across)
    figure = given_or_new_figure(figure, (2.6 * across + 1.4, 2.3 * down + 0.3))
    with house_style():
        axes = figure.subplots(down, across, squeeze=False).ravel()
    columns = _columns(fit, observations, kinds, points)
    for index, ax in enumerate(axes[:count]):
        _draw(ax, fit, observations, index, kinds, looks, columns)
        if index % across and kinds[index] == kinds[index - 1]:
            ax.set_ylabel("")
    for ax in axes[count:]:
        ax.remove()
    legend_beside(axes[across - 1])
    return axes[:count]


def check_own_densities(kinds: list[Kind]) -> None:
    """Check that each column has a density of its own.

    Raises:
        ModelError: the columns of a row add up to a total.
    """
    if "share" in kinds:
        raise ModelError(
            "fit",
            got="rows that add up to a total, whose columns have no densities of their own",
            expected="columns that are observed one by one",
            advice="plot_categories(fit, x) shows each component's shares.",
        )


def _columns(fit: Any, x: Observations, kinds: list[Kind], points: int) -> dict[int, Column]:
    """What is drawn by curves and bars: all columns but responses, asked for together."""
    if set(kinds) == {"response"}:
        return {}
    grids = grids_of(fit, x, kinds, points)
    joint = column_densities(fit, x, grids)
    return {index: column_of(x, index, kind, grids[index], joint[index]) for index, kind in enumerate(kinds)}


def _draw(
    ax: Axes,
    fit: Any,
    x: Observations,
    index: int,
    kinds: list[Kind],
    looks: list[Look],
    columns: dict[int, Column],
    data: Data = "auto",
) -> None:
    if kinds[index] == "response":
        draw_response(ax, fit, x, looks, column=index)
    else:
        draw_column(ax, columns[index], looks, data)
