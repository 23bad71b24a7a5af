"""What all pictures share: where they are drawn, what the axes are called, where the legend stands."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend

from inference.plots.style import house_style
from mixtures import Observations
from mixtures.errors import DataError, ModelError, in_words

LONGEST = 24
"""Letters of a name beside an axis."""


def given_or_new(ax: Axes | None, size: tuple[float, float] = (7.0, 4.0)) -> Axes:
    """The caller's axes, or those of a new figure of this size in inches.

    Raises:
        ModelError: something else than Axes.
    """
    if ax is not None:
        return check_axes(ax)
    with house_style():
        return new_figure(size).subplots()


def new_figure(size: tuple[float, float], pad: float = 0.04) -> Figure:
    """A figure of this size, with so much room at its edges, in inches, in the house style; axes are to be made in `house_style` too."""
    import matplotlib.pyplot as plt  # loads a window system where there is one: only when a figure is asked for

    with house_style():
        return plt.figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=pad, h_pad=pad))


def check_axes(ax: Any) -> Axes:
    """Check that there is something to draw on.

    Raises:
        ModelError: not Axes; the text says how to come by them.
    """
    if not isinstance(ax, Axes):
        several = isinstance(ax, np.ndarray | list | tuple)
        raise ModelError(
            "ax",
            got="several Axes, or something else in their place" if several else in_words(ax),
            expected="one matplotlib Axes",
            advice="Pass one of them: axes[0]." if several else "figure, ax = plt.subplots() makes one.",
        )
    return ax


def given_or_new_figure(figure: FigureBase | None, size: tuple[float, float]) -> FigureBase:
    """The caller's figure, or part of one, or a new one of this size in inches.

    Raises:
        ModelError: something else than a figure.
    """
    if figure is None:
        return new_figure(size)
    if not isinstance(figure, FigureBase):
        raise ModelError(
            "figure", got=in_words(figure), expected="a matplotlib Figure", advice="plt.figure() makes one."
        )
    return figure


def name_of(x: Observations, feature: int = 0) -> str:
    """What a column is called: its name, or x, or x[1]."""
    if x.feature_names:
        return x.feature_names[feature]
    return "x" if x.features is None else f"x[{feature}]"


def shortened(name: str) -> str:
    """A name that has room beside an axis.

    Example:
        >>> shortened("length of the sepal leaf in centimetres")
        'length of the sepal lea…'
    """
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def legend_beside(ax: Axes, title: str | None = None, **more: Any) -> Legend:
    """A legend to the right of the axes, where it covers nothing, in the type of the axes' names."""
    size = ax.xaxis.label.get_fontsize()
    place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "alignment": "left"}
    return ax.legend(title=title, frameon=False, fontsize=size, title_fontsize=size, **place, **more)


def entitle(ax: Axes, title: str) -> None:
    """Give the axes a title, at the left, a little larger than their names."""
    ax.set_title(title, loc="left", fontsize=float(ax.xaxis.label.get_fontsize()) + 1.0)


def check_pair(what: str, given: Any, count: int) -> list[int]:
    """Check for two of the columns, or of the components.

    Raises:
        ModelError: not two, or not among them.
    """
    pair = list(given) if isinstance(given, tuple | list | np.ndarray) else []
    is_index = [isinstance(i, int | np.integer) and not isinstance(i, bool) and 0 <= i < count for i in pair]
    if len(pair) != 2 or not all(is_index):
        kind = "columns" if what == "features" else what
        raise ModelError(what, got=in_words(given), expected=f"two of the {kind} 0 to {count - 1}")
    return [int(i) for i in pair]


def check_observed(x: Observations) -> None:
    """Check that there is something to draw.

    Raises:
        DataError: every cell is missing.
    """
    if np.isnan(x.x).all():
        raise DataError("x", got="missing cells only", expected="at least one observed value")


def one_variable(x: Observations, instead: str) -> None:
    """Check that the data have one variable.

    Raises:
        DataError: they have columns; the text names the picture to use instead.
    """
    if x.features is not None:
        raise DataError("x", got=f"shape {x.shape}", expected="one variable, shape (rows,)", advice=instead)
