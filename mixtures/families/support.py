"""Which values a family can describe."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mixtures.observations import Observations

MEND = "Drop or mend these rows, or choose a family that can describe them."


@dataclass(frozen=True)
class Support:
    """A set of values.

    Args:
        text: the values, in words.
        holds: whether each value of an array is among them.
        example: one of them: it stands in for missing cells, whose log density is then masked.
        advice: what to do about values outside: a sentence, or a function of the data that gives one.
        is_discrete: whether values have probabilities, not densities.
        categories: of how many categories the values are the numbers; None: they are no names.
        straightened: values -> values on the whole real line, y, and `log |dx/dy|`; on that line a density that is much higher than the
            data's own is a spike, and not just what data of many orders of magnitude look like near 0.
    """

    text: str
    holds: Callable[[np.ndarray], np.ndarray]
    example: float
    advice: str | Callable[[np.ndarray], str] = MEND
    straightened: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] = lambda x: (x, np.zeros_like(x))
    is_discrete: bool = False
    categories: int | None = None

    def check(self, x: Observations) -> None:
        """Check that every cell that is not missing lies in the support.

        Raises:
            DataError: values outside; the text names rows and columns.
        """
        is_bad = ~(self.holds(x.x) | np.isnan(x.x))
        if is_bad.any():
            x.refuse(is_bad, self.text, self.advice if isinstance(self.advice, str) else self.advice(x.x))


def with_point(support: Support, point: float) -> Support:
    """The values of a support with a density, and one that has a probability."""

    def straightened(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """There is no density at the point: NaN on the line."""
        others = values != point
        line, slope = np.full(values.shape, np.nan), np.zeros(values.shape)
        if others.any():
            line[others], slope[others] = support.straightened(values[others])
        return line, slope

    return replace(
        support,
        text=support.text if support.holds(np.array(point)) else f"{support.text}, or {point:g}",
        holds=lambda x: (x == point) | support.holds(x),
        straightened=straightened,
    )


def _is_whole(x: np.ndarray) -> np.ndarray:
    return x == np.floor(x)


def whole_up_to(largest: int, is_name: bool = True) -> Support:
    """0, 1, ..., `largest`; either names of categories, which some number from 1, or counts."""

    def advice(x: np.ndarray) -> str:
        seen = x[~np.isnan(x)]
        if not _is_whole(seen).all() or seen.min() < 0:
            return MEND
        if is_name and seen.min() >= 1 and seen.max() == largest + 1:
            return "Numbers begin at 0 here, and at 1 in the data: pass x - 1."
        return f"The data go up to {seen.max():.0f}: declare as many, or drop or mend these rows."

    return Support(
        f"whole numbers from 0 to {largest}",
        lambda x: (x >= 0) & (x <= largest) & _is_whole(x),
        0.0,
        advice,
        is_discrete=True,
        categories=largest + 1 if is_name else None,
    )


def _logarithm(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y = log x, dx/dy = x; data with a zero stay as they are, because a spike there would be out of sight."""
    if np.nanmin(x) <= 0:
        return x, np.zeros_like(x)
    return np.log(x), np.log(x)


def _logit(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y = log x / (1 - x), dx/dy = x (1 - x)."""
    return np.log(x) - np.log1p(-x), np.log(x) + np.log1p(-x)


REAL = Support("real numbers", np.isfinite, 0.0)
POSITIVE = Support("numbers > 0", lambda x: x > 0, 1.0, straightened=_logarithm)
NONNEGATIVE = Support("numbers >= 0", lambda x: x >= 0, 1.0, straightened=_logarithm)
UNIT_INTERVAL = Support(
    "numbers strictly between 0 and 1",
    lambda x: (x > 0) & (x < 1),
    0.5,
    "Divide percentages by 100, and pull exact 0 and 1 inwards, by (x (n - 1) + 1/2) / n say.",
    _logit,
)
ANGLES = Support(
    "angles in radians, from -pi to pi",
    lambda x: np.abs(x) <= np.pi,
    0.0,
    "Turn degrees with np.deg2rad, and wrap with (x + np.pi) % (2 * np.pi) - np.pi.",
)
COUNTS = Support("counts: whole numbers >= 0", lambda x: (x >= 0) & _is_whole(x), 1.0, is_discrete=True)
