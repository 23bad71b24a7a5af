"""Distributions of parameters that NumPyro has not."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints
from numpyro.distributions.util import promote_shapes

from mixtures.ppl.numpyro_formulas import DENSITIES


class RootInverseGamma(dist.Distribution):
    """A positive number whose square is inverse gamma: the prior of a standard deviation with a conjugate variance.

    Bernardo & Smith (1994), Bayesian Theory, page 431: the square-root inverted gamma distribution.
    """

    arg_constraints: ClassVar[dict] = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    reparametrized_params: ClassVar[list] = ["rate"]

    def __init__(self, concentration, rate=1.0, *, validate_args=None):
        self.concentration, self.rate = promote_shapes(concentration, rate)
        shape = jnp.broadcast_shapes(jnp.shape(concentration), jnp.shape(rate))
        super().__init__(batch_shape=shape, event_shape=(), validate_args=validate_args)

    def sample(self, key, sample_shape=()):
        return jnp.sqrt(dist.InverseGamma(self.concentration, self.rate).sample(key, sample_shape))

    def log_prob(self, value):
        # p(s) = p(s^2) 2 s
        return dist.InverseGamma(self.concentration, self.rate).log_prob(value**2) + jnp.log(2 * value)


class InducedDirichlet(dist.Distribution):
    """Cutpoints of ordered categories whose probabilities have a Dirichlet distribution.

    Args:
        concentration: of the Dirichlet, (..., categories).
    """

    arg_constraints: ClassVar[dict] = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.ordered_vector

    def __init__(self, concentration, *, validate_args=None):
        self.concentration = concentration
        *batch, categories = jnp.shape(concentration)
        super().__init__(tuple(batch), (categories - 1,), validate_args=validate_args)

    def sample(self, key, sample_shape=()):
        probs = dist.Dirichlet(self.concentration).sample(key, sample_shape)
        below, above = jnp.cumsum(probs, axis=-1), jnp.cumsum(probs[..., ::-1], axis=-1)[..., ::-1]
        return jnp.log(below[..., :-1]) - jnp.log(above[..., 1:])

    def log_prob(self, value):
        return DENSITIES.induced_dirichlet(value, self.concentration)


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
