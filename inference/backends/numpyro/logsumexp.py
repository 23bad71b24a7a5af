"""The sum over rows of log sum_k exp(table_ik), with one logarithm for many rows.

A logarithm is the dearest number in a mixture's log density: XLA calls the C library for each. The sums s_i of exponentials, largest
term taken out, lie between 1 and the number of components, so that a product of dozens of them cannot overflow and is exact to as many
roundings: sum_i log s_i = sum over groups of log prod s_i.
"""

import math

import jax
import jax.numpy as jnp

LARGEST_GROUP = 32
"""Rows that share a logarithm: more save nothing."""


def summed_logsumexp(table: jax.Array, weights: jax.Array | None = None) -> jax.Array:
    """sum_i w_i log sum_k exp(table_ik) of a (rows, components) table; without weights, each row once; of flags, those rows that count."""
    if weights is None:
        return _unweighted(table)
    if weights.dtype == bool:
        return _unweighted(counted(table, weights))
    # rows that do not count may be impossible
    return jnp.sum(weights * jax.nn.logsumexp(jnp.where((weights > 0)[:, None], table, 0.0), axis=1))


def counted(table: jax.Array, rows: jax.Array) -> jax.Array:
    """The table with only some rows counted: for the others the logarithm of summed exponentials is zero."""
    nothing = jnp.where(jnp.arange(table.shape[1]) == 0, 0.0, -jnp.inf).astype(table.dtype)
    return jnp.where(rows[:, None], table, nothing)


@jax.custom_jvp
def _unweighted(table: jax.Array) -> jax.Array:
    return _summed(table)[0]


@_unweighted.defjvp
def _(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    # d log sum_k exp(t_k) = sum_k exp(t_k) dt_k / sum_k exp(t_k)
    total, terms, sums = _summed(*primals)
    return total, jnp.sum(terms * (tangents[0] * (1 / sums)[:, None]))


def _summed(table: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The total, the exponentials with each row's largest taken out, and their sums."""
    top = jax.lax.stop_gradient(jnp.max(table, axis=1))
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    terms = jnp.exp(table - top[:, None])
    sums = jnp.sum(terms, axis=1)
    size = _group(table.shape[1], table.dtype)
    groups = -(-len(sums) // size)
    padded = jnp.pad(sums, (0, groups * size - len(sums)), constant_values=1.0)
    return jnp.sum(jnp.log(jnp.prod(padded.reshape(size, groups), axis=0))) + jnp.sum(top), terms, sums


def _group(components: int, dtype: jnp.dtype) -> int:
    """The most rows, up to a limit, whose product of sums cannot overflow: components^rows < the largest number."""
    return min(LARGEST_GROUP, max(1, int(math.log(float(jnp.finfo(dtype).max)) / math.log(max(components, 2))) - 1))
