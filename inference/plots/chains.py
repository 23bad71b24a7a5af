"""Pictures of chains: the series with its path, and the states' probabilities under it; and how the states follow one another."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from inference.assignment.calibration import checked_probabilities
from inference.plots.axes import check_observed, given_or_new, legend_beside, name_of, one_variable
from inference.plots.maps import draw_map, name_components
from inference.plots.palette import DATA, colour, looks
from mixtures import Observations
from mixtures.errors import ModelError
from mixtures.tables import numbers_in, whole_numbers


def plot_path(x: Any, path: Any, ax: Axes | None = None) -> Axes:
    """A series over time, over a tint that shows the state of each row.

    Args:
        x: one variable in the order of time, shape (rows,); a gap where nothing was observed.
        path: the states, from `classify`, (rows,).
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        DataError: data with columns, missing cells only, or not one state for each row.

    Example:
        >>> from mixtures import load_dataset
        >>> plot_path(load_dataset("earthquakes"), [0] * 50 + [1] * 57).get_ylabel()
        'count'
    """
    observations = Observations.of(x) if isinstance(x, Observations) else Observations(x, missing="allow")
    one_variable(observations, "Draw one column at a time: plot_path(x.column(0), path).")
    check_observed(observations)
    states = whole_numbers("path", path, len(observations))
    ax = given_or_new(ax, (9.0, 3.0))
    _tint(ax, states)
    _mark_series(ax, observations)
    ax.plot(observations.x, color=DATA, linewidth=0.9)
    ax.plot(observations.x, ".", color="black", markersize=3.5)
    ax.set(ylabel=name_of(observations), xlabel="row", xlim=(-0.5, len(states) - 0.5))
    for state in np.unique(states):
        ax.fill_between([], [], facecolor=colour(int(state)), alpha=0.25, linewidth=0, label=f"state {state}")
    legend_beside(ax)
    return ax


def plot_state_probabilities(probabilities: Any, ax: Axes | None = None) -> Axes:
    """The probability of each state over time, one on top of another: together they are 1.

    Args:
        probabilities: from `responsibilities`, (rows, components).
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        DataError: no table of probabilities.
    """
    table = checked_probabilities(probabilities)
    ax = given_or_new(ax, (9.0, 2.2))
    colours = [colour(state) for state in range(table.shape[1])]
    labels = [f"state {state}" for state in range(table.shape[1])]
    ax.stackplot(np.arange(len(table)), table.T, colors=colours, labels=labels, alpha=0.75, linewidth=0)
    ax.set(ylabel="probability", xlabel="row", xlim=(-0.5, len(table) - 0.5), ylim=(0, 1))
    legend_beside(ax)
    return ax


def plot_transition(transition: Any, ax: Axes | None = None) -> Axes:
    """A transition matrix: from the state of a row to that of the next.

    Args:
        transition: probabilities, (components, components): `fit.parameters["transition"]`, or the mean of a relabelled posterior's draws.
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        ModelError: no square matrix whose rows add up to one.

    Example:
        >>> plot_transition([[0.9, 0.1], [0.3, 0.7]]).get_xlabel()
        'to state'
    """
    matrix = numbers_in(transition, "transition")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.allclose(matrix.sum(axis=1), 1.0, atol=1e-6):
        raise ModelError(
            "transition", got=f"numbers of shape {matrix.shape}", expected="a square matrix whose rows add up to 1"
        )
    ax = given_or_new(ax, (3.6, 3.4))
    draw_map(ax, matrix, aspect="equal")
    ticks = range(len(matrix))
    ax.set(xlabel="to state", ylabel="from state", xticks=ticks, yticks=ticks)
    name_components(ax.xaxis, looks(len(matrix)))
    name_components(ax.yaxis, looks(len(matrix)))
    return ax


def _tint(ax: Axes, states: np.ndarray) -> None:
    """A tint behind each stretch of one state."""
    ends = np.append(np.flatnonzero(np.diff(states)), len(states) - 1)
    begin = -0.5
    for end in ends:
        ax.axvspan(begin, end + 0.5, facecolor=colour(int(states[end])), alpha=0.25, linewidth=0)
        begin = end + 0.5


def _mark_series(ax: Axes, x: Observations) -> None:
    """A line where a series begins."""
    if x.sequence is not None:
        for row in np.flatnonzero(np.diff(x.sequence)):
            ax.axvline(row + 0.5, color="black", linewidth=0.8, linestyle=":")
