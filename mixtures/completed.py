"""Cells that are missing, filled in so that a start can be made; columns of which nothing is known are refused."""

import numpy as np

from mixtures.errors import DataError
from mixtures.observations import Observations


def completed(data: Observations, rng: np.random.Generator, known: np.ndarray | None = None) -> np.ndarray:
    """The data with missing cells drawn from the same column's known ones: good enough to start from.

    Args:
        data: the data.
        rng: draws.
        known: the data as starts look at them, see `families.known_numbers.scaled_values`; None: `data.substituted`.
    """
    values = data.substituted if known is None else known
    if not np.isnan(values).any():
        return values
    if data.observed is not None:
        check_not_blank(data)
    values = np.array(values).reshape(len(data), -1)
    for column in values.T:
        seen = ~np.isnan(column)
        column[~seen] = rng.choice(column[seen], np.sum(~seen))
    return values.reshape(data.shape)


def check_not_blank(data: Observations) -> None:
    """Check that every column says where its numbers lie: by one that is known, or by bounds on either side."""
    blank = np.isnan(data.x).all(axis=0)
    if blank.any() and (data.lower is not None or data.upper is not None):
        blank &= ~_is_bounded(data)
    if blank.any():
        names = data.feature_names or range(data.features or 1)
        listed = [name for name, is_blank in zip(names, np.atleast_1d(blank), strict=True) if is_blank]
        has_bounds = np.any(data.is_censored)
        raise DataError(
            "x",
            got=f"no observed value in column {listed}" + (", all censored on one side" if has_bounds else ""),
            expected="at least one in each column" + (", or bounds from below and from above" if has_bounds else ""),
            advice="Drop the column.",
        )


def _is_bounded(data: Observations) -> np.ndarray:
    """Which columns have bounds on either side."""
    both = (
        np.zeros(data.shape[1:], dtype=bool) if bound is None else np.isfinite(bound).any(axis=0)
        for bound in (data.lower, data.upper)
    )
    return np.logical_and(*both)
