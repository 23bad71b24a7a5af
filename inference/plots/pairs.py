"""Columns against each other: two with ellipses, or every pair of several."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from inference.assignment.density import column_densities, component_moments, has_moments, noise_of, program_in
from inference.assignment.responsibilities import checked_like, responsibilities
from inference.plots.axes import (
    check_observed,
    check_pair,
    given_or_new,
    given_or_new_figure,
    legend_beside,
    name_of,
    shortened,
)
from inference.plots.columns import column_of, draw_column, grids_of
from inference.plots.density import check_own_densities
from inference.plots.kinds import Kind, kinds_of, looks_of
from inference.plots.scatter import draw_ellipses, draw_rows, ring
from inference.plots.style import house_style
from inference.results import PointFit
from mixtures.checks import check_positive
from mixtures.errors import DataError, ModelError, in_words
from mixtures.tables import components_in

FEWEST, MOST = 2, 8
"""Columns of a picture of pairs."""

SPREAD = 0.25
"""How far rows of one category may lie from it, where the next is 1 away."""


def plot_ellipses(
    fit: PointFit | xr.DataTree,
    x: Any,
    ax: Axes | None = None,
    *,
    classes: Any = None,
    features: tuple[int, int] = (0, 1),
    standard_deviations: Sequence[float] = (1.0, 2.0, 3.0),
) -> Axes:
    """Two columns of the data with each component's ellipses at 1, 2 and 3 standard deviations.

    In two dimensions these hold 39 %, 86 % and 99 % of a Gaussian component. Standard deviations are those of the covariance, which for a
    Student's t is df / (df - 2) times the scale matrix; with df <= 2 there is none, and the legend says so. Of a posterior they are those
    of the mean over its draws. Noise has no ellipse.

    Args:
        fit: a point fit, or draws, of a mixture whose family has covariances.
        x: the data, shape (rows, features).
        ax: where to draw; None makes a figure.
        classes: each row's component, from `classify`: its look. None draws all rows alike.
        features: which two columns; where there are more, their marginal distribution is drawn.
        standard_deviations: the ellipses' Mahalanobis distances from the mean.

    Returns:
        The axes.

    Raises:
        DataError: data with fewer than two columns.
        ModelError: neither a point fit nor draws, a family without covariances, or features that are not two of the columns.
    """
    observations = checked_like(fit, x)
    means, covariances = component_moments(fit, observations)
    pair = check_pair("features", features, observations.features or 1)
    radii = _radii(standard_deviations)
    if classes is not None:
        classes, _ = components_in("classes", classes, len(observations))
    ax = given_or_new(ax, (6.5, 5.0))
    looks, noise = looks_of(fit, observations), noise_of(program_in(fit))
    draw_rows(ax, observations.x[:, pair], looks, classes)
    for k, look in enumerate(looks):
        if k in noise:
            continue
        has_ellipse = draw_ellipses(ax, means[k][pair], covariances[k][np.ix_(pair, pair)], look, radii)
        if classes is None or not has_ellipse:
            label = look.label if has_ellipse else f"{look.label}: df <= 2, no covariance"
            ax.plot([], [], "+", color=look.colour, markersize=9, markeredgewidth=1.8, label=label)
    ax.set(xlabel=name_of(observations, pair[0]), ylabel=name_of(observations, pair[1]))
    ax.autoscale_view()
    _legend(ax, radii)
    return ax


def plot_pairs(
    fit: PointFit | xr.DataTree, x: Any, figure: FigureBase | None = None, *, features: Sequence[int] | None = None
) -> np.ndarray:
    """Every pair of columns, rows in the looks of their most probable components; on the diagonal each column by itself.

    Where the family has covariances each component has its ellipses at 1 and 2 standard deviations, which hold 39 % and 86 % of a Gaussian.
    Rows of one category lie a little apart. The diagonal shows marginal densities (`plot_columns`), of a posterior with bands that hold 89 %
    of its draws.

    Args:
        fit: a point fit, or draws, of a mixture.
        x: the data, (rows, features).
        figure: where to draw; None makes one.
        features: which columns, 2 to 8; None: all.

    Returns:
        The Axes, (columns, columns); None above the diagonal.

    Raises:
        DataError: one column, or more than eight.
        ModelError: neither a point fit nor draws, no such columns, or columns without densities of their own.
    """
    observations = checked_like(fit, x)
    check_observed(observations)
    chosen = _chosen(features, observations.features or 1)
    looks, kinds = looks_of(fit, observations), kinds_of(fit, observations)
    check_own_densities(kinds)
    figure = given_or_new_figure(figure, (1.7 * len(chosen) + 1.8, 1.6 * len(chosen) + 0.4))
    with house_style():
        axes = figure.subplots(len(chosen), len(chosen), sharex="col", squeeze=False)
    for row, column in zip(*np.triu_indices(len(chosen), 1), strict=True):
        axes[row, column].remove()
        axes[row, column] = None
    grids = grids_of(fit, observations, kinds, points=200)
    joint = column_densities(fit, observations, grids)
    columns = [column_of(observations, index, kinds[index], grids[index], joint[index]) for index in chosen]
    for place, one in enumerate(columns):
        draw_column(axes[place, place], one, looks)
    cells = _apart(observations.x, kinds)
    classes = responsibilities(fit, observations).argmax(axis=1)
    has_ellipses = has_moments(program_in(fit))
    means, covariances = component_moments(fit, observations) if has_ellipses else (np.empty(0), np.empty(0))
    components = [k for k in range(len(looks)) if k not in noise_of(program_in(fit))]
    for row, column in zip(*np.tril_indices(len(chosen), -1), strict=True):
        ax, pair = axes[row, column], [chosen[column], chosen[row]]
        draw_rows(ax, cells[:, pair], looks, classes)
        if columns[row].kind == "category":
            ax.set_yticks(columns[row].grid, list(map(shortened, columns[row].categories)))
        for k in components if has_ellipses else ():
            draw_ellipses(ax, means[k][pair], covariances[k][np.ix_(pair, pair)], looks[k], (1.0, 2.0), size=6.0)
    _name_pairs(axes, [name_of(observations, index) for index in chosen])
    handles, _ = axes[0, 0].get_legend_handles_labels()
    rings = [ring((1.0, 2.0))] if has_ellipses else []
    figure.legend(
        handles=[*handles, *rings], loc="upper right", frameon=False, fontsize=axes[0, 0].xaxis.label.get_fontsize()
    )
    return axes


def _apart(x: np.ndarray, kinds: Sequence[Kind]) -> np.ndarray:
    """The cells, those of categories a little apart from each other: rows would lie on top of one another."""
    noise = np.random.default_rng(0).uniform(-SPREAD, SPREAD, x.shape)
    return x + noise * np.array([kind == "category" for kind in kinds])


def _name_pairs(axes: np.ndarray, names: list[str]) -> None:
    """Names at the left and at the bottom alone; the diagonal has heights of its own, which are no column's."""
    for place, name in enumerate(names):
        diagonal = axes[place, place]
        diagonal.set(ylabel="", yticks=[])
        diagonal.spines["left"].set_visible(False)
        for column in range(place + 1):
            ax, is_lowest = axes[place, column], place == len(names) - 1
            ax.set(xlabel=names[column] if is_lowest else "", ylabel=name if column == 0 and place else "")
            ax.tick_params(labelbottom=is_lowest, labelleft=column == 0 and place > 0)
    shown = [ax for ax in axes[:, 0] if ax is not axes[0, 0]]
    shown[0].figure.align_ylabels(shown)


def _legend(ax: Axes, radii: Sequence[float]) -> None:
    """The legend beside the axes, the ellipses' distances said in it."""
    handles, _ = ax.get_legend_handles_labels()
    legend_beside(ax, handles=[*handles, *([ring(radii)] if radii else [])])


def _chosen(given: Any, count: int) -> list[int]:
    """The columns of a picture of pairs."""
    if given is None and not FEWEST <= count <= MOST:
        advice = "Use plot_density." if count < FEWEST else "Choose some: features=[0, 1, 2]; or use plot_profiles."
        raise DataError("x", got=f"{count} columns", expected=f"{FEWEST} to {MOST}", advice=advice)
    chosen: list[Any] = list(range(count)) if given is None else []
    if isinstance(given, tuple | list | np.ndarray):
        chosen = list(given)
    is_index = [isinstance(i, int | np.integer) and not isinstance(i, bool) and 0 <= i < count for i in chosen]
    if not FEWEST <= len(chosen) <= MOST or not all(is_index) or len(set(chosen)) < len(chosen):
        raise ModelError(
            "features", got=in_words(given), expected=f"{FEWEST} to {MOST} of the columns 0 to {count - 1}, each once"
        )
    return [int(i) for i in chosen]


def _radii(given: Any) -> list[float]:
    """Where ellipses lie, in standard deviations."""
    if not isinstance(given, Sequence | np.ndarray) or isinstance(given, str | bytes) or not len(given):
        raise ModelError("standard_deviations", got=in_words(given), expected="a list of positive numbers")
    return [check_positive("standard_deviations", radius) for radius in given]
