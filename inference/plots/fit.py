"""Pictures of a fit: how it came to rest."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from inference.checks import check_result
from inference.plots.axes import given_or_new, legend_beside
from inference.plots.palette import WHOLE, colour
from inference.results import GuideFit, PointFit
from mixtures.errors import ModelError

DECADE = 10.0
"""Losses that span more than this factor are drawn on a log scale."""


def plot_losses(fit: PointFit | GuideFit, ax: Axes | None = None) -> Axes:
    """The loss at each step; on a log scale where all losses are positive and span more than a factor of ten.

    Args:
        fit: what `fit_map`, `fit_mle`, `fit_em` or `fit_guide` returned.
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        ModelError: not a fit.
    """
    check_result("fit", fit, "losses", "PointFit or a GuideFit", "fit_map, fit_mle, fit_em or fit_guide")
    ax = given_or_new(ax, (7.0, 3.0))
    losses = np.asarray(fit.losses)
    ax.plot(losses, color=WHOLE, linewidth=1.2)
    ax.set(xlabel="step", ylabel="loss (nats)")
    if _spans_decades(losses):
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # one decade or two: powers of ten alone are too few
        ax.yaxis.set_major_formatter(ScalarFormatter())
        ax.yaxis.set_minor_formatter(NullFormatter())
    return ax


def plot_gradient_norms(fit: PointFit | GuideFit, ax: Axes | None = None) -> Axes:
    """The norm of the gradient at each step, one line for each site; on a log scale.

    Args:
        fit: what `fit_map`, `fit_mle` or `fit_guide` returned.
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        ModelError: not a fit, or a fit by EM, whose steps follow no gradient.
    """
    check_result("fit", fit, "losses", "PointFit or a GuideFit", "fit_map, fit_mle or fit_guide")
    if not fit.gradient_norms:
        raise ModelError(
            "fit",
            got="a fit without gradients",
            expected="a fit that climbed by gradient: fit_map, fit_mle or fit_guide",
            advice="plot_losses shows how EM climbed.",
        )
    ax = given_or_new(ax, (7.0, 3.5))
    for index, (site, norms) in enumerate(fit.gradient_norms.items()):
        # A norm of exactly zero has no place on a log scale: a gap, not an error.
        ax.plot(np.where(norms > 0, norms, np.nan), color=colour(index), linewidth=1.2, label=site)
    ax.set(xlabel="step", ylabel="gradient norm", yscale="log")
    legend_beside(ax, "site")
    return ax


def _spans_decades(losses: np.ndarray) -> bool:
    finite = losses[np.isfinite(losses)]
    return bool(len(finite) and finite.min() > 0 and finite.max() > DECADE * finite.min())
