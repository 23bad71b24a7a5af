"""Priors: distributions by name, not yet bound to a backend.

Hyperparameters are plain numbers, or statistics of the data (`midrange(x)`, `range(x)`, ...) for the defaults, so that a default prior
means the same whatever the data's units. `Mixture.scaled_to(x)` replaces the statistics by their numbers, and `print` shows either:
nothing is hidden.

A parameter may have a prior itself, a site of its own that all components share, named after the two:
`{"rate": Gamma(0.1, Gamma(0.5, 2.0))}` has the site `rate_rate`.

Example:
    >>> from mixtures import priors
    >>> print(priors.Normal(0.0, 10.0))
    Normal(0, 10)
    >>> print(priors.Normal(priors.MIDRANGE, priors.RANGE))
    Normal(midrange(x), range(x))
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtures.among import Among
from mixtures.checks import check_choice, frozen_numbers
from mixtures.errors import ModelError, in_words
from mixtures.ppl.protocol import PPL, Array
from mixtures.statistics import (  # noqa: F401 (a user's priors are scaled by them)
    HALF_SD,
    LOG_HALF_RMS_SD,
    LOG_HALF_SD,
    MIDRANGE,
    RANGE,
    Statistic,
)

Number = float | tuple
"""A prior's number once frozen: a float, or nested tuples for an array."""


@dataclass(frozen=True)
class Prior:
    """A distribution by NumPyro's name, with NumPyro's argument names; hashable, comparable, and printable.

    Args:
        name: the distribution's name.
        parameters: pairs of argument name and value; use the functions of this module (`priors.Normal(0.0, 10.0)`) to make one.
    """

    name: str
    parameters: tuple[tuple[str, "Number | Statistic | Prior"], ...]

    @property
    def learned(self) -> dict[str, "Prior"]:
        """The parameters that have a prior themselves."""
        return {key: value for key, value in self.parameters if isinstance(value, Prior)}

    @property
    def structure(self) -> "Prior":
        """The prior without its numbers: what compiled programs depend on."""
        return Prior(self.name, tuple((key, value.structure) for key, value in self.learned.items()))

    @property
    def is_scaled(self) -> bool:
        """Whether every parameter is a number, none a statistic of data to come."""
        values = [value for _, value in self.parameters]
        return all(
            value.is_scaled if isinstance(value, Prior) else not isinstance(value, Statistic) for value in values
        )

    @property
    def centre(self) -> float:
        """A value in the middle of a scaled prior of one number: where optimisation starts.

        Example:
            >>> Gamma(2.0, 4.0).centre
            0.5
        """
        own: dict[str, Any] = dict(self.parameters)
        return float(CENTRES[self.name](**own) if self.name in CENTRES else own["loc"])

    def scaled_to(self, x: np.ndarray | None, covariates: np.ndarray | None = None) -> "Prior":
        """This prior with its statistics replaced by their numbers on `x` (and `covariates`); on none, see `Statistic.of`."""
        numbers = {
            key: value.of(np, x, covariates)
            if isinstance(value, Statistic)
            else value.scaled_to(x, covariates)
            if isinstance(value, Prior)
            else value
            for key, value in self.parameters
        }
        return Prior(self.name, _frozen(self.name, numbers))

    def of_column(self, column: int, label: str) -> "Prior":
        """This prior with its statistics taken of one column."""
        numbers = (
            (key, value.of_column(column, label) if isinstance(value, Statistic | Prior) else value)
            for key, value in self.parameters
        )
        return Prior(self.name, tuple(numbers))

    def of_covariates(self, among: Among) -> "Prior":
        """This prior with its statistics taken of some of the covariates."""
        numbers = (
            (key, value.of_covariates(among) if isinstance(value, Statistic | Prior) else value)
            for key, value in self.parameters
        )
        return Prior(self.name, tuple(numbers))

    def numbers(self, ppl: PPL, x: Array | None, covariates: Array | None = None) -> dict[str, Array]:
        """The parameters that are numbers as arrays of the backend."""
        return {
            key: ppl.array(value.of(ppl.xp, x, covariates) if isinstance(value, Statistic) else value)
            for key, value in self.parameters
            if not isinstance(value, Prior)
        }

    def sample(
        self,
        ppl: PPL,
        site: str,
        numbers: Mapping[str, Array],
        *,
        shape: tuple[int, ...] = (),
        dims: tuple[str, ...] = (),
        leading: tuple[Any, ...] = (),
        event: tuple[int, ...] = (),
        columns: np.ndarray | None = None,
    ) -> Array:
        """A site drawn from this prior.

        Args:
            ppl: the words of the backend.
            site: the site's name.
            numbers: the prior's parameters as arrays.
            shape: event axes over which the distribution is repeated independently, (features,) say.
            dims: names of all event axes.
            leading: structural arguments that come before the numbers (the dimension of an LKJ Cholesky factor).
            event: shape to which single numbers are repeated, where the distribution is of a vector (a Dirichlet's concentration).
            columns: the data's column that each entry is about, where a site is no array of columns: numbers of columns are taken so.
        """
        if columns is not None:
            numbers = {key: value[..., columns] if value.shape else value for key, value in numbers.items()}
        if event:
            numbers = {key: value * ppl.xp.ones(event) for key, value in numbers.items()}
        fn = getattr(ppl.dist, self.name)(*leading, **numbers)
        if shape:
            fn = fn.expand(np.broadcast_shapes(tuple(fn.batch_shape), shape)).to_event(len(shape))
        return ppl.sample(site, fn, dims=dims)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(format_number(value) for _, value in self.parameters)})"


def format_number(value: Any) -> str:
    """A number, array or statistic as it is printed: four significant digits, long arrays shortened."""
    if isinstance(value, Statistic | Prior | str):
        return str(value)
    array = np.asarray(value, dtype=float)
    if array.ndim == 0:
        return f"{float(array):.4g}"
    shown = [format_number(item) for item in array[:6]]
    return f"[{', '.join(shown)}{', ...' if len(array) > 6 else ''}]"


def _frozen(name: str, numbers: Mapping[str, Any]) -> tuple[tuple[str, Number | Statistic | Prior], ...]:
    return tuple((key, _frozen_number(name, key, value)) for key, value in numbers.items())


def _frozen_number(name: str, key: str, value: Any) -> Number | Statistic | Prior:
    if isinstance(value, Statistic):
        return value
    if isinstance(value, Prior):
        return _checked_hyperprior(name, key, value)
    return frozen_numbers(f"priors.{name}({key}=)", value)


def _checked_hyperprior(name: str, key: str, value: Prior) -> Prior:
    """A parameter's own prior, if it is one that the parameter can have: of one number, which all components and columns share."""
    if any(isinstance(own, tuple) for _, own in value.parameters):
        raise ModelError(
            f"priors.{name}({key}=)",
            got=str(value),
            expected="a prior of one number",
            advice="Give it single numbers: a statistic of several columns is one for each.",
        )
    allowed = set(CENTRES) if key in POSITIVE_NUMBERS else {"Normal", "StudentT", "Laplace", "Cauchy", *CENTRES}
    if key in ("low", "high") or value.learned or value.name not in allowed:
        raise ModelError(
            f"priors.{name}({key}=)",
            got=str(value),
            expected="a number"
            if key in ("low", "high")
            else f"a number, or a prior of numbers: {', '.join(sorted(allowed))}",
        )
    return value


POSITIVE_NUMBERS = frozenset({"concentration", "concentration0", "concentration1", "df", "rate", "scale"})
"""Parameters of priors that are positive."""


def _check_numbers(prior: Prior) -> None:
    numbers = {key: np.asarray(value) for key, value in prior.parameters if not isinstance(value, Statistic | Prior)}
    for key, value in numbers.items():
        if key in POSITIVE_NUMBERS and not (value > 0).all():
            raise ModelError(f"priors.{prior.name}({key}=)", got=repr(value.tolist()), expected="positive numbers")
    if {"low", "high"} <= set(numbers) and not (numbers["low"] < numbers["high"]).all():
        got = f"{numbers['low'].tolist()}, {numbers['high'].tolist()}"
        raise ModelError(f"priors.{prior.name}(low=, high=)", got=got, expected="low < high")


def _named(name: str, **defaults: float | None) -> Callable[..., Prior]:
    def prior(*args: Any, **kwargs: Any) -> Prior:
        values: dict[str, Any] = {**defaults, **dict(zip(defaults, args, strict=False)), **kwargs}
        unknown = [key for key in kwargs if key not in defaults]
        absent = [key for key, value in values.items() if value is None]
        twice = [key for key in list(defaults)[: len(args)] if key in kwargs]
        if unknown or absent or twice or len(args) > len(defaults):
            given = [*map(in_words, args), *(f"{key}={in_words(value)}" for key, value in kwargs.items())]
            got = f"{name}({', '.join(given)})"
            raise ModelError(f"priors.{name}", got=got, expected=f"{name}({', '.join(defaults)})")
        made = Prior(name, _frozen(name, values))
        _check_numbers(made)
        return made

    prior.__name__ = prior.__qualname__ = name
    prior.__doc__ = f"The distribution {name}({', '.join(defaults)}), with NumPyro's meaning of its arguments."
    return prior


Beta = _named("Beta", concentration1=None, concentration0=None)
Cauchy = _named("Cauchy", loc=0.0, scale=1.0)
Dirichlet = _named("Dirichlet", concentration=None)
Exponential = _named("Exponential", rate=1.0)
Gamma = _named("Gamma", concentration=None, rate=1.0)
HalfCauchy = _named("HalfCauchy", scale=1.0)
HalfNormal = _named("HalfNormal", scale=1.0)
InducedDirichlet = _named("InducedDirichlet", concentration=None)
InverseGamma = _named("InverseGamma", concentration=None, rate=1.0)
Laplace = _named("Laplace", loc=0.0, scale=1.0)
LKJCholesky = _named("LKJCholesky", concentration=1.0)
LogNormal = _named("LogNormal", loc=0.0, scale=1.0)
RootInverseGamma = _named("RootInverseGamma", concentration=None, rate=1.0)
Normal = _named("Normal", loc=0.0, scale=1.0)
StudentT = _named("StudentT", df=None, loc=0.0, scale=1.0)
Uniform = _named("Uniform", low=0.0, high=1.0)
UniformAngle = _named("UniformAngle")
ZeroSumNormal = _named("ZeroSumNormal", scale=1.0)

CENTRES: dict[str, Callable[..., Any]] = {
    "Exponential": lambda rate: 1 / rate,
    "Gamma": lambda concentration, rate: concentration / rate,
    "HalfCauchy": lambda scale: scale,
    "HalfNormal": lambda scale: scale,
    "InverseGamma": lambda concentration, rate: rate / (concentration + 1),
    "LogNormal": lambda loc, scale: np.exp(loc),
    "RootInverseGamma": lambda concentration, rate: np.sqrt(rate / (concentration + 1)),
}
"""The mean, median or mode of priors of a positive number, whichever is simple."""

Priors = tuple[tuple[str, Prior], ...]
"""The priors that a user set, by site, in the frozen form that a hashable declaration needs."""


GivenPriors = Mapping[str, Prior] | Priors | None
"""`priors={site: prior}` as a user gives them, or in frozen form; None is none."""


def freeze(given: GivenPriors) -> Priors:
    """The user's `priors={site: prior}` in frozen form.

    Raises:
        ModelError: a value is not a prior of this module.
    """
    items: Any = () if given is None else tuple(given.items()) if isinstance(given, Mapping) else given
    if not isinstance(items, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in items):
        raise ModelError("priors", got=in_words(given), expected="priors by site: {site: prior}")
    for site, prior in items:
        if not isinstance(prior, Prior):
            advice = f"Call it: priors.{prior.__name__}(...)." if callable(prior) and hasattr(prior, "__name__") else ""
            raise ModelError(
                f"priors[{site!r}]",
                got=in_words(prior),
                expected="a prior from mixtures.priors",
                advice=advice or "For example priors.Normal(0.0, 10.0).",
            )
    return items


_POSITIVE = frozenset(
    {"Exponential", "Gamma", "HalfCauchy", "HalfNormal", "InverseGamma", "LogNormal", "RootInverseGamma"}
)


def check_positive_prior(what: str, value: Any) -> None:
    """Check that a law's part is the prior of one positive number.

    Raises:
        ModelError: something else.
    """
    if not isinstance(value, Prior) or value.name not in CENTRES or value.learned:
        expected = f"a prior of a positive number, its parameters known: {', '.join(sorted(CENTRES))}"
        raise ModelError(what, got=in_words(value), expected=expected, advice="For example priors.Gamma(1.0, 2.0).")


_UNIT = frozenset({"Beta", "Uniform"})  # a Uniform has the bounds that the user gave it

OF_ONE_NUMBER = _POSITIVE | _UNIT | {"Cauchy", "Laplace", "Normal", "StudentT", "UniformAngle"}  # of one number each

WITHIN: dict[str, frozenset[str]] = {
    **dict.fromkeys(_POSITIVE, _POSITIVE | _UNIT),
    "Beta": _UNIT,
    "Dirichlet": frozenset({"Dirichlet"}),
    "InducedDirichlet": frozenset({"InducedDirichlet"}),
    "LKJCholesky": frozenset({"LKJCholesky"}),
    "ZeroSumNormal": frozenset({"ZeroSumNormal"}),
}
"""Priors that may stand in a default's place, by the default's name; any of one number in the place of others."""


def _check_bounds(site: str, uniform: Prior, allowed: frozenset[str]) -> None:
    """Check that a Uniform gives only values that its site can have, by which priors may stand there."""
    low, high = (
        (np.asarray(value) for _, value in uniform.parameters) if uniform.parameters else (np.zeros(()), np.zeros(()))
    )
    if allowed == _UNIT and (low.min() < 0 or high.max() > 1):
        raise ModelError(f"priors[{site!r}]", got=str(uniform), expected="bounds from 0 to 1")
    if _POSITIVE <= allowed < OF_ONE_NUMBER and low.min() < 0:
        raise ModelError(f"priors[{site!r}]", got=str(uniform), expected="bounds that are not negative")


def override(defaults: Mapping[str, Prior], given: GivenPriors) -> dict[str, Prior]:
    """`defaults` with the user's priors in their place.

    Raises:
        ChoiceError: a site of `given` is not among the defaults.
        ModelError: a prior that gives values which the site cannot have, by what its default gives.
    """
    priors = freeze(given)
    for site, prior in priors:
        check_choice("priors: site", site, defaults)
        allowed = WITHIN.get(defaults[site].name, OF_ONE_NUMBER)
        if prior.name not in allowed:
            expected = f"a prior of the same values as {defaults[site].name}: {', '.join(sorted(allowed))}"
            raise ModelError(f"priors[{site!r}]", got=str(prior), expected=expected)
        if prior.name == "Uniform":
            _check_bounds(site, prior, allowed)
    return {**defaults, **dict(priors)}
