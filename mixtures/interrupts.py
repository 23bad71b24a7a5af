"""Ctrl-C while compiled work runs: noted, and answered where nothing runs any more.

Python raises KeyboardInterrupt between any two steps: in the middle of a compilation, or while an array is still being computed. The
backend's thread computes on after that, and the process crashes if the interpreter ends before it does.
"""

import threading
from _signal import SIGINT, getsignal, signal  # `signal` makes enums of them, which takes ten times as long
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class _Noted:
    """A scope in which the first Ctrl-C is noted; every further one is handed to the handler found, which is put back at the end.

    Signals reach the main thread alone: in others, and where the process ignores interrupts, nothing is changed.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._found: Callable[..., Any] | None = None

    def __enter__(self) -> "_Noted":
        if threading.current_thread() is threading.main_thread():
            found = getsignal(SIGINT)
            if callable(found):
                self._found = found
                signal(SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._found is not None:
            signal(SIGINT, self._found)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.is_set and self._found is not None:
            self._found(number, frame)
        self.is_set = True


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Within this scope the first Ctrl-C only sets a flag, which the yielded function reads; the second interrupts at once."""
    with _Noted() as noted:
        yield lambda: noted.is_set


class held_interrupts(_Noted):  # noqa: N801 (used as a function)
    """Within this scope the first Ctrl-C waits for its end; the second interrupts at once. For one piece of compiled work and its wait."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if self.is_set and self._found is not None:
            self._found(SIGINT, None)
