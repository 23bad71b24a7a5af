"""NumPyro's distributions as programs use them, with our own where the library's is slow.

`MultivariateNormal` whitens the rows by one matrix product for all components instead of one triangular solve per row and component, and
`Normal` divides once a component instead of once a row: under enumeration gradients are several times cheaper. Both are tested against
the library's.
"""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from mixtures.ppl.rotation import rotated_tril


class Normal(dist.Normal):
    """A normal whose density multiplies by 1 / scale."""

    def log_prob(self, value):
        whitened = (value - self.loc) * (1 / self.scale)
        return -0.5 * (whitened**2 + jnp.log(2 * jnp.pi)) - jnp.log(self.scale)


class MultivariateNormal(dist.Distribution):
    """A multivariate normal, by the Cholesky factor of its covariance.

    Args:
        loc: mean, shape (..., features).
        scale_tril: lower triangular factor, shape (..., features, features).
    """

    arg_constraints: ClassVar[dict] = {"loc": constraints.real_vector, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    reparametrized_params: ClassVar[list] = ["loc", "scale_tril"]

    def __init__(self, loc, scale_tril, *, validate_args=None):
        self.loc, self.scale_tril = loc, scale_tril
        batch = jnp.broadcast_shapes(jnp.shape(loc)[:-1], jnp.shape(scale_tril)[:-2])
        super().__init__(batch_shape=batch, event_shape=jnp.shape(loc)[-1:], validate_args=validate_args)

    def sample(self, key, sample_shape=()):
        noise = jax.random.normal(key, sample_shape + self.batch_shape + self.event_shape, dtype=jnp.result_type(float))
        return self.loc + (self.scale_tril @ noise[..., None])[..., 0]

    def log_prob(self, value):
        squared, half_log_det = distance(value, self.loc, self.scale_tril)
        return -0.5 * (squared + self.event_shape[0] * jnp.log(2 * jnp.pi)) - half_log_det


def distance(rows, loc, scale_tril):
    """|L^-1 (x - mu)|^2 for every row, and log |L|."""
    identity = jnp.eye(scale_tril.shape[-1], dtype=scale_tril.dtype)
    # L^-1, once a component and not once a row
    whiten = jax.scipy.linalg.solve_triangular(scale_tril, jnp.broadcast_to(identity, scale_tril.shape), lower=True)
    half_log_det = jnp.sum(jnp.log(jnp.diagonal(scale_tril, axis1=-2, axis2=-1)), axis=-1)
    is_alike = [array.ndim == least or array.shape[-least - 1] == 1 for array, least in ((loc, 1), (whiten, 2))]
    if rows.ndim > 1 and all(is_alike):
        return jnp.sum(_whitened(rows, jnp.atleast_2d(loc), whiten) ** 2, axis=-2), half_log_det
    return jnp.sum((whiten @ (rows - loc)[..., None])[..., 0] ** 2, axis=-1), half_log_det


@jax.custom_jvp
def _whitened(rows, loc, whiten):
    """L^-1 (x - mu), (..., features, rows), where all rows have one mean and one matrix.

    The difference comes first: L^-1 x - L^-1 mu would lose digits where x and mu are far from 0, or components far from each other.
    """
    return _of_component(whiten) @ jnp.swapaxes(rows - loc, -1, -2)


@_whitened.defjvp
def _whitened_tangent(primals, tangents):
    """By matrix products that serve all components, with the sum over features along rows in memory: gradients are cheaper so."""
    rows, loc, whiten = primals
    of_rows, of_loc, of_whiten = (jnp.swapaxes(tangents[0], -1, -2), jnp.swapaxes(tangents[1], -1, -2), tangents[2])
    centre = jnp.mean(loc, axis=tuple(range(loc.ndim - 1)))
    matrix, turned = _of_component(whiten), _of_component(of_whiten)
    by_whiten = turned @ jnp.swapaxes(rows - centre, -1, -2) - turned @ jnp.swapaxes(loc - centre, -1, -2)
    return _whitened(*primals), by_whiten + matrix @ of_rows - matrix @ of_loc


def _of_component(whiten):
    """The matrix without its axis of rows."""
    return whiten if whiten.ndim == 2 else whiten[..., 0, :, :]


class UniformAngle(dist.Distribution):
    """Every direction alike, on the real line, where directions 2 pi apart are the same: the density of one turn, on each."""

    arg_constraints: ClassVar[dict] = {}
    support = constraints.real

    def __init__(self, *, validate_args=None):
        super().__init__(batch_shape=(), event_shape=(), validate_args=validate_args)

    def sample(self, key, sample_shape=()):
        shape = sample_shape + self.batch_shape
        return jax.random.uniform(key, shape, jnp.result_type(float), minval=-jnp.pi, maxval=jnp.pi)

    def log_prob(self, value):
        return jnp.zeros_like(value) - jnp.log(2 * jnp.pi)


def zero_sum_normal(*event_shape: int, scale):
    """Normal on the arrays that sum to zero along every axis; structure first, as in LKJCholesky."""
    return dist.ZeroSumNormal(scale, event_shape)


def rotated_normal(loc, scale, orientation):
    """Standard deviations `scale` along axes turned by Cayley's coordinates: Sigma = Q diag(scale^2) Q'."""
    return MultivariateNormal(loc, scale_tril=rotated_tril(jnp, scale, orientation, jnp.asarray))


def equal_volume_normal(loc, scale, correlation_cholesky):
    """Sigma = diag(scale) R diag(scale) / det(R)^(1/d), whose determinant is that of diag(scale^2) whatever the correlation R."""
    # det(R)^(1/(2d)) = geometric mean of C's diagonal, R = C C'
    diagonal = jnp.diagonal(correlation_cholesky, axis1=-2, axis2=-1)
    scale = scale / jnp.exp(jnp.mean(jnp.log(diagonal), axis=-1, keepdims=True))
    return MultivariateNormal(loc, scale_tril=scale[..., None] * correlation_cholesky)
