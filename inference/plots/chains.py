"""Pictures of chains: the series with its path, and the states' probabilities under it; and how the states follow one another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from inference.assignment.calibration import checked_probabilities
from inference.plots.axes import check_observed, given_or_new, legend_beside, name_of, one_variable, shortened
from inference.plots.maps import colour_ticks, draw_map
from inference.plots.palette import DATA, colour, looks
from mixtures import Observations
from mixtures.errors import DataError, ModelError
from mixtures.tables import checked_sequence, components_in, numbers_in


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
    states, names = components_in("path", path, len(observations))
    ax = given_or_new(ax, (9.0, 3.0))
    draw_path(ax, observations, states, names)
    legend_beside(ax)
    return ax


def draw_path(ax: Axes, observations: Observations, states: np.ndarray, names: Sequence[object] = ()) -> None:
    """Draw the series over its states, which are called by their names where these are words."""
    _tint(ax, states)
    _mark_series(ax, observations)
    ax.plot(observations.x, color=DATA, linewidth=0.9)
    ax.plot(observations.x, ".", color="black", markersize=3.5)
    ax.set(ylabel=name_of(observations), xlabel="row", xlim=(-0.5, len(states) - 0.5))
    for state in np.unique(states):
        ax.fill_between([], [], facecolor=colour(int(state)), alpha=0.25, linewidth=0, label=_called(int(state), names))


def plot_state_probabilities(probabilities: Any, ax: Axes | None = None) -> Axes:
    """The probability of each state over time, one on top of another: together they are 1.

    Args:
        probabilities: from `responsibilities`, (rows, components); the names of a DataFrame's columns are those of the states.
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        DataError: no table of probabilities.
    """
    table = checked_probabilities(probabilities)
    names = getattr(probabilities, "columns", ())
    ax = given_or_new(ax, (9.0, 2.2))
    colours = [colour(state) for state in range(table.shape[1])]
    labels = [_called(state, names) for state in range(table.shape[1])]
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
    matrix = _square(transition)
    ax = given_or_new(ax, (3.6, 3.4))
    draw_transition(ax, matrix, range(len(matrix)))
    return ax


def draw_transition(ax: Axes, matrix: np.ndarray, names: Sequence[object]) -> None:
    """Draw a transition matrix, the states called by names or numbers."""
    draw_map(ax, matrix, aspect="equal")
    ax.set(xlabel="to state", ylabel="from state")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(range(len(matrix)), [shortened(str(name)) for name in names])
        colour_ticks(axis, looks(len(matrix)))


def plot_dwell_times(path: Any, transition: Any, ax: Axes | None = None, *, sequence: Any = None) -> Axes:
    """How long the chain stays in each state: bars of the stays of a path, dots for those that the transition matrix expects.

    Stays are geometric in a Markov chain, P(d rows) = p^(d - 1) (1 - p) with p the probability of staying: where bars are far from the dots,
    states last by another rule. Stays that the end of a series cuts off are left out.

    Args:
        path: the states, from `classify`, (rows,).
        transition: probabilities, (components, components): `fit.parameters["transition"]`, or the mean of a relabelled posterior's draws.
        ax: where to draw; None makes a figure.
        sequence: the series of each row, see `Observations`; None: one series.

    Returns:
        The axes.

    Raises:
        ModelError: no square matrix whose rows add up to one.
        DataError: states that the matrix does not have.

    Example:
        >>> plot_dwell_times([0, 0, 1, 0, 0, 1, 1, 0], [[0.5, 0.5], [0.6, 0.4]]).get_xlabel()
        'rows in a state'
    """
    matrix, (states, names) = _square(transition), components_in("path", path)
    if states.max() >= len(matrix):
        raise DataError("path", got=f"the state {states.max()}", expected=f"states 0 to {len(matrix) - 1}")
    stays = _stays(states, np.zeros(len(states)) if sequence is None else checked_sequence(sequence, len(states)))
    ax = given_or_new(ax, (7.0, 3.2))
    longest = max((int(own.max()) for own in stays.values()), default=1)
    rows, width = np.arange(1, longest + 1), 0.8 / max(1, len(stays))
    for place, (state, own) in enumerate(stays.items()):
        at = rows + (place - (len(stays) - 1) / 2) * width
        look, stay = looks(state + 1)[-1], matrix[state, state]
        share = np.bincount(own, minlength=longest + 1)[1:] / len(own)
        label = f"{_called(int(state), names)}, {len(own)} stays"
        ax.bar(at, share, width, color=look.colour, alpha=0.55, label=label)
        ax.plot(at, stay ** (rows - 1.0) * (1 - stay), look.marker, color=look.colour, markersize=4)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="rows in a state", ylabel="share of the stays", xlim=(0.3, longest + 0.7))
    if stays:
        legend_beside(ax)
    return ax


def _stays(states: np.ndarray, series: np.ndarray) -> dict[int, np.ndarray]:
    """The lengths of the stays in each state that the end of a series does not cut off."""
    is_new = (np.diff(states) != 0) | (np.diff(series) != 0)
    begins = np.concatenate([[0], np.flatnonzero(is_new) + 1, [len(states)]])
    lengths, first, last = np.diff(begins), begins[:-1], begins[1:] - 1
    is_whole = (last < len(states) - 1) & (series[last] == series[np.minimum(last + 1, len(states) - 1)])
    found = {int(k): lengths[is_whole & (states[first] == k)] for k in np.unique(states)}
    return {state: own for state, own in found.items() if len(own)}


def _called(state: int, names: Sequence[object]) -> str:
    """What a legend calls a state."""
    name = names[state] if state < len(names) else None
    return name if isinstance(name, str) else f"state {state}"


def _square(transition: Any) -> np.ndarray:
    """A transition matrix.

    Raises:
        ModelError: no square matrix whose rows add up to one.
    """
    matrix = numbers_in(transition, "transition")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.allclose(matrix.sum(axis=1), 1.0, atol=1e-6):
        raise ModelError(
            "transition", got=f"numbers of shape {matrix.shape}", expected="a square matrix whose rows add up to 1"
        )
    return matrix


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
