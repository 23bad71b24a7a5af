"""Cells of which not all is known, in Pyro: between bounds, or kept only where they fell between some."""

from typing import ClassVar

import pyro.distributions as dist
import torch
from pyro.distributions import constraints

from mixtures.ppl.intervals import Intervals
from mixtures.ppl.protocol import IMPOSSIBLE
from mixtures.ppl.pyro_formulas import TAILS

INTERVALS = Intervals(TAILS.xp)


class _OfCell(dist.TorchDistribution):
    """What is made of the distribution of one cell."""

    arg_constraints: ClassVar[dict] = {}
    has_rsample = False

    def __init__(self, cell, *shapes):
        self.cell = cell
        super().__init__(torch.broadcast_shapes(cell.batch_shape, *shapes), validate_args=False)

    @constraints.dependent_property
    def support(self):
        return self.cell.support


class Censored(_OfCell):
    """Cells that are known exactly, or to lie between two bounds, both included.

    Args:
        cell: the distribution of a cell; it has `log_tails`.
        observed: which cells are known exactly.
        lower: bounds of the others, -infinity where there is none; None: nowhere.
        upper: likewise.
    """

    def __init__(self, cell, observed, lower=None, upper=None):
        self.observed, self.lower, self.upper = observed, lower, upper
        super().__init__(cell, observed.shape)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        """Of the cells themselves: what they were before a bound was all that is known."""
        return self.cell.expand(self.batch_shape).sample(sample_shape)

    def log_prob(self, value):
        between = INTERVALS.interval(self.cell, self.lower, self.upper, self.cell.support.is_discrete, value)
        return torch.where(self.observed, self.cell.log_prob(value), between)

    def expand(self, batch_shape, _instance=None):
        shape = torch.Size(batch_shape)
        return Censored(self.cell.expand(shape), self.observed, self.lower, self.upper)


class Truncated(_OfCell):
    """Cells given that they lie between two bounds, both included.

    Args:
        cell: the distribution of a cell before; it has `log_tails`.
        low: lower bound, -infinity where there is none.
        high: upper bound likewise.
    """

    def __init__(self, cell, low, high):
        self.low, self.high = low, high
        super().__init__(cell, low.shape, high.shape)

    def log_prob(self, value):
        whole = INTERVALS.interval(self.cell, self.low, self.high, self.support.is_discrete, value)
        is_inside = (value >= self.low) & (value <= self.high)
        return torch.where(is_inside, self.cell.log_prob(value) - whole, IMPOSSIBLE)

    def log_tails(self, value):
        return INTERVALS.truncated(self.cell, value, self.low, self.high, self.support.is_discrete)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        """By the inverse of the distribution function."""
        share = torch.rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return INTERVALS.quantile(self.cell, self.low, self.high, share, _loop)

    def expand(self, batch_shape, _instance=None):
        return Truncated(self.cell.expand(torch.Size(batch_shape)), self.low, self.high)


class Inflated(_OfCell):
    """A share of the cells at one value, the others by a distribution; a density at that value does not count.

    Args:
        cell: the distribution of the others.
        gate: the share.
        at: the value.
        legal: of a density, a value where it has one.
    """

    def __init__(self, cell, gate, at=0.0, legal=None):
        self.gate, self.at, self.legal = gate, at, legal
        super().__init__(cell, gate.shape)

    @constraints.dependent_property
    def support(self):
        return self.cell.support if self.legal is None else constraints.real

    def log_prob(self, value):
        value = value.to(self.gate)
        is_at, log_gate = value == self.at, torch.log(self.gate)
        others = self.cell.log_prob(value if self.legal is None else torch.where(is_at, self.legal, value))
        others = torch.log1p(-self.gate) + others
        return torch.where(is_at, torch.logaddexp(log_gate, others) if self.legal is None else log_gate, others)

    def log_tails(self, value):
        return TAILS.inflated(value >= self.at, self.gate, self.cell.log_tails(value))

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        others = self.cell.expand(self.batch_shape).sample(sample_shape)
        return torch.where(torch.rand(others.shape, dtype=self.gate.dtype) < self.gate, self.at, others)

    def expand(self, batch_shape, _instance=None):
        shape = torch.Size(batch_shape)
        return Inflated(self.cell.expand(shape), self.gate.expand(shape), self.at, self.legal)


def hurdle(cell, gate):
    """Counts that are 0 with probability `gate`, and else by a distribution given that they are not."""
    return Inflated(Truncated(cell, torch.ones_like(gate), torch.full_like(gate, torch.inf)), gate)


def _loop(start, stop, step, state):
    for number in range(start, stop):
        state = step(number, state)
    return state


CELLS = {
    "Censored": Censored,
    "Hurdle": hurdle,
    "SemiContinuous": Inflated,
    "Truncated": Truncated,
    "ZeroInflated": Inflated,
}
