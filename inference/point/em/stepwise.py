"""Stepwise EM: an M-step after every block of rows, by a running average of their statistics.

    average <- (1 - rate) average + rate (a block's mean statistics at the parameters),    rate = (t + 2)^-alpha,    t = 0, 1, ...

begun with the first block's, and the parameters the M-step's answer to the average. With alpha = 1 all rows weigh the same in it; with less,
earlier ones, whose statistics are of earlier parameters, are forgotten sooner. Of blocks that differ in rows, rows so far, in blocks of
this one's size, stand in the place of t + 2.

Source: Cappe & Moulines (2009), equations 11 and 12, "On-line expectation-maximization algorithm for latent data models", JRSS B 71; Liang &
Klein (2009) for blocks and the rate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from inference.point.em.closed_form import State, Statistics
from inference.point.em.e_step import Block, e_step
from inference.point.em.m_steps.carried import carried
from inference.point.em.m_steps.diagonal import as_whitened, by_products
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.problem import EMProblem
from inference.point.em.streamed import blocks_of
from mixtures.sources.tree import summed

ROWS_AT_ONCE = 1_000
"""Rows that pass together: what is made of them stays in the cache."""


@dataclass(frozen=True, eq=False)
class Average:
    """Where stepwise EM stands.

    Args:
        state: the parameters as EM knows them.
        statistics: a row's, on average, told from that state; none before the first rows.
        rows: how many rows there were so far, each as often as it counts.
    """

    state: State
    statistics: Statistics = field(default_factory=dict)
    rows: float = 0.0


@dataclass(frozen=True, eq=False)
class Stepwise:
    """The rule by which an average goes on.

    Args:
        closed: the M-steps.
        alpha: in (0.5, 1].
        fixed: whether parts of the parameters stay as they are.
        pseudo: what the prior adds to the statistics of all rows.
        is_hard: whether each row goes to its most probable component alone.
    """

    closed: MixtureEM
    alpha: float
    fixed: Mapping[str, bool]
    pseudo: Statistics | None = None
    is_hard: bool = False

    def after(self, average: Average, block: Block) -> Average:
        """The average after more rows, x (columns, rows) in EM's coordinates; where these count for nothing, or have no number, the same."""
        sums = self._sums(average.state, block)
        weight = float(sums["rows"].sum())
        if not weight > 0:
            return average
        rows = average.rows + weight
        rate = (weight / rows) ** self.alpha
        before = average.statistics or dict.fromkeys(sums, 0.0)  # of which nothing is left at rate 1
        statistics = {name: (1 - rate) * before[name] + rate * value / weight for name, value in sums.items()}
        state = self._best({name: rows * value for name, value in statistics.items()}, average.state)
        return Average(state, carried(self.closed.family, statistics, average.state, state), rows)

    def _sums(self, state: State, block: Block) -> Statistics:
        """A block's statistics at a state."""
        fast = by_products(self.closed, state)

        def of(begin: int) -> Statistics:
            rows = slice(begin, begin + ROWS_AT_ONCE)
            weights = None if block.row_weights is None else block.row_weights[rows]
            return e_step(np, fast or self.closed, state, Block(block.x[:, rows], weights), self.is_hard)[1]

        sums = summed(map(of, range(0, block.x.shape[1], ROWS_AT_ONCE)))
        return as_whitened(sums, state) if fast else sums

    def _best(self, sums: Statistics, state: State) -> State:
        """The M-step's answer; the state itself where a component is singular, until rows to come mend it."""
        if self.pseudo is not None:
            sums = {name: value + self.pseudo[name] for name, value in sums.items()}
        try:
            moved = self.closed.m_step(np, sums, state, self.fixed)
        except np.linalg.LinAlgError:
            return state
        return moved if all(np.isfinite(value).all() for value in moved.values()) else state


def one_pass(problem: EMProblem, state: State) -> State:
    """Where a pass of stepwise EM over a source leads."""
    assert problem.stepwise is not None  # the caller has checked
    rule = Stepwise(problem.closed_form, problem.stepwise, problem.fixed, problem.pseudo, problem.is_hard)
    average, frame = Average(state), problem.frame
    with np.errstate(all="ignore"):  # of a component that collapses there are no numbers
        for block in blocks_of(problem):
            x = np.ascontiguousarray(((block.x - frame.centre) / frame.unit).T)
            average = rule.after(average, Block(x, block.row_weights))
    return average.state
