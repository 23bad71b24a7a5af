"""What components of a regression share: a slope, the intercept, a scale."""

from collections.abc import Iterable, Sequence
from typing import Any

from mixtures.checks import check_choice, check_count, listed
from mixtures.errors import DataError, ModelError
from mixtures.formula import Formula


def checked_common(given: Any, sites: Iterable[str]) -> tuple[int | str, ...]:
    """Numbers of covariates and names of sites, each once.

    Raises:
        ChoiceError: another name.
        ModelError: what is neither, or something twice.
    """
    found = tuple(
        check_choice("common", one, sites) if isinstance(one, str) else check_count("common", one, least=0)
        for one in listed(given)
    )
    if len(set(found)) < len(found):
        raise ModelError("common", got=repr(list(found)), expected="each covariate and each site once")
    return found


def by_number(given: Any, formula: Formula | None) -> tuple[int | str, ...]:
    """What is common, covariates of a formula by their numbers: a name of a column that it makes, or of the term that made several."""
    if formula is None:
        return tuple(listed(given))
    return tuple(number for one in listed(given) for number in _of_name(one, formula.covariates))


def _of_name(one: Any, names: Sequence[str]) -> list[Any]:
    if not isinstance(one, str):
        return [one]
    return [number for number, name in enumerate(names) if name == one or name.startswith(f"{one}[")] or [one]


def check_numbers(numbers: Iterable[int], covariates: int) -> None:
    """Check that there are such covariates.

    Raises:
        DataError: there are fewer.
    """
    if max(numbers, default=0) >= covariates:
        raise DataError(
            "covariates",
            got=f"{covariates}, and common={list(numbers)}",
            expected=f"numbers of covariates from 0 to {covariates - 1}",
        )
