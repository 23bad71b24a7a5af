"""A picture of merged components: how the entropy falls, its elbow, and the clusters on the data."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from inference.checks import check_choice, check_result
from inference.plots.axes import entitle, given_or_new_figure, legend_beside, name_of
from inference.plots.palette import DATA, WHOLE, Look, colour, looks, marker
from inference.plots.scatter import draw_rows
from inference.plots.style import house_style
from inference.selection.merges import ComponentMerges
from mixtures import Observations

AGAINST = {"clusters": "clusters", "rows": "rows moved by merges"}


def plot_merges(
    merges: ComponentMerges,
    figure: FigureBase | None = None,
    *,
    clusters: int | None = None,
    against: str = "clusters",
) -> np.ndarray:
    """The entropy of the assignment after each merge, its elbow ringed, and the clusters on the data where these have two columns.

    Merges of components that are one cluster lower the entropy steeply; merges of clusters that are apart hardly do. Two lines meet at the
    elbow. Marks show the clusters, their colours those of the lowest component in each.

    Args:
        merges: what `merge_components` returned.
        figure: where to draw; None makes one.
        clusters: how many clusters the data are drawn with; None: as many as are suggested, or two.
        against: `"clusters"`, or `"rows"`: the rows that merges have moved, fairer where clusters differ much in size.

    Returns:
        The axes: one, or two where the data have two columns.

    Raises:
        ModelError: not a `ComponentMerges`; more clusters than components.
        ChoiceError: neither clusters nor rows.
    """
    check_result("merges", merges, "rows_merged", "ComponentMerges", "merge_components")
    check_choice("against", against, AGAINST)
    shown = clusters if clusters is not None else merges.suggested or 2
    groups = merges.groups(shown)
    data = Observations.of(merges.x)
    panels = 2 if data.features == 2 else 1
    figure = given_or_new_figure(figure, (4.6 * panels + 1.0 * (panels - 1), 4.0))
    with house_style():
        axes = np.atleast_1d(figure.subplots(1, panels))
    _draw_entropies(axes[0], merges, against)
    if panels == 2:
        names = ["components " + " + ".join(str(merges.names[k]) for k in group) for group in groups]
        called = [
            Look(colour(group[0]), marker(group[0]), name if len(group) > 1 else look.label)
            for group, name, look in zip(groups, names, _own(merges, groups), strict=True)
        ]
        draw_rows(axes[1], data.x, called, merges.probabilities(shown).argmax(axis=1))
        axes[1].set(xlabel=name_of(data, 0), ylabel=name_of(data, 1))
        entitle(axes[1], f"{shown} cluster{'s' * (shown > 1)}")
        legend_beside(axes[1])
    return axes


def _own(merges: ComponentMerges, groups: list[tuple[int, ...]]) -> list[Look]:
    """The looks of the components by which clusters are named."""
    every = looks(merges.components, names=merges.names)
    return [every[group[0]] for group in groups]


def _draw_entropies(ax: Axes, merges: ComponentMerges, against: str) -> None:
    counts = np.arange(1, merges.components + 1)
    place = counts if against == "clusters" else merges.rows_merged
    ax.plot(place, merges.entropies, "o", color=WHOLE, markersize=5)
    elbow = merges.elbow(against)  # type: ignore[arg-type]  # checked by the caller
    if elbow is None:
        ax.plot(place, merges.entropies, color=DATA, linewidth=1.1)
    else:
        for part in (slice(None, elbow), slice(elbow - 1, None)):
            line: Any = np.polynomial.Polynomial.fit(place[part], merges.entropies[part], 1)
            ax.plot(place[part], line(place[part]), color=colour(0), linewidth=1.3)
        at = elbow - 1
        ax.plot(
            place[at], merges.entropies[at], "o", color=colour(1), fillstyle="none", markersize=12, markeredgewidth=1.5,
            label=f"elbow: {elbow} clusters", linestyle="",
        )  # fmt: skip
        ax.legend(frameon=False, loc="best")
    if against == "rows":
        for x, y, count in zip(place, merges.entropies, counts, strict=True):
            ax.annotate(str(count), (x, y), xytext=(6, 4), textcoords="offset points", color=DATA)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel=AGAINST[against], ylabel="entropy of the assignment")
    entitle(ax, f"{merges.components} components, merged by {merges.method}")
