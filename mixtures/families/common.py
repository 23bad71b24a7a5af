"""What components of a regression share: a slope, the intercept, a scale."""

from collections.abc import Iterable, Sequence
from typing import Any

from mixtures.among import Among
from mixtures.checks import check_choice, check_count, listed
from mixtures.errors import DataError, ModelError
from mixtures.formula import Formula


def checked_common(given: Any, sites: Iterable[str], among: Among) -> tuple[int | str | Among, ...]:
    """Covariates, numbers or names that will have some, and names of sites, each once. A name of both is the covariate's.

    Raises:
        ChoiceError: another name.
        ModelError: what is neither, something twice, or a covariate that is not among those of the regression.
    """
    found = tuple(one for part in listed(given) for one in _checked(part, tuple(sites), among))
    if len(set(found)) < len(found):
        raise ModelError("common", got=repr(list(found)), expected="each covariate and each site once")
    numbers = [one for one in found if isinstance(one, int)]
    if not among.is_rest and (other := [one for one in numbers if one not in among.numbers]):
        raise ModelError("common", got=f"covariate {other[0]}", expected=f"one of the regression's, {among.numbers}")
    return found


def _checked(one: Any, sites: tuple[str, ...], among: Among) -> Iterable[int | str | Among]:
    if isinstance(one, Among):  # has its number now, or waits for it still
        return (one,) if one.names else one.numbers
    if one in among.names:
        return (Among((one,)),)
    return (
        check_choice("common", one, (*sites, *among.names))
        if isinstance(one, str)
        else check_count("common", one, least=0),
    )


def by_number(given: Any, formula: Formula | None) -> tuple[int | str, ...]:
    """What is common, covariates of a formula by their numbers: a name of a column that it makes, or of the term that made several."""
    if formula is None:
        return tuple(listed(given))
    return tuple(number for one in listed(given) for number in _of_name(one, formula.covariates))


def _of_name(one: Any, names: Sequence[str]) -> list[Any]:
    if not isinstance(one, str):
        return [one]
    return [number for number, name in enumerate(names) if name == one or name.startswith(f"{one}[")] or [one]


def check_numbers(numbers: Iterable[int | str], covariates: int, what: str = "common") -> None:
    """Check that there are such covariates.

    Raises:
        DataError: there are fewer.
    """
    if max(map(int, numbers), default=0) >= covariates:
        raise DataError(
            "covariates",
            got=f"{covariates}, and {what}={list(numbers)}",
            expected=f"numbers of covariates from 0 to {covariates - 1}",
        )
