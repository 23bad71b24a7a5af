"""Coordinates of linear predictors: at the covariates' mean, and for one standard deviation of each.

An intercept at covariates 0 and slopes are all but one direction where covariates are years or incomes: nothing that moves coordinate by
coordinate, no optimiser and no sampler, gets along there. Level a' and slopes b' with a + b . c = a' + b' . (c - mean) / sd have no such
ridge, and mean the same whatever the covariates' units. The map is linear: densities change by a constant.
"""

from collections.abc import Mapping
from typing import Any

from mixtures.among import LinearPredictor

Values = Mapping[str, Any]


class Predictors:
    """The map between intercepts and slopes and these coordinates.

    Args:
        xp: the array namespace of all arrays.
        predictors: what they are made of.
        covariates: (rows, covariates); not looked at where there are no predictors.
    """

    def __init__(self, xp: Any, predictors: tuple[LinearPredictor, ...], covariates: Any):
        self._xp, self._parts = xp, []
        if predictors:
            centre = xp.mean(covariates, axis=0)
            spread = xp.sqrt(xp.mean((covariates - centre) ** 2, axis=0))
            unit = xp.where(spread > 0, spread, xp.ones_like(spread))
            for one in predictors:
                chosen = one.among.of(covariates.shape[1])
                if len(chosen):
                    self._parts.append((one.intercept, one.slope, centre[chosen], unit[chosen]))

    def from_free(self, free: Values) -> dict[str, Any]:
        """Intercepts (...,) and slopes (..., covariates) from coordinates of the same shapes; other sites stay."""
        found = dict(free)
        for intercept, slope, centre, unit in self._parts:
            found[slope] = free[slope] / unit
            if intercept is not None:
                found[intercept] = found[intercept] - self._shift(found[slope], centre, found[intercept])
        return found

    def to_free(self, values: Values) -> dict[str, Any]:
        """The inverse."""
        found = dict(values)
        for intercept, slope, centre, unit in self._parts:
            if intercept is not None:
                found[intercept] = found[intercept] + self._shift(values[slope], centre, found[intercept])
            found[slope] = values[slope] * unit
        return found

    def _shift(self, slope: Any, centre: Any, intercept: Any) -> Any:
        """slope . centre; of a slope that all components share, for each of them."""
        shift = self._xp.sum(slope * centre, axis=-1)
        return shift[..., None] if shift.ndim < intercept.ndim else shift

    def log_jacobian(self, values: Values) -> Any:
        """log |d values / d coordinates|; 0 where there are no pairs."""
        return sum(
            -self._xp.sum(self._xp.zeros_like(values[slope]) + self._xp.log(unit)) for _, slope, _, unit in self._parts
        )
