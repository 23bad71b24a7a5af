"""EM's expected log joint density, and its gradient: what a generalised M-step climbs."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from inference.backends.numpyro.hub import joint
from inference.backends.numpyro.jit import ON_ONE_CORE, jit
from inference.backends.numpyro.sites import CACHED, Values
from inference.backends.numpyro.vector import Space
from inference.backends.sites import Sites
from mixtures import Program


@functools.lru_cache(CACHED)
def compiled_expected(program: Program, sites: Sites, prior: bool) -> Callable[..., tuple[jax.Array, jax.Array]]:
    """(vectors, responsibilities, fixed parameters, data) -> sum of r_ik log p(x_i, k) [+ log prior] of each, and gradients."""

    def expected(u: jax.Array, responsibilities: jax.Array, fixed: Values, data: Values) -> jax.Array:
        space = Space(program, sites, data)
        parameters = space.values(space.split(u)) | fixed
        table, log_prior = joint(program, parameters, data, sites)
        is_possible = responsibilities > 0
        total = jnp.sum(responsibilities * jnp.where(is_possible, table, 0.0))
        return total + log_prior if prior else total

    return jit(jax.vmap(jax.value_and_grad(expected), (0, 0, None, None)), ON_ONE_CORE)
