"""Some of a model's covariates, however many there turn out to be, and the linear predictors that sites make of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

COVARIATES = "covariates"
"""The axis of all covariates; that of some has their numbers behind it, `covariates_0_2`."""


@dataclass(frozen=True)
class Among:
    """Some columns.

    Args:
        numbers: of columns.
        is_rest: whether all but these are meant.

    Example:
        >>> Among((1,), is_rest=True).of(3), Among((1,)).of(3)
        (array([0, 2]), array([1]))
    """

    numbers: tuple[int, ...] = ()
    is_rest: bool = False

    def of(self, count: int) -> np.ndarray:
        """Their numbers, of so many."""
        return np.array([n for n in range(count) if (n in self.numbers) != self.is_rest], dtype=int)

    def dim(self, count: int) -> str:
        """What their axis is called."""
        return COVARIATES if self == ALL else "_".join([COVARIATES, *map(str, self.of(count))])


ALL = Among(is_rest=True)


class LinearPredictor(NamedTuple):
    """Sites on which rows depend only through intercept + slope . covariates.

    Args:
        intercept: one site; None: it is the same for all components and slopes are not, so that it stays where covariates are 0.
        slope: the other.
        among: the covariates that the slope goes with.
    """

    intercept: str | None
    slope: str
    among: Among = ALL

    def renamed(self, name: Callable[[str], str]) -> "LinearPredictor":
        """The same of sites under other names."""
        return self._replace(intercept=self.intercept and name(self.intercept), slope=name(self.slope))
