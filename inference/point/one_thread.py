"""One thread of BLAS: SciPy's L-BFGS-B has products of ten numbers shared out among threads, which wait for one another by working on. A step
takes twice as long for it at best, on a busy machine thirty times."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_within: list[Any] = []
"""For each caller inside, the limits that the first of them found."""


@functools.cache
def _libraries() -> ThreadpoolController:
    """The libraries that are loaded, SciPy's among them; to look for them takes milliseconds."""
    return ThreadpoolController()


@contextmanager
def one_thread_of_blas() -> Iterator[None]:
    """A scope in which BLAS has one thread; as many as before where the last caller, of those in any thread, has left."""
    with _lock:
        _within.append(_within[-1] if _within else _libraries().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            before = _within.pop()
            if not _within:
                before.restore_original_limits()
