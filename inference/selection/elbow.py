"""Where a falling series has its elbow: two straight lines that meet at a point of it, by least squares."""

import numpy as np
from jaxtyping import Float

FEWEST = 4
"""Points from which two lines that meet are not sure to go through all of them."""


def elbow(place: Float[np.ndarray, " points"], height: Float[np.ndarray, " points"]) -> int | None:
    """The number, from 1, of the point at which two lines are to meet so that they fit best; None below four points.

    Each line is fitted by itself to the points up to the one where they meet, or from it on (Baudry et al. 2010, section 4).

    Example:
        >>> elbow(np.arange(5.0), np.array([0.0, 0.1, 0.2, 5.0, 10.0]))
        3
    """
    if len(place) < FEWEST:
        return None
    inner = range(1, len(place) - 1)
    left = [_squares(place[: i + 1], height[: i + 1]) + _squares(place[i:], height[i:]) for i in inner]
    return 2 + int(np.argmin(left))


def _squares(place: np.ndarray, height: np.ndarray) -> float:
    """What a line leaves of the heights."""
    line = np.stack([np.ones_like(place), place], axis=1)
    return float(np.sum((height - line @ np.linalg.lstsq(line, height, rcond=None)[0]) ** 2))
