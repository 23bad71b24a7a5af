"""One pass of EM over all rows, compiled by JAX: block by block through the cache, and many rows shared out among threads.

A thread has a program for its share of the rows, compiled for one core: small matrix products are several times faster so than when XLA
shares each of them out among its own threads. What the shares sum to is added up here, so that no program waits for another one.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inference.backends.numpyro.jit import ON_ONE_CORE
from inference.point.em.closed_form import State, Statistics
from inference.point.em.e_step import Block, e_step
from inference.point.em.loop import Pass
from inference.point.em.m_steps.diagonal import as_whitened, by_products
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.problem import EMProblem
from mixtures.interrupts import held_interrupts

OF_ROWS = ("x", "row_weights", "labels")
"""What has an entry a row."""

CACHED = 64
"""How many compiled programs are kept."""

ONE_THREAD = {**ON_ONE_CORE, "xla_cpu_multi_thread_eigen": False}
"""Large rows are worth XLA's newer code for fused loops, which takes longer to compile."""

Data = Mapping[str, Any]


def data_of(problem: EMProblem, rows: slice = slice(None)) -> dict[str, Any]:
    """Some of the rows and the coordinates they are seen in; not copied, for nobody writes to observations.

    `jax.device_put` compiles nothing, where `jnp.asarray` has a small program for each shape.
    """
    of_rows = {"x": problem.x, "row_weights": problem.row_weights, "labels": problem.labels}
    placed = {n: jax.device_put(v[rows], may_alias=True) for n, v in of_rows.items() if v is not None}
    return {**placed, **jax.device_put({"centre": problem.frame.centre, "unit": problem.frame.unit})}


def over_rows(
    closed: MixtureEM, is_hard: bool, block: int, with_likelihoods: bool = False
) -> Callable[[State, Data], tuple[jax.Array, Statistics]]:
    """A function (state, data) -> objective and statistics of all rows; of the first `seen` rows, if given, another has told."""

    def of_block(state: State, data: Data, index: jax.Array | int) -> tuple[jax.Array, Statistics]:
        rows = data["x"].shape[0]
        # the last block begins early enough to be whole; rows it shares with the one before count once
        begin = jnp.minimum(index * block, rows - block)
        cut = {name: jax.lax.dynamic_slice_in_dim(data[name], begin, block) for name in OF_ROWS if name in data}
        x = ((cut["x"] - data["centre"]) / data["unit"]).T
        weights = cut.get("row_weights")
        if rows % block or "seen" in data:
            place = begin + jnp.arange(block)
            is_new = (place >= index * block) & (place >= data.get("seen", 0))
            weights = jnp.where(is_new, 1.0 if weights is None else weights, 0.0)
        return e_step(jnp, closed, state, Block(x, weights, cut.get("labels")), is_hard, with_likelihoods)

    def of_all(state: State, data: Data) -> tuple[jax.Array, Statistics]:
        rows = data["x"].shape[0]
        if rows == block:
            return of_block(state, data, 0)
        shapes = jax.eval_shape(of_block, state, data, 0)
        zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        sums, _ = jax.lax.scan(
            lambda carry, index: (jax.tree.map(jnp.add, carry, of_block(state, data, index)), None),
            zero,
            jnp.arange(-(-rows // block)),
        )
        return sums

    return of_all


@contextmanager
def in_shares(problem: EMProblem, block: int, threads: int, unit: int = 1) -> Iterator[Pass]:
    """One pass over all rows, a share of them by each of so many threads.

    Args:
        problem: what EM is to do.
        block: rows in a block.
        threads: how many share the rows.
        unit: rows that stay together; blocks, and all rows, are multiples of it.
    """
    rows = len(problem.x)
    share = unit * -(-rows // (unit * threads))
    # shares are equally long, so that one program serves them: the last ones begin early enough, and skip rows that others have
    begins = np.minimum(share * np.arange(threads), rows - share)
    shares = [
        data_of(problem, slice(begin, begin + share)) | {"seen": jax.device_put(share * index - begin)}
        for index, begin in enumerate(begins)
    ]

    def of_share(run: Callable[..., Any], state: State, data: Data) -> tuple[float, Statistics]:
        objective, statistics = run(state, data)
        return float(objective), jax.tree.map(np.asarray, statistics)

    with ThreadPoolExecutor(threads) as pool:

        def of_all(state: State) -> tuple[float, Statistics]:
            placed = jax.device_put(dict(state))
            fast: Any = by_products(problem.closed_form, state)
            closed: Any = fast or problem.closed_form
            run = compiled(closed, problem.is_hard, min(block, share), layout_of(placed), layout_of(shares[0]))
            parts = list(pool.map(functools.partial(of_share, run, placed), shares))
            statistics = {name: sum(part[1][name] for part in parts) for name in parts[0][1]}
            return sum(part[0] for part in parts), as_whitened(statistics, state) if fast else statistics

        yield of_all


Layout = tuple[tuple[str, tuple[int, ...], str], ...]
"""Name, shape and dtype of arrays."""


def layout_of(arrays: Mapping[str, jax.Array]) -> Layout:
    """What a compiled program knows of arrays by name."""
    return tuple((name, value.shape, value.dtype.name) for name, value in arrays.items())


@functools.lru_cache(CACHED)
def compiled(
    closed: Any, is_hard: bool, block: int, state: Layout, data: Layout, with_likelihoods: bool = False
) -> Callable[..., Any]:
    """(state, data) -> objective and statistics of a share; compiled here, so that threads have nothing to trace."""
    shapes = [{name: jax.ShapeDtypeStruct(shape, dtype) for name, shape, dtype in layout} for layout in (state, data)]
    with held_interrupts():
        run = over_rows(closed, is_hard, block, with_likelihoods)
        return jax.jit(run, compiler_options=ONE_THREAD).lower(*shapes).compile()
