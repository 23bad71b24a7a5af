"""Posterior predictive check: would data from the posterior look like these?"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from inference.assignment.density import MOST_DRAWS
from inference.assignment.responsibilities import checked_like
from inference.checks import check_count, check_tree
from inference.draws import whole
from inference.interval import INTERVAL, tails
from inference.plots.axes import check_observed, given_or_new, legend_beside, name_of
from inference.plots.palette import WHOLE, colour
from inference.plots.style import MOST_BARS, bins
from inference.posterior.generate import with_predictive
from mixtures.errors import ModelError
from mixtures.seeds import check_seed

SHARE_IN = (0.001, 0.999)
"""Of predicted values the central ones are shown beyond the data: one far draw must not press all others together."""


def plot_predictive(posterior: xr.DataTree, x: Any, ax: Axes | None = None, *, feature: int = 0, seed: int = 0) -> Axes:
    """The histogram of one column over those of data that the posterior predicts: their median and the interval that holds 89 % of them.

    Bars of the data far outside of the band are what the model does not account for.

    Args:
        posterior: draws. Where the tree has a group `posterior_predictive` its data are used, else data are drawn for at most 200 draws.
        x: the data that the draws are of.
        ax: where to draw; None makes a figure.
        feature: which column.
        seed: of the drawn data.

    Returns:
        The axes.

    Raises:
        DataError: not a tree of draws, other columns, or missing cells only.
        ModelError: no such column, or a program whose observed sites are not the data's columns.
    """
    observations = checked_like(check_tree(posterior), x)
    check_observed(observations)
    check_count("feature", feature, least=0, most=(observations.features or 1) - 1)
    drawn = _predicted(whole(posterior), check_seed(seed))
    drawn = drawn if observations.features is None else drawn[..., feature]
    seen = observations.x if observations.features is None else observations.x[:, feature]
    seen = seen[~np.isnan(seen)]
    ax = given_or_new(ax)
    edges = _edges(seen, drawn)
    heights = np.array([np.histogram(each[~np.isnan(each)], edges)[0] / each.size for each in drawn])
    median, (low, high) = np.median(heights, axis=0), np.quantile(heights, tails(), axis=0)
    ax.stairs(
        high,
        edges,
        baseline=low,
        fill=True,
        color=colour(0),
        alpha=0.35,
        linewidth=0,
        label=f"{INTERVAL:.0%} of predictions",
    )
    ax.stairs(median, edges, baseline=None, color=colour(0), linewidth=1.4, label="median of predictions")
    ax.stairs(np.histogram(seen, edges)[0] / seen.size, edges, baseline=None, color=WHOLE, linewidth=1.1, label="data")
    ax.set(xlabel=name_of(observations, feature), ylabel="share of the rows")
    ax.set_ylim(bottom=0)
    legend_beside(ax)
    return ax


def _predicted(posterior: xr.DataTree, seed: int) -> np.ndarray:
    """Predicted data, (draws, rows[, features])."""
    if "posterior_predictive" not in posterior.children:
        chains = posterior["posterior"].sizes["chain"]
        every = -(-posterior["posterior"].sizes["draw"] * chains // MOST_DRAWS)
        groups = {
            name: posterior[name].to_dataset()
            for name in ("posterior", "observed_data", "constant_data")
            if name in posterior.children
        }
        groups["posterior"] = groups["posterior"].isel(draw=slice(None, None, every))
        few = xr.DataTree.from_dict(groups)
        few.attrs.update(posterior.attrs)
        posterior = with_predictive(few, seed)
    values = _of_rows(posterior["posterior_predictive"].to_dataset()).transpose("chain", "draw", "rows", ...).values
    flat = values.reshape(-1, *values.shape[2:])
    return flat[:: -(-len(flat) // MOST_DRAWS)]


def _of_rows(predicted: xr.Dataset) -> xr.DataArray:
    """What is predicted of the rows; a program of one's own may call it as it likes.

    Raises:
        ModelError: several variables, or none, that could be the data.
    """
    names = ["obs"] if "obs" in predicted else [name for name in predicted.data_vars if "rows" in predicted[name].dims]
    if len(names) != 1:
        raise ModelError(
            "posterior", got=f"a program with {len(names)} observed sites of rows", expected="one, or one a column"
        )
    return predicted[names[0]]


def _edges(seen: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Bars that hold the data, and what is predicted beyond; one for each whole number where these are few."""
    low, high = np.nanquantile(drawn, SHARE_IN)
    low, high = min(low, seen.min()), max(high, seen.max())
    is_whole = (seen == np.round(seen)).all() and (drawn == np.round(drawn)).all()
    if is_whole and high - low <= MOST_BARS:
        return np.arange(low - 0.5, high + 1.0)
    edges = bins(seen)
    step = edges[1] - edges[0]
    before = np.arange(1, np.ceil((edges[0] - low) / step) + 1)[::-1] if low < edges[0] else np.empty(0)
    after = np.arange(1, np.ceil((high - edges[-1]) / step) + 1) if high > edges[-1] else np.empty(0)
    return np.concatenate([edges[0] - step * before, edges, edges[-1] + step * after])
