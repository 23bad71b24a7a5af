"""A hidden Markov chain, whatever its transitions depend on: a row's component depends on that of the row before it."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from mixtures.assignments import chains
from mixtures.assignments.law import Assignment, Values
from mixtures.assignments.logarithms import log_of, log_softmax, logsumexp
from mixtures.ppl.protocol import Array
from mixtures.rows import Rows

TO = "to"
"""The axis of a transition matrix over what follows: components too, which are numbered anew with them."""


class Chain(Assignment):
    """A law under which the components of a series' rows are a Markov chain: all answers follow from its initial and its transition
    probabilities."""

    unit: ClassVar = "sequence"
    title: ClassVar = "A hidden Markov chain"

    @abstractmethod
    def initial_probs(self, xp: Any, values: Values) -> Array:
        """The probabilities of a series' first row, (components,)."""

    @abstractmethod
    def log_transition(self, xp: Any, values: Values, rows: Rows) -> Array:
        """Log probabilities of what follows each component, (components, components), or of each row, (rows, components, components)."""

    def log_marginal(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        return chains.total(xp, chains.sum_tree(xp, self._steps(xp, values, table, rows)))[None]

    def joint(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        tree = chains.sum_tree(xp, self._steps(xp, values, table, rows))
        before, until = chains.forward(xp, tree, table.shape[0])
        both = until + chains.backward(xp, tree, table.shape[0])
        ahead = logsumexp(xp, until, 1) - logsumexp(xp, before, 1)
        return both + (ahead - logsumexp(xp, both, 1))[:, None]

    def filtered(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        """P(assignment_i = k | row i and those before it, parameters), (rows, components)."""
        _, until = chains.forward(xp, chains.sum_tree(xp, self._steps(xp, values, table, rows)), table.shape[0])
        return xp.exp(log_softmax(xp, until))

    def predicted(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        ahead = self._ahead(xp, values, chains.sum_tree(xp, self._steps(xp, values, table, rows)), table, rows)
        return log_softmax(xp, ahead)

    def left_out(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        tree = chains.sum_tree(xp, self._steps(xp, values, table, rows))
        both = self._ahead(xp, values, tree, table, rows) + chains.backward(xp, tree, table.shape[0])
        return log_softmax(xp, both)

    def _ahead(self, xp: Any, values: Values, tree: chains.Tree, table: Array, rows: Rows) -> Array:
        """log p(assignment_i = k, the rows before), (rows, components)."""
        before, _ = chains.forward(xp, tree, table.shape[0])
        moves = self._steps(xp, values, xp.zeros_like(table), rows)
        return logsumexp(xp, before[:, :, None] + moves, 1)

    def mode(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        tree = chains.max_tree(xp, self._steps(xp, values, table, rows))
        return chains.path(xp, tree, table.shape[0], lambda scores: xp.argmax(scores, axis=1))

    def log_mode(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        return xp.max(chains.max_tree(xp, self._steps(xp, values, table, rows))[-1][0, 0])

    def sample(self, values: Values, table: np.ndarray, rows: Rows, rng: np.random.Generator) -> np.ndarray:
        tree = chains.sum_tree(np, self._steps(np, values, table, rows))
        # argmax of log p + Gumbel noise is a draw from p (Gumbel 1954)
        return chains.path(
            np, tree, table.shape[0], lambda scores: np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
        )

    def _steps(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        initial, transition = self.initial_probs(xp, values), self.log_transition(xp, values, rows)
        return chains.steps(xp, log_of(xp, initial), transition, table, begins(xp, rows, table.shape[0]))


def begins(xp: Any, rows: Rows, size: int) -> Array:
    """Which rows begin a series, (rows,)."""
    is_first = xp.arange(size) == 0
    if rows.sequence is None:
        return is_first
    return is_first | xp.concat([is_first[:1], rows.sequence[1:] != rows.sequence[:-1]])
