"""Skewed distributions in NumPyro, which the library has not: see `log_skewed`."""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from mixtures.ppl.numpyro_formulas import SKEWED


class SkewNormal(dist.Distribution):
    """A skew normal distribution; `skew` 0 is the normal, large ones half a normal."""

    support = constraints.real

    def __init__(self, loc, scale, skew):
        self.loc, self.scale, self.skew = loc, scale, skew
        super().__init__(batch_shape=jnp.broadcast_shapes(*map(jnp.shape, (loc, scale, skew))))

    def _whitened(self, value):
        return (value - self.loc) / self.scale

    def log_prob(self, value):
        return SKEWED.normal(self._whitened(value), self.skew) - jnp.log(self.scale)

    def log_tails(self, value):
        return SKEWED.normal_tails(self._whitened(value), self.skew)

    def sample(self, key, sample_shape=()):
        return self.loc + self.scale * _standard(key, self.skew, sample_shape + self.batch_shape)


class SkewT(dist.Distribution):
    """A skew t distribution, which many degrees of freedom make a skew normal."""

    support = constraints.real

    def __init__(self, df, loc, scale, skew):
        self.df, self.loc, self.scale, self.skew = df, loc, scale, skew
        super().__init__(batch_shape=jnp.broadcast_shapes(*map(jnp.shape, (df, loc, scale, skew))))

    def log_prob(self, value):
        return SKEWED.student_t((value - self.loc) / self.scale, self.df, self.skew) - jnp.log(self.scale)

    def sample(self, key, sample_shape=()):
        of_normal, of_chi2 = jax.random.split(key)
        shape = sample_shape + self.batch_shape
        chi2 = 2 * jax.random.gamma(of_chi2, jnp.broadcast_to(0.5 * self.df, shape), dtype=jnp.result_type(float))
        return self.loc + self.scale * _standard(of_normal, self.skew, shape) / jnp.sqrt(chi2 / self.df)


def _standard(key, skew, shape):
    """d |u| + sqrt(1 - d^2) v of standard normals, d = skew / sqrt(1 + skew^2)."""
    u, v = jax.random.normal(key, (2, *shape), dtype=jnp.result_type(float))
    return (skew * jnp.abs(u) + v) / jnp.sqrt(1 + skew**2)


SKEW: dict[str, Any] = {"SkewNormal": SkewNormal, "SkewT": SkewT}
