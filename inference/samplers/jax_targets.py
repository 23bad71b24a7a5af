"""What samplers in JAX ask of a target: its density in the units of a frame, and draws as values by site."""

import functools
from collections.abc import Callable

import jax
import numpy as np

from inference.backends.numpyro.jit import jit
from inference.backends.numpyro.sites import CACHED, Values
from inference.backends.target import Density, Target


def log_density(density: Density, u: jax.Array, data: Values, *frame: jax.Array) -> jax.Array:
    """The log density of an unconstrained vector, or of one in the units of a frame, (centre, unit)."""
    likelihood, rest = density.parts(u, data, *frame)
    return likelihood + rest


def constrained_draws(target: Target, u: np.ndarray | jax.Array) -> dict[str, np.ndarray]:
    """Vectors (chains, draws, size) as values by site, in float64."""
    with jax.enable_x64(True):
        found = _compiled(target.density)(u, target.data)
        return {name: np.asarray(value) for name, value in found.items()}


@functools.lru_cache(CACHED)
def _compiled(density: Density) -> Callable[..., Values]:
    return jit(jax.vmap(jax.vmap(density.constrain, (0, None)), (0, None)))
