"""Bounds of cells: which a family can take, and what stands in for such cells where one number is needed."""

from typing import Any

import numpy as np

from mixtures.censoring import BOUNDS
from mixtures.errors import DataError, in_words
from mixtures.families.members import parts_of
from mixtures.families.support import Support
from mixtures.observations import Observations


def check_bounds(family: Any, x: Observations) -> None:
    """Check that the family has distribution functions for cells that are known by bounds alone, and that these lie in its support.

    Raises:
        DataError: no distribution function, or a bound that is no possible value nor an end of these.
    """
    if x.lower is None and x.upper is None:
        return
    parts = parts_of(family)
    if not parts.has_distribution_function(x.features):
        raise DataError(
            "lower, upper",
            got=f"bounds of cells of {in_words(family)}, which has no distribution function",
            expected="a family whose cells have one, each by itself",
            advice="Of correlated columns they have none: covariance='diag'. A family of your own says has_tails, see families.Columns."
            if (x.features or 1) > 1
            else "Choose another family; one of your own says has_tails, see families.Columns.",
        )
    for name in BOUNDS:
        bound = getattr(x, name)
        if bound is not None and parts.observe is None:
            bad = np.argwhere(np.isfinite(bound) & ~_is_end(parts.support, bound))
            if len(bad):
                got = f"{bound[tuple(bad[0])]} at row {bad[0][0]}"
                advice = "Put NaN where there is no bound."
                raise DataError(
                    name, got=got, expected=f"bounds among {parts.support.text}, ends included", advice=advice
                )


def _is_end(support: Support, bound: np.ndarray) -> np.ndarray:
    """Whether bounds are possible values, or next to one."""
    near = (bound, np.nextafter(bound, np.inf), np.nextafter(bound, -np.inf))
    return np.logical_or.reduce([support.holds(value) for value in near])


def stand_ins(family: Any, x: Observations) -> np.ndarray:
    """The data with a possible value of the family in place of each censored cell: `Observations.substituted`, NaN where that is none."""
    if x.lower is None and x.upper is None:
        return x.x
    pairs = getattr(family, "pairs", None)
    values = np.array(x.substituted)
    if pairs is None:
        return _possible(parts_of(family).support, values, x.x)
    table, known = values.reshape(len(x), -1), x.x.reshape(len(x), -1)
    columns = [_possible(parts_of(own).support, table[:, j], known[:, j]) for j, (_, own) in enumerate(pairs)]
    return np.column_stack(columns).reshape(x.shape)


def _possible(support: Support, values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Stand-ins as the support has them: whole where it is discrete, else NaN where it has none such."""
    values = np.where(np.isnan(known), np.floor(values), values) if support.is_discrete else values
    return np.where(np.isnan(known) & ~support.holds(values), np.nan, values)
