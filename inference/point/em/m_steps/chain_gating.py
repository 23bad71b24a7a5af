"""The M-step of a hidden Markov chain whose moves depend on covariates: from each component a Newton step of multinomial logistic
regression, its rows weighted by the expected moves to them.

One step an iteration, as in `gating.py`, shortened by the loops where the objective would have fallen.

Source: Hughes, Guttorp & Charles (1999), Journal of the Royal Statistical Society C 48; Diebold, Lee & Weinbach (1994).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.chain import ChainEM, OverPaths, leads_apart
from inference.point.em.m_steps.gating import curvature_of
from inference.point.em.m_steps.newton import coefficients_in, joint_step, line_of, moment_of, share_of, with_ones
from mixtures.among import ALL, Among
from mixtures.assignments import Assignment
from mixtures.assignments.chain import begins
from mixtures.assignments.logarithms import logsumexp
from mixtures.assignments.markov import staying
from mixtures.observations import Observations

SITES = frozenset({"transition_intercept", "transition_slope"})


@dataclass(frozen=True)
class ChainGatingEM(OverPaths):
    """See `inference.point.em.closed_form.ChainForm`.

    State: odds (components, components, 1 + covariates), from the row before to this one, in EM's coordinates; initial (components,).
    Its first column says which rows begin a series, the others are the covariates.

    Args:
        covariates: how many transitions depend on.
        is_uniform: whether initial probabilities are equal, and not learnt.
        among: which covariates these are.
    """

    covariates: int
    is_uniform: bool = False
    among: Among = ALL

    per_component = ("odds",)
    fixable = ("odds", "initial")
    follows = True
    is_damped = True

    @property
    def width(self) -> int:
        return 1 + self.covariates

    @property
    def _beginning(self) -> ChainEM:
        """What is the same without covariates."""
        return ChainEM("uniform" if self.is_uniform else "free")

    def log_probs(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        return self._beginning.log_probs(xp, state, x)

    def probabilities(self, xp: Any, state: State, x: Array) -> tuple[Array, Array, Array]:
        logits = state["odds"] @ with_ones(xp, x[1:])
        return state["initial"], xp.exp(logits - logsumexp(xp, logits, 1)[:, None]), x[0] > 0.5

    def of_moves(self, xp: Any, state: State, moves: Array, first: Array, x: Array) -> Statistics:
        design, probs = with_ones(xp, x[1:]), self.probabilities(xp, state, x)[1]
        each = range(moves.shape[0])
        leaves = xp.sum(moves, axis=1)[:, None]
        return {
            "odds_gradient": (moves - leaves * probs) @ xp.matrix_transpose(design),
            "odds_moment": xp.stack([moment_of(xp, moves[k], design) for k in each]),
            "odds_curvature": xp.stack([curvature_of(xp, leaves[k, 0], probs[k], design) for k in each]),
            "leaves": xp.sum(leaves, axis=-1),
            "first": first,
        }

    def statistics(self, xp: Any, responsibilities: Array, seen: Array) -> Statistics:
        """Of rows that are known by their shares alone: no move is known, and `blank`, whose chains stay, remains."""
        rows = xp.sum(responsibilities, axis=-1)
        size, count = 1 + self.covariates, rows.shape[0]
        shapes = {"odds_gradient": (count, size), "odds_moment": (size, size), "odds_curvature": (count * size,) * 2}
        nothing = {name: xp.zeros((count, *shape)) for name, shape in shapes.items()}
        return {**nothing, "leaves": xp.ones((count, 1)), "first": rows}

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        move = joint_step(xp, statistics["odds_curvature"], statistics["odds_gradient"])
        # a common change of the coefficients of all that a component leads to changes nothing: what the step has of it is rounding
        move = move - xp.mean(move, axis=1)[:, None]
        share = xp.min(share_of(xp, move, statistics["odds_moment"], statistics["leaves"]), axis=1)
        moved = state["odds"] + step * share[:, None, None] * move
        initial = statistics["first"] / xp.sum(statistics["first"])
        return {
            "odds": xp.where(fixed["odds"], state["odds"], moved),
            "initial": state["initial"] if self.is_uniform else xp.where(fixed["initial"], state["initial"], initial),
        }

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        raise NotImplementedError("no prior is conjugate: see `pseudo`")

    def pseudo(self, law: Assignment, components: int) -> Statistics | None:
        return None  # no prior is conjugate

    def apart(self, state: State) -> np.ndarray:
        # at the covariates' mean, and a standard deviation of each to either side
        sides = np.vstack([np.zeros(self.covariates), np.eye(self.covariates), -np.eye(self.covariates)])
        probs = self.probabilities(np, state, np.vstack([np.zeros(len(sides)), sides.T]))[1]
        return np.max([leads_apart(probs[:, :, side]) for side in range(len(sides))], axis=0)

    def columns(self, x: Observations) -> np.ndarray:
        assert x.covariates is not None  # the mixture has checked
        return np.column_stack([begins(np, x.rows, len(x)), self.among.columns(x.covariates)]).astype(np.float64)

    def held(self, sites: frozenset[str]) -> dict[str, bool] | None:
        known = sites & SITES
        return {"odds": bool(known), "initial": "initial" in sites} if known in (frozenset(), SITES) else None

    def frame(self, x: np.ndarray) -> Frame:
        own = Frame.around(x[:, 1:].mean(axis=0), x[:, 1:].std(axis=0))
        return Frame(np.append(0.0, own.centre), np.append(1.0, own.unit))

    def blank(self, components: int) -> State:
        odds = np.zeros((components, components, 1 + self.covariates))
        odds[:, :, 0] = np.log(staying(components))
        return {"odds": odds, "initial": np.full(components, 1 / components)}

    def encode(self, parameters: Mapping[str, np.ndarray], frame: Frame) -> State:
        intercept, slope = (np.asarray(parameters[name], dtype=np.float64) for name in sorted(SITES))
        count = len(intercept)
        odds = coefficients_in(_of_covariates(frame), intercept.ravel(), slope.reshape(count**2, -1))
        even = np.full(count, 1 / count)
        return {
            "odds": odds.reshape(count, count, -1),
            "initial": np.asarray(parameters.get("initial", even), dtype=np.float64),
        }

    def decode(self, state: State, frame: Frame) -> dict[str, np.ndarray]:
        count = len(state["initial"])
        intercept, slope = line_of(_of_covariates(frame), state["odds"].reshape(count**2, -1))
        own = {
            "transition_intercept": intercept.reshape(count, count),
            "transition_slope": slope.reshape(count, count, -1),
        }
        return own if self.is_uniform else {**own, "initial": state["initial"]}


def _of_covariates(frame: Frame) -> Frame:
    return Frame(frame.centre[1:], frame.unit[1:])
