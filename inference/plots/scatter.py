"""Rows as marks in the plane, and the ellipses of normal components."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse

from inference.plots.axes import check_axes
from inference.plots.palette import DATA, Look
from inference.plots.style import marks, thinned
from mixtures.checks import check_positive
from mixtures.errors import DataError
from mixtures.tables import numeric

SEEN: dict[str, Any] = {"markersize": 5.0, "alpha": 1.0}
"""Of a mark in a legend, whatever the marks in the picture are."""


def draw_rows(ax: Axes, points: np.ndarray, looks: Sequence[Look], classes: np.ndarray | None) -> None:
    """Rows as marks, (rows, 2), thinned where there are very many; in the looks of their components, or all alike.

    A component's entry in the legend is a mark that can be seen; it is there for components without rows too.
    """
    shown = thinned(len(points))
    style = marks(len(points))
    if classes is None:
        ax.plot(points[shown, 0], points[shown, 1], "o", color=DATA, **style)
        ax.plot([], [], "o", color=DATA, markeredgewidth=0, label="data", **SEEN)
        return
    for k, look in enumerate(looks):
        chosen = shown[classes[shown] == k]
        own = {**style, "markeredgewidth": 0.8} if look.marker == "x" else style
        if len(chosen):
            ax.plot(points[chosen, 0], points[chosen, 1], look.marker, color=look.colour, linestyle="", **own)
        ax.plot([], [], look.marker, color=look.colour, linestyle="", label=look.label, **SEEN)


def draw_ellipses(
    ax: Axes, mean: np.ndarray, covariance: np.ndarray, look: Look, radii: Sequence[float], size: float = 9.0
) -> bool:
    """A component's ellipses, the nearest filled most, and a cross at its mean; whether there is a covariance to draw."""
    has_ellipse = bool(np.isfinite(covariance).all())
    for radius in radii if has_ellipse else ():
        confidence_ellipse(
            mean, covariance, ax, radius, facecolor=f"{look.colour}14", edgecolor=look.colour, linewidth=1.1
        )
    ax.plot(*mean, "+", color=look.colour, markersize=size, markeredgewidth=1.8)
    return has_ellipse


def ring(radii: Sequence[float]) -> Line2D:
    """The entry of a legend that says where ellipses lie: 1, 2, 3 sd."""
    said = ", ".join(f"{radius:g}" for radius in radii)
    return Line2D([], [], linestyle="", marker="o", markersize=8, fillstyle="none", color=DATA, label=f"{said} sd")


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

    Raises:
        DataError: no finite numbers of these shapes.
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
