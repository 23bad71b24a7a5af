"""Families without parameters: components that are known, beside others that are not."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mixtures.checks import check_flags, is_number
from mixtures.errors import DataError, ModelError, in_words
from mixtures.families.columns import joined, rows_where
from mixtures.families.family import Draw, Family
from mixtures.families.parts import Parts, always
from mixtures.families.support import COUNTS, REAL
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import GivenPriors, Prior, freeze, override

Bound = float | tuple[float, ...]


@dataclass(frozen=True)
class ParameterFree(Family):
    """A family without sites; with several columns, each cell has the same distribution."""

    priors: GivenPriors = field(default=(), kw_only=True)

    def __post_init__(self):
        object.__setattr__(self, "priors", freeze(self.priors))
        override({}, self.priors)

    @abstractmethod
    def cell(self, ppl: PPL) -> Distribution:
        """The distribution of one cell, or one for each column."""

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return {}

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {}

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {}

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        cell = self.cell(ppl)
        return joined(ppl, cell if features is None else cell.expand((features,)), parameters, features)

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return {}


@dataclass(frozen=True)
class PointMass(ParameterFree):
    """Every cell is `value`, exactly; no sites. A component for extra zeros, say, beside counts (not beside measurements).

    Args:
        value: the value.

    Raises:
        ModelError: `value` is not a finite number.
    """

    value: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        if not is_number(self.value) or not np.isfinite(float(self.value)):
            raise ModelError("value", got=in_words(self.value), expected="a finite number")

    def cell(self, ppl: PPL) -> Distribution:
        return ppl.dist.PointMass(float(self.value))

    def parts(self) -> Parts:
        return Parts(can_be=self._can_be, has_distribution_function=always)

    def _can_be(self, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
        """The rows that are the value."""
        return rows_where(x == self.value, x, components)

    def check(self, x: Observations) -> None:
        """Other values belong to other components."""


@dataclass(frozen=True)
class Never(ParameterFree):
    """What does not happen at any time: every known time is impossible, and every time until now without it certain; no sites.

    The component of those who are cured, beside components of times (Boag 1949; Farewell 1982), where some times are right-censored.

    Example:
        >>> from mixtures import Mixture, Observations
        >>> from mixtures.families import PerComponent, Weibull
        >>> cure = Mixture(2, PerComponent([Never(), Weibull()]))
        >>> x = Observations([1.2, 0.7, float("nan")], lower=[float("nan"), float("nan"), 5.0])
        >>> sorted(cure.priors)
        ['concentration_1', 'scale_1', 'weights']
    """

    def cell(self, ppl: PPL) -> Distribution:
        return ppl.dist.PointMass(float("inf"))

    def parts(self) -> Parts:
        return Parts(can_be=self._can_be, has_distribution_function=always)

    def _can_be(self, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
        """No row of a known time."""
        return rows_where(np.zeros(x.shape, dtype=bool), x, components)

    def check(self, x: Observations) -> None:
        """Times that are known belong to other components."""


@dataclass(frozen=True)
class Uniform(ParameterFree):
    """Every cell is uniform between two bounds; no sites. A background among the members of a `PerComponent`.

    Args:
        low: lower bound, one number or one for each column; rows below cannot belong to the component.
        high: upper bound.
        whole: whether only whole numbers are possible, as among counts.

    Raises:
        ModelError: bounds that are not finite (or whole) numbers, of unequal lengths, or a lower one that is not below the upper one.

    Example:
        >>> from mixtures import Mixture
        >>> from mixtures.families import Gaussian, PerComponent, StudentT
        >>> Mixture(3, PerComponent([Uniform(-9.0, 9.0), Gaussian(), StudentT()])).family.components
        3
    """

    low: Bound
    high: Bound
    whole: bool = False

    def __post_init__(self):
        super().__post_init__()
        check_flags(whole=self.whole)
        for name in ("low", "high"):
            object.__setattr__(self, name, checked_bound(name, getattr(self, name)))
        if len({len(bound) for bound in (self.low, self.high) if isinstance(bound, tuple)}) > 1:
            got = f"{np.size(self.low)} and {np.size(self.high)} numbers"
            raise ModelError("low, high", got=got, expected="one number each, or one for each column")
        bounds = f"{self.low}, {self.high}"
        if not (np.isfinite(self.low).all() and np.isfinite(self.high).all()):
            raise ModelError("low, high", got=bounds, expected="finite bounds")
        if not np.all(np.asarray(self.low) < np.asarray(self.high)):
            raise ModelError("low, high", got=bounds, expected="low < high")
        if self.whole and not all(np.all(np.asarray(bound) == np.round(bound)) for bound in (self.low, self.high)):
            raise ModelError("low, high", got=bounds, expected="whole numbers, as the counts are")

    def parts(self) -> Parts:
        # the kind of values, whatever the bounds: rows beyond them belong to other components
        return Parts(support=COUNTS if self.whole else REAL, can_be=self._can_be, has_distribution_function=always)

    def cell(self, ppl: PPL) -> Distribution:
        return (ppl.dist.DiscreteUniform if self.whole else ppl.dist.Uniform)(number(self.low), number(self.high))

    def _can_be(self, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
        """The rows between the bounds."""
        return rows_where((x >= self.low) & (x <= self.high), x, components)

    def check(self, x: Observations) -> None:
        """Rows beyond the bounds belong to other components; but there must be a bound for each column.

        Raises:
            DataError: another number of columns than of bounds.
        """
        wanted = {len(bound) for bound in (self.low, self.high) if isinstance(bound, tuple)}
        if wanted - {x.features or 1}:
            raise DataError(
                "x",
                got=f"{x.features or 1} column{'s' if x.features != 1 and x.features else ''}",
                expected=f"{min(wanted)}, one for each of the bounds low={self.low}, high={self.high}",
                advice="Give one bound for each column, or one number for all of them.",
            )


def checked_bound(name: str, given: Any) -> Bound:
    """A bound in its hashable form: one number, or a tuple of them."""
    try:
        bound = np.asarray(given)
    except Exception:  # of unequal lengths, or an array of another library that NumPy cannot read
        bound = np.asarray(None)
    if bound.dtype.kind not in "fiu" or bound.ndim > 1 or bound.size == 0:
        raise ModelError(name, got=in_words(given), expected="a number, or one for each column")
    return float(bound) if bound.ndim == 0 else tuple(bound.astype(float).tolist())


def number(bound: Bound) -> float | np.ndarray:
    """A bound as an array takes it."""
    return bound if isinstance(bound, float) else np.array(bound)
