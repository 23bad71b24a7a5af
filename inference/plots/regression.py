"""A response over a covariate, each component with its line."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from inference.assignment.density import means_along, noise_of, program_in
from inference.assignment.responsibilities import checked_like, responsibilities
from inference.axis_names import places
from inference.interval import INTERVAL, tails
from inference.plots.axes import given_or_new, legend_beside, name_of
from inference.plots.kinds import kinds_of, looks_of, supports_of
from inference.plots.palette import DATA, Look
from inference.plots.scatter import draw_rows
from inference.plots.style import thinned
from inference.results import PointFit
from mixtures import Observations
from mixtures.checks import check_count
from mixtures.errors import ModelError
from mixtures.families.by_column import families_by_column
from mixtures.families.members import parts_of
from mixtures.families.support import Support

ALONG, ACROSS = 25, 300
"""Points of a line, and values of the response that its mean is a sum over."""

JITTER = 0.06
"""How far marks at 0 and 1 stand from one another, of the axis' height: else they would lie on two lines."""


def plot_regression(
    fit: PointFit | xr.DataTree, x: Any, ax: Axes | None = None, *, covariate: int = 0, feature: int = 0
) -> Axes:
    """A response over one covariate, rows in the colour of their most probable component, and the mean of each component.

    Other covariates are held at their means, so that rows scatter about the lines by these too. Rows of a group that share one component are
    joined, in the order of the covariate. Successes are shown as shares of their trials. Of a posterior the mean over at most 200 draws is
    shown, with bands that hold 89 % of them.

    Args:
        fit: a point fit, or draws, of a mixture of regressions.
        x: the data, with covariates.
        ax: where to draw; None makes a figure.
        covariate: which covariate, a number from 0.
        feature: which column is the response, where there are several.

    Returns:
        The axes.

    Raises:
        DataError: other columns or covariates than the fit's.
        ModelError: not a mixture of regressions, or no such covariate or column.
    """
    observations = checked_like(fit, x)
    looks, kinds = looks_of(fit, observations), kinds_of(fit, observations)
    check_count("feature", feature, least=0, most=len(kinds) - 1)
    if kinds[feature] != "response":
        raise ModelError(
            "fit", got="a column that depends on no covariates", expected="a regression", advice="Use plot_density."
        )
    check_count("covariate", covariate, least=0, most=observations.covariates.shape[1] - 1)
    ax = given_or_new(ax)
    draw_response(ax, fit, observations, looks, feature, covariate)
    legend_beside(ax)
    return ax


def draw_response(
    ax: Axes, fit: Any, x: Observations, looks: Sequence[Look], column: int = 0, covariate: int = 0
) -> None:
    """Draw rows and lines."""
    own, response = x.covariates[:, covariate], x.x.reshape(len(x), -1)[:, column]
    support, trials = supports_of(fit, x)[column], _trials(fit, x, column)
    if trials is not None:  # rows of few trials and of many beside one line, those of none nowhere
        response = response / np.where(trials > 0, trials, np.nan)
    low, high = np.nanmin(response), np.nanmax(response)
    classes = responsibilities(fit, x).argmax(axis=1)
    is_binary = trials is None and set(np.unique(response[~np.isnan(response)])) <= {0.0, 1.0}
    shown = response
    if is_binary:
        shown = response + np.random.default_rng(0).uniform(-JITTER, JITTER, len(response))
    _join_groups(ax, fit, x, np.column_stack([own, shown]), [looks[k].colour for k in classes])
    draw_rows(ax, np.column_stack([own, shown]), looks, classes)
    at, most = np.linspace(own.min(), own.max(), ALONG), 1.0 if trials is None else trials.max()
    values = np.arange(2.0) if is_binary else _values(low, high, support, trials)
    means = means_along(fit, x, covariate, at, values, column) / most  # of trials it takes the most that a row has
    noise = noise_of(program_in(fit))
    for k, look in enumerate(looks):
        if k in noise:
            continue
        if len(means) > 1:
            ax.fill_between(at, *np.quantile(means[..., k], tails(), axis=0), color=look.colour, alpha=0.2, linewidth=0)
        ax.plot(at, means[..., k].mean(axis=0), color=look.colour, linewidth=1.8)
    if len(means) > 1:
        ax.fill_between([], [], color=DATA, alpha=0.3, linewidth=0, label=f"{INTERVAL:.0%} interval")
    names = x.covariate_names or [f"covariate {index}" for index in range(x.covariates.shape[1])]
    ax.set(xlabel=names[covariate], ylabel=name_of(x, column) + ("" if trials is None else ", share of trials"))
    if is_binary:
        ax.set(yticks=[0, 0.5, 1], ylim=(-0.12, 1.12))
        if x.categories is not None and x.categories[column] is not None:
            no, yes = places(x, "categories", 2, column)
            ax.set_yticks([0, 0.5, 1], [no, "0.5", yes])
    else:
        margin = 0.08 * (high - low or 1.0)
        ax.set_ylim(low - margin, high + margin)


def _trials(fit: Any, x: Observations, column: int) -> np.ndarray | None:
    """Of a column that counts successes, out of how many each row does."""
    mixture = program_in(fit).mixture
    if x.trials is None or mixture is None:
        return None
    family = families_by_column(mixture.family, x.features or 1)[column]
    return x.trials.reshape(len(x), -1)[:, column] if "trials" in parts_of(family).takes else None


def _values(low: float, high: float, support: Support | None, trials: np.ndarray | None) -> np.ndarray:
    """Values that a mean is a sum over: of trials all, else far beyond the data."""
    if support is not None and not support.is_discrete:
        values = np.linspace(low - 2 * (high - low or 1.0), high + 2 * (high - low or 1.0), ACROSS)
    else:
        most = 3.0 * high + 9.0 if trials is None else trials.max()
        values = np.arange(0.0, most + 1.0, max(1.0, np.ceil(most / ACROSS)))
    return values if support is None else values[support.holds(values)]


def _join_groups(ax: Axes, fit: Any, x: Observations, points: np.ndarray, colours: Sequence[str]) -> None:
    """Thin lines behind the rows, one through those of each group that were observed, where a group is of one component."""
    mixture = program_in(fit).mixture
    if x.group is None or mixture is None or not mixture.assignment.shares_assignment:
        return
    seen = np.flatnonzero(~np.isnan(points[:, 1]))
    order = seen[np.lexsort([points[seen, 0], x.group[seen]])]
    groups = np.split(order, np.flatnonzero(np.diff(x.group[order])) + 1)
    some = [groups[number] for number in thinned(len(groups))]
    own = [colours[rows[0]] for rows in some if len(rows)]
    lines = [points[rows] for rows in some if len(rows)]
    ax.add_collection(LineCollection(lines, colors=own, linewidths=0.5, alpha=0.35, zorder=1), autolim=False)
