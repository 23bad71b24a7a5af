"""Ctrl-C as a wish to stop soon: a flag that is looked at between blocks, so that no draw is lost."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Within this scope the first Ctrl-C only sets a flag, which the yielded function reads; the second interrupts at once.

    Signals reach the main thread alone: in others, and where the process ignores interrupts, nothing is changed. The handler found is
    put back at the end.
    """
    found = signal.getsignal(signal.SIGINT)
    is_set = threading.Event()
    if threading.current_thread() is not threading.main_thread() or not callable(found):
        yield is_set.is_set
        return

    def note(number: int, frame: FrameType | None) -> None:
        if is_set.is_set():
            found(number, frame)
        is_set.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield is_set.is_set
    finally:
        signal.signal(signal.SIGINT, found)
