"""Families of one variable, which also serve several columns: these are independent within a component.

What such a family must say is the distribution of one cell, its default priors, its support, and where optimisation starts; the rest is
here, once. Your own family is made the same way.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Float

from mixtures.errors import ModelError
from mixtures.families.family import Draw, Family
from mixtures.families.parts import Parts, always, never
from mixtures.families.support import REAL, Support
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import GivenPriors, Prior, freeze, override


@dataclass(frozen=True)
class Columns(Family):
    """A family of one variable; with several columns, columns are independent given the component.

    Every site has shape (components,) for data of shape (rows,), and (components, features) for (rows, features).

    Args:
        priors: `{site: prior}` in place of the defaults.

    Raises:
        ChoiceError: a prior of a site that the family does not have; the text lists the sites.

    Example:
        >>> from mixtures import Mixture, priors
        >>> class Laplace(Columns):
        ...     '''Rows have a double exponential distribution within a component.'''
        ...     default_priors = {"loc": priors.Normal(priors.MIDRANGE, priors.RANGE), "scale": priors.LogNormal(priors.LOG_HALF_SD, 1.0)}
        ...
        ...     def cell(self, ppl, parameters):
        ...         return ppl.dist.Laplace(parameters["loc"], parameters["scale"])
        ...
        ...     def start(self, x, rows, components):
        ...         return {"loc": x[rows], "scale": np.full(x[rows].shape, x.std())}
        >>> Mixture(2, Laplace()).priors["loc"].name
        'Normal'
    """

    priors: GivenPriors = field(default=(), kw_only=True)

    default_priors: ClassVar[Mapping[str, Prior]]
    support: ClassVar[Support] = REAL
    takes: ClassVar[frozenset[str]] = frozenset()
    """The known numbers of a row that a cell depends on where there are some, see `Parts`."""
    has_tails: ClassVar[bool] = False
    """Whether the distribution of a cell says `log_tails`, log P(X <= x) and log P(X > x)."""

    def __post_init__(self):
        if not isinstance(getattr(self, "default_priors", None), Mapping):
            raise ModelError(
                "default_priors",
                got=f"none in {type(self).__name__}",
                expected="{site: prior} in the class: what a cell's parameters are",
            )
        object.__setattr__(self, "priors", freeze(self.priors))
        override(self.default_priors, self.priors)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(self.default_priors, self.priors)

    @abstractmethod
    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        """The distribution of one cell, given its parameters."""

    @abstractmethod
    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        """Every site's value where optimisation starts, given the indices of one randomly drawn row for each component."""

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {}

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        shape, dims = ((), ()) if features is None else ((features,), ("features",))
        return {site: draw(site, shape=shape, dims=dims) for site in self.priors_by_site}

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        return joined(ppl, self.cell(ppl, parameters), parameters, features)

    def check(self, x: Observations) -> None:
        self.parts().support.check(x)

    def parts(self) -> Parts:
        # a user's dataclass may have a field of that name
        support = self.support if isinstance(self.support, Support) else REAL
        tails = always if self.has_tails else never
        return Parts(support=support, takes=self.takes, has_distribution_function=tails)


def joined(ppl: PPL, cell: Distribution, parameters: Mapping[str, Any], features: int | None) -> Distribution:
    """The distribution of a row of independent cells; of those that were not observed, what their bounds say.

    `around` among the parameters is what a family that this one stands in makes of the distribution of a cell.
    """
    if "around" in parameters:
        cell = parameters["around"](cell)
    if "lower" in parameters or "upper" in parameters:
        cell = ppl.dist.Censored(cell, parameters["observed"], parameters.get("lower"), parameters.get("upper"))
    elif "observed" in parameters:
        cell = cell.mask(parameters["observed"])
    return cell if features is None else cell.to_event(1)


def exposed(rate: Array, parameters: Mapping[str, Array]) -> Array:
    """The rate of events over each row's exposure, where rows have one."""
    return rate * parameters["exposure"] if "exposure" in parameters else rate


def rows_where(
    is_possible: Bool[np.ndarray, "rows ..."], x: Float[np.ndarray, "rows ..."], components: int
) -> Bool[np.ndarray, "rows components"]:
    """Rows all of whose observed cells are possible, alike for so many components: see `Parts.can_be`."""
    is_row = (is_possible | np.isnan(x)).reshape(len(x), -1).all(axis=1)
    return np.repeat(is_row[:, None], components, axis=1)


# How starts are made: near a random row for each component, never twice the same even where rows are equal, and inside the support.


def jitter(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Normal noise that the drawn rows determine: components that start at equal rows would stay equal for ever."""
    return np.random.default_rng(np.asarray(rows)).normal(size=shape)


def positive_at(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Positive locations near the drawn rows of x >= 0: a fifth of the way to the mean, times or divided by about 1.2."""
    mean = x.mean(axis=0)
    mean = np.where(mean > 0, mean, 1.0)
    return (0.8 * x[rows] + 0.2 * mean) * np.exp(0.2 * jitter(rows, x[rows].shape))


def probability_at(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Probabilities near the drawn rows of shares 0 <= x <= 1: half way to the mean, about 0.5 to either side on the logit scale."""
    pulled = 0.5 * x[rows] + 0.5 * np.clip(x.mean(axis=0), 0.02, 0.98)
    logit = np.log(pulled / (1 - pulled)) + 0.5 * jitter(rows, pulled.shape)
    return 1 / (1 + np.exp(-logit))


def relative_variance(x: np.ndarray, components: int) -> np.ndarray:
    """(sd / mean)^2 of positive data, each component having a share 1/K of the variance."""
    mean, variance = x.mean(axis=0), x.var(axis=0)
    return np.clip(np.where(mean > 0, variance / np.where(mean > 0, mean, 1.0) ** 2, 1.0) / components, 1e-3, 1e3)
