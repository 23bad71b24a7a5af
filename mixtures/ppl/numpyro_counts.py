"""Distributions of counts and categories in NumPyro: see `numpyro_emissions`."""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from mixtures.ppl.numpyro_formulas import DENSITIES, TAILS
from mixtures.ppl.protocol import IMPOSSIBLE


class Categorical(dist.CategoricalProbs):
    """A categorical distribution that takes its categories as floating point numbers too: data are."""

    def log_prob(self, value):
        return super().log_prob(jnp.asarray(value, dtype=int))

    def log_tails(self, value):
        return TAILS.categories(value, jnp.asarray(self.probs))


class OrderedLogistic(dist.CategoricalLogits):
    """Ordered categories, with the logarithms of probabilities that are differences of others nearly as large.

    Args:
        predictor: where a row lies on the line that the cutpoints divide, shape (...).
        cutpoints: where one category ends and the next begins, in their order, (..., categories - 1).
    """

    def __init__(self, predictor, cutpoints):
        super().__init__(DENSITIES.ordered(jnp.asarray(predictor), cutpoints))

    def log_prob(self, value):
        return super().log_prob(jnp.asarray(value, dtype=int))

    def log_tails(self, value):
        return TAILS.log_categories(value, self.logits)


class Poisson(dist.Poisson):
    """A Poisson distribution."""

    def log_prob(self, value):
        return DENSITIES.poisson(value, self.rate)

    def log_tails(self, value):
        return TAILS.poisson(value, self.rate)


class GammaPoisson(dist.GammaPoisson):
    """A Gamma mixture of Poissons."""

    def log_prob(self, value):
        return DENSITIES.gamma_poisson(value, self.concentration, self.rate)

    def log_tails(self, value):
        return TAILS.gamma_poisson(value, self.concentration, self.rate)


class _Bernoulli(dist.BernoulliProbs):
    def log_prob(self, value):
        return DENSITIES.bernoulli(value, jnp.asarray(self.probs))

    def log_tails(self, value):
        return TAILS.bernoulli(value, self.probs)


class _OfTrials:
    """Successes out of trials that are floating point numbers, as data are."""

    batch_shape: Any
    total_count: Any
    probs: Any

    def sample(self, key, sample_shape=()):
        trials = jnp.asarray(self.total_count).astype(int)
        return dist.BinomialProbs(self.probs, trials).expand(self.batch_shape).sample(key, sample_shape)


class _Binomial(_OfTrials, dist.BinomialProbs):
    def log_prob(self, value):
        return DENSITIES.binomial(value, self.total_count, jnp.asarray(self.probs))

    def log_tails(self, value):
        return TAILS.binomial(value, jnp.asarray(self.total_count, dtype=value.dtype), jnp.asarray(self.probs))


class _BernoulliLogits(dist.BernoulliLogits):
    def log_tails(self, value):
        return TAILS.bernoulli(value, jax.nn.sigmoid(self.logits))


class _BinomialLogits(_OfTrials, dist.BinomialLogits):
    def log_tails(self, value):
        return TAILS.binomial(value, jnp.asarray(self.total_count, dtype=value.dtype), jax.nn.sigmoid(self.logits))


def bernoulli(probs=None, logits=None):
    """A Bernoulli distribution."""
    return _Bernoulli(probs) if logits is None else _BernoulliLogits(logits)


def binomial(total_count=1, probs=None, logits=None):
    """A binomial distribution."""
    return _Binomial(probs, total_count) if logits is None else _BinomialLogits(logits, total_count)


class Multinomial(dist.MultinomialProbs):
    """A multinomial distribution whose number of trials is the sum of the counts, so that a row of zeros has density 1."""

    def log_prob(self, value):
        return DENSITIES.multinomial(value, jnp.asarray(self.probs))


class DiscreteUniform(dist.DiscreteUniform):
    """Equal probabilities of the whole numbers from `low` to `high`, and none elsewhere, validated or not."""

    def __init__(self, low, high):
        super().__init__(jnp.asarray(low, dtype=int), jnp.asarray(high, dtype=int))

    def log_prob(self, value):
        inside = (value >= self.low) & (value <= self.high) & (value == jnp.floor(value))
        return jnp.where(inside, -jnp.log(self.high - self.low + 1.0), IMPOSSIBLE)

    def log_tails(self, value):
        return TAILS.uniform(jnp.floor(value) + 1.0, self.low * 1.0, self.high + 1.0)


COUNTS: dict[str, Any] = {
    "Bernoulli": bernoulli,
    "Binomial": binomial,
    "Categorical": Categorical,
    "DiscreteUniform": DiscreteUniform,
    "GammaPoisson": GammaPoisson,
    "Multinomial": Multinomial,
    "OrderedLogistic": OrderedLogistic,
    "Poisson": Poisson,
}
"""What takes the place of the library's own class of that name."""
