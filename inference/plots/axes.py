"""What all pictures share: where they are drawn, what the axes are called, where the legend stands."""

from matplotlib.axes import Axes
from matplotlib.legend import Legend

from mixtures import Observations
from mixtures.errors import DataError


def given_or_new(ax: Axes | None, size: tuple[float, float] = (7.0, 4.0)) -> Axes:
    """The caller's axes, or those of a new figure of this size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # loads a window system where there is one: only when a figure is asked for

    return plt.subplots(figsize=size, layout="constrained")[1]


def name_of(x: Observations, feature: int = 0) -> str:
    """What a column is called: its name, or x, or x[1]."""
    if x.feature_names:
        return x.feature_names[feature]
    return "x" if x.features is None else f"x[{feature}]"


def legend_beside(ax: Axes, title: str | None = None) -> Legend:
    """A legend to the right of the axes, where it covers nothing."""
    return ax.legend(title=title, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), alignment="left")


def one_variable(x: Observations, instead: str) -> None:
    """Check that the data have one variable.

    Raises:
        DataError: they have columns; the text names the picture to use instead.
    """
    if x.features is not None:
        raise DataError("x", got=f"shape {x.shape}", expected="one variable, shape (rows,)", advice=instead)
