"""A picture of a sweep: the criterion over the number of components, one line a structure."""

import numpy as np
from matplotlib.axes import Axes

from inference.checks import check_result
from inference.plots.axes import given_or_new, legend_beside
from inference.plots.palette import WHOLE, colour, marker
from inference.selection.components import Selection

SHOWN = 3.0
"""How far up the picture goes, in units of the distance from the best to the median."""


def plot_selection(selection: Selection, ax: Axes | None = None, *, criterion: str | None = None) -> Axes:
    """The criterion over the number of components, one line for each structure; smaller is better, a ring marks the best.

    Structures that are far worse than the rest run out of the picture. Where no fit is sound there is no criterion to show: the picture
    then says so, with the fits' statuses.

    Args:
        selection: what `select_components` returned.
        ax: where to draw; None makes a figure.
        criterion: `"bic"`, `"icl"`, `"aic"`, `"sabic"` or `"caic"`; None takes the selection's own.

    Returns:
        The axes.

    Raises:
        ModelError: not a `Selection`.
        ChoiceError: not one of the criteria.
    """
    check_result("selection", selection, "wide", "Selection", "select_components")
    name = selection.criterion if criterion is None else criterion
    wide = selection.wide(name)
    ax = given_or_new(ax, (7.5, 4.5))
    ax.set(xlabel="components", ylabel=name.upper(), xticks=wide.index)
    if wide.isna().all(axis=None):
        return _without_sound_fits(selection, ax)
    for index, structure in enumerate(wide.columns):
        values = wide[structure]
        # as many line styles as colours would need: the eighth structure has the first one's colour, and dashes
        style = "-" if index < 7 else "--"
        ax.plot(
            values.index, values, style, color=colour(index), marker=marker(index), markersize=4, linewidth=1.1,
            label=structure,
        )  # fmt: skip
    best = wide.stack().idxmin()
    ax.plot(best[0], wide.loc[best], "o", color=WHOLE, fillstyle="none", markersize=12, label=f"{best[1]}, {best[0]}")
    # structures far from the data would flatten all differences that matter: the better half fills the picture
    values = wide.stack()
    ax.set_ylim(top=min(values.max(), values.min() + SHOWN * (values.median() - values.min())) + 0.02 * np.ptp(values))
    legend_beside(ax)
    return ax


def _without_sound_fits(selection: Selection, ax: Axes) -> Axes:
    counts = selection.table["status"].map(lambda status: status.word).value_counts()
    said = "\n".join(f"{count} {word}" for word, count in counts.items())
    ax.text(0.5, 0.5, f"No fit is sound:\n{said}", transform=ax.transAxes, ha="center", va="center")
    ax.set(xlim=(min(selection.table["components"]) - 0.5, max(selection.table["components"]) + 0.5), yticks=[])
    return ax
