"""Sums and maxima over all paths of a Markov chain, in array code: one text for NumPy, JAX and torch.

A row is a K x K matrix, log p(z_t = j, x_t | z_{t-1} = i), and a stretch of rows the product of its rows' matrices, where `log sum exp` (for
probabilities) or `max` (for the most probable path) stands for the sum. Products are associative, so they are made in a tree, neighbours
first: log2(T) operations on whole arrays, however many rows there are. Going down the tree again gives what comes before and after every
row, and paths: the state in the middle of a stretch, given those at its ends.

The row that begins a series has the initial probabilities whatever came before, so that many series of any lengths are one table.

Source: Rabiner (1989), Proceedings of the IEEE 77, for forward and backward variables; Sarkka & Garcia-Fernandez (2021), IEEE Transactions
on Automatic Control 66, for associative products in hidden Markov models.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from mixtures.assignments.logarithms import logsumexp

Array = Any
Tree = list[Array]
"""Products of stretches of 1, 2, 4, ... rows, the last of all rows; rows are filled up to a power of two by matrices that change nothing."""


def steps(
    xp: Any,
    log_initial: Float[Array, " components"],
    log_transition: Float[Array, "components components"],
    table: Float[Array, "rows components"],
    begins: Bool[Array, " rows"],
) -> Float[Array, "rows components components"]:
    """log p(z_t = j, x_t | z_{t-1} = i) of each row: `table` has log p(x_t | z_t), `begins` says which rows begin a series."""
    moved = xp.where(begins[:, None, None], log_initial[None, None, :], log_transition)
    return moved + table[:, None, :]


def sum_tree(xp: Any, matrices: Float[Array, "rows components components"]) -> Tree:
    """The tree of sums over paths."""
    return _tree(xp, matrices, lambda values: logsumexp(xp, values, 2))


def max_tree(xp: Any, matrices: Float[Array, "rows components components"]) -> Tree:
    """The tree of maxima over paths."""
    return _tree(xp, matrices, lambda values: xp.max(values, axis=2))


def _tree(xp: Any, matrices: Array, over: Callable[[Array], Array]) -> Tree:
    rows, components = matrices.shape[0], matrices.shape[-1]
    missing = (1 << (rows - 1).bit_length()) - rows
    if missing:
        numbers = xp.arange(components)
        is_same = numbers[:, None] == numbers[None, :]
        neutral = xp.where(is_same, xp.zeros_like(matrices[0]), xp.full_like(matrices[0], -np.inf))
        matrices = xp.concat([matrices, xp.broadcast_to(neutral[None], (missing, components, components))])
    levels = [matrices]
    while levels[-1].shape[0] > 1:
        left, right = levels[-1][0::2], levels[-1][1::2]
        # (stretches, from, through, to)
        levels.append(over(left[:, :, :, None] + right[:, None, :, :]))
    return levels


def total(xp: Any, tree: Tree) -> Array:
    """log p(all rows): the first row begins a series, so that it is of no matter where the chain came from."""
    return logsumexp(xp, tree[-1][0, 0], 0)


def forward(xp: Any, tree: Tree, rows: int) -> tuple[Float[Array, "rows components"], Float[Array, "rows components"]]:
    """log p(z_{t-1}, x_1, ..., x_{t-1}) and log p(z_t, x_1, ..., x_t), before and after each row."""
    root = tree[-1][:, 0, :]
    before = xp.where(xp.arange(root.shape[1])[None] == 0, xp.zeros_like(root), xp.full_like(root, -np.inf))
    for level in tree[-2::-1]:
        before = _between(xp, before, _moved(xp, before, level[0::2]))
    return before[:rows], _moved(xp, before, tree[0])[:rows]


def backward(xp: Any, tree: Tree, rows: int) -> Float[Array, "rows components"]:
    """log p(x_{t+1}, ..., x_T | z_t)."""
    after = xp.zeros_like(tree[-1][:, 0, :])
    for level in tree[-2::-1]:
        after = _between(xp, logsumexp(xp, level[1::2] + after[:, None, :], 2), after)
    return after[:rows]


def path(xp: Any, tree: Tree, rows: int, choose: Callable[[Array], Array]) -> Int[Array, " rows"]:
    """One path, chosen from the middle of every stretch given its ends.

    Args:
        xp: the namespace.
        tree: of maxima for the most probable path, of sums for a draw.
        rows: how many.
        choose: log probabilities (stretches, components), up to a constant -> a component each: the largest, or a draw.
    """
    end = choose(tree[-1][:, 0, :])
    begin = xp.zeros_like(end)
    for level in tree[-2::-1]:
        left, right = level[0::2], level[1::2]
        number = xp.arange(left.shape[0])
        middle = choose(left[number, begin, :] + right[number, :, end])
        begin, end = _between(xp, begin, middle), _between(xp, middle, end)
    return end[:rows]


def shares_of_moves(
    xp: Any, matrices: Array, before: Array, after: Array
) -> Float[Array, "rows components components"]:
    """P(z_{t-1} = i, z_t = j | x) of each row.

    Args:
        xp: the namespace.
        matrices: of the rows.
        before, after: log p(z_{t-1}, rows before t), and log p(rows after t | z_t).
    """
    joint = before[:, :, None] + matrices + after[:, None, :]
    return xp.exp(joint - logsumexp(xp, xp.reshape(joint, (joint.shape[0], -1)), 1)[:, None, None])


def stationary(xp: Any, transition: Float[Array, "components components"]) -> Float[Array, " components"]:
    """The distribution that a transition matrix leaves as it is; where there are several, one that has the first of the states.

    Nothing is subtracted, so that rare states have all their digits.

    Source: Grassmann, Taksar & Heyman (1985), Operations Research 33.

    Example:
        >>> stationary(np, np.array([[0.9, 0.1], [0.3, 0.7]])).round(12).tolist()
        [0.75, 0.25]
    """
    left, shares = transition, []
    for state in range(transition.shape[0] - 1, 0, -1):
        out = xp.sum(left[state, :state])
        tiny = xp.full_like(out, float(xp.finfo(out.dtype).smallest_normal))
        shares.append(left[:state, state] / xp.where(out > tiny, out, tiny))
        left = left[:state, :state] + shares[-1][:, None] * left[state, :state][None, :]
    found = xp.ones_like(transition[:1, 0])
    for share in reversed(shares):
        found = xp.concat([found, xp.sum(found * share)[None]])
    return found / xp.sum(found)


def _moved(xp: Any, vectors: Array, matrices: Array) -> Array:
    return logsumexp(xp, vectors[:, :, None] + matrices, 1)


def _between(xp: Any, first: Array, second: Array) -> Array:
    """first[0], second[0], first[1], second[1], ..."""
    return xp.reshape(xp.stack([first, second], axis=1), (2 * first.shape[0], *first.shape[1:]))
