"""Cells of which not all is known, in NumPyro: between bounds, or kept only where they fell between some."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from mixtures.ppl.intervals import Intervals
from mixtures.ppl.numpyro_formulas import TAILS
from mixtures.ppl.protocol import IMPOSSIBLE

INTERVALS = Intervals(TAILS.xp)


class _OfCell(dist.Distribution):
    """What is made of the distribution of one cell."""

    def __init__(self, cell, *shapes):
        self.cell = cell
        super().__init__(batch_shape=jnp.broadcast_shapes(cell.batch_shape, *shapes))

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
        super().__init__(cell, jnp.shape(observed))

    def sample(self, key, sample_shape=()):
        """Of the cells themselves: what they were before a bound was all that is known."""
        return self.cell.expand(self.batch_shape).sample(key, sample_shape)

    def log_prob(self, value):
        value = jnp.asarray(value, dtype=jnp.result_type(float))
        between = INTERVALS.interval(self.cell, self.lower, self.upper, self.cell.support.is_discrete, value)
        return jnp.where(self.observed, self.cell.log_prob(value), between)


class Truncated(_OfCell):
    """Cells given that they lie between two bounds, both included.

    Args:
        cell: the distribution of a cell before; it has `log_tails`.
        low: lower bound, -infinity where there is none.
        high: upper bound likewise.
    """

    def __init__(self, cell, low, high):
        self.low, self.high = (jnp.asarray(bound, dtype=jnp.result_type(float)) for bound in (low, high))
        super().__init__(cell, self.low.shape, self.high.shape)

    def log_prob(self, value):
        value = jnp.asarray(value, dtype=jnp.result_type(float))
        whole = INTERVALS.interval(self.cell, self.low, self.high, self.support.is_discrete, value)
        is_inside = (value >= self.low) & (value <= self.high)
        return jnp.where(is_inside, self.cell.log_prob(value) - whole, IMPOSSIBLE)

    def log_tails(self, value):
        return INTERVALS.truncated(self.cell, value, self.low, self.high, self.support.is_discrete)

    def sample(self, key, sample_shape=()):
        """By the inverse of the distribution function."""
        shape = sample_shape + self.batch_shape
        share = jax.random.uniform(key, shape, dtype=jnp.result_type(float))
        return INTERVALS.quantile(self.cell, self.low, self.high, share, jax.lax.fori_loop)


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
        super().__init__(cell, jnp.shape(gate))

    @constraints.dependent_property
    def support(self):
        return self.cell.support if self.legal is None else constraints.real

    def log_prob(self, value):
        value = jnp.asarray(value, dtype=jnp.result_type(float))
        is_at, log_gate = value == self.at, jnp.log(self.gate)
        others = self.cell.log_prob(value if self.legal is None else jnp.where(is_at, self.legal, value))
        others = jnp.log1p(-self.gate) + others
        return jnp.where(is_at, jnp.logaddexp(log_gate, others) if self.legal is None else log_gate, others)

    def log_tails(self, value):
        return TAILS.inflated(value >= self.at, self.gate, self.cell.log_tails(value))

    def sample(self, key, sample_shape=()):
        of_gate, of_cell = jax.random.split(key)
        shape = sample_shape + self.batch_shape
        is_at = jax.random.uniform(of_gate, shape, dtype=jnp.result_type(float)) < self.gate
        return jnp.where(is_at, self.at, self.cell.expand(self.batch_shape).sample(of_cell, sample_shape))


def hurdle(cell, gate):
    """Counts that are 0 with probability `gate`, and else by a distribution given that they are not."""
    return Inflated(Truncated(cell, 1.0, jnp.inf), gate)


CELLS = {
    "Censored": Censored,
    "Hurdle": hurdle,
    "SemiContinuous": Inflated,
    "Truncated": Truncated,
    "ZeroInflated": Inflated,
}
