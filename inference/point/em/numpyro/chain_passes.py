"""One pass of Baum-Welch over all rows of chains, compiled by JAX: stretches of equal length side by side, row by row.

The tree of `mixtures.assignments.chains` works with logarithms, and an exponential for each pair of moves is most of its time. Here
probabilities are multiplied as they are and scaled at every row, stretch by stretch: first each stretch's matrix, of which row i, scaled by
itself, says where the chain is at its end having come to it from i; then what comes before and after each stretch, in logarithms; then
forward and backward vectors within all stretches at once. Where a number falls below what float64 holds, the pass is made by the tree.

Source: Rabiner (1989), Proceedings of the IEEE 77, section V.A, for scaling.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inference.backends.numpyro.jit import jit
from inference.point.em.closed_form import State, Statistics
from inference.point.em.e_step import Block, e_step, over_paths
from inference.point.em.loop import Pass
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.problem import EMProblem

CACHED = 64
"""How many compiled programs are kept."""

LEAST = 1e-280
"""Probabilities below it are near the end of what float64 holds, and are left to logarithms."""

LONGEST = 256
"""Rows in a stretch at most: more stretches than rows in each, for these are done one after the other."""


def pass_of(problem: EMProblem) -> Pass:
    """The pass over the problem's rows."""
    x = ((problem.x - problem.frame.centre) / problem.frame.unit).T
    rows = Block(*(None if part is None else jnp.asarray(part) for part in (x, problem.row_weights, problem.labels)))
    exact, quick = (_compiled(problem.closed_form, problem.is_hard, is_exact) for is_exact in (True, False))

    def one_pass(state: State) -> tuple[float, Statistics]:
        if problem.is_hard or problem.labels is not None:  # of what labels exclude the probability is 0
            return _in_numpy(exact(state, rows))
        objective, statistics = quick(state, rows)
        least = float(statistics.pop("least"))
        return _in_numpy((objective, statistics) if least > LEAST else exact(state, rows))

    return one_pass


def _in_numpy(found: tuple[Any, Statistics]) -> tuple[float, Statistics]:
    return float(found[0]), {name: np.asarray(value) for name, value in found[1].items()}


@functools.lru_cache(CACHED)
def _compiled(closed: MixtureEM, is_hard: bool, is_exact: bool) -> Callable[..., tuple[Any, Statistics]]:
    """(state, all rows) -> objective, statistics; of the quick pass also the least number in it, `least`."""
    if is_exact:
        return jit(lambda state, rows: e_step(jnp, closed, state, rows, is_hard))

    def summed(state: State, log_density: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array, Statistics]:
        found = in_stretches(state["initial"], state["transition"], log_density.T, closed.cut(x)[1][0] > 0.5)
        moved = {"moves": found.moves, "first": found.first, "least": found.least}
        return found.log_likelihood, found.shares.T, moved

    return jit(lambda state, rows: over_paths(jnp, closed, state, rows, functools.partial(summed, state)))


class Sums(NamedTuple):
    """Sums over all paths.

    Args:
        log_likelihood: log p(x).
        shares: P(z_t = k | x), (rows, components).
        moves: expected moves within series, (components, components).
        first: expected beginnings of series, (components,).
        least: the smallest number that was divided by, or whose logarithm was taken.
    """

    log_likelihood: jax.Array
    shares: jax.Array
    moves: jax.Array
    first: jax.Array
    least: jax.Array


def in_stretches(initial: jax.Array, transition: jax.Array, table: jax.Array, begins: jax.Array) -> Sums:
    """The sums, of log p(x_t | z_t) (rows, components) and of which rows begin a series, the first among them."""
    rows, components = table.shape
    length = min(LONGEST, max(8, round(rows**0.5 / 4)))
    stretches = -(-rows // length)
    peak = jnp.max(table, axis=1)
    # (rows of a stretch, ..., stretches); rows that fill the last stretch up change nothing
    density = _laid_out(jnp.exp(table - peak[:, None]), stretches, length, 1.0).transpose(1, 2, 0)
    is_first = _laid_out(begins, stretches, length, False).T
    is_over = _laid_out(jnp.zeros(rows, bool), stretches, length, True).T
    across, towards = transition[:, :, None], initial[:, None]

    def moved(vector: jax.Array, first: jax.Array) -> jax.Array:
        """A forward vector (components, stretches) one row on, before the row is seen."""
        return jnp.where(first, towards * jnp.sum(vector, axis=0), jnp.sum(vector[:, None] * across, axis=0))

    def matrix(
        held: tuple[jax.Array, jax.Array], row: tuple[jax.Array, ...]
    ) -> tuple[tuple[jax.Array, jax.Array], None]:
        (whole, scale), (seen, first, over) = held, row
        on = jnp.sum(whole[:, :, None] * across[None], axis=1)
        on = jnp.where(first, jnp.sum(whole, axis=1)[:, None] * towards[None], on) * seen[None]
        on = jnp.where(over, whole, on)
        total = jnp.sum(on, axis=1)
        return (on / total[:, None], scale + jnp.log(total)), None

    same = jnp.broadcast_to(jnp.eye(components)[:, :, None], (components, components, stretches))
    begin = (same, jnp.zeros((components, stretches)))
    (whole, scale), _ = jax.lax.scan(matrix, begin, (density, is_first, is_over))
    logarithms = (jnp.log(whole) + scale[:, None]).transpose(2, 0, 1)

    start = jnp.where(jnp.arange(components) == 0, 0.0, -jnp.inf)  # the first row begins a series: from anywhere
    end, before = jax.lax.scan(lambda v, one: (jax.nn.logsumexp(v[:, None] + one, axis=0), v), start, logarithms)
    _, after = jax.lax.scan(
        lambda v, one: (jax.nn.logsumexp(one + v, axis=1), v), jnp.zeros(components), logarithms, reverse=True
    )

    def forward(vector: jax.Array, row: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        seen, first, over = row
        on = jnp.where(over, vector, moved(vector, first) * seen)
        return on / jnp.sum(on, axis=0), vector

    _, earlier = jax.lax.scan(forward, _scaled(before), (density, is_first, is_over))

    def backward(held: Any, row: Any) -> tuple[Any, jax.Array]:
        (vector, moves, firsts, least), (seen, first, over, past) = held, row
        ahead = seen * vector
        both = moved(past, first) * ahead
        total = jnp.sum(both, axis=0)
        share = both / total
        moves = moves + jnp.where(first | over, 0.0, past[:, None] * across * ahead[None] / total)
        firsts = firsts + jnp.where(first, share, 0.0)
        least = jnp.minimum(least, jnp.where(over, 1.0, total))
        on = jnp.where(first, jnp.sum(towards * ahead, axis=0)[None], jnp.sum(across * ahead[None], axis=1))
        on = jnp.where(over, vector, on)
        return (on / jnp.sum(on, axis=0), moves, firsts, least), share

    nothing = (jnp.zeros_like(same), jnp.zeros((components, stretches)), jnp.ones(stretches))
    (_, moves, firsts, least), shares = jax.lax.scan(
        backward, (_scaled(after), *nothing), (density, is_first, is_over, earlier), reverse=True
    )
    return Sums(
        jax.nn.logsumexp(end) + jnp.sum(peak),
        shares.transpose(2, 0, 1).reshape(stretches * length, components)[:rows],
        jnp.sum(moves, axis=2),
        jnp.sum(firsts, axis=1),
        jnp.minimum(jnp.min(least), jnp.min(whole)),
    )


def _laid_out(values: jax.Array, stretches: int, length: int, filling: Any) -> jax.Array:
    """Rows as (stretches, rows of a stretch, ...)."""
    missing = stretches * length - values.shape[0]
    filled = jnp.concatenate([values, jnp.full((missing, *values.shape[1:]), filling, values.dtype)])
    return filled.reshape(stretches, length, *values.shape[1:])


def _scaled(logarithms: jax.Array) -> jax.Array:
    """Probabilities up to a factor, (components, stretches), of their logarithms (stretches, components)."""
    return jnp.exp(logarithms - jnp.max(logarithms, axis=1, keepdims=True)).T
