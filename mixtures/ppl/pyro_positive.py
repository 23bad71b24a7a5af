"""Distributions of positive numbers in Pyro, which the library has not: see `log_positive`."""

from typing import Any

import torch
from pyro.distributions import constraints

from mixtures.ppl.pyro_formulas import POSITIVE
from mixtures.ppl.pyro_skewed import Broadcast


class InverseGaussian(Broadcast):
    """An inverse Gaussian distribution, of mean `loc` and variance loc^3 / concentration."""

    support = constraints.positive

    def __init__(self, loc, concentration):
        super().__init__(loc, concentration)
        self.loc, self.concentration = self.parameters

    def log_prob(self, value):
        return POSITIVE.inverse_gaussian(value, self.loc, self.concentration)

    def log_tails(self, value):
        return POSITIVE.inverse_gaussian_tails(value, self.loc, self.concentration)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        shape, dtype = self._extended_shape(sample_shape), self.loc.dtype
        # of the two x at which c (x - m)^2 / (m^2 x) is this chi2, the smaller one with probability m / (m + x): Michael, Schucany & Haas 1976
        half = self.loc * torch.randn(shape, dtype=dtype) ** 2 / (2 * self.concentration)
        smaller = self.loc / (1 + half + torch.sqrt(half * (2 + half)))
        is_smaller = torch.rand(shape, dtype=dtype) * (self.loc + smaller) <= self.loc
        return torch.where(is_smaller, smaller, self.loc * (self.loc / smaller))


class GeneralizedPareto(Broadcast):
    """A generalised Pareto distribution of what exceeds 0, with a power's tail."""

    support = constraints.nonnegative

    def __init__(self, scale, concentration):
        super().__init__(scale, concentration)
        self.scale, self.concentration = self.parameters

    def log_prob(self, value):
        return POSITIVE.pareto(value, self.scale, self.concentration)

    def log_tails(self, value):
        return POSITIVE.pareto_tails(value, self.scale, self.concentration)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        drawn = torch.empty(self._extended_shape(sample_shape), dtype=self.scale.dtype).exponential_()
        return self.scale * torch.expm1(self.concentration * drawn) / self.concentration


SIZES: dict[str, Any] = {"GeneralizedPareto": GeneralizedPareto, "InverseGaussian": InverseGaussian}
