"""The M-step of generalised linear models: weighted least squares, and one Newton step an iteration for counts and yes or no.

With the residuals' and not the response's sums, whatever is small beside the response keeps its digits. A Newton step of iteratively
reweighted least squares is one of a generalised EM (Lange 1995): loops shorten it after which the objective would have fallen.

Source: DeSarbo & Cron (1988); Wedel & DeSarbo (1995).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.covariances import NO_ROWS
from inference.point.em.m_steps.exponential_family import DENSITIES
from inference.point.em.m_steps.lines import LinesEM, of_covariates, without_unit
from inference.point.em.m_steps.newton import coefficients_in, line_of, moment_of, newton_step, share_of, with_ones
from mixtures.among import ALL, Among
from mixtures.observations import Observations


@dataclass(frozen=True)
class RegressionEM(LinesEM):
    """See `inference.point.em.closed_form.ClosedForm`; columns: the covariates, then the response.

    State: line (components, 1 + covariates), the linear predictors' coefficients in EM's coordinates; of the Gaussian, scale (components,).

    Args:
        kind: `"gaussian"`, `"poisson"` or `"bernoulli"`.
        covariates: how many the response depends on.
        among: which these are.
    """

    kind: str
    covariates: int
    among: Among = ALL

    @property
    def is_damped(self) -> bool:
        return self.kind != "gaussian"

    @property
    def fixable(self) -> tuple[str, ...]:
        return ("line", "scale") if self.kind == "gaussian" else ("line",)

    @property
    def per_component(self) -> tuple[str, ...]:
        return self.fixable

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        design, y = with_ones(xp, x[:-1]), x[-1]
        eta = state["line"] @ design
        if self.kind == "gaussian":
            scale = state["scale"][:, None]
            apart = y - eta
            log_density = -0.5 * (apart / scale) ** 2 - xp.log(scale) - 0.5 * np.log(2 * np.pi)
            return log_density, (design, apart, xp.ones_like(eta))
        if self.kind == "poisson":
            mean = xp.exp(eta)
            return y * eta - mean, (design, y - mean, mean)
        # log(1 + e^eta), whatever eta
        tail = xp.exp(-xp.abs(eta))
        above = xp.where(eta > 0, eta, xp.zeros_like(eta)) + xp.log1p(tail)
        mean = xp.exp(eta - above)
        return y * eta - above, (design, y - mean, tail / (1 + tail) ** 2)

    def exact_log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        at = (x - frame.centre[:, None]) / frame.unit[:, None]
        if self.kind == "poisson":
            return DENSITIES.poisson(x[-1], np.exp(state["line"] @ with_ones(np, at[:-1])))
        return self.log_density(np, state, at)[0] + self.log_jacobian(frame, x.T)

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Array) -> Statistics:
        design, apart, curvature = seen
        weighted = (responsibilities * curvature)[:, None, :] * design
        sums = {
            "gradient": (responsibilities * apart) @ xp.matrix_transpose(design),
            "curvature": weighted @ xp.matrix_transpose(design),
        }
        if self.kind == "gaussian":
            return sums | {"square": xp.sum(responsibilities * apart * apart, axis=-1)}
        return sums | {"moment": moment_of(xp, responsibilities, design)}

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        gradient = statistics["gradient"]
        move = newton_step(xp, statistics["curvature"], gradient)
        if self.kind != "gaussian":
            move = move * share_of(xp, move, statistics["moment"], xp.sum(statistics["rows"]))[:, None]
        move = xp.where(fixed["line"], xp.zeros_like(move), move)
        moved = {"line": state["line"] + step * move}
        if self.kind != "gaussian":
            return moved
        # sum r (y - eta)^2 falls by step (2 - step) gradient . move along the way to the least squares line
        rows, squares = statistics["rows"], statistics["square"] - step * (2 - step) * xp.sum(gradient * move, axis=-1)
        # a component without rows is given next to no rows, of average residuals
        average = NO_ROWS * xp.sum(squares) / xp.sum(rows)
        is_there = rows > NO_ROWS
        variance = xp.where(is_there, squares, average) / xp.where(is_there, rows, NO_ROWS)
        scale = xp.sqrt(xp.where(variance > 0, variance, xp.zeros_like(variance)))
        return moved | {"scale": xp.where(fixed["scale"], state["scale"], scale)}

    def log_base(self, x: Observations) -> np.ndarray:
        return -gammaln(x.x + 1) if self.kind == "poisson" else np.zeros(len(x))

    def shrunk(self, statistics: Statistics, rows: float) -> Statistics:
        if self.kind != "gaussian":
            return {name: statistics[name] for name in ("gradient", "curvature", "moment")}
        found = {name: statistics[name] for name in ("gradient", "curvature")}
        return found | {"square": statistics["square"] + rows * statistics["square"].sum() / statistics["rows"].sum()}

    def held(self, sites: frozenset[str], features: int | None) -> dict[str, bool] | None:
        line = sites & {"intercept", "slope"}
        if line not in (frozenset(), self.line_sites):
            return None
        held = {"line": bool(line), "scale": "scale" in sites}
        return {name: held[name] for name in self.fixable}

    def frame(self, x: np.ndarray) -> Frame:
        frame = Frame.around(x.mean(axis=0), x.std(axis=0))
        return frame if self.kind == "gaussian" else without_unit(frame)

    def blank(self, components: int, columns: int) -> State:
        blank = {"line": np.zeros((components, columns)), "scale": np.ones(components)}
        return {name: blank[name] for name in self.fixable}

    def encode(self, parameters: Mapping[str, np.ndarray], features: int | None, frame: Frame) -> State:
        level, unit = frame.centre[-1], frame.unit[-1]
        intercept = np.asarray(parameters["intercept"], dtype=np.float64)
        slope = parameters["slope"] if self.covariates else np.zeros((len(intercept), 0))
        line = coefficients_in(of_covariates(frame), intercept, np.asarray(slope, dtype=np.float64))
        line[:, 0] -= level
        state = {"line": line / unit}
        return state | ({"scale": parameters["scale"] / unit} if self.kind == "gaussian" else {})

    def decode(self, state: State, features: int | None, frame: Frame) -> dict[str, np.ndarray]:
        level, unit = frame.centre[-1], frame.unit[-1]
        line = unit * state["line"]
        line[:, 0] += level
        intercept, slope = line_of(of_covariates(frame), line)
        sites = {"intercept": intercept} | ({"slope": slope} if self.covariates else {})
        return sites | ({"scale": unit * state["scale"]} if self.kind == "gaussian" else {})

    def log_jacobian(self, frame: Frame, x: np.ndarray) -> np.ndarray | float:
        return -float(np.log(frame.unit[-1])) if self.kind == "gaussian" else 0.0

    def narrowest(self, state: State, spread: np.ndarray) -> float:
        return float(np.min(state["scale"]) ** 2 / spread[-1, -1]) if self.kind == "gaussian" else float("inf")

    def covariances(self, state: State) -> np.ndarray | None:
        if self.kind != "gaussian":
            return None
        # of the residuals; a line through few rows has as many coefficients as there are columns
        found = np.tile(np.eye(1 + self.covariates), (len(state["line"]), 1, 1))
        found[:, -1, -1] = state["scale"] ** 2
        return found

    def apart(self, state: State) -> np.ndarray:
        line = state["line"]
        between = np.max(np.abs(line[:, None] - line[None]), axis=-1)
        if self.kind == "bernoulli":
            return between
        if self.kind == "poisson":
            # one count tells its logarithm to 1 / sqrt(mean), if that is less than 1
            level = np.maximum(line[:, 0], 0.0)
            return between * np.exp(0.5 * np.maximum(level[:, None], level))
        scale = np.maximum(state["scale"], np.finfo(float).tiny)
        return np.maximum(between / np.minimum(scale[:, None], scale), np.abs(np.log(scale[:, None] / scale)))
