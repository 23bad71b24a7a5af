"""Sums over all paths of long chains, row by row through many stretches side by side: array code, `xp` is NumPy's, JAX's or torch's.

The tree of `mixtures.assignments.chains` works with logarithms, and an exponential for each pair of moves is most of its time. Here
probabilities are multiplied as they are and scaled at every row: first each stretch's matrix (`across`), of which row i, scaled by itself,
says where the chain is at the end having come to it from i; then what comes before and after each stretch, by a tree of stretches
(`between`); then forward and backward vectors within all stretches at once (`within`). A stretch is a lane, the last axis of every array.

What is below 1e-308 of its neighbours is lost. It is missed only where the rows that follow make up for it, and there a number that is
divided by is as small: `Sums.least` tells, and whoever sees it below `LEAST` asks the tree.

Source: Rabiner (1989), Proceedings of the IEEE 77, section V.A, for scaling.
"""

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from mixtures.assignments import chains

Array = Any
Scan = Callable[[Callable[[Any, Any], tuple[Any, Any]], Any, int, bool], tuple[Any, Any]]
"""(step, held, length, is_backward) -> what is held at the end, and what the steps gave, stacked; a step: (held, row) -> held, given."""

LEAST = 1e-280
"""Probabilities below it are near the end of what float64 holds, and are left to logarithms."""

SHORTEST = 8
"""Rows in a stretch at least: a level of the tree costs as much as some rows."""


class Stretches(NamedTuple):
    """Rows of a chain in stretches, lane by lane.

    Args:
        initial: probabilities of a series' first row, (components,).
        transition: of moves, (components, components), or of those to each row, (components, components, length, lanes).
        density: p(x_t | z_t), scaled, (components, length, lanes).
        begins: which rows begin a series, (length, lanes).
        is_row: which are rows, and do not fill up, (length, lanes).
    """

    initial: Array
    transition: Array
    density: Array
    begins: Array
    is_row: Array

    def ahead(self, xp: Any, vectors: Array, row: Any) -> Array:
        """Probabilities (components, ..., lanes), which add up to 1, one row on, before it is seen."""
        first = xp.reshape(self.initial, (-1,) + (1,) * (vectors.ndim - 1))
        moves = self.transition if self.transition.ndim == 2 else self.transition[:, :, row]
        return xp.where(self.begins[row], first, _along(xp, moves.swapaxes(0, 1), vectors))

    def back(self, xp: Any, vectors: Array, row: Any) -> Array:
        """Probabilities (components, lanes) of the row and what follows, `vectors`, given the component before it."""
        moves = self.transition if self.transition.ndim == 2 else self.transition[:, :, row]
        first = _total(self.initial[:, None] * vectors)
        return xp.where(self.begins[row], first, _along(xp, moves, vectors))


class Sums(NamedTuple):
    """What rows in stretches add to EM's statistics.

    Args:
        shares: P(z_t = k | x), (components, length, lanes); 0 where there is no row.
        moves: expected moves within series, (components, components), or to each row, (length, components, components, lanes).
        first: expected beginnings of series, (components,).
        least: the smallest number that was divided by.
    """

    shares: Array
    moves: Array
    first: Array
    least: Array


def places(rows: int, longest: int, most: int, share: int = 1) -> Int[np.ndarray, "groups length lanes"]:
    """Which row lies where, one stretch after the other; numbers from `rows` on fill the last ones up.

    Args:
        rows: how many.
        longest: rows in a stretch at most.
        most: stretches side by side at most; more are in several groups.
        share: what the number of groups is to be divided by.
    """
    length = min(rows, longest, max(SHORTEST, round(rows**0.5 / 4)))
    stretches = -(-rows // length)
    groups = -(-stretches // (most * share)) * share
    lanes = -(-stretches // groups)
    return np.arange(groups * lanes * length).reshape(groups, lanes, length).swapaxes(1, 2)


def scaled(xp: Any, table: Array) -> tuple[Array, Array]:
    """Densities, the largest of each row 1, and the logarithms of the scales, of log p(x_t | z_t) (components, ...)."""
    peak = xp.max(table, axis=0)
    return xp.exp(table - peak), peak


def across(xp: Any, scan: Scan, rows: Stretches) -> Float[Array, "lanes components components"]:
    """Each stretch's matrix: log p(its rows, z at its end | z before it), of scaled densities."""
    components, length, lanes = rows.density.shape
    same = xp.broadcast_to(xp.eye(components, dtype=rows.density.dtype)[:, :, None], (components, components, lanes))

    def step(whole: Array, row: Any) -> tuple[Array, Array]:  # (to, from, lanes), (from, lanes)
        on = rows.ahead(xp, whole, row) * rows.density[:, row][:, None]
        total = _total(on)  # 0 where the rows are impossible, which the scales remember
        return on * (1 / xp.where(total > 0, total, xp.ones_like(total))), total

    whole, totals = scan(step, same, length, False)
    return xp.moveaxis(xp.log(whole) + xp.sum(xp.log(totals), axis=0), 2, 0).swapaxes(1, 2)


def between(
    xp: Any, matrices: Float[Array, "stretches components components"]
) -> tuple[Array, Float[Array, "stretches components"], Float[Array, "stretches components"]]:
    """Log p(all rows); probabilities, up to a factor, of the component before each stretch, and of all rows after it given its last."""
    tree, count = chains.sum_tree(xp, matrices), matrices.shape[0]
    before, after = chains.forward(xp, tree, count)[0], chains.backward(xp, tree, count)
    return chains.total(xp, tree), probabilities(xp, before), probabilities(xp, after)


def probabilities(xp: Any, logarithms: Float[Array, "stretches components"]) -> Float[Array, "stretches components"]:
    """Up to a factor each."""
    return xp.exp(logarithms - xp.max(logarithms, axis=1)[:, None])


def within(xp: Any, scan: Scan, rows: Stretches, before: Array, after: Array) -> Sums:
    """What is known of every row, given what comes before and after its stretch, (components, lanes)."""
    length, is_summed = rows.density.shape[1], rows.transition.ndim == 2
    nothing = xp.zeros_like(before)

    def forward(vector: Array, row: Any) -> tuple[Array, Array]:
        on = rows.ahead(xp, vector, row) * rows.density[:, row]
        return on * (1 / _total(on)), vector

    def backward(held: Any, row: Any) -> tuple[Any, Any]:
        vector, moves, firsts, least = held
        seen, past, first, is_row = rows.density[:, row] * vector, earlier[row], rows.begins[row], rows.is_row[row]
        both = rows.ahead(xp, past, row) * seen
        total = _total(both)
        share = xp.where(is_row, both * (1 / total), nothing)
        moved, came = seen * (1 / total), xp.where(first | ~is_row, nothing, past)
        if is_summed:
            given, moves = share, moves + came @ moved.swapaxes(0, 1)
        else:
            given = share, came[:, None] * rows.transition[:, :, row] * moved[None]
        on = rows.back(xp, seen, row)
        firsts = firsts + xp.where(first & is_row, share, nothing)
        return (on * (1 / _total(on)), moves, firsts, xp.minimum(least, total)), given

    _, earlier = scan(forward, before * (1 / _total(before)), length, False)
    held = (after * (1 / _total(after)), xp.zeros_like(rows.transition) if is_summed else nothing, nothing)
    (_, moves, firsts, least), given = scan(backward, (*held, xp.ones_like(nothing[0])), length, True)
    shares, moves = (given, rows.transition * moves) if is_summed else given
    return Sums(xp.moveaxis(shares, 0, 1), moves, xp.sum(firsts, axis=-1), xp.min(least))


def best_across(rows: Stretches, peaks: np.ndarray) -> Float[np.ndarray, "lanes components components"]:
    """Of each stretch the largest log p(its rows, a path | z before it), by where the path ends; by NumPy.

    Args:
        rows: in stretches.
        peaks: the logarithms of their scales, (length, lanes).
    """
    components, length, lanes = rows.density.shape
    initial, moves, seen = np.log(rows.initial), np.log(rows.transition), np.log(rows.density) + peaks
    whole = np.full((components, components, lanes), -np.inf)
    whole[np.arange(components), np.arange(components)] = 0.0
    for row in range(length):  # (to, from, lanes)
        move = moves[:, :, None] if moves.ndim == 2 else moves[:, :, row]
        on = reduce(np.maximum, (move[i][:, None] + whole[i] for i in range(components)))
        on = np.where(rows.begins[row], initial[:, None, None] + whole.max(axis=0), on)
        whole = np.where(rows.is_row[row], on + seen[:, row][:, None], whole)  # what fills up is no part of a path
    return whole.transpose(2, 1, 0)


def in_turn(step: Callable[[Any, Any], tuple[Any, Any]], held: Any, length: int, is_backward: bool) -> tuple[Any, Any]:
    """`Scan` for NumPy: one step after the other."""
    given: list[Any] = [None] * length
    for row in reversed(range(length)) if is_backward else range(length):
        held, given[row] = step(held, row)
    if isinstance(given[0], tuple):
        return held, tuple(np.stack(each) for each in zip(*given, strict=True))
    return held, None if given[0] is None else np.stack(given)


def _total(vectors: Array) -> Array:
    """Over the components, the first axis; term by term, which compilers turn into one loop over lanes."""
    return reduce(add, (vectors[k] for k in range(vectors.shape[0])))


def _along(xp: Any, moves: Array, vectors: Array) -> Array:
    """sum_j moves_ij vectors_j: of (components, ..., lanes), the moves the same for all lanes, or lane by lane."""
    if moves.ndim == 2:
        return xp.reshape(moves @ xp.reshape(vectors, (vectors.shape[0], -1)), vectors.shape)
    per_lane = moves if vectors.ndim == 2 else moves[:, :, None]
    return reduce(add, (per_lane[:, j] * vectors[j] for j in range(vectors.shape[0])))
