"""Categories in several columns: a map of their probabilities, one column of it a component (latent classes)."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from inference.assignment.density import column_densities, draws_in
from inference.assignment.responsibilities import checked_like
from inference.axis_names import places
from inference.frames import components_of
from inference.plots.axes import check_observed, entitle, given_or_new, name_of, shortened
from inference.plots.kinds import categories_of, kinds_of, looks_of, supports_of
from inference.plots.maps import colour_ticks, draw_map
from inference.results import PointFit
from mixtures import Observations
from mixtures.errors import ModelError

MOST_LINES = 40
"""Lines of the map that are named."""


def plot_categories(fit: PointFit | xr.DataTree, x: Any, ax: Axes | None = None) -> Axes:
    """The probability of each category given each component, one line a column and category, beside its share of the data.

    Of columns of 0 and 1, or of two names, the probability of 1, or of the second name, is shown. Of a posterior it
    is the mean over at most 200 draws.

    Args:
        fit: a point fit, or draws, of a mixture.
        x: the data; all columns are categories, or together one whole, such as the counts of a multinomial.
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        DataError: other columns than the fit's, or missing cells only.
        ModelError: neither a point fit nor draws, or columns that are no categories.
    """
    observations = checked_like(fit, x)
    check_observed(observations)
    kinds, looks = set(kinds_of(fit, observations)), looks_of(fit, observations)
    if kinds == {"share"}:
        names, table = _shares(fit, observations)
    elif kinds == {"category"}:
        names, table = _probabilities(fit, observations)
    else:
        advice = "plot_columns shows columns of any kind."
        raise ModelError(
            "fit", got="columns that are no categories", expected="categories in every column", advice=advice
        )
    ax = given_or_new(ax, (1.2 + 0.7 * table.shape[1], 1.0 + min(7.0, 0.24 * len(table))))
    draw_map(ax, table)
    ax.axvline(len(looks) - 0.5, color="white", linewidth=3)
    names_of_components = [shortened(str(name)) for name in components_of(fit) or range(len(looks))]
    ax.set_xticks(range(len(looks) + 1), [*names_of_components, "data"])
    colour_ticks(ax.xaxis, looks)
    every = -(-len(names) // MOST_LINES)
    ax.set_yticks(range(0, len(names), every), names[::every])
    ax.set_xlabel("component")
    entitle(ax, "probability of each category")
    return ax


def _probabilities(fit: Any, x: Observations) -> tuple[list[str], np.ndarray]:
    """Names of lines, and p(category | component) with the share of the data, (lines, components + 1)."""
    grids = [categories_of(support) for support in supports_of(fit, x)]
    names, lines = [], []
    cells = x.x.reshape(len(x), -1)
    for column, (grid, joint) in enumerate(zip(grids, column_densities(fit, x, grids), strict=True)):
        # p(c | k) = p(c, k) / sum_c p(c, k)
        given = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
        seen = cells[~np.isnan(cells[:, column]), column]
        shown = [1] if len(grid) == 2 else range(len(grid))
        called = places(x, "categories", len(grid), column)
        is_named = x.categories is not None and x.categories[column] is not None
        for category in shown:
            value = f" = {shortened(called[category])}" if len(grid) != 2 or is_named else ""
            names.append(shortened(name_of(x, column)) + value)
            lines.append([*given[category], np.mean(seen == category)])
    return names, np.array(lines)


def _shares(fit: Any, x: Observations) -> tuple[list[str], np.ndarray]:
    """The same of rows that are one whole: their site is that already, or the concentration round it."""
    draws = draws_in(fit)
    amounts = draws["probs"] if "probs" in draws else draws["concentration"]
    probs = (amounts / amounts.sum(axis=-1, keepdims=True)).mean(axis=0)
    shares = np.nansum(x.x, axis=0) / np.nansum(x.x)
    return [shortened(name_of(x, column)) for column in range(len(shares))], np.column_stack([probs.T, shares])
