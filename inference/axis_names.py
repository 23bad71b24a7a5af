"""What the places along the axes of a site are called: columns of the data, covariates, categories, the states that a chain goes to.

Results know it from their origin, trees of draws from the data that they were made with: both have the same names.
"""

import re
from typing import Any

import numpy as np

from mixtures.among import COVARIATES, EFFECTS, OUTCOMES
from mixtures.categories import Names
from mixtures.families import Bernoulli, PerComponent, WithNoise
from mixtures.families.by_column import families_by_column
from mixtures.families.product import site_of
from mixtures.ppl.loadings import LOADINGS, columns_of

CATEGORIES = "categories"
"""How the axes of categories end: a product's are named after their columns."""


def names_along(named: Any, dim: str, feature: int | None = None) -> Names | None:
    """The names along an axis; None where places are numbers.

    Args:
        named: an `Origin`, or `Observations`.
        dim: the axis.
        feature: the column that a place belongs to, along the other axis; None: there is none, or it is not known.

    Example:
        >>> import pandas as pd
        >>> from mixtures import Observations
        >>> x = Observations(pd.DataFrame({"city": ["Rome", "Oslo"], "smokes": [True, False]}))
        >>> names_along(x, "features"), names_along(x, "categories", 0), names_along(x, "smokes_categories")
        (('city', 'smokes'), ('Oslo', 'Rome'), ('False', 'True'))
    """
    if dim in ("features", "features_bis"):
        return named.feature_names
    if some := re.fullmatch(rf"{COVARIATES}((?:_\d+)*)", dim):
        return _some_names(named.covariate_names, [int(number) for number in some[1].split("_")[1:]])
    if some := re.fullmatch(rf"(?:.+_)?{EFFECTS}((?:_\d+)+)(?:_bis)?", dim):
        slopes = _some_names(named.covariate_names, [int(number) for number in some[1].split("_")[1:]])
        return ("intercept", *(slopes or ()))
    if some := re.fullmatch(rf"(?:.+_)?{LOADINGS}_(\d+)", dim):
        return _loadings_names(named.feature_names, named.features, int(some[1]))
    if dim.endswith(OUTCOMES):
        known = names_along(named, dim.removesuffix(OUTCOMES) + CATEGORIES, feature)
        return known and known[1:]
    if dim == "to":
        return getattr(named, "component_names", None)
    if named.categories is None or not dim.endswith(CATEGORIES):
        return None
    if dim != CATEGORIES:
        columns = {f"{site_of(column)}_{CATEGORIES}": place for place, column in enumerate(named.feature_names or ())}
        return named.categories[columns[dim]] if dim in columns else None
    if feature is not None:
        return named.categories[feature]
    return named.categories[0] if len(set(named.categories)) == 1 else None


def _loadings_names(names: Names | None, features: int, factors: int) -> Names:
    """A column and a factor for each loading."""
    columns = columns_of(features, factors)
    numbers = np.cumsum(np.diff(columns, prepend=-1) < 0)
    return tuple(
        f"{column if names is None else names[column]}, {k}" for column, k in zip(columns, numbers, strict=True)
    )


def _some_names(names: Names | None, numbers: list[int]) -> Names | None:
    """The names of some covariates, or the numbers that these have among all; without numbers all are meant."""
    if not numbers:
        return names
    return tuple(str(number) if names is None else names[number] for number in numbers)


def places(named: Any, dim: str, size: int, feature: int | None = None) -> list[str]:
    """A name for every place along an axis, or its number: a family may have more categories than the data."""
    known = names_along(named, dim, feature) or ()
    first = int(dim.endswith(OUTCOMES))  # the number of the first category that has a place there
    return [known[place] if place < len(known) else str(first + place) for place in range(size)]


def chances(family: Any, named: Any) -> dict[str, list[str | None]]:
    """Of what category a Bernoulli's probabilities are, by site and column; None where it has no name."""
    if named.categories is None:
        return {}
    each = families_by_column(family, len(named.categories))
    second = [
        names[1] if names is not None and len(names) == 2 and isinstance(_unwrapped(own), Bernoulli) else None
        for own, names in zip(each, named.categories, strict=False)
    ]
    if each and each[0] is family:
        return {"probs": second}
    return {f"{site_of(column)}_probs": [yes] for (column, _), yes in zip(family.pairs, second, strict=False)}


def _unwrapped(family: Any) -> Any:
    while isinstance(family, WithNoise | PerComponent):
        family = family.family if isinstance(family, WithNoise) else family.members[-1]
    return family
