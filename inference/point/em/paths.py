"""The E-step of chains, which sums over all paths: array code, `xp` is the namespace of NumPy, JAX or torch.

The law's `over_paths` is exact wherever float64 is, by a tree of logarithms. `first_pass`, `between` and `second_pass` are several times
faster, by scaled probabilities in stretches; what they divided by at the least says whether they may be believed.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from inference.point.em.closed_form import Array, ChainForm, State, Statistics
from inference.point.em.e_step import Block, e_step, with_labels
from inference.point.em.loop import Pass
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.problem import EMProblem
from inference.point.em.stretches import (
    LEAST,
    Scan,
    Stretches,
    across,
    best_across,
    between,
    in_turn,
    places,
    scaled,
    within,
)
from mixtures.assignments import chains

LONGEST, LANES = 256, 4096
"""Rows in a stretch and stretches side by side, at most, of NumPy, of whose operations each costs a microsecond."""

FEW_CELLS = 4_000
"""Up to so many numbers in the matrices of a chain, rows x components^2, the tree is as soon done."""


def emissions(xp: Any, closed: MixtureEM, state: State, rows: Block) -> tuple[Array, Array]:
    """log p(x_i | assignment_i = k), (components, rows), and what the family wants to see again."""
    table, seen = closed.family.log_density(xp, state, closed.cut(rows.x)[0])
    if rows.row_weights is not None:
        table = xp.where(rows.row_weights > 0, table, xp.zeros_like(table))
    return with_labels(xp, table, rows.labels), seen


def all_rows(problem: EMProblem) -> Block:
    """All rows, in EM's coordinates."""
    return Block(problem.seen, problem.row_weights, problem.labels)


def in_stretches(problem: EMProblem, longest: int, most: int, share: int = 1) -> tuple[list[Block], np.ndarray]:
    """All rows, a block for each group of stretches, and which are rows, (groups, length, lanes); see `places`."""
    at, rows = places(len(problem.x), longest, most, share), all_rows(problem)
    blocks = [Block(*(None if part is None else _taken(part, group) for part in rows)) for group in at]
    return blocks, at < len(problem.x)


def _taken(of_rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Some rows, the last axis, by number; the last of them in place of those beyond it."""
    return np.take(of_rows, at.ravel(), axis=-1, mode="clip")


def first_pass(xp: Any, scan: Scan, closed: MixtureEM, state: State, rows: Block, is_row: Array) -> Array:
    """The matrices of stretches, (lanes, components, components)."""
    stretches, peaks = stretches_of(xp, closed, state, rows.x, emissions(xp, closed, state, rows)[0], is_row)
    return across(xp, scan, stretches) + xp.sum(peaks, axis=0)[:, None, None]


def second_pass(
    xp: Any, scan: Scan, closed: MixtureEM, state: State, rows: Block, is_row: Array, before: Array, after: Array
) -> tuple[Statistics, Array]:
    """Statistics of rows in stretches, and what was divided by, at the least; see `stretches.within`."""
    table, seen = emissions(xp, closed, state, rows)
    sums = within(xp, scan, stretches_of(xp, closed, state, rows.x, table, is_row)[0], before, after)
    moves = sums.moves
    if moves.ndim > 2:
        moves = xp.reshape(xp.moveaxis(moves, 0, 2), (*moves.shape[1:3], -1))
    shares = xp.reshape(sums.shares, table.shape)
    return _statistics(xp, closed, state, rows, seen, shares, moves, sums.first), sums.least


def stretches_of(
    xp: Any, closed: MixtureEM, state: State, x: Array, table: Array, is_row: Array
) -> tuple[Stretches, Array]:
    """Rows in stretches, of their columns and their log p(x_i | assignment_i = k), and the logarithms of their scales, (length, lanes)."""
    initial, transition, begins = _law(closed).probabilities(xp, state, closed.cut(x)[1])
    if transition.ndim > 2:
        transition = xp.reshape(transition, (*transition.shape[:2], *is_row.shape))
    table = xp.reshape(table, (-1, *is_row.shape))
    density, peaks = scaled(xp, xp.where(is_row, table, xp.zeros_like(table)))
    # what fills up begins a series of its own, of which nothing is seen
    return Stretches(initial, transition, density, xp.reshape(begins, is_row.shape) | ~is_row, is_row), peaks


def numpy_pass(problem: EMProblem, components: int) -> Pass:
    """The pass over all rows by NumPy: by the tree, or in stretches where there are many and these may be believed."""
    closed, whole = problem.closed_form, all_rows(problem)
    blocks, is_row = in_stretches(problem, LONGEST, LANES)
    is_quick = not problem.is_hard and len(problem.x) * components**2 > FEW_CELLS

    def one_pass(state: State) -> tuple[float, Statistics]:
        if is_quick:
            matrices = [first_pass(np, in_turn, closed, state, *each) for each in zip(blocks, is_row, strict=True)]
            total, ends = _ends(matrices)
            groups = zip(blocks, is_row, *ends, strict=True)
            found = [second_pass(np, in_turn, closed, state, *group) for group in groups]
            if min(least for _, least in found) > LEAST:
                return total, summed([statistics for statistics, _ in found])
        total, statistics = e_step(np, closed, state, whole, problem.is_hard)
        return float(total), statistics

    return one_pass


def likelihoods(problem: EMProblem, state: State, table: np.ndarray) -> tuple[float, float]:
    """log p(x) of all paths, and log p(x, path) of the most probable one, of log p(x_i | assignment_i = k), (components, rows)."""
    closed, x = problem.closed_form, all_rows(problem).x
    stretches = [
        stretches_of(np, closed, state, _taken(x, at), _taken(table, at), at < len(problem.x))
        for at in places(len(problem.x), LONGEST, LANES)
    ]
    total, ends = _ends([across(np, in_turn, one) + peaks.sum(axis=0)[:, None, None] for one, peaks in stretches])
    sums = [within(np, in_turn, one, *end) for (one, _), *end in zip(stretches, *ends, strict=True)]
    if not min(each.least for each in sums) > LEAST:
        total = float(closed.over_paths(np, state, table, x, False)[0])
    paths = [best_across(one, peaks) for one, peaks in stretches]
    return total, float(chains.max_tree(np, np.concatenate(paths))[-1][0, 0].max())


def _ends(matrices: Sequence[np.ndarray]) -> tuple[float, list[list[np.ndarray]]]:
    """log p(all rows), and what comes before and after the stretches of each group, (components, lanes)."""
    total, *ends = between(np, np.concatenate(matrices))
    return float(total), [[end.T for end in np.split(each, len(matrices))] for each in ends]


def summed(parts: Sequence[Statistics]) -> Statistics:
    """Statistics of all rows, of those of some each."""
    return {name: sum(part[name] for part in parts) for name in parts[0]}


def _statistics(
    xp: Any, closed: MixtureEM, state: State, rows: Block, seen: Array, shares: Array, moves: Array, first: Array
) -> Statistics:
    """Of the rows, of what is known of their components; a row that was not seen tells the family nothing."""
    own, of_law = closed.cut(rows.x)
    counted = shares if rows.row_weights is None else shares * rows.row_weights
    return {
        "rows": xp.sum(counted, axis=-1),
        **closed.family.statistics(xp, counted, own, seen),
        **_law(closed).of_moves(xp, state, moves, first, of_law),
    }


def _law(closed: MixtureEM) -> ChainForm:
    return cast(ChainForm, closed.law)
