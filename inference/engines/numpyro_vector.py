"""The log density as a function of one unconstrained vector: what samplers, optimisers and Laplace's method climb."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from numpyro.distributions import biject_to

from inference.engines.numpyro_hub import log_densities
from inference.engines.numpyro_sites import CACHED, Values, trace_sites
from inference.engines.sites import Sites
from mixtures import Program

PLAIN_SUMS = {"xla_disable_hlo_passes": "tree_reduction_rewriter"}
"""Options of `jax.jit`: sums over rows one after the other, in 64 bits. XLA would make each a tree of sums through two arrays in memory, a
third of the time of a gradient; blocks keep the sums short enough, see `tests/inference/test_at_scale.py`."""


def bijections(program: Program, sites: Sites, data: Values) -> tuple[dict[str, Any], Values]:
    """The map from unconstrained to constrained values of each parameter, and an unconstrained example.

    Meant to run while a function is traced: supports are structure, and the example's numbers are never computed.
    """
    trace = trace_sites(program, data)
    maps = {site.name: biject_to(trace[site.name]["fn"].support) for site in sites.parameters}
    return maps, {name: bijection.inv(trace[name]["value"]) for name, bijection in maps.items()}


def _split(program: Program, sites: Sites, u: jax.Array, data: Values) -> tuple[dict[str, Any], Values]:
    """The bijections by site, and the vector's parts, still unconstrained."""
    maps, example = bijections(program, sites, data)
    return maps, ravel_pytree(example)[1](u)


def _log_jacobian(maps: dict[str, Any], free: Values, parameters: Values) -> jax.Array:
    return sum(
        (jnp.sum(maps[name].log_abs_det_jacobian(free[name], parameters[name])) for name in maps), start=jnp.zeros(())
    )


@functools.lru_cache(CACHED)
def vector_parts(program: Program, sites: Sites) -> Callable[[jax.Array, Values], tuple[jax.Array, jax.Array]]:
    """(vector, data) -> log likelihood, and log prior density of the vector, Jacobians included."""
    both = log_densities(program, sites)

    def parts(u: jax.Array, data: Values) -> tuple[jax.Array, jax.Array]:
        maps, free = _split(program, sites, u, data)
        parameters = {name: maps[name](value) for name, value in free.items()}
        likelihood, log_prior = both(parameters, data)
        return likelihood, log_prior + _log_jacobian(maps, free, parameters)

    return parts


@functools.lru_cache(CACHED)
def vector_functions(program: Program, sites: Sites, prior: bool, jacobian: bool) -> tuple[Callable[..., Any], ...]:
    """Three functions: (vector, data) -> log density; (vector, data) -> parameters; (parameters, data) -> vector."""
    both = log_densities(program, sites)

    def log_density(u: jax.Array, data: Values) -> jax.Array:
        maps, free = _split(program, sites, u, data)
        parameters = {name: maps[name](value) for name, value in free.items()}
        likelihood, log_prior = both(parameters, data)
        total = likelihood + log_prior if prior else likelihood
        if not jacobian:
            return total
        # p(u) = p(theta(u)) |d theta / d u|
        return total + _log_jacobian(maps, free, parameters)

    def constrain(u: jax.Array, data: Values) -> Values:
        maps, free = _split(program, sites, u, data)
        return {name: maps[name](value) for name, value in free.items()}

    def unconstrain(parameters: Values, data: Values) -> jax.Array:
        maps, _ = bijections(program, sites, data)
        return ravel_pytree({name: bijection.inv(parameters[name]) for name, bijection in maps.items()})[0]

    return log_density, constrain, unconstrain


@functools.lru_cache(CACHED)
def compiled_vector_density(
    program: Program, sites: Sites, prior: bool, jacobian: bool
) -> tuple[Callable[..., Any], ...]:
    """Compiled: (vector, data) -> log density and gradient; (vector, data) -> parameters; and its inverse."""
    log_density, constrain, unconstrain = vector_functions(program, sites, prior, jacobian)
    gradient = jax.jit(jax.value_and_grad(log_density), compiler_options=PLAIN_SUMS)
    return gradient, jax.jit(constrain), jax.jit(unconstrain)


@functools.lru_cache(CACHED)
def compiled_hessian(program: Program, sites: Sites, prior: bool, jacobian: bool) -> Callable[..., jax.Array]:
    """Compiled: (vector, data) -> second derivatives of the log density."""
    log_density, _, _ = vector_functions(program, sites, prior, jacobian)
    return jax.jit(jax.hessian(log_density))
