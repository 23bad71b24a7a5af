"""Normal distributions in NumPyro: its own where they are fast, ours where they are not, and those that it has not.

`MultivariateNormal` whitens the rows by one matrix product for all components instead of one triangular solve per row and component, and
`Normal` divides once a component instead of once a row: under enumeration gradients are several times cheaper. Both are tested against
the library's.
"""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from mixtures.ppl.loadings import loadings_of
from mixtures.ppl.rotation import cayley


class Normal(dist.Normal):
    """A normal whose density multiplies by 1 / scale."""

    def log_prob(self, value):
        whitened = (value - self.loc) * (1 / self.scale)
        return -0.5 * (whitened**2 + jnp.log(2 * jnp.pi)) - jnp.log(self.scale)


class _ByRoot(dist.Distribution):
    """A multivariate normal that says a `root` of its covariance, root root' = Sigma, and how far rows are from its mean: `distance`."""

    support = constraints.real_vector

    def sample(self, key, sample_shape=()):
        noise = jax.random.normal(key, sample_shape + self.batch_shape + self.event_shape, dtype=jnp.result_type(float))
        return self.loc + (self.root @ noise[..., None])[..., 0]

    def log_prob(self, value):
        squared, half_log_det = self.distance(value)
        return -0.5 * (squared + self.event_shape[0] * jnp.log(2 * jnp.pi)) - half_log_det


class MultivariateNormal(_ByRoot):
    """A multivariate normal, by the Cholesky factor of its covariance.

    Args:
        loc: mean, shape (..., features).
        scale_tril: lower triangular factor, shape (..., features, features).
    """

    # validated where programs come from: to look at a matrix takes as many small programs as there are questions
    arg_constraints: ClassVar[dict] = {
        "loc": constraints.real_vector,
        "scale_tril": constraints.dependent(is_discrete=False, event_dim=2),
    }
    reparametrized_params: ClassVar[list] = ["loc", "scale_tril"]

    def __init__(self, loc, scale_tril, *, validate_args=None):
        self.loc, self.scale_tril = loc, scale_tril
        batch = jnp.broadcast_shapes(jnp.shape(loc)[:-1], jnp.shape(scale_tril)[:-2])
        super().__init__(batch_shape=batch, event_shape=jnp.shape(loc)[-1:], validate_args=validate_args)

    @property
    def root(self):
        return self.scale_tril

    def distance(self, rows):
        """|L^-1 (x - mu)|^2 for every row, and log |L|."""
        tril = self.scale_tril
        half_log_det = jnp.sum(jnp.log(jnp.diagonal(tril, axis1=-2, axis2=-1)), axis=-1)
        if rows.ndim > 1 and tril.ndim > 2 and tril.shape[-3] > 1:
            return jnp.sum(_substituted(tril, rows - self.loc) ** 2, axis=-1), half_log_det
        identity = jnp.eye(tril.shape[-1], dtype=tril.dtype)
        # L^-1, once a component and not once a row
        whiten = jax.scipy.linalg.solve_triangular(tril, jnp.broadcast_to(identity, tril.shape), lower=True)
        return _squared(rows, self.loc, whiten), half_log_det


def _squared(rows, loc, whiten):
    """|W (x - mu)|^2 for every row."""
    is_alike = [array.ndim == least or array.shape[-least - 1] == 1 for array, least in ((loc, 1), (whiten, 2))]
    if rows.ndim > 1 and all(is_alike):
        return jnp.sum(_whitened(rows, jnp.atleast_2d(loc), whiten) ** 2, axis=-2)
    return jnp.sum((whiten @ (rows - loc)[..., None])[..., 0] ** 2, axis=-1)


def _substituted(tril, apart):
    """L^-1 (x - mu) where every row has a matrix of its own, a coordinate at a time for all rows: XLA's own solver goes row by row, and shares
    many small matrices out among threads that may wait for each other for ever."""
    solved: list[jax.Array] = []
    for j in range(tril.shape[-1]):
        solved.append(apart[..., j] / tril[..., j, j])
        apart = apart - tril[..., :, j] * solved[-1][..., None]
    return jnp.stack(solved, axis=-1)


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


class RotatedNormal(_ByRoot):
    """Standard deviations `scale` along axes turned by Cayley's coordinates: Sigma = Q diag(scale^2) Q'.

    Args:
        loc: mean, shape (..., features).
        scale: shape (..., features).
        orientation: Cayley's coordinates of Q, shape (..., pairs of features).
    """

    arg_constraints: ClassVar[dict] = {
        "loc": constraints.real_vector,
        "scale": constraints.independent(constraints.positive, 1),
        "orientation": constraints.real_vector,
    }
    reparametrized_params: ClassVar[list] = ["loc", "scale", "orientation"]

    def __init__(self, loc, scale, orientation, *, validate_args=None):
        self.loc, self.scale, self.orientation = loc, scale, orientation
        batch = jnp.broadcast_shapes(*(jnp.shape(part)[:-1] for part in (loc, scale, orientation)))
        super().__init__(batch_shape=batch, event_shape=jnp.shape(loc)[-1:], validate_args=validate_args)

    @property
    def _axes(self):
        return cayley(jnp, self.orientation, self.event_shape[0], jnp.asarray, inverse)

    @property
    def root(self):
        """Q diag(scale), whose square is the covariance."""
        return self._axes * self.scale[..., None, :]

    def distance(self, rows):
        """|root^-1 (x - mu)|^2 for every row, and log |root|."""
        whiten = jnp.swapaxes(self._axes, -1, -2) / self.scale[..., None]
        return _squared(rows, self.loc, whiten), jnp.sum(jnp.log(self.scale), axis=-1)


class FactorNormal(_ByRoot):
    """Factors and what they leave over: Sigma = L L' + diag(scale)^2, of which no product of features by features is formed.

    Args:
        loc: mean, shape (..., features).
        scale: shape (..., features).
        loading: L as a vector, shape (..., loadings), see `mixtures.ppl.loadings`.
    """

    arg_constraints: ClassVar[dict] = {
        "loc": constraints.real_vector,
        "scale": constraints.independent(constraints.positive, 1),
        "loading": constraints.real_vector,
    }
    reparametrized_params: ClassVar[list] = ["loc", "scale", "loading"]

    def __init__(self, loc, scale, loading, *, validate_args=None):
        self.loc, self.scale, self.loading = loc, scale, loading
        batch = jnp.broadcast_shapes(*(jnp.shape(part)[:-1] for part in (loc, scale, loading)))
        super().__init__(batch_shape=batch, event_shape=jnp.shape(loc)[-1:], validate_args=validate_args)

    @property
    def _loadings(self):
        return loadings_of(jnp, self.loading, self.event_shape[0])

    @property
    def root(self):
        """The Cholesky factor: of few features, where rows miss cells or are measured with error."""
        loadings = self._loadings
        own = self.scale[..., None] ** 2 * jnp.eye(*self.event_shape)
        return jnp.linalg.cholesky(loadings @ jnp.swapaxes(loadings, -1, -2) + own)

    def sample(self, key, sample_shape=()):
        own, common = jax.random.split(key)
        shape, kind = sample_shape + self.batch_shape, jnp.result_type(float)
        loadings = self._loadings
        factors = jax.random.normal(common, (*shape, loadings.shape[-1]), kind)
        noise = jax.random.normal(own, shape + self.event_shape, kind)
        return self.loc + self.scale * noise + (loadings @ factors[..., None])[..., 0]

    def distance(self, rows):
        """|root^-1 (x - mu)|^2 for every row, and log |root|, by the Woodbury identity."""
        loading = self._loadings / self.scale[..., None]
        identity = jnp.eye(loading.shape[-1], dtype=loading.dtype)
        y = (rows - self.loc) / self.scale
        tril = jnp.linalg.cholesky(identity + jnp.swapaxes(loading, -1, -2) @ loading)
        half_log_det = jnp.sum(jnp.log(self.scale), axis=-1)
        half_log_det = half_log_det + jnp.sum(jnp.log(jnp.diagonal(tril, axis1=-2, axis2=-1)), axis=-1)
        if rows.ndim > 1 and (loading.ndim == 2 or loading.shape[-3] == 1):
            pulled = jnp.swapaxes(y @ _of_component(loading), -1, -2)
            pulled = jax.scipy.linalg.solve_triangular(_of_component(tril), pulled, lower=True)
            return jnp.sum(y**2, axis=-1) - jnp.sum(pulled**2, axis=-2), half_log_det
        pulled = _substituted(tril, jnp.einsum("...pq,...p->...q", loading, y))
        return jnp.sum(y**2, axis=-1) - jnp.sum(pulled**2, axis=-1), half_log_det


@jax.custom_jvp
def inverse(matrices):
    """The inverses of matrices I + S with S skew-symmetric, (..., d, d), by Gauss and Jordan's method, which needs no pivots here, and one
    step of Newton's for the last digits.

    XLA shares the factorisations of several matrices out among the threads of its pool, and each waits for its share: from some tens of
    columns on all threads may wait, for ever.
    """
    places = jnp.arange(matrices.shape[-1])

    def eliminated(j, work):
        pivot = work[..., j, j, None]
        row = jnp.where(places == j, 1.0, work[..., j, :]) / pivot
        column = jnp.where(places == j, 0.0, work[..., :, j])
        cleared = jnp.where(places == j, 0.0, work)
        rest = cleared - column[..., :, None] * row[..., None, :]
        return jnp.where((places == j)[:, None], row[..., None, :], rest)

    found = jax.lax.fori_loop(0, matrices.shape[-1], eliminated, matrices)
    return found @ (2 * jnp.eye(matrices.shape[-1]) - matrices @ found)


@inverse.defjvp
def _inverse_tangent(primals, tangents):
    found = inverse(*primals)
    return found, -found @ tangents[0] @ found


def equal_volume_normal(loc, scale, correlation_cholesky):
    """Sigma = diag(scale) R diag(scale) / det(R)^(1/d), whose determinant is that of diag(scale^2) whatever the correlation R."""
    # det(R)^(1/(2d)) = geometric mean of C's diagonal, R = C C'
    diagonal = jnp.diagonal(correlation_cholesky, axis1=-2, axis2=-1)
    scale = scale / jnp.exp(jnp.mean(jnp.log(diagonal), axis=-1, keepdims=True))
    return MultivariateNormal(loc, scale_tril=scale[..., None] * correlation_cholesky)
