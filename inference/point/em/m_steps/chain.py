"""The M-step of a hidden Markov chain (Baum-Welch): moves between components, and beginnings of series, each by its share.

Source: Baum, Petrie, Soules & Weiss (1970), Annals of Mathematical Statistics 41; Rabiner (1989), Proceedings of the IEEE 77, equations 40.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from inference.point.em.closed_form import Array, Frame, State, Statistics
from mixtures.assignments import Markov, chains
from mixtures.assignments.chain import begins
from mixtures.assignments.logarithms import log_of, log_softmax
from mixtures.assignments.markov import STAYS, staying
from mixtures.observations import Observations


class OverPaths(ABC):
    """The E-step of all chains, by the tree: see `inference.point.em.closed_form.ChainForm`, whose other methods say what is summed."""

    @abstractmethod
    def probabilities(self, xp: Any, state: State, x: Array) -> tuple[Array, Array, Array]:
        """See `ChainForm`."""

    @abstractmethod
    def of_moves(self, xp: Any, state: State, moves: Array, first: Array, x: Array) -> Statistics:
        """See `ChainForm`."""

    def over_paths(
        self, xp: Any, state: State, log_density: Array, x: Array, is_hard: bool, row_weights: Array | None = None
    ) -> tuple[Array, Array, Statistics]:
        """The log likelihood, responsibilities (components, rows), and statistics of all rows, or of the most probable path alone."""
        initial, transition, begins = self.probabilities(xp, state, x)
        is_summed = transition.ndim == 2
        log_transition = log_of(xp, transition if is_summed else xp.moveaxis(transition, 2, 0))
        steps = chains.steps(xp, log_of(xp, initial), log_transition, log_density.T, begins)
        size = log_density.shape[1]
        if is_hard:
            tree = chains.max_tree(xp, steps)
            path = chains.path(xp, tree, size, lambda scores: xp.argmax(scores, axis=1))
            shares = xp.where(
                path[:, None] == xp.arange(len(initial)), xp.ones_like(log_density.T), xp.zeros_like(log_density.T)
            )
            moves = xp.concat([xp.zeros_like(shares[:1]), shares[:-1]])[:, :, None] * shares[:, None, :]
            total = xp.max(tree[-1][0, 0])
        else:
            tree = chains.sum_tree(xp, steps)
            before, until = chains.forward(xp, tree, size)
            after = chains.backward(xp, tree, size)
            moves = chains.shares_of_moves(xp, steps, before, after)
            both = until + after
            shares, total = xp.exp(log_softmax(xp, both)), chains.total(xp, tree)
        moves = xp.where(begins[:, None, None], xp.zeros_like(moves), moves)
        first = xp.sum(xp.where(begins[:, None], shares, xp.zeros_like(shares)), axis=0)
        moves = xp.sum(moves, axis=0) if is_summed else xp.moveaxis(moves, 0, 2)
        return total, shares.T, self.of_moves(xp, state, moves, first, x)


@dataclass(frozen=True)
class ChainEM(OverPaths):
    """See `inference.point.em.closed_form.ChainForm`. State: transition (components, components), initial (components,).

    Its column says which rows begin a series.

    Args:
        initial: of initial probabilities: `"free"`; `"uniform"`, equal and not learnt; `"stationary"`, those of the transition matrix in the
            long run.
    """

    initial: Literal["free", "uniform", "stationary"] = "free"

    per_component = ("transition",)
    follows = True
    width = 1

    @property
    def is_damped(self) -> bool:
        return self.initial == "stationary"

    @property
    def fixable(self) -> tuple[str, ...]:
        return ("transition", "initial")

    def log_probs(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        """Of a row without its neighbours nothing is known."""
        return xp.zeros_like(state["initial"])[:, None], ()

    def probabilities(self, xp: Any, state: State, x: Array) -> tuple[Array, Array, Array]:
        return state["initial"], state["transition"], x[0] > 0.5

    def of_moves(self, xp: Any, state: State, moves: Array, first: Array, x: Array) -> Statistics:
        return {"moves": moves, "first": first}

    def statistics(self, xp: Any, responsibilities: Array, seen: Array) -> Statistics:
        """Of rows that are known by their shares alone: chains stay."""
        rows = xp.sum(responsibilities, axis=-1)
        same = xp.arange(rows.shape[0])[:, None] == xp.arange(rows.shape[0])[None, :]
        moves = rows[:, None] * (STAYS * same + (1 - STAYS) / rows.shape[0])
        return {"moves": moves, "first": rows}

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        moves, first = statistics["moves"], statistics["first"]
        if self.initial == "stationary":
            return self._stationary_step(xp, moves, first, state, fixed, step)
        initial = state["initial"] if self.initial == "uniform" else first / xp.sum(first)
        return {
            "transition": xp.where(fixed["transition"], state["transition"], _shares(xp, moves, state)),
            "initial": xp.where(fixed["initial"], state["initial"], initial),
        }

    def _stationary_step(
        self, xp: Any, moves: Array, first: Array, state: State, fixed: Mapping[str, Array], step: Array
    ) -> State:
        """A step along which sum_ij m_ij log A_ij + sum_k f_k log pi_k(A) rises at first; it is none where that is largest.

        The derivative is g_ij = m_ij / A_ij + d_ij, d_ij = pi_i sum_k Z_jk f_k / pi_k with Z = (1 - A + 1 pi')^-1 (Schweitzer 1968, Journal of
        Applied Probability 5). So beginnings count as A_ij (d_ij - c_i) moves, and at the maximum A has the shares of all of them.
        """
        old, long_run = state["transition"], state["initial"]
        is_there = long_run > 0
        begun = xp.where(is_there, first / xp.where(is_there, long_run, xp.ones_like(long_run)), xp.zeros_like(first))
        fundamental = xp.linalg.inv(xp.eye(old.shape[0], dtype=old.dtype) - old + long_run[None, :])
        slope = long_run[:, None] * (fundamental @ begun)[None, :]
        best = _shares(xp, moves + old * (slope - xp.min(slope, axis=1)[:, None]), state)
        transition = xp.where(fixed["transition"], old, old + step * (best - old))
        return {"transition": transition, "initial": chains.stationary(xp, transition)}

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        # log Dirichlet(p | a) = sum_k (a_k - 1) log p_k + constant
        return _weighed(xp, pseudo["moves"], state["transition"]) + _weighed(xp, pseudo["first"], state["initial"])

    def pseudo(self, law: Markov, components: int) -> Statistics | None:
        moves = np.broadcast_to(law.transition, (components, components)) - 1.0
        first = np.broadcast_to(law.initial if self.initial == "free" else 1.0, (components,)) - 1.0
        if moves.min() < 0 or first.min() < 0:
            return None
        return {"rows": np.zeros(components), "moves": moves, "first": first}

    def columns(self, x: Observations) -> np.ndarray:
        return begins(np, x.rows, len(x)).astype(np.float64)[:, None]

    def held(self, sites: frozenset[str]) -> dict[str, bool] | None:
        return {"transition": "transition" in sites, "initial": "initial" in sites}

    def frame(self, x: np.ndarray) -> Frame:
        return Frame(np.zeros(1), np.ones(1))

    def blank(self, components: int) -> State:
        return {"transition": staying(components), "initial": np.full(components, 1 / components)}

    def apart(self, state: State) -> np.ndarray:
        return leads_apart(state["transition"])

    def encode(self, parameters: Mapping[str, np.ndarray], frame: Frame) -> State:
        transition = np.asarray(parameters["transition"], dtype=np.float64)
        if self.initial == "stationary":
            return {"transition": transition, "initial": chains.stationary(np, transition)}
        even = np.full(len(transition), 1 / len(transition))
        return {"transition": transition, "initial": np.asarray(parameters.get("initial", even), dtype=np.float64)}

    def decode(self, state: State, frame: Frame) -> dict[str, np.ndarray]:
        own = {"transition": state["transition"]}
        return {**own, "initial": state["initial"]} if self.initial == "free" else own


def leads_apart(transition: np.ndarray) -> np.ndarray:
    """How differently components lead to the others, (components, components): two of one density are one if they do so alike."""
    numbers = np.arange(len(transition))
    gap = np.abs(transition[:, None] - transition[None])
    is_own = (numbers == numbers[:, None, None]) | (numbers == numbers[None, :, None])
    return np.where(is_own, 0.0, gap).max(axis=2)


def _shares(xp: Any, moves: Array, state: State) -> Array:
    """Each row's shares; a component that no move leaves keeps what it had."""
    leaves = xp.sum(moves, axis=1)[:, None]
    return xp.where(leaves > 0, moves / xp.where(leaves > 0, leaves, xp.ones_like(leaves)), state["transition"])


def _weighed(xp: Any, counts: Array, probs: Array) -> Array:
    is_there = counts > 0
    return xp.sum(
        xp.where(is_there, counts * log_of(xp, xp.where(is_there, probs, xp.ones_like(probs))), xp.zeros_like(counts))
    )
