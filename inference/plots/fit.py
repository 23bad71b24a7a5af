"""Pictures of a fit: how it came to rest, and the mixture that it found over the data."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from inference.assignment.density import check_one_density, component_density, component_moments
from inference.backends import engine
from inference.checks import check_choice, check_count, check_positive, check_result
from inference.plots.axes import (
    check_axes,
    check_observed,
    check_pair,
    given_or_new,
    legend_beside,
    name_of,
    one_variable,
)
from inference.plots.palette import DATA, WHOLE, colour, marker
from inference.results import GuideFit, PointFit
from mixtures import Observations
from mixtures.errors import DataError, ModelError, in_words
from mixtures.tables import numeric, whole_numbers

DECADE = 10.0
"""Losses that span more than this factor are drawn on a log scale."""

FEW_ROWS = 60
"""Up to so many rows are shown one by one, as a rug; more as a histogram."""


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


def plot_density(
    fit: PointFit,
    x: Any,
    ax: Axes | None = None,
    *,
    data: Literal["auto", "rug", "histogram", "none"] = "auto",
    points: int = 1000,
) -> Axes:
    """The density of the mixture and of its components over the data; one variable, any family.

    Args:
        fit: a point fit of a program with one assignment a row.
        x: the data, shape (rows,); missing cells are left out.
        ax: where to draw; None makes a figure.
        data: how the data are shown; `"auto"` is a rug for few rows and a histogram for many.
        points: how many points the curves have; counts are drawn at every whole number.

    Returns:
        The axes.

    Raises:
        ChoiceError: unknown `data`.
        DataError: data with columns, or with missing cells only.
        ModelError: not a point fit, or one of a mixture whose density differs from row to row with their covariates.
    """
    check_result("fit", fit, "restarts", "PointFit", "fit_map, fit_mle or fit_em")
    observations = Observations.of(x)
    one_variable(observations, "Use plot_ellipses for two columns.")
    check_observed(observations)
    check_one_density(fit)
    check_choice("data", data, ("auto", "rug", "histogram", "none"))
    check_count("points", points, least=2)
    ax = given_or_new(ax)
    observed = [site for site in engine(fit.backend).sites(fit.program, observations).all if site.kind == "observed"]
    is_discrete = all(site.is_discrete for site in observed)
    values = observations.x[~np.isnan(observations.x)]
    grid = _grid(values, all(site.is_real for site in observed), is_discrete, points)
    # p(x) = sum_k p(x, assignment = k)
    joint = component_density(fit, grid)
    style: dict[str, Any] = {"marker": ".", "linewidth": 0.8} if is_discrete else {"linewidth": 1.6}
    _draw_data(ax, values, data, is_discrete)
    for component, density in enumerate(joint.T):
        ax.plot(grid, density, color=colour(component), label=f"component {component}", **style)
    ax.plot(grid, joint.sum(axis=1), color=WHOLE, linestyle="--", label="mixture", **{**style, "linewidth": 1.2})
    ax.set(xlabel=name_of(observations), ylabel="probability" if is_discrete else "probability density")
    ax.set_ylim(bottom=0)
    ax.ticklabel_format(axis="y", scilimits=(-3, 4))
    legend_beside(ax)
    return ax


def plot_ellipses(
    fit: PointFit,
    x: Any,
    ax: Axes | None = None,
    *,
    classes: Any = None,
    features: tuple[int, int] = (0, 1),
    standard_deviations: Sequence[float] = (1.0, 2.0, 3.0),
) -> Axes:
    """Two columns of the data with each component's ellipses at 1, 2 and 3 standard deviations.

    In two dimensions these hold 39 %, 86 % and 99 % of a Gaussian component. Standard deviations are those of the covariance, which for a
    Student's t is df / (df - 2) times the scale matrix; with df <= 2 there is none, and the legend says so.

    Args:
        fit: a point fit of a mixture whose family has covariances.
        x: the data, shape (rows, features).
        ax: where to draw; None makes a figure.
        classes: each row's component, from `classify`: its colour. None draws all rows alike.
        features: which two columns; where there are more, their marginal distribution is drawn.
        standard_deviations: the ellipses' Mahalanobis distances from the mean.

    Returns:
        The axes.

    Raises:
        DataError: data with fewer than two columns.
        ModelError: not a point fit, a family without covariances, or features that are not two of the columns.
    """
    check_result("fit", fit, "restarts", "PointFit", "fit_map, fit_mle or fit_em")
    observations = Observations.of(x)
    means, covariances = component_moments(fit, observations)
    pair = check_pair("features", features, observations.features or 1)
    radii = _radii(standard_deviations)
    if classes is not None:
        classes = whole_numbers("classes", classes, len(observations))
    ax = given_or_new(ax, (6.5, 5.0))
    _draw_rows(ax, observations.x[:, pair], classes)
    for component, (mean, covariance) in enumerate(zip(means, covariances, strict=True)):
        shade, margin = colour(component), covariance[np.ix_(pair, pair)]
        has_ellipse = bool(np.isfinite(margin).all())
        for radius in radii if has_ellipse else ():
            confidence_ellipse(mean[pair], margin, ax, radius, facecolor=f"{shade}14", edgecolor=shade, linewidth=1.3)
        label = f"component {component}{'' if has_ellipse else ': df <= 2, no covariance'}"
        ax.plot(*mean[pair], "+", color=shade, markersize=11, markeredgewidth=2, label=label)
    ax.set(xlabel=name_of(observations, pair[0]), ylabel=name_of(observations, pair[1]))
    ax.autoscale_view()
    legend_beside(ax)
    return ax


def confidence_ellipse(
    mean: Any,
    covariance: Any,
    ax: Axes,
    standard_deviations: float = 1.0,
    **style: Any,
) -> Ellipse:
    """The points at a Mahalanobis distance of `standard_deviations` from the mean.

    Args:
        mean: the centre, (2,).
        covariance: (2, 2), symmetric, positive definite.
        ax: where to draw.
        standard_deviations: the distance.
        style: of `matplotlib.patches.Ellipse`; unfilled unless `facecolor` is given.

    Returns:
        The patch, which has been added to the axes.
    """
    mean, covariance = numeric(mean, "mean"), numeric(covariance, "covariance")
    if mean.shape != (2,) or covariance.shape != (2, 2) or not np.isfinite([*mean, *covariance.ravel()]).all():
        got = (
            f"shapes {mean.shape} and {covariance.shape}"
            if np.size(mean) + np.size(covariance) != 6
            else "no finite numbers"
        )
        raise DataError("mean, covariance", got=got, expected="finite numbers of shapes (2,) and (2, 2)")
    check_axes(ax)
    check_positive("standard_deviations", standard_deviations)
    # Sigma = V diag(l) V': the half axes have length s sqrt(l_j) along the columns of V
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    minor, major = 2 * standard_deviations * np.sqrt(eigenvalues)
    angle = float(np.degrees(np.arctan2(eigenvectors[1, 1], eigenvectors[0, 1])))
    centre = (float(mean[0]), float(mean[1]))
    ellipse = Ellipse(centre, float(major), float(minor), angle=angle, **{"facecolor": "none", **style})
    ax.add_patch(ellipse)
    return ellipse


def _radii(given: Any) -> list[float]:
    """Where ellipses lie, in standard deviations."""
    if not isinstance(given, Sequence | np.ndarray) or isinstance(given, str | bytes) or not len(given):
        raise ModelError("standard_deviations", got=in_words(given), expected="a list of positive numbers")
    return [check_positive("standard_deviations", radius) for radius in given]


def _spans_decades(losses: np.ndarray) -> bool:
    finite = losses[np.isfinite(losses)]
    return bool(len(finite) and finite.min() > 0 and finite.max() > DECADE * finite.min())


def _grid(x: np.ndarray, is_real: bool, is_discrete: bool, points: int) -> np.ndarray:
    """Where densities are drawn: a quarter of the range beyond the data, where the family's support allows for it."""
    low, high = float(x.min()), float(x.max())
    if is_discrete:
        return np.arange(low, high + 1)
    margin = 0.25 * (high - low or 1.0) if is_real else 0.0
    return np.linspace(low - margin, high + margin, points)


def _draw_data(ax: Axes, x: np.ndarray, data: str, is_discrete: bool) -> None:
    if data == "rug" or (data == "auto" and len(x) <= FEW_ROWS and not is_discrete):
        ax.plot(
            x, np.full(len(x), 0.02), "|", transform=ax.get_xaxis_transform(), color=DATA, markersize=12,
            markeredgewidth=1.5, label="data",
        )  # fmt: skip
    elif data in ("auto", "histogram") and is_discrete:
        values, counts = np.unique(x, return_counts=True)
        ax.bar(values, counts / len(x), width=0.8, color=f"{DATA}55", label="data")
    elif data in ("auto", "histogram"):
        bins = np.histogram_bin_edges(x, bins="auto" if len(x) > FEW_ROWS else "sturges")
        ax.hist(x, bins=bins.tolist(), density=True, color=f"{DATA}55", label="data")


def _draw_rows(ax: Axes, points: np.ndarray, classes: np.ndarray | None) -> None:
    if classes is None:
        ax.plot(points[:, 0], points[:, 1], ".", color=DATA, markersize=4, alpha=0.7, label="data")
        return
    for component in np.unique(classes):
        of_component = points[classes == component]
        ax.plot(
            of_component[:, 0], of_component[:, 1], marker(int(component)), linestyle="", color=colour(int(component)),
            markersize=4, markeredgewidth=0, alpha=0.6,
        )  # fmt: skip
