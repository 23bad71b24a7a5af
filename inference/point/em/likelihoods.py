"""The two likelihoods of a state, of a block of rows at a time: to the last digit, which a pass of EM may lose."""

from dataclasses import replace

import numpy as np

from inference.point.em.closed_form import State
from inference.point.em.e_step import Block, with_labels
from inference.point.em.m_steps.chain import OverPaths
from inference.point.em.m_steps.digits import keeps_digits
from inference.point.em.paths import likelihoods
from inference.point.em.problem import EMProblem
from inference.point.em.streamed import em_block
from inference.spread import Numbered, sum_over

CELLS_AT_ONCE = 320_000
"""Numbers of whitened data that pass together where NumPy computes: what is made of them stays in the cache, and takes longer than its calls."""

FEWEST_ROWS = 256
"""Rows that pass together at least."""


def likelihoods_at(problem: EMProblem, state: State, told: np.ndarray | None = None) -> tuple[float, float]:
    """Log likelihood and classification log likelihood in the data's units, a block of rows at a time.

    Args:
        problem: what EM was to do.
        state: where it ended.
        told: what EM's last pass has said of them, in its own coordinates: taken where no digits were lost on the way.
    """
    if told is not None and keeps_digits(problem.closed_form.family, state, problem.seen):
        soft, hard = told + problem.offset
        return float(soft), float(hard)
    if problem.closed_form.law.follows:
        return _likelihoods_of_paths(problem, state)
    if problem.source is not None:
        found = sum_over(problem.source, (replace(problem, checkpoint=None), state), _likelihoods_of_block)
    else:
        found = _likelihoods_of(problem, state, Block(problem.x, problem.row_weights, problem.labels))
    return float(found[0]), float(found[1])


def _likelihoods_of_block(held: tuple[EMProblem, State], numbered: Numbered) -> np.ndarray:
    return _likelihoods_of(*held, em_block(held[0], numbered[1]))


def _likelihoods_of(problem: EMProblem, state: State, block: Block) -> np.ndarray:
    """The same of some rows, (rows, columns); few at a time, so that memory does not grow with their number."""
    components = len(state[problem.closed_form.per_component[0]])
    size = max(FEWEST_ROWS, CELLS_AT_ONCE // (components * block.x.shape[1]))
    with np.errstate(all="ignore"):  # log 0 of a weight; a component that collapsed has no numbers
        few = (slice(begin, begin + size) for begin in range(0, len(block.x), size))
        return np.sum([_likelihoods_of_few(problem, state, block, rows) for rows in few], axis=0)


def _likelihoods_of_few(problem: EMProblem, state: State, block: Block, rows: slice) -> tuple[float, float]:
    """The same of some of a block's."""
    table = problem.closed_form.exact_log_joint(state, block.x[rows].T, problem.frame)
    table = with_labels(np, table, None if block.labels is None else block.labels[rows])
    peak = table.max(axis=0)
    soft = peak + np.log(np.exp(table - peak).sum(axis=0))
    weights = 1.0 if block.row_weights is None else block.row_weights[rows]
    return np.sum(weights * soft), np.sum(weights * peak)


def _likelihoods_of_paths(problem: EMProblem, state: State) -> tuple[float, float]:
    """The same of chains, and of groups: log p(x) of all paths, and of the most probable one."""
    closed = problem.closed_form
    # as the law has no say in one row's table, this is the emissions'
    table = closed.exact_log_joint(state, problem.x.T, problem.frame)
    if problem.row_weights is not None:
        table = np.where(problem.row_weights > 0, table, 0.0)
    table = with_labels(np, table, problem.labels)
    with np.errstate(all="ignore"):
        if isinstance(closed.law, OverPaths):
            return likelihoods(problem, state, table)
        soft, hard = (closed.over_paths(np, state, table, problem.x.T, is_hard)[0] for is_hard in (False, True))
    return float(soft), float(hard)
