"""Coordinates of linear predictors: at the covariates' mean, and for one standard deviation of each.

An intercept at covariates 0 and slopes are all but one direction where covariates are years or incomes: nothing that moves coordinate by
coordinate, no optimiser and no sampler, gets along there. Level a' and slopes b' with a + b . c = a' + b' . (c - mean) / sd have no such
ridge, and mean the same whatever the covariates' units. The map is linear: densities change by a constant.
"""

from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]


class Predictors:
    """The map between intercepts and slopes and these coordinates.

    Args:
        xp: the array namespace of all arrays.
        pairs: names of intercepts and slopes.
        covariates: (rows, covariates); not looked at where there are no pairs.
    """

    def __init__(self, xp: Any, pairs: tuple[tuple[str, str], ...], covariates: Any):
        self._xp, self._pairs = xp, pairs
        if pairs:
            self._centre = xp.mean(covariates, axis=0)
            spread = xp.sqrt(xp.mean((covariates - self._centre) ** 2, axis=0))
            self._unit = xp.where(spread > 0, spread, xp.ones_like(spread))

    def from_free(self, free: Values) -> dict[str, Any]:
        """Intercepts (...,) and slopes (..., covariates) from coordinates of the same shapes; other sites stay."""
        found = dict(free)
        for intercept, slope in self._pairs:
            found[slope] = free[slope] / self._unit
            found[intercept] = free[intercept] - self._xp.sum(found[slope] * self._centre, axis=-1)
        return found

    def to_free(self, values: Values) -> dict[str, Any]:
        """The inverse."""
        found = dict(values)
        for intercept, slope in self._pairs:
            found[intercept] = values[intercept] + self._xp.sum(values[slope] * self._centre, axis=-1)
            found[slope] = values[slope] * self._unit
        return found

    def log_jacobian(self, values: Values) -> Any:
        """log |d values / d coordinates|; 0 where there are no pairs."""
        return sum(
            -self._xp.sum(self._xp.zeros_like(values[slope]) + self._xp.log(self._unit)) for _, slope in self._pairs
        )
