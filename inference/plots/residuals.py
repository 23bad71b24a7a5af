"""Pictures of pseudo-residuals: beside the quantiles of a normal distribution, and over time."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import norm

from inference.assignment.pseudo_residuals import PseudoResiduals
from inference.plots.axes import given_or_new
from inference.plots.palette import DATA, colour
from mixtures.checks import check_choice
from mixtures.errors import DataError, in_words

AGAINST = ("quantiles", "time")

LIMIT = 1.96
"""Beyond it lie 5% of the rows under the true model."""


def plot_pseudo_residuals(residuals: Any, ax: Axes | None = None, *, against: str = "quantiles") -> Axes:
    """Pseudo-residuals in order beside a standard normal's quantiles, on the line where the model is true; or each row's over time.

    Rows that have an interval, counts and censored ones, have it as a line over time.

    Args:
        residuals: from `pseudo_residuals`.
        ax: where to draw; None makes a figure.
        against: `"quantiles"` or `"time"`.

    Returns:
        The axes.

    Raises:
        DataError: something else than pseudo-residuals.
        ChoiceError: neither of the two.

    Example:
        >>> from inference import fit_em, pseudo_residuals
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 10.0, 11.0, 12.0]
        >>> fit = fit_em(gaussian_mixture(1), x, restarts=2, seed=0)
        >>> plot_pseudo_residuals(pseudo_residuals(fit, x)).get_xlabel()
        'quantile of a standard normal'
    """
    check_choice("against", against, AGAINST)
    if not isinstance(residuals, PseudoResiduals):
        raise DataError("residuals", got=in_words(residuals), expected="what pseudo_residuals returned")
    ax = given_or_new(ax, (4.5, 4.5) if against == "quantiles" else (9.0, 3.0))
    (_draw_quantiles if against == "quantiles" else _draw_series)(ax, residuals)
    return ax


def _draw_quantiles(ax: Axes, residuals: PseudoResiduals) -> None:
    seen = np.sort(residuals.values[np.isfinite(residuals.values)])
    expected = norm.ppf((np.arange(len(seen)) + 0.5) / len(seen))
    ends = [expected[0], expected[-1]] if len(seen) else [-1.0, 1.0]
    ax.plot(ends, ends, color=DATA, linewidth=0.9)
    ax.plot(expected, seen, ".", color=colour(0), markersize=4, rasterized=len(seen) > 2_000)
    ax.set(xlabel="quantile of a standard normal", ylabel=f"{residuals.kind} pseudo-residual")


def _draw_series(ax: Axes, residuals: PseudoResiduals) -> None:
    rows = np.arange(len(residuals.values))
    for height, style in ((0.0, "-"), (LIMIT, ":"), (-LIMIT, ":")):
        ax.axhline(height, color=DATA, linewidth=0.9, linestyle=style)
    wide = np.isfinite(residuals.lower) & np.isfinite(residuals.upper) & (residuals.upper > residuals.lower)
    ax.vlines(rows[wide], residuals.lower[wide], residuals.upper[wide], color=colour(0), linewidth=0.9, alpha=0.5)
    ax.plot(rows, residuals.values, ".", color=colour(0), markersize=4, rasterized=len(rows) > 2_000)
    ax.set(xlabel="row", ylabel=f"{residuals.kind} pseudo-residual", xlim=(-0.5, len(rows) - 0.5))
