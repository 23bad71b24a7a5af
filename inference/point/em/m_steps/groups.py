"""The M-step where all rows of a group share one assignment: that of the weights, which counts groups as it counts rows elsewhere.

Source: Grün & Leisch (2008), Journal of Statistical Software 28(4), section 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.point.em.closed_form import Array, Frame, LawForm, State, Statistics
from inference.point.em.m_steps.grouped import GroupedEM
from inference.point.em.shares import shares_of
from mixtures.assignments import PerGroup
from mixtures.observations import Observations


@dataclass(frozen=True)
class GroupsEM(GroupedEM):
    """See `inference.point.em.closed_form.PathForm`. State: that of the weights.

    Args:
        weights: the M-step of the law by which groups are assigned.
        spans: see `GroupedEM`.
    """

    weights: LawForm
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def width(self) -> int:
        return self.weights.width

    @property
    def per_component(self) -> tuple[str, ...]:
        return self.weights.per_component

    @property
    def fixable(self) -> tuple[str, ...]:
        return self.weights.fixable

    @property
    def is_damped(self) -> bool:
        return self.weights.is_damped

    def log_probs(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        """Of a row without the others of its group nothing is known."""
        found, seen = self.weights.log_probs(xp, state, x)
        return xp.zeros_like(found[:, :1]), seen

    def over_paths(
        self, xp: Any, state: State, log_density: Array, x: Array, is_hard: bool, row_weights: Array | None = None
    ) -> tuple[Array, Array, Statistics]:
        """The log likelihood, responsibilities (components, rows), and statistics of all groups."""
        firsts = self.of_groups(xp, x, lambda rows: rows[..., 0])
        log_probs, seen = self.weights.log_probs(xp, state, firsts)
        # log p(x_g, k) = log w_k + sum_(i in g) log p(x_i | k)
        log_joint = self.of_groups(xp, log_density, lambda rows: xp.sum(rows, axis=-1)) + log_probs
        shares, log_likelihood = shares_of(xp, log_joint, is_hard)
        counted = shares
        if row_weights is not None:
            counts = self.that_count(xp, row_weights)
            counted, log_likelihood = shares * counts, log_likelihood * counts
        statistics = {"groups": xp.sum(counted, axis=-1), **self.weights.statistics(xp, counted, seen)}
        return xp.sum(log_likelihood), self.of_rows(xp, shares), statistics

    def statistics(self, xp: Any, responsibilities: Array, seen: Array) -> Statistics:
        """Of rows that are known by their shares alone, each as if it were a group; and one more, so that no component is without."""
        rows = xp.sum(responsibilities, axis=-1)
        return {"groups": rows + 1.0, **self.weights.statistics(xp, responsibilities, seen)}

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        return self.weights.m_step(xp, {**statistics, "rows": statistics["groups"]}, state, fixed, step)

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        return self.weights.log_prior(xp, state, {**pseudo, "rows": pseudo["groups"]})

    def pseudo(self, law: PerGroup, components: int) -> Statistics | None:
        found = self.weights.pseudo(law.weights, components)
        return None if found is None else {**found, "groups": found["rows"], "rows": np.zeros(components)}

    def apart(self, state: State) -> np.ndarray:
        return self.weights.apart(state)

    def columns(self, x: Observations) -> np.ndarray:
        return self.weights.columns(x)

    def held(self, sites: frozenset[str]) -> dict[str, bool] | None:
        return self.weights.held(sites)

    def frame(self, x: np.ndarray) -> Frame:
        return self.weights.frame(x)

    def blank(self, components: int) -> State:
        return self.weights.blank(components)

    def encode(self, parameters: Mapping[str, np.ndarray], frame: Frame) -> State:
        return self.weights.encode(parameters, frame)

    def decode(self, state: State, frame: Frame) -> dict[str, np.ndarray]:
        return self.weights.decode(state, frame)
