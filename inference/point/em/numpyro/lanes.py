"""Restarts in the lanes of one program: a lane holds one, and when that has come to rest the next that waits."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from inference.point.em.closed_form import State
from inference.point.em.problem import EMResult, Outcome

SHARE_AT_WORK = 0.75
"""The share of the lanes at work below which a call ends, so that the next restarts begin."""


class Lanes:
    """Who holds each lane, and where it stands.

    Args:
        states: where all restarts begin, (restarts, ...) by name.
        count: how many lanes there are, no more than restarts.
        components: how many components restarts have.
    """

    def __init__(self, states: State, count: int, components: int):
        restarts = len(next(iter(states.values())))
        self._states, self._waiting = states, deque(range(count, restarts))
        self._begun = {
            "objective": np.array(-np.inf),
            "steps": np.array(0),
            "outcome": np.array(int(Outcome.RUNNING)),
            "occupancy": np.zeros(components),
        }
        self._traces: list[list[float]] = [[] for _ in range(restarts)]
        self._ends: dict[int, tuple[State, Outcome, np.ndarray]] = {}
        self.holders: list[int | None] = list(range(count))
        self.state = {name: np.array(value[:count]) for name, value in states.items()}
        self.now = {name: np.stack([value] * count) for name, value in self._begun.items()}

    @property
    def are_held(self) -> bool:
        """Whether some restart has not come to rest."""
        return any(holder is not None for holder in self.holders)

    @property
    def enough(self) -> int:
        """As many lanes at work that a call ends: where restarts wait, as soon as some are free."""
        return int(SHARE_AT_WORK * len(self.holders)) if self._waiting else 0

    def take(self, state: State, now: Mapping[str, Any], trace: Any) -> bool:
        """Take over where a call has left the lanes; whether some of them have gone to other restarts, or to none.

        Args:
            state: (lanes, ...) by name.
            now: each lane's numbers.
            trace: objectives, (lanes, iterations), NaN where there was none.
        """
        self.state, self.now = state, {name: np.array(value) for name, value in now.items()}
        done = self.now["outcome"] != int(Outcome.RUNNING)
        free = []
        for lane, (holder, objectives) in enumerate(zip(self.holders, np.asarray(trace), strict=True)):
            if holder is not None:
                self._traces[holder].extend(objectives[~np.isnan(objectives)].tolist())
                free += [lane] if done[lane] else []
        if free:
            self.state = {name: np.array(value) for name, value in state.items()}
        for lane in free:
            self._pass_on(lane)
        return bool(free)

    def _pass_on(self, lane: int) -> None:
        """The lane's restart is done: the next one begins there."""
        before = self.holders[lane]
        assert before is not None
        state = {name: value[lane].copy() for name, value in self.state.items()}
        self._ends[before] = (state, Outcome(self.now["outcome"][lane]), self.now["occupancy"][lane].copy())
        self.holders[lane] = following = self._waiting.popleft() if self._waiting else None
        if following is not None:
            for name, value in self._states.items():
                self.state[name][lane] = value[following]
            for name, value in self._begun.items():
                self.now[name][lane] = value

    def result(self) -> EMResult:
        """What EM gave, when no lane is held."""
        states, outcomes, occupancy = zip(*(self._ends[restart] for restart in range(len(self._traces))), strict=True)
        return EMResult(
            {name: np.stack([state[name] for state in states]) for name in self._states},
            [np.array(trace) for trace in self._traces],
            list(outcomes),
            np.stack(occupancy),
        )
