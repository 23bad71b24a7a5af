"""A sum over rows and its gradient, block by block: tables stay in a core's cache, and memory does not grow with the rows."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from inference.backends.numpyro.logsumexp import counted, summed_logsumexp
from inference.backends.numpyro.split import Held
from inference.backends.run_arguments import ROW_WEIGHTS

Rows = dict[str, jax.Array]
"""The run arguments that have an entry a row."""

BLOCK_CELLS = 4_000
"""Numbers in a block's table, components x features x rows: 32 kB. Three times as fast as whole tables at 100,000 rows; blocks of 2,000
to 64,000 numbers are within a third of it."""

LEAST = 64
"""Rows in a block at least."""


def block_of(rows: int, cells: int) -> int:
    """How many rows to take at once, of so many numbers each: an equal share of all rows if there is one, for then no row is left over."""
    fewest = max(1, -(-rows // max(LEAST, BLOCK_CELLS // cells)))
    even = (count for count in range(fewest, 2 * fewest) if rows % count == 0)
    return rows // next(even, fewest)


def blocked_logsumexp(table_of: Callable[[Held, Rows], jax.Array], held: Held, rows: Rows, block: int) -> jax.Array:
    """The sum over rows of log sum_k exp(table_ik), each times its weight if rows have one.

    The table of a block of rows is table_of(held, block), (rows, components).

    The gradient of a sum is the sum of the blocks' gradients: each block's is computed beside its value and added up, where differentiating
    the loop would keep or recompute every block's tables.
    """
    is_real = [jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in held]
    length = len(rows["x"])

    def of_block(real: Held, some: Rows, left_over: int | None = None) -> jax.Array:
        parts = iter(real)
        table = table_of([next(parts) if flag else leaf for flag, leaf in zip(is_real, held, strict=True)], some)
        if left_over is not None:
            table = counted(table, jnp.arange(len(table)) >= len(table) - left_over)
        return summed_logsumexp(table, some.get(ROW_WEIGHTS))

    def total(of_one: Callable[..., Any], real: Held) -> Any:
        count = length // block
        whole = {name: value[: count * block].reshape(count, block, *value.shape[1:]) for name, value in rows.items()}
        end = {name: value[length - block :] for name, value in rows.items()}
        shapes = jax.eval_shape(of_one, real, end)
        zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        sums = jax.lax.scan(lambda sums, some: (jax.tree.map(jnp.add, sums, of_one(real, some)), None), zero, whole)[0]
        left_over = length - count * block
        return jax.tree.map(jnp.add, sums, of_one(real, end, left_over)) if left_over else sums

    @jax.custom_vjp
    def summed(real: Held) -> jax.Array:
        return total(of_block, real)

    summed.defvjp(
        lambda real: total(jax.value_and_grad(of_block), real),
        lambda gradient, outer: (jax.tree.map(lambda leaf: outer * leaf, gradient),),
    )
    return summed([leaf for flag, leaf in zip(is_real, held, strict=True) if flag])
