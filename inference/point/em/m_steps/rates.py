"""Families of events at a rate: Poisson (how many events in one unit of time) and exponential (how much time until one event).

Both have log density = events * log(rate) - exposure * rate, and so the M-step rate = events / exposure; a Gamma prior is
concentration - 1 events in an exposure of the prior's rate.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln

from inference.point.em.closed_form import Array
from inference.point.em.m_steps.exponential_family import DENSITIES, SMALLEST, ExponentialFamily, numbers_of
from mixtures.priors import Prior


@dataclass(frozen=True)
class Rates(ExponentialFamily):
    """See `inference.point.em.m_steps.exponential_family.ExponentialFamily`; columns: events of every feature, then exposures.

    Args:
        is_waiting: whether data are waiting times (exponential) and not counts (Poisson).
    """

    is_waiting: bool

    site = "rate"

    def columns(self, x: np.ndarray) -> np.ndarray:
        is_seen = ~np.isnan(x)
        values, ones = np.where(is_seen, x, 0.0), is_seen.astype(np.float64)
        return np.hstack([ones, values] if self.is_waiting else [values, ones])

    def width(self, features: int) -> int:
        return 2 * features

    def log_base(self, x: np.ndarray) -> np.ndarray:
        # log 1/x! of a count; a waiting time has none
        return np.zeros(len(x)) if self.is_waiting else -np.nansum(gammaln(x + 1), axis=1)

    def log_density(self, coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
        if self.is_waiting:
            return coefficients @ x
        counts, is_seen = np.split(x, 2)
        return np.sum(DENSITIES.poisson(counts, self.decode(coefficients)[:, :, None]) * is_seen, axis=1)

    def best(self, xp: Any, sums: Array) -> Array:
        features = sums.shape[-1] // 2
        events, exposure = sums[..., :features], sums[..., features:]
        # where nothing was seen the rate is unknown, and matters to nothing
        rate = xp.where(events + exposure > 0, events / xp.where(exposure > SMALLEST, exposure, SMALLEST), 1.0)
        rate = xp.where(rate > SMALLEST, rate, SMALLEST)
        return xp.concat([xp.log(rate), -rate], axis=-1)

    def prior_columns(self, prior: Prior, features: int) -> np.ndarray | None:
        if prior.name != "Gamma":
            return None
        numbers = numbers_of(prior)
        # log Gamma(rate | a, b) = (a - 1) log rate - b rate + constant
        events = np.broadcast_to(numbers["concentration"], (features,)) - 1.0
        return np.hstack([events, np.broadcast_to(numbers["rate"], (features,))]) if events.min() >= 0 else None

    def encode(self, value: np.ndarray) -> np.ndarray:
        rate = np.maximum(value, SMALLEST)
        return np.hstack([np.log(rate), -rate])

    def decode(self, coefficients: np.ndarray) -> np.ndarray:
        return -coefficients[:, coefficients.shape[1] // 2 :]

    def deviation(self, value: np.ndarray) -> np.ndarray:
        return value if self.is_waiting else np.sqrt(value)

    def narrowest(self, coefficients: np.ndarray, spread: np.ndarray) -> float:
        if not self.is_waiting:
            return float("inf")
        rate = self.decode(coefficients)
        return float(np.min((1 / rate) ** 2 / np.diagonal(spread)[rate.shape[1] :]))
