"""Long work in pieces of about half a second: a compiled call cannot be interrupted, so there is a call for each piece."""

import time
from collections.abc import Iterator

SECONDS = 0.5
"""What a piece should take: Ctrl-C is answered after it, and what a call costs is nothing beside it."""


class Pace:
    """How many steps make a piece: one at first, whose call may compile, then as many as the last piece's time says."""

    def __init__(self) -> None:
        self.steps = 1

    def start(self) -> None:
        """A piece begins."""
        self._begin = time.perf_counter()

    def stop(self, steps: int) -> None:
        """It is done, and had so many steps."""
        seconds = max(time.perf_counter() - self._begin, 1e-9)
        self.steps = max(1, int(steps * SECONDS / seconds))


def pieces(steps: int) -> Iterator[tuple[int, int]]:
    """0, ..., steps - 1 in pieces: first and end of each. Whoever takes one is done with it when they ask for the next."""
    first, pace = 0, Pace()
    while first < steps:
        end = min(steps, first + pace.steps)
        pace.start()
        yield first, end
        pace.stop(end - first)
        first = end
