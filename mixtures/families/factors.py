"""Factor analysers, Sigma = L L' + diag(scale)^2: what a covariance of so many factors is called, how many there may be, and where a search
begins. See `mixtures.ppl.loadings`.
"""

import math
import re
from typing import Any

import numpy as np

from mixtures.errors import DataError
from mixtures.observations import Observations
from mixtures.ppl.loadings import lower_of

NAME = re.compile(r"factor-([1-9][0-9]*)")
"""What a covariance of so many factors is called."""


def factors_of(name: Any) -> int | None:
    """How many factors a covariance of this name has; None: it is another.

    Example:
        >>> factors_of("factor-2"), factors_of("VVV")
        (2, None)
    """
    found = NAME.fullmatch(name) if isinstance(name, str) else None
    return int(found[1]) if found else None


def most_factors(features: int) -> int:
    """The most factors whose covariance is still a restriction: (p - q)^2 >= p + q (Ledermann 1937).

    Example:
        >>> [most_factors(p) for p in (2, 3, 6, 100)]
        [0, 1, 3, 86]
    """
    return math.floor(features + 0.5 - math.sqrt(2 * features + 0.25) + 1e-9)


def check_factors(covariance: str, x: Observations) -> None:
    """Check that data have columns enough for the factors of a covariance, if it has any.

    Raises:
        DataError: they have not.
    """
    factors, features = factors_of(covariance), x.x.shape[1] if x.x.ndim == 2 else 1
    if factors is not None and factors > (most := most_factors(features)):
        raise DataError(
            "x",
            got=f"{features} {'column' if features == 1 else 'columns'}, and covariance={covariance!r}, which is then no restriction",
            expected=f"at most {most} {'factor' if most == 1 else 'factors'} of so many columns"
            if most
            else "at least 3 columns",
            advice="Use fewer factors, or covariance='full'.",
        )


def start_of_factors(x: np.ndarray, rows: np.ndarray, factors: int) -> dict[str, np.ndarray]:
    """Each component has an equal share of every column's variance, and the principal components of the rows that lie nearest to its own.

    Args:
        x: complete rows, (rows, features).
        rows: the numbers of the rows that components begin at.
        factors: how many.
    """
    spread = x.std(axis=0)
    unit = np.where(spread > 0, spread, 1.0) / np.sqrt(len(rows))
    standard = (x - x.mean(axis=0)) / unit
    nearest = np.argmin([np.square(standard - standard[row]).sum(axis=1) for row in rows], axis=0)
    own = [standard[nearest == k] for k in range(len(rows))]
    # of few rows there are no factors but those of all
    loadings = np.stack([_principal(part if len(part) > factors else standard, factors) for part in own])
    left_over = np.sqrt(1 - np.square(loadings).sum(axis=-1))
    return {"scale": unit * left_over, "loading": lower_of(unit[:, None] * loadings)}


def _principal(x: np.ndarray, factors: int) -> np.ndarray:
    """The loadings of columns' correlations on their principal components, which are taken to explain half of what they can."""
    from scipy import linalg  # half a second of import that most programs never need

    centred, spread = x - x.mean(axis=0), x.std(axis=0)
    standard = centred / np.where(spread > 0, spread, 1.0)
    correlation = standard.T @ standard / len(x)
    features = len(correlation)
    values, axes = linalg.eigh(correlation, subset_by_index=[features - factors, features - 1])
    return axes * np.sqrt(np.maximum(values, 0.0) / 2)
