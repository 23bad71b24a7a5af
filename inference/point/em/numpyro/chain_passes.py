"""The E-step of chains, compiled by JAX: stretches of rows in groups that stay in the cache, shared out among threads where there are many."""

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inference.backends.numpyro.jit import jit
from inference.point.em.closed_form import State, Statistics
from inference.point.em.e_step import e_step
from inference.point.em.loop import Pass
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.numpyro.passes import ONE_THREAD
from inference.point.em.paths import all_rows, first_pass, in_stretches, second_pass, summed
from inference.point.em.problem import EMProblem
from inference.point.em.stretches import LEAST, probabilities
from mixtures.assignments.logarithms import logsumexp

CACHED = 64
"""How many compiled programs are kept."""

LONGEST = 128
"""Rows in a stretch at most: more stretches than rows in each, for these are done one after the other."""

LANE_CELLS = 512
"""Stretches x components side by side: enough to hide what an operation costs, and few enough for all their rows to stay in the cache."""

Step = Callable[[State], tuple[Any, Statistics, Any]]
"""At a state: the log likelihood, the statistics, and what was divided by at the least."""


@contextmanager
def passes(problem: EMProblem, components: int, threads: int) -> Iterator[Pass]:
    """The pass over the problem's rows, a share of them by each of so many threads; by the tree where numbers come near the end of float64."""
    closed = problem.closed_form
    exact = _tree(closed, problem.is_hard)
    rows = jax.device_put(all_rows(problem))
    if problem.is_hard:
        yield lambda state: _in_numpy(*exact(state, rows))
        return
    blocks, is_row = in_stretches(problem, LONGEST, max(1, LANE_CELLS // components), threads)
    groups = (jax.tree.map(lambda *parts: np.stack(parts), *blocks), is_row)
    cut = len(is_row) // threads
    shares = [
        jax.device_put(jax.tree.map(lambda part, begin=begin: part[begin : begin + cut], groups))
        for begin in range(0, len(is_row), cut)
    ]
    with ThreadPoolExecutor(threads) as pool:
        quick = _alone(closed, shares[0]) if threads == 1 else _together(closed, shares, pool)

        def one_pass(state: State) -> tuple[float, Statistics]:
            total, statistics, least = quick(state)
            return _in_numpy(total, statistics) if float(least) > LEAST else _in_numpy(*exact(state, rows))

        yield one_pass


def _in_numpy(total: Any, statistics: Statistics) -> tuple[float, Statistics]:
    return float(total), {name: np.asarray(value) for name, value in statistics.items()}


def _alone(closed: MixtureEM, share: Any) -> Step:
    """All in one program."""
    whole = _programs(closed).whole
    return lambda state: whole(state, share)


def _together(closed: MixtureEM, shares: list[Any], pool: ThreadPoolExecutor) -> Step:
    """A program for a share of the rows to each thread; what comes before and after each share is known in between."""
    first, middle, second, _ = _programs(closed)
    each: Any = map  # the first pass compiles, in this thread

    def in_numpy(program: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            with jax.enable_x64(True):  # a setting of each thread
                return jax.tree.map(np.asarray, program(*arguments))

        return run

    def step(state: State) -> tuple[Any, Statistics, Any]:
        nonlocal each
        states = [state] * len(shares)
        total, before, after = middle(np.concatenate(list(each(in_numpy(first), states, shares))))
        ends = [np.split(np.asarray(end), len(shares)) for end in (before, after)]
        found = list(each(in_numpy(second), states, shares, *ends))
        each = pool.map
        return total, summed([statistics for statistics, _ in found]), min(least for _, least in found)

    return step


class Programs(NamedTuple):
    """What is compiled.

    Args:
        first: (state, share) -> its stretches' matrices, (groups, lanes, components, components).
        middle: matrices of all -> the log likelihood, and what comes before and after each, (groups, components, lanes).
        second: (state, share, before, after) -> statistics, the least divisor.
        whole: (state, all rows in stretches) -> the log likelihood, statistics, the least divisor.
    """

    first: Callable[..., Any]
    middle: Callable[..., Any]
    second: Callable[..., Any]
    whole: Callable[..., Any]


@functools.lru_cache(CACHED)
def _programs(closed: MixtureEM) -> Programs:
    def first(state: State, share: Any) -> jax.Array:
        return jax.lax.map(lambda group: first_pass(jnp, scan, closed, state, *group), share)

    def middle(matrices: jax.Array) -> tuple[jax.Array, ...]:
        total, *ends = between(matrices.reshape(-1, *matrices.shape[2:]))
        return total, *(end.reshape(matrices.shape[:3]).swapaxes(1, 2) for end in ends)

    def second(state: State, share: Any, before: jax.Array, after: jax.Array) -> tuple[Statistics, jax.Array]:
        def one(group: Any) -> tuple[Statistics, jax.Array]:
            (rows, is_row), *ends = group
            return second_pass(jnp, scan, closed, state, rows, is_row, *ends)

        def added(sums: Any, group: Any) -> tuple[Any, None]:
            statistics, least = one(group)
            return (jax.tree.map(jnp.add, sums[0], statistics), jnp.minimum(sums[1], least)), None

        groups = (share, before, after)
        shapes = jax.eval_shape(one, jax.tree.map(lambda part: part[0], groups))[0]
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.scan(added, (nothing, jnp.ones(())), groups)[0]

    def whole(state: State, share: Any) -> tuple[jax.Array, Statistics, jax.Array]:
        total, before, after = middle(first(state, share))
        return total, *second(state, share, before, after)

    return Programs(jit(first, ONE_THREAD), jit(middle), jit(second, ONE_THREAD), jit(whole, ONE_THREAD))


@functools.lru_cache(CACHED)
def _tree(closed: MixtureEM, is_hard: bool) -> Callable[..., Any]:
    """(state, all rows) -> objective, statistics."""
    return jit(lambda state, rows: e_step(jnp, closed, state, rows, is_hard))


def between(matrices: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """`between` of stretches, one after the other: of so small operations XLA makes one loop, and the tree takes seconds to compile."""
    begin = jnp.where(jnp.arange(matrices.shape[1]) == 0, 0.0, -jnp.inf)  # the first row begins a series: from anywhere
    end, before = jax.lax.scan(lambda v, one: (logsumexp(jnp, v[:, None] + one, 0), v), begin, matrices)
    _, after = jax.lax.scan(
        lambda v, one: (logsumexp(jnp, one + v, 1), v), jnp.zeros_like(begin), matrices, reverse=True
    )
    return logsumexp(jnp, end, 0), probabilities(jnp, before), probabilities(jnp, after)


def scan(step: Any, held: Any, length: int, is_backward: bool) -> tuple[Any, Any]:
    """`stretches.Scan` in a compiled program."""
    return jax.lax.scan(step, held, jnp.arange(length), reverse=is_backward)
