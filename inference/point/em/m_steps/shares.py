"""Families of trials with a probability for each category: Bernoulli, binomial, categorical and multinomial.

All have log density = sum_c counts_c log probs_c, and so the M-step probs_c = counts_c / sum counts; a Dirichlet (or Beta) prior is
concentration - 1 trials of each category.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln

from inference.point.em.closed_form import Array
from inference.point.em.m_steps.exponential_family import DENSITIES, SMALLEST, ExponentialFamily, numbers_of
from mixtures.priors import Prior


@dataclass(frozen=True)
class Shares(ExponentialFamily):
    """See `inference.point.em.m_steps.exponential_family.ExponentialFamily`; columns: counts of every feature's categories, side by side.

    Args:
        kind: what a cell holds: `"successes"` of some trials, the number of a `"category"`, or, where all columns make up one trial or
            more, the `"count"` of its category.
        trials: of every cell, or, where columns are counts, of every row.
        categories: of every cell, for categories.
    """

    kind: str
    trials: int = 1
    categories: int = 2

    site = "probs"

    def _counts(self, x: np.ndarray) -> np.ndarray:
        """(rows, features, categories), 0 where missing."""
        if self.kind == "count":
            counts = x[:, None, :]
        elif self.kind == "category":
            counts = (x[..., None] == np.arange(self.categories)).astype(np.float64)
        else:
            counts = np.stack([x, self.trials - x], axis=-1)
        return np.where(np.isnan(counts), 0.0, counts)

    def _grouped(self, columns: int) -> tuple[int, int]:
        """(features, categories) of so many columns."""
        return (1, columns) if self.kind == "count" else (columns // self.categories, self.categories)

    def columns(self, x: np.ndarray) -> np.ndarray:
        return self._counts(x).reshape(len(x), -1)

    def width(self, features: int) -> int:
        return features if self.kind == "count" else features * self.categories

    def log_base(self, x: np.ndarray) -> np.ndarray:
        counts = self._counts(x)
        # log n! / (x_1! ... x_C!): 0 where there is one trial
        return np.sum(gammaln(counts.sum(axis=-1) + 1) - gammaln(counts + 1).sum(axis=-1), axis=-1)

    def log_density(self, coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
        groups = self._grouped(len(x))
        counts, probs = x.T.reshape(-1, *groups), np.exp(coefficients).reshape(-1, 1, *groups)
        return np.sum(DENSITIES.multinomial(counts, probs), axis=-1)

    def best(self, xp: Any, sums: Array) -> Array:
        features, categories = self._grouped(sums.shape[-1])
        counts = xp.reshape(sums, (-1, features, categories))
        total = xp.sum(counts, axis=-1)[..., None]
        # where nothing was seen all categories are alike, and matter to nothing
        probs = xp.where(total > 0, counts / xp.where(total > 0, total, 1.0), 1 / categories)
        return xp.reshape(xp.log(xp.where(probs > SMALLEST, probs, SMALLEST)), sums.shape)

    def prior_columns(self, prior: Prior, features: int) -> np.ndarray | None:
        numbers = numbers_of(prior)
        groups, categories = self._grouped(self.width(features))
        if self.kind == "successes" and prior.name == "Beta":
            both = [np.broadcast_to(numbers[name], (features,)) for name in ("concentration1", "concentration0")]
            concentration = np.stack(both, axis=-1)
        elif self.kind != "successes" and prior.name == "Dirichlet":
            concentration = np.broadcast_to(numbers["concentration"], (groups, categories))
        else:
            return None
        return (concentration - 1.0).reshape(-1) if concentration.min() >= 1 else None

    def encode(self, value: np.ndarray) -> np.ndarray:
        probs = np.stack([value, 1 - value], axis=-1) if self.kind == "successes" else value
        return np.log(np.maximum(probs, SMALLEST)).reshape(len(value), -1)

    def decode(self, coefficients: np.ndarray) -> np.ndarray:
        probs = np.exp(coefficients).reshape(len(coefficients), *self._grouped(coefficients.shape[1]))
        if self.kind == "successes":
            return probs[..., 0]
        return probs[:, 0] if self.kind == "count" else probs

    def deviation(self, value: np.ndarray) -> np.ndarray:
        return np.sqrt(value / self.trials)
