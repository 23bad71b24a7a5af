"""The M-step of weights that are the same for all rows: each component's share of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, Frame, State, Statistics
from mixtures.assignments import Assignment
from mixtures.observations import Observations


@dataclass(frozen=True)
class ConstantWeights:
    """See `inference.point.em.closed_form.LawForm`. State: weights (components,)."""

    per_component = ("weights",)
    fixable = ("weights",)
    follows = False
    is_damped = False
    width = 0

    def log_probs(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        return xp.log(state["weights"])[:, None], ()

    def statistics(self, xp: Any, responsibilities: Array, seen: Array) -> Statistics:
        return {}  # the expected rows are all

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        rows = statistics["rows"]
        return {"weights": xp.where(fixed["weights"], state["weights"], rows / xp.sum(rows))}

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        # log Dirichlet(w | a) = sum_k (a_k - 1) log w_k + constant
        return xp.sum(xp.where(pseudo["rows"] > 0, pseudo["rows"] * xp.log(state["weights"]), 0.0))

    def pseudo(self, law: Assignment, components: int) -> Statistics | None:
        rows = law.pseudo_rows(components)
        return None if rows is None or rows.min() < 0 else {"rows": rows}

    def apart(self, state: State) -> np.ndarray:
        return np.zeros(())  # components of one density are one, whatever their weights

    def columns(self, x: Observations) -> np.ndarray:
        return np.zeros((len(x), 0))

    def held(self, sites: frozenset[str]) -> dict[str, bool] | None:
        return {"weights": "weights" in sites}

    def frame(self, x: np.ndarray) -> Frame:
        return Frame(np.zeros(0), np.ones(0))

    def blank(self, components: int) -> State:
        return {"weights": np.full(components, 1 / components)}

    def encode(self, parameters: Mapping[str, np.ndarray], frame: Frame) -> State:
        return {"weights": np.asarray(parameters["weights"], dtype=np.float64)}

    def decode(self, state: State, frame: Frame) -> dict[str, np.ndarray]:
        return {"weights": state["weights"]}
