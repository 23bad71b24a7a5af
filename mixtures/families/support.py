"""Which values a family can describe."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mixtures.observations import Observations


@dataclass(frozen=True)
class Support:
    """A set of values.

    Args:
        text: the values, in words.
        holds: whether each value of an array is among them.
        example: one of them: it stands in for missing cells, whose log density is then masked.
        advice: what to do about values outside.
    """

    text: str
    holds: Callable[[np.ndarray], np.ndarray]
    example: float
    advice: str = "Drop or mend these rows, or choose a family that can describe them."

    def check(self, x: Observations) -> None:
        """Check that every cell that is not missing lies in the support.

        Raises:
            DataError: values outside; the text names rows and columns.
        """
        x.refuse(~(self.holds(x.x) | np.isnan(x.x)), self.text, self.advice)


def _is_whole(x: np.ndarray) -> np.ndarray:
    return x == np.floor(x)


def whole_up_to(largest: int) -> Support:
    """0, 1, ..., `largest`."""
    return Support(f"whole numbers from 0 to {largest}", lambda x: (x >= 0) & (x <= largest) & _is_whole(x), 0.0)


REAL = Support("real numbers", np.isfinite, 0.0)
POSITIVE = Support("numbers > 0", lambda x: x > 0, 1.0)
NONNEGATIVE = Support("numbers >= 0", lambda x: x >= 0, 1.0)
UNIT_INTERVAL = Support(
    "numbers strictly between 0 and 1",
    lambda x: (x > 0) & (x < 1),
    0.5,
    "Divide percentages by 100, and pull exact 0 and 1 inwards, by (x (n - 1) + 1/2) / n say.",
)
ANGLES = Support(
    "angles in radians, from -pi to pi",
    lambda x: np.abs(x) <= np.pi,
    0.0,
    "Turn degrees with np.deg2rad, and wrap with (x + np.pi) % (2 * np.pi) - np.pi.",
)
COUNTS = Support("counts: whole numbers >= 0", lambda x: (x >= 0) & _is_whole(x), 1.0)
