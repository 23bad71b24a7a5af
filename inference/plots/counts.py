"""A picture of every route to the number of components, one panel a kind."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from inference.checks import check_result
from inference.plots.axes import entitle, given_or_new_figure
from inference.plots.palette import WHOLE, colour, marker
from inference.plots.style import house_style
from inference.selection.count import NumberOfComponents

CRITERIA = {"bic": "BIC", "icl": "ICL", "sabic": "SABIC", "caic": "CAIC", "aic": "AIC"}
SCORES = {"log_score": "cross-validation", "elpd_loo": "LOO"}
PROBABILITIES = {"p_components": "p(K)", "p_clusters": "p(K+)", "p_evidence": "from the evidence"}

SHOWN = 4.0
"""How far a panel goes, in units of the median distance from the best."""


def plot_component_count(count: NumberOfComponents, figure: FigureBase | None = None) -> np.ndarray:
    """What each route says of every number of components: criteria, predictions of left-out rows, probabilities; rings mark the answers.

    Criteria are shown above their least value, and predictions below their best with the standard error of the difference, so that routes of
    different units can be held against each other. Numbers that are far worse run out of a panel. Unsound fits are left out.

    Args:
        count: what `number_of_components` returned.
        figure: where to draw; None makes one.

    Returns:
        The axes, one for each kind of route there is.

    Raises:
        ModelError: not a `NumberOfComponents`.
    """
    check_result("count", count, "answers", "NumberOfComponents", "number_of_components")
    kinds: list[tuple[dict[str, str], Callable[..., None]]] = [
        (CRITERIA, _criteria),
        (SCORES, _scores),
        (PROBABILITIES, _probabilities),
    ]
    present = [({k: v for k, v in names.items() if k in count.table}, draw) for names, draw in kinds]
    panels = [(names, draw) for names, draw in present if names]
    figure = given_or_new_figure(figure, (4.3 * len(panels), 3.8))
    with house_style():
        axes = np.atleast_1d(figure.subplots(1, len(panels)))
    for ax, (names, draw) in zip(axes, panels, strict=True):
        draw(ax, count.table, names)
        ax.set(xlabel="components")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend(frameon=False, loc="best")
    return axes


def _criteria(ax: Axes, table: pd.DataFrame, names: dict[str, str]) -> None:
    is_sound = [not pd.isna(status) and status.is_sound for status in table["status"]]
    every = []
    for index, (name, label) in enumerate(names.items()):
        values = table[name].where(is_sound).dropna()
        if len(values):
            _line(ax, values - values.min(), index, label)
            every.append(values - values.min())
    _cut(ax, pd.concat(every) if every else pd.Series(dtype=float))
    ax.set(ylabel="above the least")
    entitle(ax, "Criteria")


def _scores(ax: Axes, table: pd.DataFrame, names: dict[str, str]) -> None:
    every = []
    for index, (name, label) in enumerate(names.items()):
        values = table[f"{name}_behind"].dropna()
        errors = table.loc[values.index, f"{name}_error"]
        place = values.index + 0.08 * index
        ax.errorbar(place, values, errors, color=colour(index), linewidth=0, elinewidth=1.1)
        _line(ax, pd.Series(values.to_numpy(), place), index, label)
        every.append(values + errors)
    _cut(ax, pd.concat(every))
    ax.set(ylabel="nats behind the best")
    entitle(ax, "Rows that were left out")


def _probabilities(ax: Axes, table: pd.DataFrame, names: dict[str, str]) -> None:
    width = 0.8 / len(names)
    for index, (name, label) in enumerate(names.items()):
        values = table[name].dropna()
        place = values.index + width * (index - (len(names) - 1) / 2)
        ax.bar(place, values, width, color=colour(index), label=label, alpha=0.9)
    ax.set(ylabel="probability", ylim=(0, None))
    entitle(ax, "Given the data")


def _line(ax: Axes, values: pd.Series, index: int, label: str) -> None:
    """A line over numbers of components, its lowest point ringed."""
    style: Any = {"color": colour(index), "marker": marker(index), "markersize": 4, "linewidth": 1.1}
    ax.plot(values.index, values, "-", label=label, **style)
    ax.plot(values.idxmin(), values.min(), "o", color=WHOLE, fillstyle="none", markersize=11)


def _cut(ax: Axes, values: pd.Series) -> None:
    """Numbers that are far worse than the others would flatten all differences that matter."""
    above = values[values > 0]
    if len(above):
        ax.set_ylim(-0.06 * min(above.max(), SHOWN * above.median()), 1.05 * min(above.max(), SHOWN * above.median()))
