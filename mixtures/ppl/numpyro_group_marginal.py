"""Rows of any kind whose groups have effects in common, in NumPyro: see `log_group_marginal`."""

import math

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from mixtures.ppl.log_group_marginal import CLOSE, STEPS, Integrand, log_group_marginal

CELLS = 2**14
"""Rows times nodes that are looked at together: 128 kB of each number, which stay in the cache of a core."""


class GroupMarginal(dist.Distribution):
    """Rows around a line; the effects of a row's group are summed out of their densities, and drawn anew for each group where rows are drawn.

    A row's log density has an equal part of its group's: only sums over whole groups are densities.

    Args:
        cell: eta -> the distribution of rows.
        kernel: how the log density of rows moves with eta, see `mixtures.families.kernels`.
        parameters: what it depends on beside eta, by name, in shapes that broadcast with that of eta.
        eta: the line, (..., rows).
        design: how many standard deviations of each effect move eta by one, (..., rows, effects).
        group: the group of each row, numbers 0, 1, ..., in the shape of the rows, which may have several axes; rows without a number below
            `groups` say nothing.
        groups: how many there are.
        observed: which rows were observed; None: all.
    """

    def __init__(self, cell, kernel, parameters, eta, design, group, groups, observed=None):
        self.cell, self.kernel, self.parameters, self.groups = cell, kernel, parameters, groups
        self.eta, self.design = eta, design
        is_there = group < groups
        self.is_seen = is_there if observed is None else is_there & observed
        self.group = jnp.where(is_there, group, 0)
        shapes = cell(eta).batch_shape, jnp.shape(group), jnp.shape(design)[:-1]
        super().__init__(batch_shape=jnp.broadcast_shapes(*shapes))

    @property
    def support(self):
        return self.cell(self.eta).support

    def log_prob(self, value):
        shape = jnp.broadcast_shapes(jnp.shape(value), self.batch_shape)
        eta = jnp.broadcast_to(self.eta, shape)
        design = jnp.broadcast_to(self.design, (*shape, self.design.shape[-1]))

        def integrand(eta, design, parameters):
            def line(moved):
                return self.kernel(jnp, value, eta + moved, parameters)

            return Integrand(jnp, line, design, self.is_seen, self.group, self.groups, _in_turn(math.prod(shape)))

        still = integrand(*jax.lax.stop_gradient((eta, design, self.parameters)))
        part, moved = log_group_marginal(integrand(eta, design, self.parameters), _mode(still))
        around = eta + jax.lax.stop_gradient(moved)
        constant = self.cell(around).log_prob(value) - self.kernel(jnp, value, around, self.parameters)[0]
        return jnp.where(self.is_seen, constant + part, 0.0)

    def sample(self, key, sample_shape=()):
        shape, effects = sample_shape + self.batch_shape, self.design.shape[-1]
        of_groups, of_rows = jax.random.split(key)
        lead = shape[: len(shape) - self.group.ndim]
        drawn = jax.random.normal(of_groups, (*lead, self.groups, effects), dtype=jnp.result_type(float))
        return self.cell(self.eta + jnp.sum(self.design * drawn[..., self.group, :], axis=-1)).sample(of_rows)


def _in_turn(rows):
    """How a function that looks at so many rows is asked at many nodes: a few at a time, so that what it does stays in the processor's cache,
    and once more for its gradient, which would else remember all of it."""

    def each(function, u):
        few, count = max(1, CELLS // max(1, rows)), u[0].shape[0]
        if few >= count:
            return jax.vmap(function)(u)
        return jax.lax.map(jax.checkpoint(function), u, batch_size=few)

    return each


def _mode(integrand):
    """Close to the most probable effects of each group: no step more than it takes."""

    def goes_on(state):
        steps, _, longest = state
        return (steps < STEPS) & (longest > CLOSE)

    def step(state):
        steps, u, _ = state
        return steps + 1, *integrand.damped(u)

    start = integrand.start()
    return jax.lax.while_loop(goes_on, step, (0, start, jnp.full_like(start[0], jnp.inf).max()))[1]
