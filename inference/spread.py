"""Passes over a source: its blocks by this process's threads, or in groups by Dask's workers, put together in their order.

A group has 2^h blocks, which are a whole branch of the tree by which blocks are summed (`mixtures/sources/tree.py`): groups' sums go on
by the same tree, so that neither how many groups there are nor who computes them changes a digit.
"""

import operator
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from inference.workers import held_by, in_words_of_cluster, threads_of, working
from mixtures import Observations, Source
from mixtures.blocks import rows_at_once
from mixtures.sources.reading import in_order, read_ahead
from mixtures.sources.tree import summed

HEIGHT = 4
"""Of a group's branch at the most: 16 blocks, a million rows, which are worth the millisecond that a task costs."""

TASKS_EACH = 4
"""Groups a thread at least, where there are blocks enough, so that none waits long for the last one."""

BLOCKS_AT_ONCE = 8
"""Blocks in memory at the most while NumPy computes in threads."""

ANSWERS_EACH = 3
"""Answers about blocks a thread of the workers that are computed, or wait, before they are asked for."""

Numbered = tuple[int, Observations]
"""The number of a block, and its rows."""


def numbered(source: Source) -> Iterator[Numbered]:
    """All blocks: one thread reads ahead, and this one checks what has been read."""
    return enumerate(map(source.checked, read_ahead(source.unchecked())))


def sum_over(
    source: Source, held: Any, function: Callable[[Any, Numbered], Any], add: Callable[[Any, Any], Any] = operator.add
) -> Any:
    """The sum, by the tree, of what a function of NumPy's makes of what it holds and of each block; on all cores, or by workers."""
    if (client := working()) is not None:
        with on_workers(client, source, held) as groups:
            return summed(groups.all(_sum_of_blocks, function, add), add)
    with ThreadPoolExecutor() as pool:
        return summed(in_order(pool, partial(function, held), numbered(source), BLOCKS_AT_ONCE), add)


def each_over(source: Source, held: Any, function: Callable[[Any, Numbered], Any]) -> Iterator[Any]:
    """What a function makes of what it holds and of each block, in their order, a few in memory at a time."""
    if (client := working()) is None:
        yield from map(partial(function, held), numbered(source))
        return
    with on_workers(client, source, held) as groups:
        yield from groups.each(function)


@dataclass(frozen=True, eq=False)
class Groups:
    """The blocks of a source as tasks.

    Args:
        client: of the workers.
        held: what functions are given beside blocks, and the source; by workers.
        rows: of a block.
        blocks: how many there are.
        threads: of all workers.
    """

    client: Any
    held: Any
    rows: int
    blocks: int
    threads: int

    def all(self, function: Callable[..., Any], *given: Any) -> list[Any]:
        """What a function makes of what it holds, the blocks of a group, and what it is given beside: of all groups, in order."""
        size = 2 ** min(HEIGHT, max(0, (self.blocks // (TASKS_EACH * self.threads)).bit_length() - 1))
        return self.client.gather([self._begun(first, size, function, *given) for first in range(0, self.blocks, size)])

    def each(self, function: Callable[[Any, Numbered], Any]) -> Iterator[Any]:
        """What it makes of what it holds and of a block: of all blocks, in order, few of them at a time."""
        begun: deque[Any] = deque()
        try:
            for block in range(self.blocks):
                begun.append(self._begun(block, 1, _of_one, function))
                if len(begun) == ANSWERS_EACH * self.threads:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            self.client.cancel(list(begun))

    def _begun(self, first: int, size: int, function: Callable[..., Any], *given: Any) -> Any:
        return self.client.submit(_of_group, self.held, first, size, self.rows, function, *given, pure=False)


@contextmanager
def on_workers(client: Any, source: Source, held: Any) -> Iterator[Groups]:
    """The groups of a source's blocks, and what functions of them hold.

    Raises:
        BackendError: the scheduler is lost, or a group's worker again and again.
    """
    rows = rows_at_once(source.features)
    with in_words_of_cluster():
        yield Groups(client, held_by(client, source, held), rows, -(-source.rows // rows), threads_of(client))


def _of_group(
    held: tuple[Source, Any], first: int, size: int, rows: int, function: Callable[..., Any], *given: Any
) -> Any:
    """Of so many blocks from one of this number on; a worker's threads are its tasks', so that none reads ahead."""
    source, own = held
    return function(own, enumerate(islice(source.blocks(rows, first * rows), size), first), *given)


def _of_one(held: Any, blocks: Iterable[Numbered], function: Callable[[Any, Numbered], Any]) -> Any:
    return function(held, next(iter(blocks)))


def _sum_of_blocks(
    held: Any, blocks: Iterable[Numbered], function: Callable[[Any, Numbered], Any], add: Callable[[Any, Any], Any]
) -> Any:
    return summed(map(partial(function, held), blocks), add)
