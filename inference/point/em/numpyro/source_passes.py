"""One pass of EM over a source of rows, compiled by JAX: a thread reads, others compute, each a block at a time on one core.

Dask's workers, where they are at work, read and compute, each a group of blocks.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from inference.backends.numpyro.devices import available
from inference.point.em.closed_form import State, Statistics
from inference.point.em.e_step import Block
from inference.point.em.loop import Pass
from inference.point.em.m_steps.diagonal import as_whitened, by_products
from inference.point.em.numpyro.passes import compiled, layout_of
from inference.point.em.problem import EMProblem
from inference.point.em.streamed import blocks_of, em_blocks
from inference.spread import Numbered, on_workers
from inference.workers import working
from mixtures.blocks import rows_at_once
from mixtures.sources.reading import in_order
from mixtures.sources.tree import summed

Placed = tuple[Any, State, dict[str, jax.Array]]
"""A compiled program, and its arguments."""


@contextmanager
def over_source(problem: EMProblem, block: int) -> Iterator[Pass]:
    """One pass over all rows.

    Args:
        problem: what EM is to do.
        block: rows that stay in a core's cache.
    """
    assert problem.source is not None  # the caller has checked
    if (client := working()) is not None:
        with on_workers(client, problem.source, replace(problem, checkpoint=None)) as groups:
            yield lambda state: _found(problem, state, summed(groups.all(_of_blocks, state, block)))
        return
    threads = available()
    with ThreadPoolExecutor(threads) as pool:

        def of_all(state: State) -> tuple[float, Statistics]:
            placed = _placed(problem, state, block, blocks_of(problem))
            return _found(problem, state, summed(in_order(pool, _of_block, placed, threads + 1)))

        yield of_all


def _placed(problem: EMProblem, state: State, block: int, blocks: Iterable[Block]) -> Iterator[Placed]:
    """Each block as arrays of JAX, with its program, which is compiled here: other threads have nothing to trace."""
    closed: Any = by_products(problem.closed_form, state) or problem.closed_form
    on_device = jax.device_put(dict(state))
    frame = jax.device_put({"centre": problem.frame.centre, "unit": problem.frame.unit})
    assert problem.source is not None  # the caller has checked
    whole = rows_at_once(problem.source.features)
    for x, weights, _ in blocks:
        data = {**_of_few_lengths(x, weights, whole), **frame}
        few = min(block, len(data["x"]))
        run = compiled(closed, problem.is_hard, few, layout_of(on_device), layout_of(data), with_likelihoods=True)
        yield run, on_device, data


def _of_few_lengths(x: np.ndarray, weights: np.ndarray | None, whole: int) -> dict[str, jax.Array]:
    """A block as arrays of JAX: a last one, shorter than the others, with rows before it that do not count, up to a power of two, so that
    sources of other lengths need no other programs."""
    more = min(whole, 1 << (len(x) - 1).bit_length()) - len(x)
    of_rows = {"x": x} if weights is None else {"x": x, "row_weights": weights}
    if not more:
        return {name: jax.device_put(values, may_alias=True) for name, values in of_rows.items()}
    longer = {name: np.concatenate([values[:more], values]) for name, values in of_rows.items()}
    return jax.device_put({**longer, "seen": np.asarray(more)})


def _of_block(placed: Placed) -> Statistics:
    run, state, data = placed
    objective, statistics = run(state, data)
    return {"objective": np.float64(objective), **{name: np.asarray(value) for name, value in statistics.items()}}


def _of_blocks(problem: EMProblem, blocks: Iterable[Numbered], state: State, block: int) -> Statistics:
    """A worker's share of a pass."""
    with jax.enable_x64(True), np.errstate(all="ignore"):  # switches are a thread's
        return summed(map(_of_block, _placed(problem, state, block, em_blocks(problem, blocks))))


def _found(problem: EMProblem, state: State, sums: Statistics) -> tuple[float, Statistics]:
    """The objective, and what the M-step asks for."""
    objective = float(sums.pop("objective"))
    return objective, as_whitened(sums, state) if by_products(problem.closed_form, state) else sums
