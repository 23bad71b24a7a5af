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


class Multinomial(dist.Multinomial):
    """A multinomial distribution whose log density does not branch on values."""

    def log_prob(self, value):
        return DENSITIES.multinomial(value.to(self.probs), self.probs)


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


class _Ordered(Categorical):
    def log_tails(self, value):
        return TAILS.log_categories(value, self.logits)


def ordered_logistic(predictor, cutpoints):
    """Ordered categories, with the logarithms of probabilities that are differences of others nearly as large."""
    return _Ordered(logits=DENSITIES.ordered(predictor, cutpoints))


def _multinomial(total_count, probs):
    return Multinomial(int(total_count), probs)


COUNTS: dict[str, Any] = {
    "Bernoulli": Bernoulli,
    "Binomial": Binomial,
    "Categorical": Categorical,
    "DiscreteUniform": DiscreteUniform,
    "GammaPoisson": GammaPoisson,
    "Multinomial": _multinomial,
    "OrderedLogistic": ordered_logistic,
    "Poisson": Poisson,
}
"""What takes the place of Pyro's own class of that name."""
