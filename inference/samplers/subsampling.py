"""NUTS on a log likelihood that is estimated by a few rows, drawn at random and now and then drawn anew.

The terms of all rows are replaced by their Taylor polynomials q_i about a reference, whose sum is known beforehand; the difference that is
left is estimated by m of the N rows. With d_i = log p(x_i | v) - q_i(v) of these,

    log L = sum_i q_i(v) + N mean(d),    and chains move on    log L - s^2 / 2,    s^2 = N^2 var(d) / m,

because exp(log L) of an estimate that is normal about the truth is too large by exp(s^2 / 2) on average. It is an approximation, the perturbed
posterior: Hamiltonian Monte Carlo with energy conserving subsampling (Dang, Quiroz, Kohn, Tran & Villani 2019, JMLR 20, algorithm 1),
which NumPyro has as `HMCECS`. There the sums over all rows are part of the compiled program; here they are arguments, found once a run.

Rows are drawn with replacement. Before each move of v a part of them is proposed anew, and accepted or refused by itself (the block
pseudo-marginal sampler: Tran, Kohn, Quiroz & Villani 2017).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from inference.backends.numpyro.jit import ON_ONE_CORE, Compiled, jit
from inference.backends.numpyro.sites import CACHED, Values
from inference.backends.numpyro.vector import slopes_of
from inference.backends.target import Density, Target
from inference.samplers.nuts_moves import Given, Moves, nuts, record_of_all
from inference.samplers.options import NutsOptions

PARTS = 10
"""Parts of the subsample, of which one is proposed anew at a time: refused less often than all, and fewer rows to expand."""


class Taylor(NamedTuple):
    """A polynomial of second degree about v = 0, the reference; or one for each of some rows.

    Args:
        value: (...,).
        slope: (..., size).
        curvature: (..., size, size).
    """

    value: jax.Array
    slope: jax.Array
    curvature: jax.Array

    def at(self, v: jax.Array) -> jax.Array:
        """Its values, (...,)."""
        return self.value + (self.slope + self.curvature @ v / 2) @ v


class Subsample(NamedTuple):
    """Some rows, drawn with replacement.

    Args:
        rows: their index, (m,).
        taylor: the polynomial of each.
    """

    rows: jax.Array
    taylor: Taylor


class Estimate(NamedTuple):
    """Of the log likelihood: its value, and its variance over subsamples."""

    value: jax.Array
    variance: jax.Array


class Chain(NamedTuple):
    """The state of a chain: the kernel's, its subsample, and the estimate where it is."""

    kernel: Any
    subsample: Subsample
    estimate: Estimate

    def __getattr__(self, name: str) -> Any:
        """What a kernel's state is asked by whoever drives it."""
        return getattr(self.kernel, name)


def of_some(density: Density, count: int, options: NutsOptions) -> Moves:
    """NUTS on the log density that is estimated by so many rows; what is given has the `Taylor` of all rows behind the frame."""
    part = -(-count // PARTS)

    def potential(*given: Any) -> Callable[[jax.Array], jax.Array]:
        def energy(v: jax.Array) -> jax.Array:
            (value, variance), rest = estimate(density, v, given[:-1], given[-1])
            return -(value - variance / 2 + rest)

        return energy

    def drawn(key: jax.Array, count: int, given: Given) -> Subsample:
        rows = jax.random.randint(key, (count,), 0, len(given[0]["x"]))
        return Subsample(rows, taylor_of_rows(density, rows, given))

    def renewed(kernel: Any, old: Subsample, given: Given) -> tuple[Any, Subsample]:
        """The chain's subsample with a part drawn anew, if that is accepted."""
        key, *own = jax.random.split(kernel.rng_key, 4)
        begin = jnp.minimum(part * jax.random.randint(own[0], (), 0, -(-count // part)), count - part)
        new = jax.tree.map(
            lambda all_, some: jax.lax.dynamic_update_slice_in_dim(all_, some, begin, 0),
            old,
            drawn(own[1], part, given),
        )
        height, slope = jax.value_and_grad(potential(*given, new))(kernel.z)
        is_accepted = jnp.log(jax.random.uniform(own[2])) < kernel.potential_energy - height
        found = jax.tree.map(
            lambda new, old: jnp.where(is_accepted, new, old),
            (height, slope, new),
            (kernel.potential_energy, kernel.z_grad, old),
        )
        return kernel._replace(rng_key=key, potential_energy=found[0], z_grad=found[1]), found[2]

    def moves(key: jax.Array, v: jax.Array, given: Given) -> tuple[Chain, Callable[[Chain], Chain]]:
        own, key = jax.random.split(key)
        subsample = drawn(own, count, given)
        kernel, sample = nuts(potential, options, key, v, (*given, subsample))

        def step(chain: Chain) -> Chain:
            kernel, subsample = renewed(chain.kernel, chain.subsample, given)
            kernel = sample(kernel, (*given, subsample))
            return Chain(kernel, subsample, estimate(density, kernel.z, given, subsample)[0])

        return Chain(kernel, subsample, estimate(density, v, given, subsample)[0]), step

    return moves


def record_of_some(chain: Chain) -> Values:
    """What is kept of a draw: the kernel's record, and the estimate."""
    value, variance = chain.estimate
    return {**record_of_all(chain.kernel), "log_likelihood_estimate": value, "log_likelihood_variance": variance}


def estimate(density: Density, v: jax.Array, given: Given, subsample: Subsample) -> tuple[Estimate, jax.Array]:
    """The estimate of the log likelihood, and the log prior."""
    data, *_, total = given
    terms, log_prior = jax.vmap(lambda row: _term(density, v, given, row), out_axes=(0, None))(subsample.rows)
    rows, difference = len(data["x"]), terms - subsample.taylor.at(v)
    value = total.at(v) + rows * jnp.mean(difference)
    return Estimate(value, rows**2 * jnp.var(difference) / len(difference)), log_prior


def taylor_of_rows(density: Density, rows: jax.Array, given: Given) -> Taylor:
    """The polynomials of some rows about the centre of the frame."""
    return jax.vmap(lambda row: taylor_of(lambda v: _term(density, v, given, row)[0], given))(rows)


def taylor_of(function: Callable[[jax.Array], jax.Array], given: Given) -> Taylor:
    """The polynomial of a function of v."""
    at, both = jnp.zeros_like(given[1]), jax.value_and_grad(function)
    return Taylor(*both(at), slopes_of(lambda v: both(v)[1], at))


def _term(density: Density, v: jax.Array, given: Given, row: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What one row adds to the log likelihood; and the log prior."""
    data, centre, unit, *_ = given
    return density.parts(v, data, centre, unit, rows=row[None])


def with_total(target: Target, given: Given) -> Given:
    """What is given, and the polynomial of all rows together."""
    return *given, _total(target.density)(given)


@functools.lru_cache(CACHED)
def _total(density: Density) -> Compiled:
    def total(given: Given) -> Taylor:
        data, centre, unit = given
        return taylor_of(lambda v: density.parts(v, data, centre, unit)[0], given)

    return jit(total, ON_ONE_CORE)
