"""Normal rows whose groups have effects in common, in NumPyro: see `log_group_normal`."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from numpyro.distributions import constraints

from mixtures.ppl.log_group_normal import log_group_normal


class GroupNormal(dist.Distribution):
    """Normal rows; the effects of a row's group are summed out of their densities, and drawn anew for each group where rows are drawn.

    A row's log density has an equal part of its group's: only sums over whole groups are densities.

    Args:
        loc: where rows lie on average, (..., rows).
        scale: how far they lie from where their group puts them.
        design: how many standard deviations of each effect move a row by one, (..., rows, effects).
        group: the group of each row, numbers 0, 1, ..., in the shape of the rows, which may have several axes; rows without a number below
            `groups` say nothing.
        groups: how many there are.
        observed: which rows were observed; None: all.
    """

    support = constraints.real

    def __init__(self, loc, scale, design, group, groups, observed=None):
        self.loc, self.scale, self.design, self.groups = loc, scale, design, groups
        is_there = group < groups
        self.is_seen = is_there if observed is None else is_there & observed
        self.group = jnp.where(is_there, group, 0)
        shapes = *map(jnp.shape, (loc, scale, group)), jnp.shape(design)[:-1]
        super().__init__(batch_shape=jnp.broadcast_shapes(*shapes))

    @property
    def mean(self):
        return jnp.broadcast_to(self.loc, self.batch_shape)

    def log_prob(self, value):
        shape = jnp.broadcast_shapes(jnp.shape(value), self.batch_shape)
        flat = (*shape[: len(shape) - self.group.ndim], -1)
        scale = jnp.broadcast_to(self.scale, shape)
        design = jnp.broadcast_to(self.design / self.scale[..., None], (*shape, self.design.shape[-1]))
        found = log_group_normal(
            jnp,
            jnp.where(self.is_seen, (value - self.loc) / scale, 0.0).reshape(flat),
            scale.reshape(flat),
            design.reshape(*flat, design.shape[-1]),
            self.is_seen.reshape(-1).astype(scale.dtype),
            self.group.reshape(-1),
            self.groups,
        )
        return found.reshape(shape)

    def sample(self, key, sample_shape=()):
        shape, effects = sample_shape + self.batch_shape, self.design.shape[-1]
        of_groups, of_rows = jax.random.split(key)
        lead = shape[: len(shape) - self.group.ndim]
        drawn = jax.random.normal(of_groups, (*lead, self.groups, effects), dtype=jnp.result_type(float))
        own = jax.random.normal(of_rows, shape, dtype=jnp.result_type(float))
        return self.loc + jnp.sum(self.design * drawn[..., self.group, :], axis=-1) + self.scale * own
