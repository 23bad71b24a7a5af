"""Skewed distributions in Pyro, which the library has not: see `log_skewed`."""

from typing import Any, ClassVar

import pyro.distributions as dist
import torch
from pyro.distributions import constraints

from mixtures.ppl.pyro_formulas import SKEWED


class Broadcast(dist.TorchDistribution):
    """A distribution whose parameters are broadcast against each other."""

    arg_constraints: ClassVar[dict] = {}
    support: Any = constraints.real
    has_rsample = False

    def __init__(self, *parameters):
        self.parameters = torch.broadcast_tensors(*parameters)
        super().__init__(self.parameters[0].shape, validate_args=False)

    def expand(self, batch_shape, _instance=None):
        return type(self)(*(value.expand(torch.Size(batch_shape)) for value in self.parameters))


class SkewNormal(Broadcast):
    """A skew normal distribution; `skew` 0 is the normal, large ones half a normal."""

    def __init__(self, loc, scale, skew):
        super().__init__(loc, scale, skew)
        self.loc, self.scale, self.skew = self.parameters

    def log_prob(self, value):
        return SKEWED.normal((value - self.loc) / self.scale, self.skew) - torch.log(self.scale)

    def log_tails(self, value):
        return SKEWED.normal_tails((value - self.loc) / self.scale, self.skew)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        return self.loc + self.scale * _standard(self.skew, self._extended_shape(sample_shape))


class SkewT(Broadcast):
    """A skew t distribution, which many degrees of freedom make a skew normal."""

    def __init__(self, df, loc, scale, skew):
        super().__init__(df, loc, scale, skew)
        self.df, self.loc, self.scale, self.skew = self.parameters

    def log_prob(self, value):
        return SKEWED.student_t((value - self.loc) / self.scale, self.df, self.skew) - torch.log(self.scale)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        chi2 = torch.distributions.Chi2(self.df).sample(sample_shape)
        standard = _standard(self.skew, self._extended_shape(sample_shape))
        return self.loc + self.scale * standard / torch.sqrt(chi2 / self.df)


def _standard(skew, shape):
    """d |u| + sqrt(1 - d^2) v of standard normals, d = skew / sqrt(1 + skew^2)."""
    u, v = torch.randn(2, *shape, dtype=skew.dtype)
    return (skew * u.abs() + v) / torch.sqrt(1 + skew**2)


SKEW: dict[str, Any] = {"SkewNormal": SkewNormal, "SkewT": SkewT}
