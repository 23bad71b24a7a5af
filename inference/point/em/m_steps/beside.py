"""Gaussian components whose rows bring other numbers beside their values: what is in the coordinates of the values alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.point.em.closed_form import Frame, State
from inference.point.em.m_steps.gaussian import GaussianEM


@dataclass(frozen=True)
class BesideGaussianEM(GaussianEM):
    """`GaussianEM` of rows whose first columns are the values, and whose others say how these are to be read."""

    def _features(self, columns: int) -> int:
        """How many of so many columns are values."""
        raise NotImplementedError

    def _of_values(self, frame: Frame) -> Frame:
        features = self._features(len(frame.unit))
        return Frame(frame.centre[:features], frame.unit[:features])

    def blank(self, components: int, columns: int) -> State:
        return super().blank(components, self._features(columns))

    def encode(self, parameters: Any, features: int | None, frame: Frame) -> State:
        return super().encode(parameters, features, self._of_values(frame))

    def decode(self, state: State, features: int | None, frame: Frame) -> dict[str, np.ndarray]:
        return super().decode(state, features, self._of_values(frame))

    def narrowest(self, state: State, spread: np.ndarray) -> float:
        features = self._features(len(spread))
        return super().narrowest(state, spread[:features, :features])
