"""Gradient ascent on the likelihood by optax, every start in one compiled program; and the gradient of EM's expected log joint density."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from inference.engines.numpyro_hub import joint, log_densities
from inference.engines.numpyro_jit import jit
from inference.engines.numpyro_sites import CACHED, Values
from inference.engines.numpyro_vector import Space
from inference.engines.protocol import FINAL_LEARNING_RATE
from inference.engines.run_arguments import rows_of
from inference.engines.sites import Sites
from mixtures import Program


@functools.lru_cache(CACHED)
def compiled_mle(program: Program, sites: Sites, optimizer: str, steps: int) -> Callable[..., tuple[Any, ...]]:
    """(starts, units, learning rate, momentum, batches or None, data) -> ends, losses, gradient norms by site."""
    both = log_densities(program, sites)

    def ascend(
        starts: jax.Array, units: jax.Array, learning_rate: Any, momentum: Any, batches: Any, data: Values
    ) -> tuple[jax.Array, jax.Array, Values]:
        space = Space(program, sites, data)
        decay = optax.cosine_decay_schedule(1.0, steps, FINAL_LEARNING_RATE)
        rule = optax.scale_by_adam() if optimizer == "adam" else optax.trace(momentum)
        rows = len(data["x"])

        def loss(v: jax.Array, part: Values) -> jax.Array:
            return -both(space.values(space.split(units * v)), part)[0] / len(part["x"])

        def norms(gradient: jax.Array) -> Values:
            return {name: jnp.linalg.norm(jnp.ravel(value)) for name, value in space.split(gradient / units).items()}

        def step(carry: tuple[Any, Any], count: jax.Array) -> tuple[tuple[Any, Any], tuple[jax.Array, Values]]:
            v, state = carry
            part = data if batches is None else rows_of(data, batches[count])
            current, gradient = jax.value_and_grad(loss)(v, part)
            updates, state = rule.update(gradient, state)
            return (v - learning_rate * decay(count) * updates, state), (rows * current, norms(rows * gradient))

        def one(start: jax.Array) -> tuple[jax.Array, jax.Array, Values]:
            begin = start / units
            (end, _), (losses, series) = jax.lax.scan(step, (begin, rule.init(begin)), jnp.arange(steps))
            return units * end, jnp.append(losses, rows * loss(end, data)), series

        return jax.vmap(one)(starts)

    return jit(ascend)


@functools.lru_cache(CACHED)
def compiled_expected(program: Program, sites: Sites, prior: bool) -> Callable[..., tuple[jax.Array, jax.Array]]:
    """(vector, responsibilities, fixed parameters, data) -> sum of r_ik log p(x_i, k) [+ log prior], and its gradient."""

    def expected(u: jax.Array, responsibilities: jax.Array, fixed: Values, data: Values) -> jax.Array:
        space = Space(program, sites, data)
        parameters = space.values(space.split(u)) | fixed
        table, log_prior = joint(program, parameters, data, sites)
        is_possible = responsibilities > 0
        total = jnp.sum(responsibilities * jnp.where(is_possible, table, 0.0))
        return total + log_prior if prior else total

    return jit(jax.value_and_grad(expected))
