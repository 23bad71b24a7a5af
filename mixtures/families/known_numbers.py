"""Trials and exposures of rows: which a family takes, and what counts are by one trial or one unit of exposure."""

from typing import Any

import numpy as np

from mixtures.errors import DataError, in_words
from mixtures.families.bounds import stand_ins
from mixtures.families.by_column import families_by_column
from mixtures.families.members import parts_of
from mixtures.known_numbers import KNOWN
from mixtures.observations import Observations

ADVICE = {
    "trials": "Pass Observations(x, trials=...), for new rows too; or Binomial(total_count) where every row has as many.",
    "exposure": "Pass Observations(x, exposure=...), for new rows too.",
    "errors": "Pass Observations(x, errors=...), for new rows too.",
}


def check_known(family: Any, x: Observations) -> None:
    """Check that the family takes the known numbers of rows that there are, and has those that it needs.

    Raises:
        DataError: trials or exposures that nothing depends on, none where there must be, or more successes than trials.
    """
    parts = parts_of(family)
    for name in KNOWN:
        values = getattr(x, name)
        if values is None and name in parts.needs:
            raise DataError(name, got="none", expected=f"{name} of each row", advice=ADVICE[name])
        if values is not None and name not in parts.takes:
            raise DataError(
                name,
                got=f"{name} beside {in_words(family)}",
                expected="none: its rows do not depend on any",
                advice="Pass the data without, or choose a family that takes them: trials Binomial(), exposure Poisson(), errors Gaussian().",
            )
    if x.errors is not None and x.errors.ndim == 3 and hasattr(family, "pairs"):
        raise DataError(
            "errors",
            got="covariance matrices, and columns with families of their own",
            expected="standard errors in the shape of x",
            advice="Columns are independent there: pass the square roots of the variances.",
        )
    if x.errors is not None and x.errors.ndim == 3 and (x.lower is not None or x.upper is not None):
        raise DataError(
            "errors",
            got="covariance matrices, and cells known by bounds alone",
            expected="standard errors in the shape of x: of correlated columns cells have no distribution functions of their own",
            advice="Where errors are independent, pass the square roots of the variances.",
        )
    if x.trials is not None:
        is_counted = _of_columns(family, x, "trials")
        with np.errstate(invalid="ignore"):
            x.refuse((x.x > x.trials) & is_counted, "at most as many successes as trials", "Mend these rows.")


def scaled_values(family: Any, x: Observations) -> np.ndarray:
    """What default priors and starts look at: a number for each censored cell, counts by one trial or one unit of exposure, and nothing (NaN)
    of cells that have a value by themselves."""
    values = _without_points(family, stand_ins(family, x))
    for name in ("trials", "exposure"):
        known = getattr(x, name)
        if known is not None:
            per_one = values / np.where(known > 0, known, 1.0)
            values = np.where(_of_columns(family, x, name), per_one, values)
    return values


def points_of(family: Any, features: int | None) -> np.ndarray | None:
    """The value that a share of a column's cells has by itself, NaN where none has, (columns,) or one for a variable; None: nowhere."""
    points = [parts_of(own).point for own in families_by_column(family, features or 1)]
    if all(point is None for point in points):
        return None
    found = np.array([np.nan if point is None else point for point in points])
    return found[0] if features is None else found


def _without_points(family: Any, values: np.ndarray) -> np.ndarray:
    """Cells other than those at a family's `point`; where a column has no others, a possible value."""
    features = values.shape[1] if values.ndim == 2 else None
    points = points_of(family, features)
    if points is None:
        return values
    examples = np.array([parts_of(own).support.example for own in families_by_column(family, features or 1)])
    others = np.where(values == points, np.nan, values)
    return np.where(np.isnan(others).all(axis=0) & ~np.isnan(values), examples if features else examples[0], others)


def _of_columns(family: Any, x: Observations, name: str) -> np.ndarray:
    """Which columns depend on that number, (columns,) or one answer for all."""
    pairs = getattr(family, "pairs", None)
    families = [family] if pairs is None else [own for _, own in pairs]
    found = np.array([name in parts_of(own).takes for own in families])
    return found if x.features is not None and len(found) > 1 else found[0]
