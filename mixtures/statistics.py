"""Statistics of the data that default priors are scaled by.

A statistic is known by its text, so that it can be printed and saved. It is computed with the array words of any backend, ignoring cells
that are missing (NaN). Without data, to draw from the prior predictive, it is that of standard data: mean 0 and standard deviation 1, or
mean 1 where data are positive.
"""

import functools
import re
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixtures.among import ALL, Among
from mixtures.ppl.protocol import Array
from mixtures.sources.summary import Summary


@dataclass(frozen=True)
class Statistic:
    """A number computed from the data, one a feature.

    Args:
        text: how it is written; also its name in a saved specification.
        column: which column it is about; None for every column.
        label: that column's name, for printing.
        among: which of the covariates it is about.
    """

    text: str
    column: int | None = None
    label: str = "x"
    among: Among = ALL

    def __str__(self) -> str:
        return re.sub(r"\bx\b", self.label, self.text)

    def of(self, xp: Any, x: Array | None, covariates: Array | None = None) -> Any:
        """The statistic of x (rows,) or (rows, features), and of covariates (rows, covariates) where it is about them; or of a source's summary.

        Of arrays that cannot change, as those of `Observations` are, it is computed once.
        """
        if x is None:
            return _STATISTICS[self.text][1]
        if xp is not np or not all(map(_is_constant, (x, covariates))):
            return self._computed(xp, x, covariates)
        known, key = _known_of(x), (self.text, self.column, self.among, None if covariates is None else id(covariates))
        if key not in known:
            # the covariates are kept with what was computed of them: an id is one array's as long as that lives
            known[key] = self._computed(xp, x, covariates), covariates
        return known[key][0]

    def _computed(self, xp: Any, x: Array, covariates: Array | None) -> Any:
        compute, _ = _STATISTICS[self.text]
        if covariates is not None and self.among != ALL:
            chosen = self.among.of(covariates.shape[1])
            # none are as good as one that is 0 everywhere
            covariates = covariates[:, chosen] if len(chosen) else 0 * covariates[:, :1]
        if isinstance(x, Summary):
            x = x if self.column is None else x.column(self.column)
        else:
            x = x if self.column is None or x.ndim == 1 else x[:, self.column]
        return compute(xp, x, covariates)

    def of_column(self, column: int, label: str) -> "Statistic":
        """The same statistic of one column."""
        return replace(self, column=column, label=label)

    def of_covariates(self, among: Among) -> "Statistic":
        """The same statistic of some of the covariates."""
        return replace(self, among=among)


_KNOWN: dict[int, dict[Any, Any]] = {}
"""Statistics of constant arrays, by the id of the array, as long as it lives."""


def _is_constant(array: Any) -> bool:
    return array is None or (isinstance(array, np.ndarray) and not array.flags.writeable)


def _known_of(x: np.ndarray) -> dict[Any, Any]:
    key = id(x)
    if key not in _KNOWN:
        _KNOWN[key] = {}
        weakref.finalize(x, _KNOWN.pop, key, None)
    return _KNOWN[key]


def _positive(xp, value):
    """`value`, or 1 where it is 0: constant data have no scale of their own."""
    return xp.where(value > 0, value, xp.ones_like(value))


def _by_column(statistic: Callable[[Any, Array], Array]) -> Callable[[Any, Array], Array]:
    """The statistic, one column after the other where the data are in NumPy: temporaries of all columns would outweigh large data."""

    @functools.wraps(statistic)
    def of_each(xp, x):
        if isinstance(x, np.ndarray) and x.ndim == 2:
            return np.array([statistic(xp, column) for column in x.T])
        return statistic(xp, x)

    return of_each


def _in_summary(statistic: Callable[[Any, Array], Array]) -> Callable[[Any, Array], Array]:
    """The statistic, or, of a source's summary, the one of its name that is there."""
    name = statistic.__name__.removeprefix("_")

    @functools.wraps(statistic)
    def looked_up(xp, x):
        return getattr(x, name) if isinstance(x, Summary) else statistic(xp, x)

    return looked_up


@_in_summary
@_by_column
def _mean(xp, x):
    seen = ~xp.isnan(x)
    count = xp.sum(xp.where(seen, xp.ones_like(x), xp.zeros_like(x)), axis=0)
    return xp.sum(xp.where(seen, x, xp.zeros_like(x)), axis=0) / _positive(xp, count)


@_in_summary
@_by_column
def _variance(xp, x):
    return _mean(xp, (x - _mean(xp, x)) ** 2)


def _sd(xp, x):
    return _positive(xp, xp.sqrt(_variance(xp, x)))


@_in_summary
@_by_column
def _max(xp, x):
    return xp.max(xp.where(xp.isnan(x), xp.full_like(x, -np.inf), x), axis=0)


@_in_summary
@_by_column
def _min(xp, x):
    return -_max(xp, -x)


def _range(xp, x):
    return _positive(xp, _max(xp, x) - _min(xp, x))


@_in_summary
def _log(xp, x):
    return xp.log(xp.where(x <= 0, xp.ones_like(x), x))  # a missing cell stays missing


def _link_offset(xp, covariates):
    """How much wider an intercept's prior is at covariates 0 than at their mean, in units of the prior there: sqrt(1 + sum (mean/sd)^2)."""
    return xp.sqrt(1 + xp.sum((_mean(xp, covariates) / _sd(xp, covariates)) ** 2))


_STATISTICS: dict[str, tuple[Callable[[Any, Array, Array], Array], float]] = {
    "midrange(x)": (lambda xp, x, _: (_max(xp, x) + _min(xp, x)) / 2, 0.0),
    "range(x)": (lambda xp, x, _: _range(xp, x), 4.0),
    "sd(x)/2": (lambda xp, x, _: _sd(xp, x) / 2, 0.5),
    "log(sd(x)/2)": (lambda xp, x, _: xp.log(_sd(xp, x) / 2), float(np.log(0.5))),
    "log(rms(sd(x))/2)": (
        lambda xp, x, _: xp.log(_positive(xp, xp.sqrt(xp.mean(_variance(xp, x)))) / 2),
        float(np.log(0.5)),
    ),
    "mean(x)": (lambda xp, x, _: _positive(xp, _mean(xp, x)), 1.0),
    "1/mean(x)": (lambda xp, x, _: 1 / _positive(xp, _mean(xp, x)), 1.0),
    "log(mean(x))": (lambda xp, x, _: _log(xp, _mean(xp, x)), 0.0),
    "-log(mean(x))": (lambda xp, x, _: -_log(xp, _mean(xp, x)), 0.0),
    "midrange(log(x))": (lambda xp, x, _: (_log(xp, _max(xp, x)) + _log(xp, _min(xp, x))) / 2, 0.0),
    "range(log(x))": (lambda xp, x, _: _range(xp, _log(xp, x)), 4.0),
    "log(sd(log(x))/2)": (lambda xp, x, _: xp.log(_sd(xp, _log(xp, x)) / 2), float(np.log(0.5))),
    "mean of x": (lambda xp, x, _: _mean(xp, x), 0.0),
    "2.5 sd(x)/sd(covariates)": (lambda xp, x, c: 2.5 * _sd(xp, x) / _sd(xp, c), 2.5),
    "log(sd(x)/sd(covariates)/2)": (lambda xp, x, c: xp.log(_sd(xp, x) / _sd(xp, c) / 2), float(np.log(0.5))),
    "log(sd(x)/2 at covariates 0)": (
        lambda xp, x, c: xp.log(_sd(xp, x) / 2 * _link_offset(xp, c)),
        float(np.log(0.5)),
    ),
    "log(1/sd(covariates)/2)": (lambda xp, x, c: -xp.log(2 * _sd(xp, c)), float(np.log(0.5))),
    "log(1/2 at covariates 0)": (lambda xp, x, c: xp.log(_link_offset(xp, c) / 2), float(np.log(0.5))),
    "2.5/sd(covariates)": (lambda xp, x, c: 2.5 / _sd(xp, c), 2.5),
    "2.5 sd(x) at covariates 0": (lambda xp, x, c: 2.5 * _sd(xp, x) * _link_offset(xp, c), 2.5),
    "2.5 at covariates 0": (lambda xp, x, c: 2.5 * _link_offset(xp, c), 2.5),
}

MIDRANGE = Statistic("midrange(x)")
RANGE = Statistic("range(x)")
HALF_SD = Statistic("sd(x)/2")
LOG_HALF_RMS_SD = Statistic("log(rms(sd(x))/2)")
LOG_HALF_SD = Statistic("log(sd(x)/2)")
MEAN = Statistic("mean(x)")
INVERSE_MEAN = Statistic("1/mean(x)")
LOG_MEAN = Statistic("log(mean(x))")
MINUS_LOG_MEAN = Statistic("-log(mean(x))")
LOG_MIDRANGE = Statistic("midrange(log(x))")
LOG_RANGE = Statistic("range(log(x))")
LOG_HALF_LOG_SD = Statistic("log(sd(log(x))/2)")
"""The statistics of one variable."""

CENTRE = Statistic("mean of x")
SLOPE = Statistic("2.5 sd(x)/sd(covariates)")
UNIT_SLOPE = Statistic("2.5/sd(covariates)")
OFFSET = Statistic("2.5 sd(x) at covariates 0")
UNIT_OFFSET = Statistic("2.5 at covariates 0")
LOG_HALF_SLOPE = Statistic("log(sd(x)/sd(covariates)/2)")
LOG_HALF_OFFSET = Statistic("log(sd(x)/2 at covariates 0)")
LOG_HALF_UNIT_SLOPE = Statistic("log(1/sd(covariates)/2)")
LOG_HALF_UNIT_OFFSET = Statistic("log(1/2 at covariates 0)")
"""The statistics that scale a regression's coefficients."""
