"""The M-step of multinomial logistic regression in every component: one Newton step an iteration, see `regression.py`.

Source: Böhning (1992), Annals of the Institute of Statistical Mathematics 44, for the curvature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.gating import curvature_of
from inference.point.em.m_steps.lines import LinesEM, of_covariates, without_unit
from inference.point.em.m_steps.newton import coefficients_in, joint_step, line_of, moment_of, share_of, with_ones
from mixtures.among import ALL, Among
from mixtures.observations import Observations


@dataclass(frozen=True)
class MultinomialRegressionEM(LinesEM):
    """See `inference.point.em.closed_form.ClosedForm`; columns: the covariates, then the category.

    State: lines (components, outcomes, 1 + covariates), the coefficients of all categories but the first, in EM's coordinates.

    Args:
        outcomes: the number of categories, less one.
        covariates: how many the response depends on.
        among: which these are.
    """

    outcomes: int
    covariates: int
    among: Among = ALL

    is_damped = True
    fixable = ("lines",)
    per_component = ("lines",)

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        design, y = with_ones(xp, x[:-1]), x[-1]
        eta = state["lines"] @ design
        logits = xp.concat([xp.zeros_like(eta[:, :1]), eta], axis=1)
        peak = xp.max(logits, axis=1)[:, None]
        log_probs = logits - peak - xp.log(xp.sum(xp.exp(logits - peak), axis=1))[:, None]
        is_there = xp.stack([xp.where(y == c, xp.ones_like(y), xp.zeros_like(y)) for c in range(self.outcomes + 1)])
        probs = xp.exp(log_probs[:, 1:])
        return xp.sum(is_there * log_probs, axis=1), (design, is_there[1:] - probs, probs)

    def exact_log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        return self.log_density(np, state, (x - frame.centre[:, None]) / frame.unit[:, None])[0]

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Array) -> Statistics:
        design, apart, probs = seen
        each = range(responsibilities.shape[0])
        curvature = [curvature_of(xp, responsibilities[k], probs[k], design) for k in each]
        return {
            "gradient": (responsibilities[:, None] * apart) @ xp.matrix_transpose(design),
            "curvature": xp.stack(curvature),
            "moment": moment_of(xp, responsibilities, design),
        }

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        move = joint_step(xp, statistics["curvature"], statistics["gradient"])
        share = xp.min(share_of(xp, move, statistics["moment"], xp.sum(statistics["rows"])), axis=1)
        moved = state["lines"] + step * share[:, None, None] * move
        return {"lines": xp.where(fixed["lines"], state["lines"], moved)}

    def log_base(self, x: Observations) -> np.ndarray:
        return np.zeros(len(x))

    def shrunk(self, statistics: Statistics, rows: float) -> Statistics:
        return {name: statistics[name] for name in ("gradient", "curvature", "moment")}

    def held(self, sites: frozenset[str], features: int | None) -> dict[str, bool] | None:
        own = sites & self.line_sites
        return {"lines": bool(own)} if own in (frozenset(), self.line_sites) else None

    def frame(self, x: np.ndarray) -> Frame:
        return without_unit(Frame.around(x.mean(axis=0), x.std(axis=0)))

    def blank(self, components: int, columns: int) -> State:
        return {"lines": np.zeros((components, self.outcomes, columns))}

    def encode(self, parameters: Mapping[str, np.ndarray], features: int | None, frame: Frame) -> State:
        intercept = np.asarray(parameters["intercept"], dtype=np.float64)
        slope = parameters["slope"] if self.covariates else np.zeros((*intercept.shape, 0))
        slope = np.asarray(slope, dtype=np.float64).reshape(intercept.size, self.covariates)
        lines = coefficients_in(of_covariates(frame), intercept.ravel(), slope)
        return {"lines": lines.reshape(*intercept.shape, -1)}

    def decode(self, state: State, features: int | None, frame: Frame) -> dict[str, np.ndarray]:
        shape = state["lines"].shape[:2]
        lines = state["lines"].reshape(-1, 1 + self.covariates)
        intercept, slope = line_of(of_covariates(frame), lines)
        sites = {"intercept": intercept.reshape(shape)}
        return sites | ({"slope": slope.reshape(*shape, -1)} if self.covariates else {})

    def log_jacobian(self, frame: Frame, x: np.ndarray) -> np.ndarray | float:
        return 0.0

    def narrowest(self, state: State, spread: np.ndarray) -> float:
        return float("inf")

    def covariances(self, state: State) -> np.ndarray | None:
        return None

    def apart(self, state: State) -> np.ndarray:
        lines = state["lines"]
        return np.max(np.abs(lines[:, None] - lines[None]), axis=(-2, -1))
