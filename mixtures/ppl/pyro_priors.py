"""Distributions of parameters that NumPyro or this package has and Pyro has not."""

from typing import ClassVar

import pyro.distributions
import torch
from torch.distributions import Transform, biject_to, constraints, transform_to

from mixtures.ppl.pyro_formulas import DENSITIES


class _ZeroSum(constraints.Constraint):
    """Arrays that sum to zero along each of their last axes."""

    def __init__(self, event_dim: int):
        self._event_dim = event_dim
        super().__init__()

    @property
    def event_dim(self) -> int:  # type: ignore[override]  # torch's own constraints do the same
        return self._event_dim

    def check(self, value: torch.Tensor) -> torch.Tensor:
        sums = [value.sum(axis, keepdim=True).abs() <= 1e-6 for axis in range(-self._event_dim, 0)]
        return torch.stack([fine.flatten(-self._event_dim).all(-1) for fine in sums]).all(0)


class ZeroSumTransform(Transform):
    """An isometry from R^(n-1) to the arrays of n that sum to zero, axis by axis; the same as NumPyro's.

    Source: Seyboldt (2024), "Developing ZeroSumNormal" (PyMC): a Householder reflection that sends the last axis to the ones.
    """

    bijective = True

    def __init__(self, event_dim: int):
        self._event_dim = event_dim
        super().__init__(cache_size=1)

    @property
    def domain(self) -> constraints.Constraint:  # type: ignore[override]
        return constraints.independent(constraints.real, self._event_dim)

    @property
    def codomain(self) -> constraints.Constraint:  # type: ignore[override]
        return _ZeroSum(self._event_dim)

    def _call(self, x: torch.Tensor) -> torch.Tensor:
        for axis in range(-self._event_dim, 0):
            n = x.shape[axis] + 1
            total = x.sum(axis, keepdim=True)
            norm = total / (n**0.5 + n)
            x = torch.cat([x, norm - total / n**0.5], axis) - norm
        return x

    def _inverse(self, y: torch.Tensor) -> torch.Tensor:
        for axis in range(-self._event_dim, 0):
            n = y.shape[axis]
            last = y.narrow(axis, n - 1, 1)
            y = y.narrow(axis, 0, n - 1) - last * n**0.5 / (n**0.5 + n)
        return y

    def forward_shape(self, shape):
        return self._resized(shape, 1)

    def inverse_shape(self, shape):
        return self._resized(shape, -1)

    def _resized(self, shape, by: int) -> torch.Size:
        plates = len(shape) - self._event_dim
        return torch.Size([*shape[:plates], *(size + by for size in shape[plates:])])

    def log_abs_det_jacobian(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x.new_zeros(x.shape[: x.dim() - self._event_dim])


@biject_to.register(_ZeroSum)
@transform_to.register(_ZeroSum)
def _to_zero_sum(constraint: _ZeroSum) -> ZeroSumTransform:
    return ZeroSumTransform(constraint.event_dim)


def root_inverse_gamma(concentration: torch.Tensor, rate: torch.Tensor) -> pyro.distributions.TransformedDistribution:
    """A positive number whose square is inverse gamma: the prior of a standard deviation with a conjugate variance."""
    square = pyro.distributions.InverseGamma(concentration, rate)
    return pyro.distributions.TransformedDistribution(square, [torch.distributions.PowerTransform(torch.tensor(0.5))])


class InducedDirichlet(pyro.distributions.TorchDistribution):
    """Cutpoints of ordered categories whose probabilities have a Dirichlet distribution.

    Args:
        concentration: of the Dirichlet, (..., categories).
    """

    arg_constraints: ClassVar[dict] = {}
    support = pyro.distributions.constraints.ordered_vector

    def __init__(self, concentration: torch.Tensor):
        self.concentration = concentration
        *batch, categories = concentration.shape
        super().__init__(torch.Size(batch), torch.Size([categories - 1]), validate_args=False)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        probs = torch.distributions.Dirichlet(self.concentration).sample(sample_shape)
        below, above = torch.cumsum(probs, -1), torch.cumsum(probs.flip(-1), -1).flip(-1)
        return torch.log(below[..., :-1]) - torch.log(above[..., 1:])

    def log_prob(self, value):
        return DENSITIES.induced_dirichlet(value, self.concentration)

    def expand(self, batch_shape, _instance=None):
        return InducedDirichlet(self.concentration.expand(*batch_shape, self.concentration.shape[-1]))


class UniformAngle(pyro.distributions.TorchDistribution):
    """Every direction alike, on the real line, where directions 2 pi apart are the same: the density of one turn, on each.

    Args:
        half_turn: pi, in the precision of the program.
    """

    arg_constraints: ClassVar[dict] = {}
    support = constraints.real

    def __init__(self, half_turn: torch.Tensor):
        self.half_turn = half_turn
        super().__init__(half_turn.shape, validate_args=False)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        share = torch.rand(self._extended_shape(sample_shape), dtype=self.half_turn.dtype)
        return (2 * share - 1) * self.half_turn

    def log_prob(self, value):
        return torch.zeros_like(value) - torch.log(2 * self.half_turn)

    def expand(self, batch_shape, _instance=None):
        return UniformAngle(self.half_turn.expand(torch.Size(batch_shape)))


class ZeroSumNormal(pyro.distributions.TransformedDistribution):
    """Normal(0, scale) on the arrays that sum to zero along every axis.

    Args:
        event_shape: the array's shape.
        scale: standard deviation along every direction of that space.
    """

    arg_constraints: ClassVar[dict] = {}  # the base checks its scale

    def __init__(self, event_shape: tuple[int, ...], scale: torch.Tensor):
        base = pyro.distributions.Normal(torch.zeros_like(scale), scale)
        free = base.expand(scale.shape + tuple(size - 1 for size in event_shape)).to_event(len(event_shape))
        super().__init__(free, [ZeroSumTransform(len(event_shape))])

    @property
    def support(self) -> constraints.Constraint:
        return _ZeroSum(len(self.event_shape))
