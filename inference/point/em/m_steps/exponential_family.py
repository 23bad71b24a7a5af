"""EM for exponential families: two matrix products a pass.

The log density of a row is linear in its sufficient statistics t(x), log p(x | k) = b_k . t(x) + log h(x). With the statistics as the row's
columns, the E-step is one matrix product with the coefficients b_k, and what the M-step needs is another, with the responsibilities.
A cell that is missing has columns 0, and so adds nothing to either. A conjugate prior is a row of columns that was never seen.

Source: Dempster, Laird & Rubin (1977), section 2; Diaconis & Ylvisaker (1979) for the priors.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln, i0e

from inference.point.em.closed_form import Array, Frame, State, Statistics
from inference.point.em.m_steps.covariances import NO_ROWS
from mixtures.observations import Observations
from mixtures.ppl.log_densities import LogDensities
from mixtures.priors import Prior

DENSITIES = LogDensities(np, gammaln, i0e)
"""Where numbers are reported."""

SMALLEST = 1e-300
"""Rates and probabilities are not 0 but this, so that logarithms stay finite."""


class ExponentialFamily(ABC):
    """One exponential family; a frozen dataclass, because compiled programs are kept by it. Its parameters are one site.

    What it need not say stands here with what it is where it says nothing.
    """

    @property
    @abstractmethod
    def site(self) -> str:
        """The name of its site."""

    @abstractmethod
    def columns(self, x: np.ndarray) -> np.ndarray:
        """Sufficient statistics of data (rows, features), (rows, columns); 0 where a cell is missing."""

    @abstractmethod
    def width(self, features: int) -> int:
        """How many columns there are for so many features."""

    @abstractmethod
    def log_base(self, x: np.ndarray) -> np.ndarray:
        """log h of each row, 0 for missing cells."""

    @abstractmethod
    def log_density(self, coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Exact log densities of columns (columns, rows), (components, rows), log h with them."""

    @abstractmethod
    def best(self, xp: Any, sums: Array) -> Array:
        """The coefficients that maximise coefficients . sums, (components, columns): the M-step."""

    @abstractmethod
    def encode(self, value: np.ndarray) -> np.ndarray:
        """The coefficients, (components, columns), of the site's value (components, features[, categories])."""

    @abstractmethod
    def decode(self, coefficients: np.ndarray) -> np.ndarray:
        """The site's value of these coefficients."""

    def prior_columns(self, prior: Prior, features: int) -> np.ndarray | None:
        """The columns of the row that this prior stands for; None if it is not conjugate, or its density has no maximum."""
        return None

    def deviation(self, value: np.ndarray) -> np.ndarray:
        """How closely one row tells the site's value, at most: its standard deviation, or the value itself."""
        return value

    def narrowest(self, coefficients: np.ndarray, spread: np.ndarray) -> float:
        """As in `ClosedForm`; infinite for discrete families, which have no spikes."""
        return float("inf")


@dataclass(frozen=True)
class ExponentialFamilyEM:
    """See `inference.point.em.closed_form.ClosedForm`. State: coefficients (components, columns).

    Args:
        family: the exponential family.
    """

    family: ExponentialFamily

    per_component = ("coefficients",)
    takes_missing = True
    is_damped = False
    starts_at_rows = False

    @property
    def fixable(self) -> tuple[str, ...]:
        return (self.family.site,)

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        return state["coefficients"] @ x, x

    def exact_log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        return self.family.log_density(state["coefficients"], x)

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Array) -> Statistics:
        return {"sums": responsibilities @ xp.matrix_transpose(x)}

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        rows, sums = statistics["rows"], statistics["sums"]
        # a component without rows is given next to no rows, average ones: all ratios exist and no sum feels it
        average = NO_ROWS * xp.sum(sums, axis=0) / xp.sum(rows)
        best = self.family.best(xp, xp.where(rows[:, None] > NO_ROWS, sums, sums + average))
        return {
            "coefficients": xp.where(fixed[self.family.site], state["coefficients"], best),
        }

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        return xp.sum(state["coefficients"] * pseudo["sums"])

    def columns(self, x: Observations) -> np.ndarray:
        return self.family.columns(x.x.reshape(len(x), -1))

    def width(self, features: int) -> int:
        return self.family.width(features)

    def log_base(self, x: Observations) -> np.ndarray:
        return self.family.log_base(x.x.reshape(len(x), -1))

    def pseudo(self, priors: Mapping[str, Prior], components: int, features: int | None) -> Statistics | None:
        columns = self.family.prior_columns(priors[self.family.site], features or 1)
        return None if columns is None else {"sums": np.tile(columns, (components, 1))}

    def shrunk(self, statistics: Statistics, rows: float) -> Statistics:
        average = statistics["sums"].sum(axis=0) / statistics["rows"].sum()
        return {"sums": statistics["sums"] + rows * average}

    def held(self, sites: frozenset[str], features: int | None) -> dict[str, bool] | None:
        return {name: name in sites for name in self.fixable}

    def frame(self, x: np.ndarray) -> Frame:
        return Frame(np.zeros(x.shape[1]), np.ones(x.shape[1]))

    def blank(self, components: int, columns: int) -> State:
        return {"coefficients": np.zeros((components, columns))}

    def encode(self, parameters: Mapping[str, np.ndarray], features: int | None, frame: Frame) -> State:
        value = np.asarray(parameters[self.family.site], dtype=np.float64)
        return {
            "coefficients": self.family.encode(value if features is not None else value[:, None]),
        }

    def decode(self, state: State, features: int | None, frame: Frame) -> dict[str, np.ndarray]:
        value = self.family.decode(state["coefficients"])
        return {self.family.site: value if features is not None else value[:, 0]}

    def log_jacobian(self, frame: Frame, x: np.ndarray) -> np.ndarray | float:
        return 0.0

    def narrowest(self, state: State, spread: np.ndarray) -> float:
        return self.family.narrowest(state["coefficients"], spread)

    def covariances(self, state: State) -> None:
        return None

    def apart(self, state: State) -> np.ndarray:
        value = self.family.decode(state["coefficients"]).reshape(len(state["coefficients"]), -1)
        largest = np.maximum(value[:, None], value[None])
        # a share of the larger of two is cautious for a probability, but large counts tell rates apart that are nearly the same
        unit = np.minimum(largest, self.family.deviation(largest))
        return np.max(np.abs(value[:, None] - value[None]) / np.maximum(unit, SMALLEST), axis=-1)


def numbers_of(prior: Prior) -> dict[str, np.ndarray]:
    """A prior's parameters, written out as numbers before."""
    return {name: np.asarray(value, dtype=np.float64) for name, value in prior.parameters}
