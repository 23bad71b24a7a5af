"""Preconditioned Langevin moves of many short vectors side by side, each accepted or refused by itself.

A proposal goes half a step up the gradient in the metric at the vector where it begins, and is corrected for the metric being another where
it ends: the simplified manifold MALA of Girolami & Calderhead (2011), JRSS B 73, 123, section 5. What a vector's metric is, is the caller's.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

ACCEPTANCE = 0.6
"""The acceptance rate that steps are tuned for: 0.574 is best where vectors are long (Roberts & Rosenthal 1998), more where they are short."""

JITTER = 0.4
"""Spread of log steps: no length is bad for all vectors."""


class Point(NamedTuple):
    """Vectors, and what is known of the density there.

    Args:
        u: the vectors, (vectors, size).
        log_density: (vectors,).
        gradient: (vectors, size).
        metric: positive definite, (vectors, size, size), or its diagonal, (vectors, size).
    """

    u: jax.Array
    log_density: jax.Array
    gradient: jax.Array
    metric: jax.Array


def move(key: jax.Array, at: Point, look: Callable[[jax.Array], Point], step: jax.Array) -> tuple[Point, jax.Array]:
    """One move of every vector, and its acceptance probability, (vectors,).

    Args:
        key: of the random numbers.
        at: where the vectors are.
        look: vectors -> what is known there; each vector's density must depend on no other vector.
        step: its length, in the metric.
    """
    noise_key, length_key, accept_key = jax.random.split(key, 3)
    lengths = step * jnp.exp(JITTER * jax.random.normal(length_key, at.log_density.shape))[:, None]
    noise = jax.random.normal(noise_key, at.u.shape)
    centre, factor = _proposal(at, lengths)
    there = look(centre + lengths * _solved(factor, noise))
    back_centre, back_factor = _proposal(there, lengths)
    # log q(u | u') - log q(u' | u), q normal about its centre, covariance step^2 metric^-1
    back = _times(back_factor, (at.u - back_centre) / lengths)
    ratio = (
        there.log_density
        - at.log_density
        + 0.5 * jnp.sum(noise**2, axis=1)
        - 0.5 * jnp.sum(back**2, axis=1)
        + _half_log_det(back_factor)
        - _half_log_det(factor)
    )
    probability = jnp.exp(jnp.minimum(jnp.where(jnp.isfinite(ratio), ratio, -jnp.inf), 0.0))
    is_accepted = jax.random.uniform(accept_key, probability.shape) < probability

    def chosen(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(is_accepted.reshape(-1, *(1,) * (old.ndim - 1)), new, old)

    return jax.tree.map(chosen, there, at), probability


def _proposal(at: Point, lengths: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The centre of the proposal, u + step^2 / 2 metric^-1 gradient, and the metric's Cholesky factor."""
    factor = jnp.sqrt(at.metric) if at.metric.ndim == 2 else jnp.linalg.cholesky(at.metric)
    whitened = (
        at.gradient / factor
        if factor.ndim == 2
        else solve_triangular(factor, at.gradient[..., None], lower=True)[..., 0]
    )
    return at.u + 0.5 * lengths**2 * _solved(factor, whitened), factor


def _solved(factor: jax.Array, noise: jax.Array) -> jax.Array:
    """L^-T z: noise of covariance metric^-1."""
    if factor.ndim == 2:
        return noise / factor
    return solve_triangular(factor, noise[..., None], lower=True, trans=1)[..., 0]


def _times(factor: jax.Array, difference: jax.Array) -> jax.Array:
    """L' u, whose squared length is u' metric u."""
    return factor * difference if factor.ndim == 2 else jnp.einsum("kji,kj->ki", factor, difference)


def _half_log_det(factor: jax.Array) -> jax.Array:
    diagonal = factor if factor.ndim == 2 else jnp.diagonal(factor, axis1=1, axis2=2)
    return jnp.sum(jnp.log(diagonal), axis=1)
