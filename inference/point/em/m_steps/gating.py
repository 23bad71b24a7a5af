"""The M-step of weights that depend on covariates: a Newton step of multinomial logistic regression on the responsibilities.

One step an iteration, because the E-step that follows is as dear as a step: a generalised EM (Lange 1995, Journal of the Royal Statistical
Society B 57), whose loops shorten a step after which the objective would have fallen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.newton import coefficients_in, joint_step, line_of, moment_of, share_of, with_ones
from mixtures.among import ALL, Among
from mixtures.assignments import Assignment
from mixtures.observations import Observations

SITES = frozenset({"gating_intercept", "gating_slope"})


@dataclass(frozen=True)
class GatingEM:
    """See `inference.point.em.closed_form.LawForm`.

    State: gating (components, 1 + covariates), the log odds' coefficients in EM's coordinates.

    Args:
        width: the number of covariates that weights depend on.
        among: which these are.
    """

    width: int
    among: Among = ALL

    per_component = ("gating",)
    fixable = ("gating",)
    follows = False
    is_damped = True

    def log_probs(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        design = with_ones(xp, x)
        logits = state["gating"] @ design
        above = logits - xp.max(logits, axis=0)
        log_probs = above - xp.log(xp.sum(xp.exp(above), axis=0))
        return log_probs, (xp.exp(log_probs), design)

    def statistics(self, xp: Any, responsibilities: Array, seen: Array) -> Statistics:
        probs, design = seen
        weights = xp.sum(responsibilities, axis=0)
        return {
            "gating_gradient": (responsibilities - weights * probs) @ xp.matrix_transpose(design),
            "gating_moment": moment_of(xp, responsibilities, design),
            "gating_curvature": curvature_of(xp, weights, probs, design),
        }

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        move = joint_step(xp, statistics["gating_curvature"], statistics["gating_gradient"])
        # a common change of all components' coefficients changes nothing: what the step has of it is rounding
        move = move - xp.mean(move, axis=0)
        share = xp.min(share_of(xp, move, statistics["gating_moment"], xp.sum(statistics["rows"])))
        moved = state["gating"] + step * share * move
        return {"gating": xp.where(fixed["gating"], state["gating"], moved)}

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        raise NotImplementedError("no prior is conjugate: see `pseudo`")

    def pseudo(self, law: Assignment, components: int) -> Statistics | None:
        return None  # no prior is conjugate

    def apart(self, state: State) -> np.ndarray:
        return np.zeros(())  # components of one density are one, whatever their weights

    def columns(self, x: Observations) -> np.ndarray:
        assert x.covariates is not None  # the mixture has checked
        return np.asarray(self.among.columns(x.covariates), dtype=np.float64)

    def held(self, sites: frozenset[str]) -> dict[str, bool] | None:
        return {"gating": bool(sites & SITES)} if sites & SITES in (frozenset(), SITES) else None

    def frame(self, x: np.ndarray) -> Frame:
        return Frame.around(x.mean(axis=0), x.std(axis=0))

    def blank(self, components: int) -> State:
        return {"gating": np.zeros((components, 1 + self.width))}

    def encode(self, parameters: Mapping[str, np.ndarray], frame: Frame) -> State:
        line = (np.asarray(parameters[name], dtype=np.float64) for name in ("gating_intercept", "gating_slope"))
        return {"gating": coefficients_in(frame, *line)}

    def decode(self, state: State, frame: Frame) -> dict[str, np.ndarray]:
        intercept, slope = line_of(frame, state["gating"])
        return {"gating_intercept": intercept, "gating_slope": slope}


def curvature_of(xp: Any, weights: Array, probs: Array, design: Array) -> Array:
    """Of sum_ik r_ik log p_ik, whose gradient is sum_i (r_ik - w_i p_ik) z_i: sum_i w_i p_ik (delta_kl - p_il) z_i z_i'.

    Args:
        xp: the namespace.
        weights: w_i = sum_k r_ik, (rows,).
        probs: p_ik, (components, rows).
        design: z_i, (size, rows).

    Returns:
        (components x size, components x size).
    """
    components, size = probs.shape[0], design.shape[0]
    weighted = weights * probs
    own = (weighted[:, None, :] * design) @ xp.matrix_transpose(design)
    diagonal = xp.eye(components, dtype=probs.dtype)[:, None, :, None] * own[:, :, None, :]
    spread = xp.reshape(probs[:, None, :] * design, (components * size, -1))
    both = xp.reshape(weighted[:, None, :] * design, (components * size, -1)) @ xp.matrix_transpose(spread)
    return xp.reshape(diagonal, (components * size, components * size)) - both
