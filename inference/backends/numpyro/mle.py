"""Gradient ascent on the likelihood by optax, every start in one compiled program; and the gradient of EM's expected log joint density."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from inference.backends.numpyro.hub import joint, log_densities
from inference.backends.numpyro.jit import jit, recorded
from inference.backends.numpyro.sites import CACHED, Values
from inference.backends.numpyro.vector import Space
from inference.backends.pieces import Paces, pieces
from inference.backends.protocol import FINAL_LEARNING_RATE, GradientOptions
from inference.backends.run_arguments import rows_of
from inference.backends.sites import Sites
from mixtures import Program


@functools.lru_cache(CACHED)
def compiled_mle(program: Program, sites: Sites, optimizer: str, steps: int) -> Callable[..., tuple[Any, ...]]:
    """(starts, units, options, data) -> ends, losses, gradient norms by site; one program for all learning rates and batches."""
    both = log_densities(program, sites)
    decay = optax.cosine_decay_schedule(1.0, steps, FINAL_LEARNING_RATE)
    names = [site.name for site in sites.parameters]

    def rule(momentum: Any) -> optax.GradientTransformation:
        return optax.scale_by_adam() if optimizer == "adam" else optax.trace(momentum)

    def begin(starts: jax.Array, units: jax.Array, momentum: Any) -> tuple[Any, Values]:
        at, series = starts / units, jnp.zeros((len(starts), steps))
        return (at, jax.vmap(rule(momentum).init)(at)), {"loss": series, "norms": dict.fromkeys(names, series)}

    def advance(
        at: Any,
        records: Values,
        span: Any,
        units: jax.Array,
        rates: tuple[Any, Any],
        batches: Any,
        data: Values,
    ) -> tuple[Any, Values, jax.Array]:
        learning_rate, momentum = rates
        space, rows = Space(program, sites, data), len(data["x"])

        def loss(v: jax.Array, part: Values) -> jax.Array:
            return -both(space.values(space.split(units * v)), part)[0] / len(part["x"])

        def norms(gradient: jax.Array) -> Values:
            return {name: jnp.linalg.norm(jnp.ravel(value)) for name, value in space.split(gradient / units).items()}

        def step(count: jax.Array, held: tuple[Any, Values]) -> tuple[Any, Values]:
            (v, state), records = held
            part = data if batches is None else rows_of(data, batches[count])
            current, gradient = jax.value_and_grad(loss)(v, part)
            updates, state = rule(momentum).update(gradient, state)
            record = {"loss": rows * current, "norms": norms(rows * gradient)}
            return (v - learning_rate * decay(count) * updates, state), recorded(records, record, count)

        def one(at: Any, records: Values) -> tuple[Any, Values]:
            return jax.lax.fori_loop(span[0], span[1], step, (at, records))

        at, records = jax.vmap(one)(at, records)

        def looked() -> jax.Array:
            return rows * jax.vmap(loss, (0, None))(at[0], data)

        last = jax.lax.cond(span[1] == steps, looked, lambda: jnp.zeros(len(at[0])))
        return at, records, last

    first_state, next_states, paces = jit(begin), jit(advance), Paces()

    def ascend(
        starts: Any, units: Any, options: GradientOptions, data: Values
    ) -> tuple[np.ndarray, np.ndarray, Values]:
        at, records = first_state(starts, units, options.momentum)
        rates = options.learning_rate, options.momentum
        batches, data = jax.tree.map(jnp.asarray, (options.batches, data))
        for first, end in pieces(steps, paces.of(len(starts))):
            at, records, last = next_states(at, records, (first, end), units, rates, batches, data)
        losses = np.concatenate([records["loss"], last[:, None]], axis=1)
        return np.asarray(units * at[0]), losses, {name: np.asarray(records["norms"][name]) for name in names}

    return ascend


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
