"""Distributions of positive numbers in NumPyro, which the library has not: see `log_positive`."""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from mixtures.ppl.numpyro_formulas import POSITIVE


class InverseGaussian(dist.Distribution):
    """An inverse Gaussian distribution, of mean `loc` and variance loc^3 / concentration."""

    support = constraints.positive

    def __init__(self, loc, concentration):
        self.loc, self.concentration = loc, concentration
        super().__init__(batch_shape=jnp.broadcast_shapes(jnp.shape(loc), jnp.shape(concentration)))

    def log_prob(self, value):
        return POSITIVE.inverse_gaussian(value, self.loc, self.concentration)

    def log_tails(self, value):
        return POSITIVE.inverse_gaussian_tails(value, self.loc, self.concentration)

    def sample(self, key, sample_shape=()):
        of_normal, of_uniform = jax.random.split(key)
        shape, dtype = sample_shape + self.batch_shape, jnp.result_type(float)
        # of the two x at which c (x - m)^2 / (m^2 x) is this chi2, the smaller one with probability m / (m + x): Michael, Schucany & Haas 1976
        half = self.loc * jax.random.normal(of_normal, shape, dtype=dtype) ** 2 / (2 * self.concentration)
        smaller = self.loc / (1 + half + jnp.sqrt(half * (2 + half)))
        is_smaller = jax.random.uniform(of_uniform, shape, dtype=dtype) * (self.loc + smaller) <= self.loc
        return jnp.where(is_smaller, smaller, self.loc * (self.loc / smaller))


class GeneralizedPareto(dist.Distribution):
    """A generalised Pareto distribution of what exceeds 0, with a power's tail."""

    support = constraints.nonnegative

    def __init__(self, scale, concentration):
        self.scale, self.concentration = scale, concentration
        super().__init__(batch_shape=jnp.broadcast_shapes(jnp.shape(scale), jnp.shape(concentration)))

    def log_prob(self, value):
        return POSITIVE.pareto(value, self.scale, self.concentration)

    def log_tails(self, value):
        return POSITIVE.pareto_tails(value, self.scale, self.concentration)

    def sample(self, key, sample_shape=()):
        drawn = jax.random.exponential(key, sample_shape + self.batch_shape, dtype=jnp.result_type(float))
        return self.scale * jnp.expm1(self.concentration * drawn) / self.concentration


SIZES: dict[str, Any] = {"GeneralizedPareto": GeneralizedPareto, "InverseGaussian": InverseGaussian}
