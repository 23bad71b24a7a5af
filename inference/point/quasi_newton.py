"""L-BFGS from many starts side by side: each look at the objective is one call for all of them.

Every start has a curvature, a line search and an end of its own, and waits for no other. Steps fulfil the weak Wolfe conditions, found by
bisection, for which values that are no numbers are too far (Lewis & Overton 2013, Mathematical Programming 141). Directions are Liu &
Nocedal's (1989, Mathematical Programming 45). Libraries have this for one start, or for functions of one array library.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

MEMORY = 10
"""Steps, and changes of the gradient over them, that a curvature is made of."""

DECREASE, CURVATURE = 1e-4, 0.9
"""Wolfe's conditions: the share of the promised decrease that a step has at least, and of the slope that it leaves at most."""

FIRST, LONGEST = 0.1, 1.0
"""The largest coordinate of the first step that is tried, and of any step, in units."""

LEAP = 16.0
"""From so many times the length of a step on, no longer one is looked for."""

LOOKS = 40
"""Looks along one direction, after which the longest step with a decrease is taken, or, where none has one, there is nothing to be had."""

ROUNDING = 1e-13
"""Relative differences of values that are none."""

MANY = 100
"""Looks after which those that are still on their way are looked at alone."""

IDLE = 5
"""Steps without gain, after which what is left is rounding."""

Points = Float[np.ndarray, "starts size"]
Values = Float[np.ndarray, " starts"]
Which = Bool[np.ndarray, " starts"]
Objective = Callable[[Points], tuple[Values, Points]]


@dataclass(frozen=True, eq=False)
class Descents:
    """Where descents ended, and the way there.

    Args:
        ends: (starts, size).
        steps: how many each start took, (starts,).
        values: the objective before each step and at the end, an array of steps + 1 for each start.
        records: likewise, of gradients; see `quasi_newton`.
    """

    ends: Points
    steps: Int[np.ndarray, " starts"]
    values: list[np.ndarray]
    records: list[np.ndarray]


@np.errstate(all="ignore")  # on and beyond the border of the support there are no numbers
def quasi_newton(
    objective: Objective,
    starts: Points,
    *,
    steps: int,
    tolerance: float,
    record: Callable[[Points], np.ndarray] = lambda gradients: np.abs(gradients).max(axis=1),
    takes_few: bool = True,
) -> Descents:
    """Minimise from every start until it is at rest.

    Args:
        objective: points -> values and gradients.
        starts: (starts, size), in coordinates of which 1 is a long way.
        steps: of each start, at most.
        tolerance: of a start at rest, the largest derivative relative to the objective's size (at least 1).
        record: what is kept of gradients, (starts, size) -> (starts, ...).
        takes_few: whether the objective may be asked about some of the points alone.

    Example:
        >>> found = quasi_newton(lambda v: ((v**2).sum(axis=1), 2 * v), np.array([[3.0, 4.0], [0.0, 0.0]]), steps=50, tolerance=1e-9)
        >>> bool(np.allclose(found.ends, 0.0)), int(found.steps[1])
        (True, 0)
    """
    at = np.array(starts, dtype=np.float64)
    value, gradient = _looked(objective, at)
    history = _History(value, record(gradient))
    curvature, search = _Curvature(at), _Search(at)
    is_moving = np.isfinite(value) & ~_is_flat(value, gradient, tolerance)
    search.turn(is_moving, curvature.direction(gradient), gradient)
    looks = 0
    while is_moving.any():
        looks += 1
        trial = at + np.where(is_moving, search.length, 0.0)[:, None] * search.direction
        some = takes_few and looks > MANY
        found, slopes = _looked_at_few(objective, trial, is_moving) if some else _looked(objective, trial)
        is_step = search.judge(is_moving, value, found, slopes)
        curvature.add(is_step, trial - at, slopes - gradient)
        at[is_step], value[is_step], gradient[is_step] = trial[is_step], found[is_step], slopes[is_step]
        history.add(is_step, value, record(gradient))
        is_done = _is_flat(value, gradient, tolerance) | (history.steps >= steps) | (search.idle > IDLE)
        is_moving &= ~(is_step & is_done)
        is_lost = is_moving & (search.looks > LOOKS + 1)
        is_moving &= ~(is_lost & curvature.is_blank)  # not even straight downhill
        curvature.forget(is_lost)
        search.turn(is_moving & (is_step | is_lost), curvature.direction(gradient), gradient)
    return Descents(at, history.steps, *history.series())


def _looked(objective: Objective, points: Points) -> tuple[Values, Points]:
    """Values and gradients; where one is no number the value is infinite, and the gradient zero."""
    values, gradients = objective(points)
    is_number = np.isfinite(values) & np.isfinite(gradients).all(axis=1)
    return np.where(is_number, values, np.inf), np.where(is_number[:, None], gradients, 0.0)


def _looked_at_few(objective: Objective, points: Points, which: Which) -> tuple[Values, Points]:
    """The same at some points alone, if these are a quarter of all at most; others are as good as nowhere."""
    few = -(-len(points) // 4)
    if which.sum() > few:
        return _looked(objective, points)
    index = np.resize(np.flatnonzero(which), few)  # one size, so that objectives are compiled for two at most
    values, gradients = np.full(len(points), np.inf), np.zeros_like(points)
    values[index], gradients[index] = _looked(objective, points[index])
    return values, gradients


def _is_flat(value: Values, gradient: Points, tolerance: float) -> Which:
    return np.abs(gradient).max(axis=1) <= tolerance * np.maximum(1.0, np.abs(value))


class _Curvature:
    """The last steps of every start and the changes of its gradient over them, the newest last."""

    def __init__(self, starts: Points):
        count, size = starts.shape
        self._moves, self._changes = np.zeros((MEMORY, count, size)), np.zeros((MEMORY, count, size))
        self._weights = np.zeros((MEMORY, count))  # 1 / (move . change); 0 where there is none
        self._first = MEMORY  # of all starts' pairs, the oldest

    @property
    def is_blank(self) -> Which:
        return self._weights[-1] == 0.0

    def add(self, which: Which, moves: Points, changes: Points) -> None:
        products = (moves * changes).sum(axis=1)
        kept = which & (
            products > np.finfo(float).eps * np.linalg.norm(moves, axis=1) * np.linalg.norm(changes, axis=1)
        )
        for series, new in ((self._moves, moves), (self._changes, changes)):
            series[:-1, kept] = series[1:, kept]
            series[-1, kept] = new[kept]
        self._weights[:-1, kept] = self._weights[1:, kept]
        self._weights[-1, kept] = 1 / products[kept]
        self._first = max(0, self._first - 1)

    def forget(self, which: Which) -> None:
        self._weights[:, which] = 0.0

    def direction(self, gradient: Points) -> Points:
        """Minus the inverse curvature times the gradient; downhill where nothing is known of it."""
        direction, shares = -gradient, np.zeros_like(self._weights)
        for i in reversed(range(self._first, MEMORY)):
            shares[i] = self._weights[i] * (self._moves[i] * direction).sum(axis=1)
            direction = direction - shares[i, :, None] * self._changes[i]
        squares = (self._changes[-1] ** 2).sum(axis=1) * self._weights[-1]
        largest = np.abs(gradient).max(axis=1)
        downhill = FIRST / np.where(largest > 0, largest, 1.0)
        direction = direction * np.where(self.is_blank, downhill, 1 / np.where(squares > 0, squares, 1.0))[:, None]
        for i in range(self._first, MEMORY):
            back = self._weights[i] * (self._changes[i] * direction).sum(axis=1)
            direction = direction + (shares[i] - back)[:, None] * self._moves[i]
        return direction


class _Search:
    """Every start's line search: a direction, lengths that are too short and too long, and the one that is tried."""

    def __init__(self, starts: Points):
        count = len(starts)
        self.direction: Points = np.zeros_like(starts)
        self.length, self.looks, self.idle = np.zeros(count), np.zeros(count, dtype=int), np.zeros(count, dtype=int)
        self._slope, self._short, self._long = np.zeros(count), np.zeros(count), np.full(count, np.inf)

    def turn(self, which: Which, direction: Points, gradient: Points) -> None:
        """Begin along new directions, no coordinate further than `LONGEST`."""
        longest = np.abs(direction).max(axis=1)
        scale = np.minimum(1.0, LONGEST / np.where(longest > 0, longest, 1.0))
        self.direction[which] = (direction * scale[:, None])[which]
        self._slope[which] = (self.direction * gradient).sum(axis=1)[which]
        self.length[which], self._short[which], self._long[which], self.looks[which] = 1.0, 0.0, np.inf, 0

    def judge(self, which: Which, value: Values, found: Values, gradients: Points) -> Which:
        """Whose trial is a step; others are given another length."""
        small = np.where(np.isfinite(value), ROUNDING * np.maximum(1.0, np.abs(value)), 0.0)
        is_long = ~(found <= value + DECREASE * self.length * self._slope + small)
        ahead = (gradients * self.direction).sum(axis=1)
        is_over = (self.looks >= LOOKS) | (self.length >= LEAP)
        is_short = ~is_long & ~is_over & (ahead < CURVATURE * self._slope)
        is_step = which & ~is_long & ~is_short
        self.looks[which] += 1
        self._long[which & is_long] = self.length[which & is_long]
        self._short[which & is_short] = self.length[which & is_short]
        between = np.where(np.isinf(self._long), 2 * self._short, (self._short + self._long) / 2)
        is_last = (self.looks >= LOOKS) & (self._short > 0)
        self.length = np.where(which & ~is_step, np.where(is_last, self._short, between), self.length)
        self.idle[is_step] = np.where(found < value - small, 0, self.idle + 1)[is_step]
        return is_step


class _History:
    """Values and what is kept of gradients, for every start before each of its steps and at the end."""

    def __init__(self, value: Values, record: np.ndarray):
        self.steps = np.zeros(len(value), dtype=np.int64)
        self._series = [([value[i]], [record[i]]) for i in range(len(value))]

    def add(self, which: Which, value: Values, record: np.ndarray) -> None:
        for i in np.flatnonzero(which):
            self._series[i][0].append(value[i])
            self._series[i][1].append(record[i])
        self.steps += which

    def series(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        return [np.array(values) for values, _ in self._series], [np.array(records) for _, records in self._series]
