"""The M-step of a hidden Markov chain (Baum-Welch): moves between components, and beginnings of series, each by its share.

Source: Baum, Petrie, Soules & Weiss (1970), Annals of Mathematical Statistics 41; Rabiner (1989), Proceedings of the IEEE 77, equations 40.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, Frame, State, Statistics
from mixtures.assignments import Markov
from mixtures.assignments.chain import begins
from mixtures.assignments.logarithms import log_of
from mixtures.assignments.markov import STAYS, staying
from mixtures.observations import Observations


@dataclass(frozen=True)
class ChainEM:
    """See `inference.point.em.closed_form.LawForm`. State: transition (components, components), initial (components,).

    Its column says which rows begin a series.

    Args:
        is_uniform: whether initial probabilities are equal, and not learnt.
    """

    is_uniform: bool = False

    per_component = ("transition",)
    is_damped = False
    follows = True
    width = 1

    @property
    def fixable(self) -> tuple[str, ...]:
        return ("transition", "initial")

    def log_probs(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        """Of a row without its neighbours nothing is known."""
        return xp.zeros_like(state["initial"])[:, None], ()

    def probabilities(self, xp: Any, state: State, x: Array) -> tuple[Array, Array, Array]:
        return state["initial"], state["transition"], x[0] > 0.5

    def of_moves(self, xp: Any, moves: Array, first: Array, x: Array) -> Statistics:
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
        leaves = xp.sum(moves, axis=1)[:, None]
        # a component that no move leaves keeps what it had
        transition = xp.where(
            leaves > 0, moves / xp.where(leaves > 0, leaves, xp.ones_like(leaves)), state["transition"]
        )
        initial = state["initial"] if self.is_uniform else first / xp.sum(first)
        return {
            "transition": xp.where(fixed["transition"], state["transition"], transition),
            "initial": xp.where(fixed["initial"], state["initial"], initial),
        }

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        # log Dirichlet(p | a) = sum_k (a_k - 1) log p_k + constant
        return _weighed(xp, pseudo["moves"], state["transition"]) + _weighed(xp, pseudo["first"], state["initial"])

    def pseudo(self, law: Markov, components: int) -> Statistics | None:
        moves = np.broadcast_to(law.transition, (components, components)) - 1.0
        first = np.broadcast_to(1.0 if self.is_uniform else law.initial, (components,)) - 1.0
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
        # two components of one density are one if they also lead to the others alike
        transition = state["transition"]
        numbers = np.arange(len(transition))
        gap = np.abs(transition[:, None] - transition[None])
        is_own = (numbers == numbers[:, None, None]) | (numbers == numbers[None, :, None])
        return np.where(is_own, 0.0, gap).max(axis=2)

    def encode(self, parameters: Mapping[str, np.ndarray], frame: Frame) -> State:
        transition = np.asarray(parameters["transition"], dtype=np.float64)
        even = np.full(len(transition), 1 / len(transition))
        return {"transition": transition, "initial": np.asarray(parameters.get("initial", even), dtype=np.float64)}

    def decode(self, state: State, frame: Frame) -> dict[str, np.ndarray]:
        own = {"transition": state["transition"]}
        return own if self.is_uniform else {**own, "initial": state["initial"]}


def _weighed(xp: Any, counts: Array, probs: Array) -> Array:
    is_there = counts > 0
    return xp.sum(
        xp.where(is_there, counts * log_of(xp, xp.where(is_there, probs, xp.ones_like(probs))), xp.zeros_like(counts))
    )
