"""How wide a density is at a point, coordinate by coordinate: the unit of what lies about it, however far apart starts lie."""

import numpy as np

from inference.backends.log_density import LogDensity

SHARE = 0.03
"""The first step over which a width is looked for, in the units that are known."""

LOOKS = 30
"""Steps that are tried."""


def widths(
    density: LogDensity, centre: np.ndarray, unit: np.ndarray, coordinates: np.ndarray | None = None
) -> np.ndarray:
    """The density's rough width along each coordinate, from the curvature; NaN where it has none within a unit.

    Args:
        density: of an unconstrained vector.
        centre: where it is looked at.
        unit: of each coordinate: no width is larger.
        coordinates: along which it is looked; all others are NaN. None: all.
    """
    top, _ = density.value_and_gradient(centre)
    found = np.full(density.size, np.nan)
    with np.errstate(all="ignore"):  # outside the support densities are no numbers, and say nothing of a width
        for index in range(density.size) if coordinates is None else coordinates:
            found[index] = _width(density, centre, top, index, unit[index])
    return found


def _width(density: LogDensity, centre: np.ndarray, top: float, index: int, unit: float) -> float:
    """1 / sqrt(curvature), over a step on which values and gradients agree about the curvature: neither rounding nor another part of the
    posterior is taken for it."""
    step = SHARE * unit
    for _ in range(LOOKS):
        move = step * (np.arange(density.size) == index)
        (above, rising), (below, falling) = (density.value_and_gradient(centre + sign * move) for sign in (1, -1))
        fall = top - (above + below) / 2
        by_value, by_gradient = 2 * fall / step**2, (falling - rising)[index] / (2 * step)
        if by_value > 0 and 0.5 < by_gradient / by_value < 2:
            return 1 / np.sqrt(by_gradient)
        if np.abs(fall) < 1e-10 * max(1.0, np.abs(top)):  # rounding
            if step >= unit:
                break
            step = min(10 * step, unit)
        else:
            step *= np.clip(np.sqrt(0.5 / fall), 1e-3, 0.3) if fall > 0.5 else 0.1
    return np.nan
