"""Distributions of rows in Pyro: NumPyro's names and meanings, exact in float64, and open to `torch.vmap`.

Each class here is tested against mpmath. What they mend: torch's log densities are differences of large numbers or end at probabilities of
1e-16, its von Mises has a Bessel function good to seven digits, its multinomial branches on values, its uniform leaves out the upper end,
and Pyro's multivariate t knows no missing columns.
"""

from typing import Any, ClassVar

import pyro.distributions as dist
import torch
from pyro.distributions import constraints

from mixtures.ppl.protocol import IMPOSSIBLE
from mixtures.ppl.pyro_counts import COUNTS
from mixtures.ppl.pyro_formulas import DENSITIES, TAILS
from mixtures.ppl.pyro_positive import SIZES
from mixtures.ppl.pyro_skewed import SKEW


class Normal(dist.Normal):
    """A normal distribution."""

    def log_tails(self, value):
        return TAILS.normal(value, self.loc, self.scale)


class LogNormal(dist.LogNormal):
    """A distribution of numbers whose logarithm is normal."""

    def log_tails(self, value):
        return TAILS.log_normal(value, self.loc, self.scale)


class Exponential(dist.Exponential):
    """An exponential distribution."""

    def log_tails(self, value):
        return TAILS.exponential(value, self.rate)


class StudentT(dist.StudentT):
    """Student's t, which many degrees of freedom make a normal."""

    def log_prob(self, value):
        whitened = (value - self.loc) / self.scale
        return DENSITIES.student_t(whitened**2, self.df, 1) - torch.log(self.scale)

    def log_tails(self, value):
        return TAILS.student_t(value, self.df, self.loc, self.scale)


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
    """A uniform distribution on a closed interval."""

    def log_prob(self, value):
        inside = (value >= self.low) & (value <= self.high)
        return torch.where(inside, -torch.log(self.high - self.low), IMPOSSIBLE)

    def log_tails(self, value):
        return TAILS.uniform(value, self.low, self.high)


class PointMass(dist.Delta):
    """All probability at one value."""

    def log_prob(self, value):
        return torch.where(value == self.v, 0.0, IMPOSSIBLE).to(self.v.dtype)

    def expand(self, batch_shape, _instance=None):
        return PointMass(self.v.expand(torch.Size(batch_shape)))

    def log_tails(self, value):
        return TAILS.step(value >= self.v)


class MultivariateStudentT(dist.MultivariateStudentT):
    """A multivariate t.

    Args:
        df: degrees of freedom, shape (...).
        loc: location, (..., features).
        scale_tril: Cholesky factor of the scale matrix, (..., features, features).
        dimension: how many columns count, where others are missing (these have location, value and correlations 0, and scale 1).
    """

    def __init__(self, df, loc, scale_tril, dimension=None, validate_args=None):
        self.dimension = loc.shape[-1] if dimension is None else dimension
        batch = torch.broadcast_shapes(df.shape, loc.shape[:-1], scale_tril.shape[:-2])
        features = loc.shape[-1]
        loc = loc.expand(*batch, features)
        super().__init__(df.expand(batch), loc, scale_tril.expand(*batch, features, features), validate_args=False)

    def log_prob(self, value):
        whitened = torch.linalg.solve_triangular(self.scale_tril, (value - self.loc)[..., None], upper=False)[..., 0]
        half_log_det = self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return DENSITIES.student_t(whitened.square().sum(-1), self.df, self.dimension) - half_log_det

    def expand(self, batch_shape, _instance=None):
        shape, features = torch.Size(batch_shape), self.loc.shape[-1]
        loc, tril = self.loc.expand(*shape, features), self.scale_tril.expand(*shape, features, features)
        return MultivariateStudentT(self.df.expand(shape), loc, tril, self.dimension)


class Select(dist.TorchDistribution):
    """The member that an index chooses: members[0] where it is 0, and so on; the last beyond.

    Args:
        index: whole numbers, shape (...).
        members: distributions with one event shape and one kind of support.
    """

    arg_constraints: ClassVar[dict] = {}
    has_rsample = False

    def __init__(self, index, *members, validate_args=None):
        self.index, self.members = torch.as_tensor(index), members
        batch = torch.broadcast_shapes(self.index.shape, *(member.batch_shape for member in members))
        super().__init__(batch, members[-1].event_shape, validate_args=False)

    @constraints.dependent_property
    def support(self):
        return self.members[-1].support

    def log_prob(self, value):
        chosen = self.members[-1].log_prob(value)
        for position, member in reversed(list(enumerate(self.members[:-1]))):
            chosen = torch.where(self.index == position, member.log_prob(value), chosen)
        return chosen

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        shape = self._extended_shape(sample_shape)
        draws = [member.expand(self.batch_shape).sample(sample_shape).expand(shape) for member in self.members]
        last = torch.full_like(self.index, len(draws) - 1)
        index = torch.minimum(self.index, last).expand(sample_shape + self.batch_shape)
        index = index.reshape(index.shape + (1,) * self.event_dim).expand(shape)
        return torch.gather(torch.stack(draws), 0, index[None].long())[0]

    def expand(self, batch_shape, _instance=None):
        shape = torch.Size(batch_shape)
        return Select(self.index.expand(shape), *(member.expand(shape) for member in self.members))


def student_t_like(normal, df):
    """The t with the location and scale matrix of a multivariate normal, or of independent ones."""
    if isinstance(normal, dist.Independent):
        loc, scale = normal.base_dist.loc, normal.base_dist.scale
        return MultivariateStudentT(df, loc, torch.diag_embed(scale))
    return MultivariateStudentT(df, normal.loc, normal.scale_tril)


EMISSIONS: dict[str, Any] = {
    **COUNTS,
    **SIZES,
    **SKEW,
    "Composition": Composition,
    "Beta": Beta,
    "Exponential": Exponential,
    "Gamma": Gamma,
    "LogNormal": LogNormal,
    "MultivariateStudentT": MultivariateStudentT,
    "Normal": Normal,
    "PointMass": PointMass,
    "Select": Select,
    "StudentT": StudentT,
    "StudentTLike": student_t_like,
    "Uniform": Uniform,
    "VonMises": VonMises,
    "Weibull": Weibull,
}
"""What takes the place of Pyro's own class of that name."""
