"""Passes over a source by Dask's workers: groups of blocks of rows as tasks, put together in their order.

A group has 2^h blocks, which are a whole branch of the tree by which blocks are summed (`mixtures/sources/tree.py`): groups' sums go on
by the same tree, so that neither how many groups there are nor who computes them changes a digit.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from inference.point.em.e_step import Block
from inference.point.em.problem import EMProblem
from inference.point.em.streamed import blocks_from, blocks_of, summed
from inference.workers import working
from mixtures.errors import BackendError
from mixtures.sources.protocol import rows_at_once
from mixtures.sources.reading import in_order

HEIGHT = 4
"""Of a group's branch at the most: 16 blocks, a million rows, which are worth the millisecond that a task costs."""

TASKS_EACH = 4
"""Groups a thread at least, where there are blocks enough, so that none waits long for the last one."""

BLOCKS_AT_ONCE = 8
"""Blocks in memory at the most while NumPy computes in threads."""

OfBlocks = Callable[..., Any]
"""(problem, blocks, ...) -> their sum."""


@contextmanager
def on_workers(client: Any, problem: EMProblem) -> Iterator[Callable[..., list[Any]]]:
    """A function of what is to be made of a group's blocks, and what it is given beside: all groups' answers, in order.

    Raises:
        BackendError: the scheduler is lost, or a group's worker again and again.
    """
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    assert problem.source is not None  # the caller has checked
    rows = rows_at_once(problem.source.features)
    blocks = -(-problem.source.rows // rows)
    threads = sum(client.nthreads().values())
    size = 2 ** min(HEIGHT, max(0, (blocks // (TASKS_EACH * max(1, threads))).bit_length() - 1))

    def over_groups(function: OfBlocks, *given: Any) -> list[Any]:
        each = {"size": size, "rows": rows, "held": held, "function": function, "given": given}
        return client.gather(client.map(_of_group, range(0, blocks, size), **each, pure=False))

    try:
        # a task, and no data of this process: where the worker that has it is lost, it is made again
        held = client.submit(_itself, replace(problem, checkpoint=None), pure=False)
        yield over_groups
    except KilledWorker as error:
        got = f"a block of rows that ended {error.allowed_failures + 1} workers, one after the other"
        advice = "Look at the workers' logs: memory is the usual reason. The same call goes on from its checkpoint."
        raise BackendError("cluster", got=got, expected="workers that last for a block", advice=advice) from error
    except (CancelledError, CommClosedError, TimeoutError) as error:
        raise BackendError(
            "cluster",
            got=f"a scheduler that was lost ({type(error).__name__})",
            expected="one that lasts as long as the fit",
            advice="Start it again, with workers; the same call goes on from its checkpoint, where it has one.",
        ) from error


def _itself(problem: EMProblem) -> EMProblem:
    return problem


def _of_group(first: int, size: int, rows: int, held: EMProblem, function: OfBlocks, given: tuple[Any, ...]) -> Any:
    """Of so many blocks from one of this number on; a worker's threads are its tasks', so that none reads ahead."""
    return function(held, islice(blocks_from(held, first, rows), size), *given)


def over_blocks(problem: EMProblem, function: Callable[[Block], np.ndarray]) -> np.ndarray:
    """The sum of what a function gives of each block, on all cores, or by workers."""
    if (client := working()) is not None:
        with on_workers(client, problem) as over_groups:
            return summed(over_groups(_sum_of_blocks, function), operator.add)
    with ThreadPoolExecutor() as pool:
        return summed(in_order(pool, function, blocks_of(problem), BLOCKS_AT_ONCE), operator.add)


def _sum_of_blocks(problem: EMProblem, blocks: Iterable[Block], function: Callable[[Block], np.ndarray]) -> np.ndarray:
    return summed(map(function, blocks), operator.add)
