"""The log density of rows whose groups have effects in common, summed out by adaptive Gauss-Hermite quadrature, in array code.

Row i has a density p(x_i | eta_i + w_i' u_g) that is log-concave in its line, where u_g ~ N(0, I) and w_i = L' z_i has the effects' covariance
L L' in it. The integral over a group's effects,

p(x_g) = integral prod_i p(x_i | eta_i + w_i' u) N(u; 0, I) du,

is a weighted sum over nodes that lie around the mode of its integrand, as far apart as the curvature there says.

Source: Liu & Pierce (1994), Biometrika 81; Pinheiro & Bates (1995), Journal of Computational and Graphical Statistics 4, section 2.4.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtures.ppl.log_densities import LOG_2_PI
from mixtures.ppl.protocol import Array
from mixtures.ppl.small_matrices import Matrix, backward, cholesky, forward, half_log_det
from mixtures.ppl.sums import largest_of_groups, totals_of_groups

NODES = {1: 31, 2: 13, 3: 7}
"""In each direction, by the number of effects. One effect with a standard deviation of 1 on the scale of the line is then summed out to 1e-8 of
a group's log density, one of 2 to 5e-6, of 4 to 1e-3, whatever its rows; several that are smaller to 5e-6."""

STEPS = 25
"""Newton steps towards the mode, at most. From a line that is 12 too high it takes as many, from one too low fewer."""

TINY = 1e-8
"""A step that moves no row by more is not made shorter."""

CLOSE = 1e-5
"""How far from the mode, in effects' standard deviations, the last step but one may end: a step squares the distance."""

Line = Callable[[Array], tuple[Array, Array, Array]]
"""What is added to each row's eta, (..., rows) -> log density but for a constant, first derivative, minus second derivative, in that shape."""

Effects = list[Array]
"""Effects u of groups, one array (..., groups) for each."""


def at_once(function: Callable[[Effects], Array], u: Effects) -> Array:
    """A function of effects, of many such along their first axis."""
    return function(u)


@functools.cache
def nodes(effects: int) -> tuple[np.ndarray, np.ndarray]:
    """The nodes t, (nodes, effects), and the log weights of integral f(t) dt = sum w f(t), as exact as f is like exp(-t't/2), (nodes,)."""
    t, w = np.polynomial.hermite_e.hermegauss(NODES[effects])
    grid = np.stack(np.meshgrid(*[t] * effects, indexing="ij"), axis=-1).reshape(-1, effects)
    weights = np.stack(np.meshgrid(*[np.log(w) + t**2 / 2] * effects, indexing="ij"), axis=-1).reshape(-1, effects)
    return grid, weights.sum(axis=1)


@dataclass(frozen=True, eq=False)
class Integrand:
    """log of prod_i p(x_i | eta_i + w_i' u) N(u; 0, I), of every group.

    Args:
        xp: the array namespace.
        line: the log densities of rows.
        design: w, (..., rows, effects), with all axes that rows' log densities have.
        is_seen: which rows count, (rows,).
        group: the group of each row, (rows,), numbers 0, 1, ...; rows may have several axes.
        groups: how many there are.
        each: how a function is asked at all nodes.
    """

    xp: Any
    line: Line
    design: Array
    is_seen: Array
    group: Array
    groups: int
    each: Callable[[Callable[[Effects], Array], Effects], Array] = at_once

    @property
    def effects(self) -> int:
        """How many effects a group has."""
        return self.design.shape[-1]

    def total(self, values: Array) -> Array:
        """The sums over the rows of each group that count."""
        seen = self.xp.where(self.is_seen, values, self.xp.zeros_like(values))
        return totals_of_groups(self.xp, seen, self.group, self.groups)

    def moved(self, u: Effects) -> Array:
        """w_i' u_g, (..., rows)."""
        return sum(self.design[..., j] * one[..., self.group] for j, one in enumerate(u))

    def newton(self, u: Effects) -> tuple[Effects, Matrix]:
        """The step from u to the mode of the parabola there, and the Cholesky factor of minus its second derivatives."""
        _, slope, curvature = self.line(self.moved(u))
        w = [self.design[..., j] for j in range(self.effects)]
        pairs = [(i, j) for i in range(self.effects) for j in range(i + 1)]
        totals = self.total(self.xp.stack([curvature * w[i] * w[j] for i, j in pairs] + [slope * one for one in w]))
        root = cholesky(self.xp, {(i, j): totals[n] + float(i == j) for n, (i, j) in enumerate(pairs)})
        gradient = [totals[len(pairs) + j] - one for j, one in enumerate(u)]
        return backward(root, forward(root, gradient)), root

    def damped(self, u: Effects) -> tuple[Effects, Array]:
        """A Newton step that never overshoots, and how long the whole one would have been.

        The third derivatives of such log densities are no larger than the second, for which Sun & Tran-Dinh (2019), Mathematical Programming
        178, theorem 2, have the length log(1 + d) / d, d the most by which the whole step moves a row.
        """
        step, _ = self.newton(u)
        moved = self.xp.where(self.is_seen, self.xp.abs(self.moved(step)), self.xp.zeros_like(self.design[..., 0]))
        d = largest_of_groups(self.xp, moved, self.group, self.groups)
        share = self.xp.where(d > TINY, self.xp.log1p(d) / self.xp.where(d > TINY, d, 1.0), 1.0)
        longest = functools.reduce(self.xp.maximum, [self.xp.abs(one) for one in step])
        return [one + share * by for one, by in zip(u, step, strict=True)], self.xp.max(longest)

    def start(self) -> Effects:
        """Where the way to the mode begins."""
        return [self.total(self.xp.zeros_like(self.design[..., j])) for j in range(self.effects)]

    def mode(self) -> Effects:
        """Close to the most probable effects of each group, by so many steps."""
        u = self.start()
        for _ in range(STEPS):
            u, _ = self.damped(u)
        return u

    def masses(self, near: Effects) -> tuple[Effects, Array]:
        """Nodes, (nodes, ..., groups) of each effect, and the logarithm of what lies at each, which adds up to log p(x_g), (nodes, ..., groups).

        One more step leads to the mode: through it, and the curvature, nodes have the derivatives of where they lie.

        Args:
            near: close to the mode.
        """
        xp = self.xp
        step, _ = self.newton(near)
        mode = [one + by for one, by in zip(near, step, strict=True)]
        _, root = self.newton(mode)
        t, log_weights = (xp.asarray(value, dtype=mode[0].dtype) for value in nodes(self.effects))
        lead = (-1, *(1 for _ in mode[0].shape))
        away = backward(root, [xp.reshape(t[:, j], lead) for j in range(self.effects)])
        u = [one[None] + by for one, by in zip(mode, away, strict=True)]
        log_prior = -0.5 * sum(one**2 for one in u) - 0.5 * self.effects * LOG_2_PI
        value = self.each(lambda one: self.total(self.line(self.moved(one))[0]), u)
        return u, xp.reshape(log_weights, lead) - half_log_det(xp, root) + value + log_prior


def log_group_marginal(integrand: Integrand, near: Effects) -> tuple[Array, Array]:
    """What each row has of its group's log density but for the rows' constants, in equal parts; and near which line these are well known.

    Args:
        integrand: of the groups.
        near: close to its mode.

    Returns:
        The parts, (..., rows), and w_i' u there, (..., rows).
    """
    xp = integrand.xp
    _, masses = integrand.masses(near)
    total = _logsumexp(xp, masses)
    counts = integrand.total(xp.ones_like(integrand.moved(near)))
    part = total / xp.where(counts > 0, counts, xp.ones_like(counts))
    return part[..., integrand.group], integrand.moved(near)


def _logsumexp(xp: Any, masses: Array) -> Array:
    """Over nodes."""
    peak = xp.max(masses, axis=0)
    return peak + xp.log(xp.sum(xp.exp(masses - peak[None]), axis=0))
