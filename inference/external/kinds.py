"""Kinds of outcomes: what a class is known by, which is a mean of functions of y, and its density. One kind a class.

`moments` (classes, values) are weighted means, so that negative weights are as good as others; that they are on or beyond a bound is said.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln, xlogy

TINY = 1e-6
"""How near to its bound a probability, or a variance in units of the outcome's, is on it."""


@dataclass(frozen=True, eq=False)
class Kind(ABC):
    """An outcome of one kind.

    Args:
        y: the outcome of each unit: numbers, or those of categories.
        names: of categories, by their numbers.
    """

    y: Float[np.ndarray, " units"]
    names: tuple[str, ...] = ()

    word: ClassVar[str]
    """What is told of a class, in a heading."""

    @property
    @abstractmethod
    def values(self) -> tuple[str, ...]:
        """The name of each moment."""

    @property
    def shown(self) -> tuple[int, ...]:
        """Which moments are read."""
        return tuple(range(len(self.values)))

    @property
    def compared(self) -> tuple[int, ...]:
        """Which of those that are read are compared between classes."""
        return self.shown

    @abstractmethod
    def moments(self, weights: Float[np.ndarray, "units classes"]) -> Float[np.ndarray, "classes values"]:
        """Those of the classes, with weights that sum to one in each."""

    @abstractmethod
    def residuals(self, moments: Float[np.ndarray, "classes values"]) -> Float[np.ndarray, "units classes values"]:
        """What averages to 0 over a class."""

    @abstractmethod
    def log_density(self, moments: Float[np.ndarray, "classes values"]) -> Float[np.ndarray, "units classes"]:
        """log p(y_i given class k)."""

    @abstractmethod
    def slopes(self, moments: Float[np.ndarray, "classes values"]) -> Float[np.ndarray, "units classes values"]:
        """Its derivatives by the class's moments."""

    def mixed(
        self, moments: Float[np.ndarray, "classes values"], weights: Float[np.ndarray, "units classes"]
    ) -> Float[np.ndarray, "classes values values"]:
        """- sum_i w_ik d residual / d moment."""
        return weights.sum(axis=0)[:, None, None] * np.eye(len(self.values))

    def findings(self, moments: Float[np.ndarray, "classes values"]) -> list[tuple[int, str]]:
        """Classes, and what is to be said of their moments."""
        return []


@dataclass(frozen=True, eq=False)
class Continuous(Kind):
    """Mean and variance of each class; normal where a density is asked for. The outcome has variance 1, or thereabouts."""

    word: ClassVar[str] = "mean and variance"

    @property
    def values(self) -> tuple[str, ...]:
        return "mean", "variance"

    @property
    def compared(self) -> tuple[int, ...]:
        return (0,)

    def moments(self, weights: np.ndarray) -> np.ndarray:
        mean = self.y @ weights
        return np.stack([mean, ((self.y[:, None] - mean) ** 2 * weights).sum(axis=0)], axis=1)

    def residuals(self, moments: np.ndarray) -> np.ndarray:
        away = self.y[:, None] - moments[:, 0]
        return np.stack([away, away**2 - moments[:, 1]], axis=2)

    def log_density(self, moments: np.ndarray) -> np.ndarray:
        variance = np.maximum(moments[:, 1], TINY**2)  # a class of one value has a density that EM can end at
        return -0.5 * ((self.y[:, None] - moments[:, 0]) ** 2 / variance + np.log(2 * np.pi * variance))

    def slopes(self, moments: np.ndarray) -> np.ndarray:
        away, variance = self.y[:, None] - moments[:, 0], np.maximum(moments[:, 1], TINY**2)
        return np.stack([away / variance, 0.5 * (away**2 / variance - 1) / variance], axis=2)

    def mixed(self, moments: np.ndarray, weights: np.ndarray) -> np.ndarray:
        made = super().mixed(moments, weights)
        made[:, 1, 0] = 2 * ((self.y[:, None] - moments[:, 0]) * weights).sum(axis=0)
        return made

    def findings(self, moments: np.ndarray) -> list[tuple[int, str]]:
        negative, none = "its variance comes out negative", "its variance is 0: the outcome is one value there"
        return [(k, negative if v < -TINY else none) for k, v in enumerate(moments[:, 1]) if v < TINY]


@dataclass(frozen=True, eq=False)
class Categorical(Kind):
    """The probability of each category; those of a class sum to one at the root, though nothing says so beforehand."""

    word: ClassVar[str] = "probabilities"

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(f"P({name})" for name in self.names)

    @property
    def shown(self) -> tuple[int, ...]:
        return (1,) if len(self.names) == 2 else tuple(range(len(self.names)))

    @property
    def compared(self) -> tuple[int, ...]:
        return self.shown if len(self.names) == 2 else self.shown[1:]

    @property
    def _is(self) -> np.ndarray:
        return (self.y[:, None] == np.arange(len(self.names))).astype(float)

    def moments(self, weights: np.ndarray) -> np.ndarray:
        return weights.T @ self._is

    def residuals(self, moments: np.ndarray) -> np.ndarray:
        return self._is[:, None, :] - moments

    def log_density(self, moments: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):  # what has no probability has a log density of -inf
            return np.log(np.maximum(moments, 0.0))[:, self.y.astype(int)].T

    def slopes(self, moments: np.ndarray) -> np.ndarray:
        # a probability on its bound stays there: it is known, and moves nothing
        return self._is[:, None, :] * np.divide(1.0, moments, out=np.zeros_like(moments), where=moments > TINY)

    def findings(self, moments: np.ndarray) -> list[tuple[int, str]]:
        beyond = "{} comes out {:.3g}, outside 0 to 1"
        return [
            (k, beyond.format(self.values[c], moments[k, c]) if _is_beyond(moments[k, c]) else _ON.format(self.values[c]))
            for k, c in np.argwhere((moments < TINY) | (moments > 1 - TINY)).tolist() if c in self.shown
        ]  # fmt: skip


_ON = "{} is on its bound, where it has no standard error"


def _is_beyond(probability: float) -> bool:
    return not -TINY < probability < 1 + TINY


@dataclass(frozen=True, eq=False)
class Count(Kind):
    """The rate of each class; Poisson where a density is asked for."""

    word: ClassVar[str] = "rate"

    @property
    def values(self) -> tuple[str, ...]:
        return ("rate",)

    def moments(self, weights: np.ndarray) -> np.ndarray:
        return (self.y @ weights)[:, None]

    def residuals(self, moments: np.ndarray) -> np.ndarray:
        return (self.y[:, None] - moments[:, 0])[:, :, None]

    def log_density(self, moments: np.ndarray) -> np.ndarray:
        rate, y = np.maximum(moments[:, 0], 0.0), self.y[:, None]
        return xlogy(y, rate) - rate - gammaln(y + 1)

    def slopes(self, moments: np.ndarray) -> np.ndarray:
        per_rate = np.divide(1.0, moments[:, 0], out=np.zeros(len(moments)), where=moments[:, 0] > TINY)
        return (self.y[:, None] * per_rate - 1.0)[:, :, None]

    def findings(self, moments: np.ndarray) -> list[tuple[int, str]]:
        return [
            (k, f"its rate comes out {rate:.3g}" if rate < -TINY else _ON.format("its rate"))
            for k, rate in enumerate(moments[:, 0].tolist()) if rate < TINY
        ]  # fmt: skip


KINDS: dict[str, type[Kind]] = {"continuous": Continuous, "categorical": Categorical, "count": Count}
