"""What is published of a fit, and what we find: the shape of a case, and how files and fits are read for it."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference import PointFit

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Number:
    """What we find.

    Args:
        value: the number.
        error: its Monte Carlo standard error.
    """

    value: float
    error: float = 0.0


@dataclass(frozen=True)
class Deviation:
    """How far our number is from the published one.

    Args:
        ours: our number.
        off: the difference.
        below: how far ours may be below.
        above: how far ours may be above.
    """

    ours: Number
    off: float
    below: float
    above: float

    @property
    def is_allowed(self) -> bool:
        return -self.below <= self.off <= self.above


@dataclass(frozen=True)
class Case:
    """A fit, and what is published of it.

    Args:
        source: the program or the paper.
        data: what was fitted.
        model: in words.
        ours: numbers by name.
        published: the same as they are printed: half a unit of the last digit is their rounding. After " +- " their Monte Carlo error.
        by: where another program stopped before the maximum, how far its numbers are from those at it, beside rounding: relative to
            them, or to 1. A likelihood may be higher by so much, and is never lower.
        is_slow: whether it takes minutes.
    """

    source: str
    data: str
    model: str
    ours: Callable[[], Mapping[str, Number]]
    published: Mapping[str, str]
    by: float = 0.0
    is_slow: bool = False

    def deviation(self, quantity: str) -> Deviation:
        """Ours beside the published number."""
        ours, (text, _, error) = self.ours()[quantity], self.published[quantity].partition(" +- ")
        rounding = 1.001 * 0.5 * 10.0 ** -len(text.partition(".")[2])
        chance = 4 * float(np.hypot(ours.error, float(error or 0.0)))
        above = rounding + self.by * max(1.0, abs(float(text))) + chance
        # a likelihood that somebody has reached is a bound from below
        return Deviation(
            ours, ours.value - float(text), rounding if quantity.startswith("log likelihood") else above, above
        )


def table(name: str) -> dict[str, np.ndarray]:
    """The columns of a file of this folder, as texts."""
    with open(FOLDER / f"{name}.csv", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, np.array(rows).T, strict=True))


def numbers(name: str, *columns: str) -> tuple[np.ndarray, ...]:
    """Columns of a file of this folder."""
    read = table(name)
    return tuple(read[one].astype(float) for one in columns)


def exact(**values: float) -> dict[str, Number]:
    """Numbers without a Monte Carlo error; names with underscores for spaces."""
    return {name.replace("_", " "): Number(float(value)) for name, value in values.items()}


def criteria(fit: PointFit) -> dict[str, Number]:
    """What most programs print of a fit."""
    return exact(log_likelihood=fit.log_likelihood, AIC=fit.aic, BIC=fit.bic, parameters=fit.free_parameters)


def by_component(fit: PointFit, site: str, *sites: str) -> dict[str, Number]:
    """Parameters under the name `site k` of the components in the order of the first site."""
    first = {name: fit.parameters[name].reshape(len(fit.parameters[name]), -1)[:, 0] for name in (site, *sites)}
    order = np.argsort(first[site])
    return {
        f"{name} {k}": Number(float(value)) for name, values in first.items() for k, value in enumerate(values[order])
    }
