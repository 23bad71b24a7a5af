"""Distributions of counts and categories in Pyro: see `pyro_emissions`."""

from typing import Any, ClassVar

import pyro.distributions as dist
import torch
from pyro.distributions import constraints

from mixtures.ppl.protocol import IMPOSSIBLE
from mixtures.ppl.pyro_formulas import DENSITIES, TAILS


class Poisson(dist.Poisson):
    """A Poisson distribution."""

    def log_prob(self, value):
        return DENSITIES.poisson(value.to(self.rate), self.rate)

    def log_tails(self, value):
        return TAILS.poisson(value, self.rate)


class GammaPoisson(dist.GammaPoisson):
    """A Gamma mixture of Poissons."""

    def log_prob(self, value):
        return DENSITIES.gamma_poisson(value.to(self.rate), self.concentration, self.rate)

    def log_tails(self, value):
        return TAILS.gamma_poisson(value, self.concentration, self.rate)


class Bernoulli(dist.Bernoulli):
    """A Bernoulli distribution."""

    def log_prob(self, value):
        if self._param is self.__dict__.get("logits"):  # made from log odds
            return super().log_prob(value)
        return DENSITIES.bernoulli(value, self.probs)

    def log_tails(self, value):
        return TAILS.bernoulli(value, self.probs)


class Binomial(dist.Binomial):
    """A binomial distribution."""

    def log_prob(self, value):
        if self._param is self.__dict__.get("logits"):  # made from log odds
            return super().log_prob(value)
        return DENSITIES.binomial(value.to(self.probs), self.total_count.to(self.probs), self.probs)

    def log_tails(self, value):
        return TAILS.binomial(value, self.total_count.to(self.probs), self.probs)


class Categorical(dist.Categorical):
    """A categorical distribution with the logarithms of its probabilities as they are, where the library's end at 1e-16."""

    def log_prob(self, value):
        if self._param is self.__dict__.get("logits"):  # made from log odds
            return super().log_prob(value)
        log_probs = torch.log(self.probs.clamp(min=torch.finfo(self.probs.dtype).tiny))
        value, log_probs = torch.broadcast_tensors(value.long()[..., None], log_probs)
        return log_probs.gather(-1, value[..., :1])[..., 0]

    def log_tails(self, value):
        return TAILS.categories(value, self.probs)


class _OfTrials(dist.TorchDistribution):
    """Counts of categories that add up to a number of trials, each row to its own; their density is of as many as they add up to.

    Args:
        total_count: the number of trials, shape (...).
        parameter: of each category, (..., categories).
    """

    arg_constraints: ClassVar[dict] = {}
    has_rsample = False

    def __init__(self, total_count, parameter):
        self.total_count, self.parameter = torch.as_tensor(total_count, dtype=parameter.dtype), parameter
        batch = torch.broadcast_shapes(self.total_count.shape, parameter.shape[:-1])
        super().__init__(batch, parameter.shape[-1:], validate_args=False)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        return constraints.independent(constraints.nonnegative_integer, 1)

    def expand(self, batch_shape, _instance=None):
        shape = torch.Size(batch_shape)
        return type(self)(self.total_count.expand(shape), self.parameter.expand(shape + self.event_shape))

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        """Category by category, of the trials that are left."""
        probs = self._probs(self._extended_shape(sample_shape))
        left, rest, counts = self.total_count.expand(probs.shape[:-1]), torch.ones(probs.shape[:-1]).to(probs), []
        for own in probs.unbind(-1)[:-1]:
            counts.append(torch.binomial(left, (own / torch.where(rest > 0, rest, 1.0)).clamp(0.0, 1.0)))
            left, rest = left - counts[-1], rest - own
        return torch.stack([*counts, left], -1)


class Multinomial(_OfTrials):
    """A multinomial distribution whose log density does not branch on values."""

    def _probs(self, shape):
        return self.parameter.expand(shape)

    def log_prob(self, value):
        return DENSITIES.multinomial(value.to(self.parameter), self.parameter)


class DirichletMultinomial(_OfTrials):
    """A multinomial distribution whose probabilities vary by a Dirichlet."""

    def _probs(self, shape):
        return torch.distributions.Dirichlet(self.parameter.expand(shape)).sample()

    def log_prob(self, value):
        return DENSITIES.dirichlet_multinomial(value.to(self.parameter), self.parameter)


class DiscreteUniform(dist.TorchDistribution):
    """Equal probabilities of the whole numbers from `low` to `high`, and none elsewhere."""

    arg_constraints: ClassVar[dict] = {}
    has_rsample = False

    def __init__(self, low, high, validate_args=None):
        self.low, self.high = low, high
        super().__init__(torch.broadcast_shapes(low.shape, high.shape), torch.Size(), validate_args=False)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(self.low, self.high)

    def log_prob(self, value):
        inside = (value >= self.low) & (value <= self.high) & (value == torch.floor(value))
        return torch.where(inside, -torch.log(self.high - self.low + 1), IMPOSSIBLE)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        share = torch.rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + torch.floor(share * (self.high - self.low + 1))

    def expand(self, batch_shape, _instance=None):
        shape = torch.Size(batch_shape)
        return DiscreteUniform(self.low.expand(shape), self.high.expand(shape))

    def log_tails(self, value):
        return TAILS.uniform(torch.floor(value) + 1.0, self.low, self.high + 1.0)


class _OfLogits(Categorical):
    def log_tails(self, value):
        return TAILS.log_categories(value, self.logits)


def multinomial_logit(predictors):
    """Categories by their log odds against the first."""
    return _OfLogits(logits=torch.cat([torch.zeros_like(predictors[..., :1]), predictors], dim=-1))


def ordered_logistic(predictor, cutpoints):
    """Ordered categories, with the logarithms of probabilities that are differences of others nearly as large."""
    return _OfLogits(logits=DENSITIES.ordered(predictor, cutpoints))


def multinomial(total_count, probs):
    """A multinomial distribution."""
    return Multinomial(total_count, probs)


def dirichlet_multinomial(concentration, total_count):
    """A multinomial distribution whose probabilities vary by a Dirichlet."""
    return DirichletMultinomial(total_count, concentration)


COUNTS: dict[str, Any] = {
    "Bernoulli": Bernoulli,
    "Binomial": Binomial,
    "Categorical": Categorical,
    "DirichletMultinomial": dirichlet_multinomial,
    "DiscreteUniform": DiscreteUniform,
    "GammaPoisson": GammaPoisson,
    "Multinomial": multinomial,
    "MultinomialLogit": multinomial_logit,
    "OrderedLogistic": ordered_logistic,
    "Poisson": Poisson,
}
"""What takes the place of Pyro's own class of that name."""
