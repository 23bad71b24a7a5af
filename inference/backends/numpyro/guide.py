"""Enumeration in the guide, in NumPyro: gradient ascent on the ELBO of assignment probabilities, the parameters held."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import optax
from numpyro import handlers
from numpyro.distributions import Categorical, biject_to, constraints
from numpyro.infer import TraceEnum_ELBO

from inference.backends.ascent import FINAL_LEARNING_RATE, GUIDE_BETAS
from inference.backends.numpyro.jit import jit, recorded
from inference.backends.numpyro.sites import CACHED, Values, native
from inference.backends.pieces import Pace, pieces
from inference.backends.sites import Sites
from mixtures import Program

Loss = Callable[[Values], jax.Array]


def _norms(gradients: Values) -> Values:
    return {name: jnp.linalg.norm(jnp.ravel(gradient)) for name, gradient in gradients.items()}


def _descend(
    loss: Loss,
    at: tuple[Values, Any],
    records: Values,
    learning_rate: jax.Array,
    span: tuple[jax.Array, jax.Array],
) -> tuple[tuple[Values, Any], Values]:
    """Steps of Adam with a cosine-decaying length; returns where they lead, and the losses and gradients' norms before each.

    Args:
        loss: a function of free values.
        at: free values, and Adam's state there; see `_begun`.
        records: losses and norms of all steps, those from outside the span as they are; one more than steps, since the last one only looks.
        learning_rate: the first step's length.
        span: the first step, and the one that is not taken any more.
    """
    adam, last = optax.scale_by_adam(*GUIDE_BETAS), len(records["loss"]) - 1
    decay = optax.cosine_decay_schedule(1.0, last, FINAL_LEARNING_RATE)

    def step(count: jax.Array, held: tuple[tuple[Values, Any], Values]) -> tuple[tuple[Values, Any], Values]:
        (values, state), records = held
        current, gradients = jax.value_and_grad(loss)(values)
        updates, state = adam.update(gradients, state)
        size = jnp.where(count < last, learning_rate * decay(count), 0.0)
        moved = {name: value - size * updates[name] for name, value in values.items()}
        record = {"loss": current, "norms": _norms(gradients)}
        return (moved, state), recorded(records, record, count)

    return jax.lax.fori_loop(span[0], span[1], step, (at, records))


def _begun(free: Values, steps: int) -> tuple[tuple[Values, Any], Values]:
    """Where a descent begins, and its records, still blank."""
    series = jnp.zeros(steps + 1)
    return (free, optax.scale_by_adam(*GUIDE_BETAS).init(free)), {"loss": series, "norms": dict.fromkeys(free, series)}


def _in_pieces(
    advance: Callable[..., Any], pace: Pace, begun: tuple[Any, Values], steps: int, *arguments: Any
) -> tuple[Values, np.ndarray, Values]:
    """Ends, losses (..., steps + 1) and norms (..., steps) of a descent, by calls that each take some steps and return where they lead."""
    (at, records), arguments = begun, jax.tree.map(jnp.asarray, arguments)
    for first, end in pieces(steps + 1, pace):
        at, records, found = advance(at, records, (first, end), *arguments)
    norms = {name: np.asarray(series)[..., :steps] for name, series in records["norms"].items()}
    return found, np.asarray(records["loss"]), norms


@functools.lru_cache(CACHED)
def compiled_guide_ascent(
    program: Program, sites: Sites, steps: int
) -> Callable[..., tuple[Values, np.ndarray, Values]]:
    """Assignment probabilities by enumeration in the guide: (parameters, learning rate, key, data) -> probs, losses, norms."""
    simplex = biject_to(constraints.simplex)

    def guide(**data: Any) -> None:
        rows = len(data["x"])
        with numpyro.plate("rows", rows):
            for site in sites.assignments:
                even = jnp.full((rows, site.categories), 1 / site.categories)
                probs = numpyro.param(f"{site.name}_probs", even, constraint=constraints.simplex)
                numpyro.sample(site.name, Categorical(probs), infer={"enumerate": "parallel"})

    def advance(
        at: Any,
        records: Values,
        span: Any,
        parameters: Values,
        learning_rate: jax.Array,
        key: jax.Array,
        data: Values,
    ) -> tuple[Any, Values, Values]:
        model = handlers.condition(native(program), data=parameters)
        elbo = TraceEnum_ELBO()

        def loss(free: Values) -> jax.Array:
            probs = {f"{name}_probs": simplex(value) for name, value in free.items()}
            return elbo.loss(key, probs, model, guide, **data)

        at, records = _descend(loss, at, records, learning_rate, span)
        return at, records, {name: simplex(value) for name, value in at[0].items()}

    next_states, pace = jit(advance), Pace()

    def ascend(
        parameters: Values, learning_rate: jax.Array, key: jax.Array, data: Values
    ) -> tuple[Values, np.ndarray, Values]:
        start = {site.name: jnp.zeros((len(data["x"]), site.categories - 1)) for site in sites.assignments}
        return _in_pieces(next_states, pace, _begun(start, steps), steps, parameters, learning_rate, key, data)

    return ascend
