"""The log density as a sampler outside JAX calls it: a vector in, the density and its gradient in one array out, some 20 microseconds apart."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from inference.backends.numpyro import devices as own_devices
from inference.backends.numpyro.hub import of_no_row
from inference.backends.numpyro.jit import ON_ONE_CORE, Compiled, jit
from inference.backends.numpyro.sites import CACHED, Values
from inference.backends.target import Density, Target
from inference.samplers.jax_targets import log_density
from inference.samplers.protocol import Frame

Called = Callable[[np.ndarray], np.ndarray]
"""A vector in the units of a frame, (size,) -> its log density, and the gradient after it, (1 + size,)."""


def called(target: Target, frame: Frame) -> Called:
    """The target's density in the units of a frame, compiled here and not in a sampler's thread; on the mesh where rows are there."""
    if target.sharded is not None:
        return functools.partial(_on_mesh, target.sharded, frame)
    return _here(target, frame)


def _on_mesh(sharded: Callable[[np.ndarray], tuple[float, np.ndarray]], frame: Frame, v: np.ndarray) -> np.ndarray:
    value, gradient = sharded(frame.outward(v))
    return np.append(value, frame.unit * gradient)


def _here(target: Target, frame: Frame) -> Called:
    priors, rows = of_no_row(target.data)
    parts = (priors, frame.centre, frame.unit)
    numbers = np.concatenate([np.ravel(part) for part in jax.tree.leaves(parts)])
    numbers, rows = jax.device_put((numbers, rows), own_devices.synchronous())
    compiled = _compiled(target.density, _way_back(parts))
    compiled(np.zeros_like(frame.centre), numbers, rows)
    return functools.partial(_at, compiled.launch, numbers, rows)


def _way_back(parts: Any) -> Callable[[jax.Array], Any]:
    """From one vector of all their numbers to the parts; equal for parts of equal structure, so that it may be part of a cache's key.

    Only shapes are asked: what `ravel_pytree` computes would be a compiled program for each operation.
    """
    found: list[Callable[[jax.Array], Any]] = []
    jax.eval_shape(lambda parts: found.append(ravel_pytree(parts)[1]), parts)
    return found[0]


@functools.lru_cache(CACHED)
def _compiled(target: Density, unpack: Callable[[jax.Array], Any]) -> Compiled:
    """(v in the units of a frame, numbers, rows) -> the log density and its gradient in one array.

    One output is one conversion, and each argument costs half a microsecond: the numbers, those of the priors and the frame's, come as one
    vector.
    """
    of_vector = functools.partial(log_density, target)

    def both(v: jax.Array, numbers: jax.Array, rows: Values) -> jax.Array:
        priors, centre, unit = unpack(numbers)
        value, gradient = jax.value_and_grad(of_vector)(v, {**rows, **priors}, centre, unit)
        return jnp.concatenate([value[None], gradient])

    return jit(both, ON_ONE_CORE)


def _at(compiled: Callable[..., jax.Array], numbers: jax.Array, rows: Values, v: np.ndarray) -> np.ndarray:
    """The log density and its gradient at a vector; the result's own memory is read, where `np.asarray` takes three microseconds more."""
    return np.frombuffer(memoryview(compiled(v, numbers, rows)))
