"""Gradient ascent on NumPyro's enumerated ELBOs, every start in one compiled, vmapped program.

Guides are made inside the compiled function and die with it: a guide that outlives the tracing in which it was first called keeps
its tracers, and one that is used for two starts keeps the first start for both.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
import optax
from numpyro import handlers
from numpyro.distributions import Categorical, biject_to, constraints
from numpyro.infer import TraceEnum_ELBO, init_to_value
from numpyro.infer.autoguide import AutoDelta

from inference.engines.numpyro_hub import log_densities
from inference.engines.numpyro_jit import jit
from inference.engines.numpyro_sites import CACHED, Values, native
from inference.engines.numpyro_vector import Space
from inference.engines.protocol import ADAM_BETAS, FINAL_LEARNING_RATE, GUIDE_BETAS
from inference.engines.sites import Sites
from mixtures import Program

Loss = Callable[[Values], jax.Array]


def _norms(gradients: Values) -> Values:
    return {name: jnp.linalg.norm(jnp.ravel(gradient)) for name, gradient in gradients.items()}


def _descend(
    loss: Loss, start: Values, scales: Values, learning_rate: jax.Array, steps: int, betas: tuple[float, float]
) -> tuple[Values, jax.Array, Values]:
    """Adam with a cosine-decaying step; returns the end, the losses before each step and at the end, and the gradients' norms.

    Adam sees gradients in units of `scales`: what it takes for a gradient of zero does not depend on the data's units.
    """
    adam = optax.scale_by_adam(*betas)
    decay = optax.cosine_decay_schedule(1.0, steps, FINAL_LEARNING_RATE)

    def step(carry: tuple[Values, Any], count: jax.Array) -> tuple[tuple[Values, Any], tuple[jax.Array, Values]]:
        values, state = carry
        current, gradients = jax.value_and_grad(loss)(values)
        updates, state = adam.update({name: scales[name] * slope for name, slope in gradients.items()}, state)
        size = learning_rate * decay(count)
        moved = {name: value - size * scales[name] * updates[name] for name, value in values.items()}
        return (moved, state), (current, _norms(gradients))

    (end, _), (losses, norms) = jax.lax.scan(step, (start, adam.init(start)), jnp.arange(steps))
    return end, jnp.append(losses, loss(end)), norms


@functools.lru_cache(CACHED)
def compiled_ascent(program: Program, sites: Sites, steps: int) -> Callable[..., tuple[Values, jax.Array, Values]]:
    """MAP by AutoDelta and TraceEnum_ELBO from every start: (starts, scales, learning rate, data) -> ends, losses, norms."""
    # NumPyro's enumeration refuses programs in which no row has a choice, and sums others as their plates say, which may not be as they run
    is_summed = sites.is_trivial or sites.structure is not None

    def ascend(
        starts: Values, scales: Values, learning_rate: jax.Array, data: Values
    ) -> tuple[Values, jax.Array, Values]:
        space = Space(program, sites, data)
        objective = _summed(program, sites, data) if is_summed else _autodelta(program, sites, starts, data)

        def loss(free: Values) -> jax.Array:
            return objective(space.values(free))

        def one(start: Values) -> tuple[Values, jax.Array, Values]:
            end, losses, norms = _descend(loss, space.free(start), scales, learning_rate, steps, ADAM_BETAS)
            return space.values(end), losses, norms

        return jax.vmap(one)(starts)

    return jit(ascend)


def _autodelta(program: Program, sites: Sites, starts: Values, data: Values) -> Loss:
    """Constrained values -> the negative ELBO of a delta guide there."""
    model, key = native(program), jax.random.PRNGKey(0)  # nothing is random: deltas and exact enumeration
    hidden = handlers.block(model, hide=[site.name for site in sites.assignments])
    guide = AutoDelta(hidden, init_loc_fn=init_to_value(values={name: value[0] for name, value in starts.items()}))
    _call_once(guide, key, data)
    elbo = TraceEnum_ELBO()

    def loss(values: Values) -> jax.Array:
        return elbo.loss(key, {f"{name}_auto_loc": value for name, value in values.items()}, model, guide, **data)

    return loss


def _summed(program: Program, sites: Sites, data: Values) -> Loss:
    """Constrained values -> the negative log posterior density, which that ELBO is."""
    both = log_densities(program, sites)

    def loss(values: Values) -> jax.Array:
        likelihood, prior = both(values, data)
        return -(likelihood + prior)

    return loss


def _call_once(guide: Callable[..., Any], key: jax.Array, data: Values) -> None:
    """Let an autoguide read its model here, outside gradients and loops."""
    with handlers.block(), handlers.seed(rng_seed=key):
        guide(**data)


@functools.lru_cache(CACHED)
def compiled_guide_ascent(
    program: Program, sites: Sites, steps: int
) -> Callable[..., tuple[Values, jax.Array, Values]]:
    """Assignment probabilities by enumeration in the guide: (parameters, learning rate, key, data) -> probs, losses, norms."""
    simplex = biject_to(constraints.simplex)

    def guide(**data: Any) -> None:
        rows = len(data["x"])
        with numpyro.plate("rows", rows):
            for site in sites.assignments:
                even = jnp.full((rows, site.categories), 1 / site.categories)
                probs = numpyro.param(f"{site.name}_probs", even, constraint=constraints.simplex)
                numpyro.sample(site.name, Categorical(probs), infer={"enumerate": "parallel"})

    def ascend(
        parameters: Values, learning_rate: jax.Array, key: jax.Array, data: Values
    ) -> tuple[Values, jax.Array, Values]:
        model = handlers.condition(native(program), data=parameters)
        elbo = TraceEnum_ELBO()

        def loss(free: Values) -> jax.Array:
            probs = {f"{name}_probs": simplex(value) for name, value in free.items()}
            return elbo.loss(key, probs, model, guide, **data)

        start = {site.name: jnp.zeros((len(data["x"]), site.categories - 1)) for site in sites.assignments}
        scales = {name: jnp.ones(()) for name in start}
        end, losses, norms = _descend(loss, start, scales, learning_rate, steps, GUIDE_BETAS)
        return {name: simplex(value) for name, value in end.items()}, losses, norms

    return jit(ascend)
