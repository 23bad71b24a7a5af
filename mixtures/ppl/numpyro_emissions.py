"""Distributions of rows in NumPyro, where the library's are not exact in float64, do not take floating point data, or do not exist.

Where a class says no more, it is the library's with a log density that keeps its digits over the whole range of the parameters.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from mixtures.ppl import numpyro_normals as normals
from mixtures.ppl.numpyro_counts import COUNTS
from mixtures.ppl.numpyro_formulas import DENSITIES, TAILS
from mixtures.ppl.numpyro_group_marginal import GroupMarginal
from mixtures.ppl.numpyro_group_normal import GroupNormal
from mixtures.ppl.numpyro_normals import MultivariateNormal
from mixtures.ppl.numpyro_positive import SIZES
from mixtures.ppl.numpyro_skewed import SKEW
from mixtures.ppl.protocol import IMPOSSIBLE


class Normal(normals.Normal):
    """A normal distribution."""

    def log_tails(self, value):
        return TAILS.normal(value, self.loc, self.scale)


class LogNormal(dist.LogNormal):
    """A distribution of numbers whose logarithm is normal."""

    def log_tails(self, value):
        return TAILS.log_normal(value, self.loc, self.scale)


class StudentT(dist.StudentT):
    """Student's t, which many degrees of freedom make a normal."""

    def log_prob(self, value):
        whitened = (value - self.loc) / self.scale
        return DENSITIES.student_t(whitened**2, self.df, 1) - jnp.log(self.scale)

    def log_tails(self, value):
        return TAILS.student_t(value, self.df, self.loc, self.scale)


class MultivariateStudentT(dist.Distribution):
    """A multivariate t, whitened like the normal.

    Args:
        df: degrees of freedom, shape (...).
        normal: the multivariate normal that has its location and scale matrix.
        dimension: how many columns count, where others are missing (these have location, value and correlations 0, and scale 1).
    """

    support = constraints.real_vector

    def __init__(self, df, normal, dimension=None, *, validate_args=None):
        self.df, self.normal = df, normal
        self.dimension = normal.event_shape[0] if dimension is None else dimension
        batch = jnp.broadcast_shapes(jnp.shape(df), normal.batch_shape)
        super().__init__(batch_shape=batch, event_shape=normal.event_shape, validate_args=validate_args)

    @property
    def loc(self):
        return self.normal.loc

    @property
    def root(self):
        """A matrix whose square is the scale matrix."""
        return self.normal.root

    def sample(self, key, sample_shape=()):
        key_normal, key_chi2 = jax.random.split(key)
        centred = MultivariateNormal(jnp.zeros(()) * self.loc, self.root).expand(self.batch_shape)
        chi2 = dist.Chi2(self.df).expand(self.batch_shape).sample(key_chi2, sample_shape)
        return self.loc + centred.sample(key_normal, sample_shape) * jnp.sqrt(self.df / chi2)[..., None]

    def log_prob(self, value):
        squared, half_log_det = self.normal.distance(value)
        return DENSITIES.student_t(squared, self.df, self.dimension) - half_log_det


class Exponential(dist.Exponential):
    """An exponential distribution that holds its bound: a waiting time may be 0, where the library's density is 0."""

    def log_prob(self, value):
        return jnp.log(self.rate) - self.rate * value

    def log_tails(self, value):
        return TAILS.exponential(value, self.rate)


class Gamma(dist.Gamma):
    """A Gamma distribution."""

    def log_prob(self, value):
        return DENSITIES.gamma(value, self.concentration, self.rate)

    def log_tails(self, value):
        return TAILS.gamma(value, self.concentration, self.rate)


class Beta(dist.Beta):
    """A beta distribution."""

    def log_prob(self, value):
        return DENSITIES.beta(value, self.concentration1, self.concentration0)

    def log_tails(self, value):
        return TAILS.beta(value, self.concentration1, self.concentration0)


class Composition(dist.Dirichlet):
    """A Dirichlet distribution of rows."""

    def log_prob(self, value):
        return DENSITIES.dirichlet(value, self.concentration)


class Weibull(dist.Weibull):
    """A Weibull distribution."""

    def log_prob(self, value):
        return DENSITIES.weibull(value, self.scale, self.concentration)

    def log_tails(self, value):
        return TAILS.weibull(value, self.scale, self.concentration)


class VonMises(dist.VonMises):
    """A von Mises distribution, which is uniform at concentration 0."""

    def log_prob(self, value):
        return DENSITIES.von_mises(value, self.loc, self.concentration)


class Uniform(dist.Uniform):
    """A uniform distribution whose density outside its interval is 0, validated or not."""

    def log_prob(self, value):
        inside = (value >= self.low) & (value <= self.high)
        return jnp.where(inside, -jnp.log(self.high - self.low), IMPOSSIBLE)

    def log_tails(self, value):
        return TAILS.uniform(value, self.low, self.high)


class PointMass(dist.Delta):
    """All probability at one value."""

    def log_prob(self, value):
        return jnp.where(value == self.v, 0.0, IMPOSSIBLE)

    def log_tails(self, value):
        return TAILS.step(value >= self.v)


class Select(dist.Distribution):
    """The member that an index chooses: members[0] where it is 0, and so on; the last beyond.

    Args:
        index: whole numbers, shape (...).
        members: distributions with one event shape and one kind of support.
    """

    def __init__(self, index, *members):
        self.index, self.members = index, members
        batch = jnp.broadcast_shapes(jnp.shape(index), *(member.batch_shape for member in members))
        super().__init__(batch_shape=batch, event_shape=members[-1].event_shape)

    @constraints.dependent_property
    def support(self):
        return self.members[-1].support

    def sample(self, key, sample_shape=()):
        shape = sample_shape + self.batch_shape
        keys = jax.random.split(key, len(self.members))
        draws = [self.members[k].expand(self.batch_shape).sample(keys[k], sample_shape) for k in range(len(keys))]
        index = jnp.broadcast_to(self.index, shape).reshape(shape + (1,) * self.event_dim)
        chosen = draws[-1]
        for position, drawn in reversed(list(enumerate(draws[:-1]))):
            chosen = jnp.where(index == position, drawn, chosen)
        return chosen

    def log_prob(self, value):
        chosen = self.members[-1].log_prob(value)
        for position, member in reversed(list(enumerate(self.members[:-1]))):
            chosen = jnp.where(self.index == position, member.log_prob(value), chosen)
        return chosen


def multivariate_student_t(df, loc, scale_tril, dimension=None):
    """The t with this location and the Cholesky factor of its scale matrix."""
    return MultivariateStudentT(df, MultivariateNormal(loc, scale_tril), dimension)


def student_t_like(normal, df):
    """The t with the location and scale matrix of a multivariate normal, or of independent ones."""
    if isinstance(normal, dist.Independent):
        loc, scale = normal.base_dist.loc, normal.base_dist.scale
        normal = MultivariateNormal(loc, scale[..., None] * jnp.eye(jnp.shape(loc)[-1]))
    return MultivariateStudentT(df, normal)


EMISSIONS: dict[str, Any] = {
    **COUNTS,
    **SIZES,
    **SKEW,
    "Composition": Composition,
    "Beta": Beta,
    "Exponential": Exponential,
    "Gamma": Gamma,
    "GroupMarginal": GroupMarginal,
    "GroupNormal": GroupNormal,
    "LogNormal": LogNormal,
    "MultivariateStudentT": multivariate_student_t,
    "Normal": Normal,
    "PointMass": PointMass,
    "Select": Select,
    "StudentT": StudentT,
    "StudentTLike": student_t_like,
    "Uniform": Uniform,
    "VonMises": VonMises,
    "Weibull": Weibull,
}
"""What takes the place of the library's own class of that name, or stands beside it."""
