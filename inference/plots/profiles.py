"""Many columns at once: each component's profile over all of them."""

from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes

from inference.assignment.responsibilities import checked_like, responsibilities
from inference.plots.axes import check_observed, given_or_new, legend_beside, name_of, shortened
from inference.plots.kinds import looks_of
from inference.results import PointFit

MOST_NAMED = 40
"""Columns that are named on the axis; of more every second, third, ... is."""

WIDTH = 0.5
"""Of the place that the components' marks take, side by side, in columns."""


def plot_profiles(fit: PointFit | xr.DataTree, x: Any, ax: Axes | None = None) -> Axes:
    """The mean and the standard deviation of each component's rows in every column, in parallel coordinates.

    Columns are standardised: 0 is the mean of all rows, 1 their standard deviation. Rows count for a component by their probabilities, so
    that nothing depends on where a boundary is drawn; missing cells have no part.

    Args:
        fit: a point fit, or draws, of a program with one assignment a row.
        x: the data, (rows, features).
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        DataError: other columns than the fit's, or missing cells only.
        ModelError: neither a point fit nor draws.
    """
    observations = checked_like(fit, x)
    check_observed(observations)
    looks = looks_of(fit, observations)
    cells = observations.x.reshape(len(observations), -1)
    scale = np.nanstd(cells, axis=0)
    standard = (cells - np.nanmean(cells, axis=0)) / np.where(scale > 0, scale, 1.0)
    means, spreads = _moments(standard, responsibilities(fit, observations))
    count = cells.shape[1]
    ax = given_or_new(ax, (min(12.0, 3.0 + 0.35 * count), 4.0))
    ax.axhline(0, color="black", linewidth=0.5)
    for k, look in enumerate(looks):
        aside = WIDTH * ((k + 0.5) / len(looks) - 0.5)
        place = np.arange(count) + aside
        ax.vlines(place, means[k] - spreads[k], means[k] + spreads[k], color=look.colour, linewidth=1.2, alpha=0.6)
        ax.plot(place, means[k], marker=look.marker, color=look.colour, markersize=4.5, linewidth=0.9, label=look.label)
    every = -(-count // MOST_NAMED)
    names = [shortened(name_of(observations, column)) for column in range(0, count, every)]
    is_long = sum(map(len, names)) > 50
    ax.set_xticks(range(0, count, every), names, rotation=90 if is_long else 0)
    ax.set(xlim=(-0.6, count - 0.4), ylabel="mean \u00b1 1 sd, in sd of all rows")
    legend_beside(ax)
    return ax


def _moments(
    standard: Float[np.ndarray, "rows features"], probabilities: Float[np.ndarray, "rows components"]
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of the rows by component, (components, features); NaN of a component without rows."""
    seen = ~np.isnan(standard)
    values = np.where(seen, standard, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = probabilities.T @ seen
        means = probabilities.T @ values / total
        squares = probabilities.T @ values**2 / total
    return means, np.sqrt(np.maximum(squares - means**2, 0.0))
