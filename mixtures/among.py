"""Some of a model's covariates, however many there turn out to be, and the linear predictors that sites make of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from mixtures.checks import check_count, listed
from mixtures.errors import ModelError

COVARIATES = "covariates"
"""The axis of all covariates; that of some has their numbers behind it, `covariates_0_2`."""

OUTCOMES = "outcomes"
"""The axis of the linear predictors of a row that has several: of all categories but the first."""

EFFECTS = "effects"
"""The axis of the effects of a group, an intercept and slopes; behind it the numbers of the covariates that these are of, `effects_0_2`."""


@dataclass(frozen=True)
class Among:
    """Some columns.

    Args:
        numbers: of columns; names, until the declaration that they stand in has numbered them.
        is_rest: whether all but these are meant.

    Example:
        >>> Among((1,), is_rest=True).of(3), Among((1,)).of(3)
        (array([0, 2]), array([1]))
    """

    numbers: tuple[int | str, ...] = ()
    is_rest: bool = False

    @classmethod
    def given(cls, value: Any, what: str = "among") -> "Among":
        """As people write it: names or numbers of covariates; None: all of them.

        Raises:
            ModelError: what is neither, or one of them twice.
        """
        if value is None or isinstance(value, Among):
            return ALL if value is None else value
        numbers = tuple(one if isinstance(one, str) else check_count(what, one, least=0) for one in listed(value))
        if len(set(numbers)) < len(numbers):
            raise ModelError(what, got=repr(list(numbers)), expected="each covariate once")
        return cls(numbers)

    @property
    def names(self) -> tuple[str, ...]:
        """Those that have no number yet."""
        return tuple(one for one in self.numbers if isinstance(one, str))

    def of(self, count: int) -> np.ndarray:
        """Their numbers, of so many."""
        return np.array([n for n in range(count) if (n in self.numbers) != self.is_rest], dtype=int)

    def columns(self, covariates: Any) -> Any:
        """Theirs, of an array whose last axis has all covariates."""
        return covariates if self == ALL else covariates[..., self.of(covariates.shape[-1])]

    def without(self, numbers: Iterable[int | str]) -> "Among":
        """Those that are not among these."""
        if self.is_rest:
            return replace(self, numbers=(*self.numbers, *numbers))
        others = tuple(numbers)
        return Among(tuple(one for one in self.numbers if one not in others))

    def dim(self, count: int, of: str = COVARIATES) -> str:
        """What their axis is called, or that of something of each."""
        return of if self == ALL else "_".join([of, *map(str, self.of(count))])


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


class EffectSites(NamedTuple):
    """Sites of the effects that groups have around a line, and the line: see `mixtures.families.random_effects`.

    Args:
        intercept: the standard deviation of the intercepts.
        slope: those of the slopes.
        correlation: the Cholesky factor of the correlations of all effects, the intercept first.
        beside: what the response depends on beside its line, (name, site).
        among: the covariates that have slopes; without any there are no slopes and no correlations.
        level: the intercept of the line.
        predictors: its slopes.
        column: the number of the response among the data's columns.
        kernel: how the response's log density moves with its line, see `mixtures.families.kernels`; None: it is normal.
        component: the only one whose groups have these effects; None: all but those without parameters.
    """

    intercept: str
    slope: str
    correlation: str
    beside: tuple[tuple[str, str], ...]
    among: Among
    level: str
    predictors: tuple[LinearPredictor, ...]
    column: int = 0
    kernel: Callable[..., Any] | None = None
    component: int | None = None

    def renamed(self, name: Callable[[str], str]) -> "EffectSites":
        """The same of sites under other names."""
        return self._replace(
            intercept=name(self.intercept),
            slope=name(self.slope),
            correlation=name(self.correlation),
            beside=tuple((own, name(site)) for own, site in self.beside),
            level=name(self.level),
            predictors=tuple(one.renamed(name) for one in self.predictors),
        )


def predictors_of(predictors: Iterable[Any], count: int) -> int:
    """Of how many of so many covariates predictors are made; of all where none is known."""
    each = [LinearPredictor(*one).among for one in predictors]
    return len({number for one in each for number in one.of(count)}) if each else count


def changed(part: Any, change: Callable[[Among], Among]) -> Any:
    """A part of a declaration in which every choice of covariates is changed: its own, and those of the parts that it is made of.

    Example:
        >>> from mixtures.assignments import Gating, PerGroup
        >>> changed(PerGroup(Gating()), lambda one: Among((2,))).weights.among
        Among(numbers=(2,), is_rest=False)
    """
    if isinstance(part, Among):
        return change(part)
    if isinstance(part, tuple):
        items = [changed(item, change) for item in part]
        return part if all(new is old for new, old in zip(items, part, strict=True)) else tuple(items)
    if not is_dataclass(part) or isinstance(part, type):
        return part
    own = {field.name: getattr(part, field.name) for field in fields(part) if field.init}
    found = {name: new for name, old in own.items() if (new := changed(old, change)) is not old}
    return replace(part, **found) if found else part


def of_all(part: Any, among: Among) -> Any:
    """A part of a declaration with these covariates where it depends on all."""
    return changed(part, lambda one: among if one == ALL else one)


def chosen_in(*parts: Any) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names, and the numbers, by which parts of a declaration choose covariates, each once, as they come."""
    found: dict[int | str, None] = {}

    def note(one: Among) -> Among:
        found.update(dict.fromkeys(one.numbers))
        return one

    for part in parts:
        changed(part, note)
    return (
        tuple(one for one in found if isinstance(one, str)),
        tuple(one for one in found if not isinstance(one, str)),
    )


def numbered(part: Any, names: tuple[str, ...]) -> Any:
    """A part of a declaration with numbers in the place of these names; one of a formula's terms stands for all columns made of it.

    Raises:
        ModelError: a name that is not among these.
    """

    def change(one: Among) -> Among:
        return replace(one, numbers=tuple(_numbers_of(one, names))) if one.names else one

    return changed(part, change)


def _numbers_of(among: Among, names: tuple[str, ...]) -> Iterator[int | str]:
    for one in among.numbers:
        found = [number for number, name in enumerate(names) if name == one or name.startswith(f"{one}[")]
        if isinstance(one, str) and not found:
            raise ModelError("covariates", got=repr(one), expected=f"names among {list(names)}")
        yield from found if isinstance(one, str) else [one]
