"""What a program draws, compiled: assignments by NumPyro's infer_discrete, the prior, and data."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from numpyro import handlers

from inference.backends.numpyro.jit import jit
from inference.backends.numpyro.sites import CACHED, Values, native
from inference.backends.sites import Sites
from mixtures import Program


@functools.lru_cache(CACHED)
def compiled_classifier(
    program: Program, names: tuple[str, ...], temperature: int, first_free: int
) -> Callable[..., Values]:
    """A compiled function (parameters, data, key) -> assignments by site, through NumPyro's infer_discrete."""
    from numpyro.contrib.funsor import config_enumerate, infer_discrete  # loads funsor, which most verbs never need

    def assign(parameters: Values, data: Values, key: jax.Array) -> Values:
        trained = config_enumerate(handlers.substitute(native(program), data=parameters))
        inferred = infer_discrete(trained, first_available_dim=first_free, temperature=temperature, rng_key=key)
        trace = handlers.trace(handlers.seed(inferred, key)).get_trace(**data)
        return {name: trace[name]["value"] for name in names}

    return jit(assign)


def prior_draw(program: Program, names: tuple[str, ...]) -> Callable[..., Values]:
    """A function (key, data) -> one draw of every parameter from its prior."""

    def draw(key: jax.Array, data: Values) -> Values:
        trace = handlers.trace(handlers.seed(native(program), key)).get_trace(**data)
        return {name: trace[name]["value"] for name in names}

    return draw


@functools.lru_cache(CACHED)
def compiled_prior_draw(program: Program, names: tuple[str, ...]) -> Callable[..., Values]:
    """`prior_draw`, compiled."""
    return jit(prior_draw(program, names))


def kept(program: Program, sites: Sites, parameters: Values, data: Values, at_last: bool | jax.Array) -> Values:
    """The functions of the parameters that the program keeps, at the first or last value of every assignment."""
    assigned = {site.name: jnp.full(site.shape, (site.categories - 1) * at_last) for site in sites.assignments}
    held = handlers.substitute(native(program), data={**parameters, **assigned})
    with handlers.block(), handlers.trace() as trace:
        held(**data)
    return {name: site["value"] for name, site in trace.items() if site["type"] == "deterministic"}


@functools.lru_cache(CACHED)
def compiled_deterministic(program: Program, sites: Sites) -> Callable[..., tuple[Values, Values]]:
    """A compiled function (parameters, data) -> the functions of parameters that the program keeps, (draws, ...), twice: at the first and at
    the last value of every assignment."""

    def over_draws(parameters: Values, data: Values) -> tuple[Values, Values]:
        first, last = (
            jax.vmap(lambda values, at_last=at_last: kept(program, sites, values, data, at_last))(parameters)
            for at_last in (False, True)
        )
        return first, last

    return jit(over_draws)


@functools.lru_cache(CACHED)
def compiled_forward(program: Program, names: tuple[str, ...]) -> Callable[..., Values]:
    """A compiled function (keys, parameters, data) -> the named sites' values, (draws, ...), observed ones drawn anew."""

    def forward(key: jax.Array, parameters: Values, data: Values) -> Values:
        held = handlers.substitute(native(program), data=parameters)
        trace = handlers.trace(handlers.uncondition(handlers.seed(held, key))).get_trace(**data)
        return {name: trace[name]["value"] for name in names}

    return jit(jax.vmap(forward, (0, 0, None)))
