"""Reading and computing side by side: one thread reads ahead, others compute, and results come in the order of the blocks.

Nothing waits for a lock of ours: futures hand on what was read, and the errors. Where one side ends, by an error or Ctrl-C, what is not
begun is called off, and what runs is waited for: one read, and a block a thread.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Blocks that are read before they are asked for."""


def read_ahead(blocks: Iterable[Item], ahead: int = AHEAD) -> Iterator[Item]:
    """The same blocks, read by a thread of its own.

    Example:
        >>> list(read_ahead(range(5)))
        [0, 1, 2, 3, 4]
    """
    end = object()
    left = iter(blocks)
    with ThreadPoolExecutor(1, "reader") as reader:
        begun = deque(reader.submit(next, left, end) for _ in range(ahead))
        try:
            while (block := begun.popleft().result()) is not end:
                begun.append(reader.submit(next, left, end))
                yield block  # type: ignore[misc]  # the end is not among them
        finally:
            _call_off(begun)


def in_order(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], blocks: Iterable[Item], most: int
) -> Iterator[Result]:
    """What a function gives of each block, in their order, computed by a pool: at most so many blocks at a time.

    Example:
        >>> with ThreadPoolExecutor(2) as pool:
        ...     list(in_order(pool, lambda number: number**2, range(5), 3))
        [0, 1, 4, 9, 16]
    """
    begun: deque[Future[Result]] = deque()
    try:
        for block in blocks:
            begun.append(pool.submit(function, block))
            if len(begun) == most:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        _call_off(begun)


def _call_off(begun: deque) -> None:
    for future in begun:
        future.cancel()
