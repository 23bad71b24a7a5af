"""Long work in pieces of about half a second: a compiled call cannot be interrupted, so there is a call for each piece."""

import time
from collections.abc import Iterator

SECONDS = 0.5
"""What a piece should take: Ctrl-C is answered after it, and what a call costs is nothing beside it."""


class Pace:
    """How many steps make a piece: one at first, whose call may compile, then as many as the last piece's time says.

    One that is kept beside a compiled function knows from its last call how long a step takes, so that short work is one call.
    """

    def __init__(self) -> None:
        self.steps = 1

    def learn(self, steps: int, begin: float) -> None:
        """A piece of so many steps is done, that began at that time of the clock."""
        seconds = max(time.perf_counter() - begin, 1e-9)
        self.steps = max(1, int(steps * SECONDS / seconds))


class Paces:
    """The paces of one compiled function, by how many lanes a call has: starts, draws, particles that are computed together."""

    def __init__(self) -> None:
        self._known: dict[int, Pace] = {}

    def of(self, lanes: int) -> Pace:
        """The pace of calls of so many lanes."""
        return self._known.setdefault(lanes, Pace())


def pieces(steps: int, pace: Pace | None = None) -> Iterator[tuple[int, int]]:
    """0, ..., steps - 1 in pieces: first and end of each. Whoever takes one is done with it when they ask for the next.

    Args:
        steps: how many there are.
        pace: what is known of how long they take, and learns more; None: nothing.
    """
    first, pace = 0, Pace() if pace is None else pace
    while first < steps:
        end, begin = min(steps, first + pace.steps), time.perf_counter()
        yield first, end
        pace.learn(end - first, begin)
        first = end
