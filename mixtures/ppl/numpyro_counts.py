"""Distributions of counts and categories in NumPyro: see `numpyro_emissions`."""

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from mixtures.ppl.numpyro_formulas import DENSITIES, TAILS
from mixtures.ppl.protocol import IMPOSSIBLE


class Categorical(dist.CategoricalProbs):
    """A categorical distribution that takes its categories as floating point numbers too: data are."""

    def log_prob(self, value):
        return super().log_prob(jnp.asarray(value, dtype=int))

    def log_tails(self, value):
        return TAILS.categories(value, jnp.asarray(self.probs))


class MultinomialLogit(dist.CategoricalLogits):
    """Categories by their log odds against the first.

    Args:
        predictors: of the others, shape (..., categories - 1).
    """

    def __init__(self, predictors):
        logits = jnp.concatenate([jnp.zeros_like(predictors[..., :1]), predictors], axis=-1)
        super().__init__(jax.nn.log_softmax(logits))

    def log_prob(self, value):
        return super().log_prob(jnp.asarray(value, dtype=int))

    def log_tails(self, value):
        return TAILS.log_categories(value, self.logits)


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


class Multinomial(dist.Distribution):
    """A multinomial distribution of trials that are floating point numbers, as data are; their density is of as many as the counts add up to.

    Args:
        total_count: the number of trials, shape (...).
        probs: of each category, (..., categories).
    """

    def __init__(self, total_count, probs):
        self.total_count, self.probs = total_count, probs
        batch = jnp.broadcast_shapes(jnp.shape(total_count), jnp.shape(probs)[:-1])
        super().__init__(batch_shape=batch, event_shape=jnp.shape(probs)[-1:])

    @property
    def support(self):
        return constraints.multinomial(self.total_count)

    def log_prob(self, value):
        return DENSITIES.multinomial(value, jnp.asarray(self.probs))

    def sample(self, key, sample_shape=()):
        shape = sample_shape + self.batch_shape
        return _drawn_counts(key, jnp.broadcast_to(self.total_count, shape), jnp.asarray(self.probs))


class DirichletMultinomial(dist.Distribution):
    """A multinomial distribution whose probabilities vary by a Dirichlet.

    Args:
        concentration: of the Dirichlet, (..., categories).
        total_count: the number of trials, shape (...).
    """

    def __init__(self, concentration, total_count):
        self.concentration, self.total_count = concentration, total_count
        batch = jnp.broadcast_shapes(jnp.shape(total_count), jnp.shape(concentration)[:-1])
        super().__init__(batch_shape=batch, event_shape=jnp.shape(concentration)[-1:])

    @property
    def support(self):
        return constraints.multinomial(self.total_count)

    def log_prob(self, value):
        return DENSITIES.dirichlet_multinomial(value, self.concentration)

    def sample(self, key, sample_shape=()):
        of_probs, of_counts = jax.random.split(key)
        shape = sample_shape + self.batch_shape
        probs = dist.Dirichlet(jnp.broadcast_to(self.concentration, shape + self.event_shape)).sample(of_probs)
        return _drawn_counts(of_counts, jnp.broadcast_to(self.total_count, shape), probs)


def _drawn_counts(key, total, probs):
    """Category by category, of the trials that are left."""
    left, rest, counts = total * 1.0, jnp.ones(probs.shape[:-1]), []
    for j, own in enumerate(jax.random.split(key, probs.shape[-1])):
        share = jnp.clip(probs[..., j] / jnp.where(rest > 0, rest, 1.0), 0.0, 1.0)
        is_last = j == probs.shape[-1] - 1
        drawn = left if is_last else jax.random.binomial(own, left, jnp.broadcast_to(share, left.shape))
        left, rest = left - drawn, rest - probs[..., j]
        counts.append(drawn)
    return jnp.stack(counts, axis=-1)


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
    "DirichletMultinomial": DirichletMultinomial,
    "DiscreteUniform": DiscreteUniform,
    "GammaPoisson": GammaPoisson,
    "Multinomial": Multinomial,
    "MultinomialLogit": MultinomialLogit,
    "OrderedLogistic": OrderedLogistic,
    "Poisson": Poisson,
}
"""What takes the place of the library's own class of that name."""
