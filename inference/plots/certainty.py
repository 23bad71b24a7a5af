"""How sure rows are of their component: all of them at a glance, and where on the data the uncertain ones lie."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from inference.assignment.calibration import checked_probabilities
from inference.assignment.responsibilities import checked_like, responsibilities
from inference.plots.axes import check_pair, entitle, given_or_new, legend_beside, name_of
from inference.plots.kinds import looks_of
from inference.plots.palette import Look, looks
from inference.plots.scatter import SEEN
from inference.plots.style import thinned
from inference.results import PointFit
from mixtures import Observations
from mixtures.errors import DataError

SURE = 0.9
"""The probability above which a row is called sure."""

BARS = 20

SMALLEST, LARGEST = 9.0, 70.0
"""Areas of the marks of a sure row and of one that could as well be elsewhere, in points squared."""


def plot_certainty(fit: PointFit | xr.DataTree, x: Any, ax: Axes | None = None) -> Axes:
    """How probable each row's most probable component is: a histogram, one colour a component.

    Args:
        fit: a point fit, or draws, of a program with one assignment a row.
        x: the rows.
        ax: where to draw; None makes a figure.

    Returns:
        The axes; its title says how many rows are sure, above 0.9.

    Raises:
        DataError: other columns than the fit's.
        ModelError: neither a point fit nor draws.
    """
    observations = checked_like(fit, x)
    ax = given_or_new(ax, (5.0, 3.0))
    draw_certainty(ax, fit, observations, looks_of(fit, observations))
    legend_beside(ax)
    return ax


def draw_certainty(ax: Axes, fit: Any, x: Observations, known: Sequence[Look]) -> None:
    """Draw the histogram."""
    probabilities = responsibilities(fit, x)
    classes, best = probabilities.argmax(axis=1), probabilities.max(axis=1)
    edges = np.linspace(1.0 / max(2, len(known)), 1.0, BARS + 1)
    ax.hist(
        [best[classes == k] for k in range(len(known))], bins=edges.tolist(), stacked=True, linewidth=0, alpha=0.85,
        color=[look.colour for look in known], label=[look.label for look in known],
    )  # fmt: skip
    ax.set(xlabel="probability of the most probable component", ylabel="rows", xlim=(edges[0], 1.0))
    entitle(ax, f"{np.mean(best > SURE):.0%} of the rows above {SURE}")


def plot_uncertain_rows(
    x: Any, probabilities: Any, ax: Axes | None = None, *, features: tuple[int, int] = (0, 1)
) -> Axes:
    """Where on the data the uncertain rows lie: the less sure a row is of its component the larger and darker its mark.

    Uncertainty is one minus the probability of the most probable component. Data of one variable have it as their height.

    Args:
        x: the rows.
        probabilities: from `responsibilities`, (rows, components).
        ax: where to draw; None makes a figure.
        features: which two columns, where there are two or more.

    Returns:
        The axes.

    Raises:
        DataError: another number of rows than of probabilities.
        ModelError: features that are not two of the columns.
    """
    observations, table = Observations.of(x), checked_probabilities(probabilities)
    if len(table) != len(observations):
        raise DataError("probabilities", got=f"{len(table)} rows", expected=f"{len(observations)}, as x has")
    ax = given_or_new(ax, (6.5, 4.5))
    draw_uncertain(ax, observations, table.argmax(axis=1), 1.0 - table.max(axis=1), looks(table.shape[1]), features)
    legend_beside(ax)
    return ax


def draw_uncertain(
    ax: Axes,
    x: Observations,
    classes: np.ndarray,
    uncertainty: np.ndarray,
    known: Sequence[Look],
    features: tuple[int, int] = (0, 1),
) -> None:
    """Draw rows with marks as large as they are uncertain, the most uncertain on top."""
    is_plane = (count := x.features or 1) > 1
    pair = check_pair("features", features, count) if is_plane else [0]
    cells = x.x.reshape(len(x), -1)
    points = cells[:, pair] if is_plane else np.column_stack([cells[:, 0], uncertainty])
    shown = thinned(len(x))
    order = shown[np.argsort(uncertainty[shown], kind="stable")]
    relative = uncertainty / max(0.5, uncertainty.max())
    for k, look in enumerate(known):
        own = order[classes[order] == k]
        opacity = 0.3 + 0.6 * relative[own]
        ax.scatter(
            points[own, 0], points[own, 1], s=SMALLEST + (LARGEST - SMALLEST) * relative[own], marker=look.marker,
            c=look.colour, alpha=opacity, linewidths=0.8 if look.marker == "x" else 0, rasterized=len(shown) > 2_000,
        )  # fmt: skip
        ax.plot([], [], look.marker, color=look.colour, linestyle="", label=look.label, **SEEN)
    ax.set_xlabel(name_of(x, pair[0]))
    ax.set_ylabel(name_of(x, pair[1]) if is_plane else "P(another component)")
    if not is_plane:
        ax.set_ylim(bottom=0)
