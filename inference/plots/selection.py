"""A picture of a sweep: the criterion over the number of components, one line a structure."""

from matplotlib.axes import Axes

from inference.plots.axes import given_or_new, legend_beside
from inference.plots.palette import WHOLE, colour, marker
from inference.selection.criteria import Selection


def plot_selection(selection: Selection, ax: Axes | None = None, *, criterion: str | None = None) -> Axes:
    """The criterion over the number of components, one line for each structure; smaller is better, a ring marks the best.

    Args:
        selection: what `select_components` returned.
        ax: where to draw; None makes a figure.
        criterion: `"bic"`, `"icl"` or `"aic"`; None takes the selection's own.

    Returns:
        The axes.
    """
    name = criterion or selection.criterion
    wide = selection.wide(name)
    ax = given_or_new(ax, (7.5, 4.5))
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
    ax.set(xlabel="components", ylabel=name.upper(), xticks=wide.index)
    legend_beside(ax)
    return ax
