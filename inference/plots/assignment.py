"""Pictures of assignments: classes and their probabilities along one variable, draws near a boundary, the guide's probabilities."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from inference.assignment.calibration import checked_probabilities
from inference.checks import check_choice, check_count, check_result
from inference.plots.axes import check_observed, given_or_new, legend_beside, name_of, one_variable
from inference.plots.palette import DATA, colour, looks, marker
from inference.plots.style import marks
from inference.results import GuideFit
from mixtures import Observations
from mixtures.errors import DataError
from mixtures.tables import components_in


def plot_classes(
    x: Any,
    classes: Any,
    probabilities: Any,
    ax: Axes | None = None,
) -> Axes:
    """Each component's probability along one variable, over a tint that shows the class.

    Args:
        x: the rows that were classified, shape (rows,); those that were not observed have no place along the variable and are left out.
        classes: from `classify`, (rows,).
        probabilities: from `responsibilities`, (rows, components).
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        DataError: data with columns, missing cells only, or another number of classes or of probabilities than of rows.
    """
    observations = _along_one_variable(x)
    classes, names = components_in("classes", classes)
    _same_rows(observations, classes)
    probabilities = checked_probabilities(probabilities)
    _same_rows(observations, probabilities)
    ax = given_or_new(ax, (7.0, 3.0))
    order = np.argsort(observations.x, kind="stable")[: np.sum(~np.isnan(observations.x))]  # NaN sorts to the end
    values, sorted_classes = observations.x[order], classes[order]
    # Classes change between two rows: each tint ends half-way.
    last = np.flatnonzero(np.diff(sorted_classes))
    borders = np.concatenate([values[:1], (values[last] + values[last + 1]) / 2, values[-1:]])
    for left, right, component in zip(borders, borders[1:], sorted_classes[[*last, -1]], strict=False):
        ax.axvspan(left, right, facecolor=colour(int(component)), alpha=0.15, linewidth=0)
    for look, probability in zip(looks(probabilities.shape[1], names=names), probabilities[order].T, strict=True):
        ax.plot(values, probability, color=look.colour, linewidth=1.6, label=look.label)
    ax.fill_between([], [], facecolor=DATA, alpha=0.3, linewidth=0, label="tint: the class")
    ax.set(xlabel=name_of(observations), ylabel="probability of the component", xlim=(borders[0], borders[-1]))
    ax.set_ylim(-0.04, 1.04)
    legend_beside(ax)
    return ax


def plot_random_assignments(
    x: Any,
    assignments: Any,
    ax: Axes | None = None,
    *,
    components: int | None = None,
) -> Axes:
    """Random assignments of rows along one variable, one mark a row: near a boundary both components occur.

    Args:
        x: the rows that were classified, shape (rows,).
        assignments: from `classify` at temperature 1, (rows,).
        ax: where to draw; None makes a figure.
        components: how many there are; None goes by those that occur.

    Returns:
        The axes.

    Raises:
        DataError: data with columns, missing cells only, or another number of assignments than of rows.
    """
    observations = _along_one_variable(x)
    assignments, _ = components_in("assignments", assignments)
    _same_rows(observations, assignments)
    count = int(assignments.max()) + 1 if components is None else check_count("components", components)
    ax = given_or_new(ax, (7.0, 2.2))
    for component in range(count):
        chosen = observations.x[assignments == component]
        ax.plot(chosen, np.full(len(chosen), component), "x", color=colour(component), markersize=5)
    ax.set(xlabel=name_of(observations), ylabel="component", yticks=range(count), ylim=(-0.5, count - 0.5))
    return ax


def plot_guide(guide: GuideFit, x: Any, ax: Axes | None = None, *, site: str | None = None) -> Axes:
    """The guide's assignment probabilities of each row, along the variable, or row by row where the data have columns.

    Args:
        guide: what `fit_guide` returned.
        x: the rows that it was fitted to.
        ax: where to draw; None makes a figure.
        site: which assignment, where a row has several; None is the first.

    Returns:
        The axes.

    Raises:
        DataError: another number of rows.
        ModelError: not a `GuideFit`.
    """
    check_result("guide", guide, "assignment_probs", "GuideFit", "fit_guide")
    observations = Observations.of(x)
    probs = guide.assignment_probs
    by_site = probs if isinstance(probs, dict) else {"assignment": probs}
    table = by_site[next(iter(by_site)) if site is None else check_choice("site", site, by_site)]
    _same_rows(observations, table)
    ax = given_or_new(ax, (7.0, 3.0))
    is_one_variable = observations.features is None
    place = observations.x if is_one_variable else np.arange(len(observations))
    for component, probability in enumerate(table.T):
        ax.plot(
            place, probability, marker(component), color=colour(component), clip_on=False, label=f"component {component}",
            **marks(len(place)),
        )  # fmt: skip
    ax.set(xlabel=name_of(observations) if is_one_variable else "row", ylabel="assignment probability")
    ax.set_ylim(-0.04, 1.04)
    legend_beside(ax)
    return ax


def _along_one_variable(x: Any) -> Observations:
    observations = Observations.of(x)
    one_variable(observations, "Use plot_ellipses with classes= for two columns.")
    check_observed(observations)
    return observations


def _same_rows(x: Observations, table: np.ndarray) -> None:
    if len(table) != len(x):
        raise DataError("x", got=f"{len(x)} rows", expected=f"{len(table)}, as the result has", advice="Pass its rows.")
