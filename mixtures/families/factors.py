"""Factor analysers: what a covariance of so many factors is called, how many there may be, and where a search begins.

Sigma = diag(scale) (I + L L') diag(scale): loadings are relative to what the factors leave over of a column. See `mixtures.ppl.loadings`.
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
            expected=f"at most {most} factors of so many columns" if most else "at least 3 columns",
            advice="Use fewer factors, or covariance='full'.",
        )


def start_of_factors(x: np.ndarray, variance: np.ndarray, factors: int, components: int) -> dict[str, np.ndarray]:
    """The factors of all rows together, half of each column's variance being left over."""
    scale = np.sqrt(variance / 2)
    standard = (x - x.mean(axis=0)) / x.std(axis=0).clip(min=np.finfo(float).tiny)
    # principal components: their loadings have the columns' correlations, as well as so many can
    _, spread, axes = np.linalg.svd(standard, full_matrices=False)
    loadings = np.zeros((x.shape[1], factors))
    found = min(factors, len(spread))
    loadings[:, :found] = axes[:found].T * spread[:found] / np.sqrt(len(x))
    each = {"scale": scale, "loading": lower_of(loadings)}
    return {site: np.broadcast_to(value, (components, *value.shape)).copy() for site, value in each.items()}
