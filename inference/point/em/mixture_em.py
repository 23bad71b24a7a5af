"""EM of a whole mixture: the law of the assignment and the family each have their own M-step, and share the responsibilities."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from inference.point.em.closed_form import Array, ClosedForm, Frame, LawForm, PathForm, State, Statistics
from inference.point.em.m_steps.constant_weights import ConstantWeights
from mixtures.observations import Observations
from mixtures.priors import Prior


@dataclass(frozen=True)
class MixtureEM:
    """What EM's loops are given; frozen and hashable, because compiled programs are kept by it.

    Its methods are those of `ClosedForm`, of the whole: joint densities with the assignment's probability in them, the state and the
    statistics of both parts, `rows`, the expected rows of each component, among the latter.

    Args:
        family: the family's M-step.
        law: the law's.
    """

    family: ClosedForm
    law: LawForm = field(default_factory=ConstantWeights)

    @property
    def fixable(self) -> tuple[str, ...]:
        return self.law.fixable + self.family.fixable

    @property
    def per_component(self) -> tuple[str, ...]:
        return self.law.per_component + self.family.per_component

    @property
    def is_damped(self) -> bool:
        return self.family.is_damped or self.law.is_damped

    def components_of(self, states: State) -> int:
        """How many components there are in states, (restarts, ...) by name."""
        return states[self.per_component[0]].shape[1]

    def cut(self, of_columns: Array) -> tuple[Array, Array]:
        """What belongs to the family's columns, which come first, and to the law's."""
        own = of_columns.shape[0] - self.law.width
        return of_columns[:own], of_columns[own:]

    def _frames(self, frame: Frame) -> tuple[Frame, Frame]:
        centres, units = self.cut(frame.centre), self.cut(frame.unit)
        return Frame(centres[0], units[0]), Frame(centres[1], units[1])

    def log_joint(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        """log p(x_i, assignment_i = k), (components, rows), and what `statistics` wants to see again."""
        own, of_law = self.cut(x)
        log_density, seen = self.family.log_density(xp, state, own)
        log_probs, seen_by_law = self.law.log_probs(xp, state, of_law)
        return log_density + log_probs, (seen, seen_by_law)

    def exact_log_joint(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        """The same at the parameters that `decode` gives, to the last digit, of columns in the data's units."""
        (own, of_law), (frame_of_family, frame_of_law) = self.cut(x), self._frames(frame)
        at = (of_law - frame_of_law.centre[:, None]) / frame_of_law.unit[:, None]
        return self.family.exact_log_density(state, own, frame_of_family) + self.law.log_probs(np, state, at)[0]

    def over_paths(
        self, xp: Any, state: State, log_density: Array, x: Array, is_hard: bool, row_weights: Array | None = None
    ) -> tuple[Array, Array, Statistics]:
        """Of laws whose rows follow one another: see `inference.point.em.closed_form.PathForm`."""
        law = cast(PathForm, self.law)
        return law.over_paths(xp, state, log_density, self.cut(x)[1], is_hard, row_weights)

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Array) -> Statistics:
        return {
            "rows": xp.sum(responsibilities, axis=-1),
            **self.family.statistics(xp, responsibilities, self.cut(x)[0], seen[0]),
            **self.law.statistics(xp, responsibilities, seen[1]),
        }

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        parts = (self.law, self.family)
        moved = [part.m_step(xp, statistics, state, fixed, step) for part in parts]
        return moved[0] | moved[1]

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        return self.law.log_prior(xp, state, pseudo) + self.family.log_prior(xp, state, pseudo)

    def columns(self, x: Observations) -> np.ndarray:
        own = self.family.columns(x)
        return np.hstack([own, self.law.columns(x)]) if self.law.width else own

    def log_base(self, x: Observations) -> np.ndarray:
        return self.family.log_base(x)

    def pseudo(self, priors: Mapping[str, Prior], components: int, features: int | None) -> Statistics | None:
        return self.family.pseudo(priors, components, features)

    def shrunk(self, statistics: Statistics, rows: float) -> Statistics:
        counted = {"rows": statistics["rows"] + rows}
        return {**statistics, **counted, **self.family.shrunk(statistics, rows)}

    def held(self, sites: frozenset[str], features: int | None) -> dict[str, bool] | None:
        of_law, own = self.law.held(sites), self.family.held(sites, features)
        return None if own is None or of_law is None else of_law | own

    def frame(self, x: np.ndarray) -> Frame:
        columns = x.shape[1] - self.law.width
        own, of_law = self.family.frame(x[:, :columns]), self.law.frame(x[:, columns:])
        return Frame(np.append(own.centre, of_law.centre), np.append(own.unit, of_law.unit))

    def blank(self, components: int, columns: int) -> State:
        return self.law.blank(components) | self.family.blank(components, columns - self.law.width)

    def encode(self, parameters: Mapping[str, np.ndarray], features: int | None, frame: Frame) -> State:
        own, of_law = self._frames(frame)
        return self.law.encode(parameters, of_law) | self.family.encode(parameters, features, own)

    def decode(self, state: State, features: int | None, frame: Frame) -> dict[str, np.ndarray]:
        own, of_law = self._frames(frame)
        return self.law.decode(state, of_law) | self.family.decode(state, features, own)

    def log_jacobian(self, frame: Frame, x: np.ndarray) -> np.ndarray | float:
        return self.family.log_jacobian(self._frames(frame)[0], self.cut(x.T)[0].T)

    def narrowest(self, state: State, spread: np.ndarray) -> float:
        own = len(spread) - self.law.width
        return self.family.narrowest(state, spread[:own, :own])

    def covariances(self, state: State) -> np.ndarray | None:
        return self.family.covariances(state)

    def apart(self, state: State) -> np.ndarray:
        return np.maximum(self.family.apart(state), self.law.apart(state))
