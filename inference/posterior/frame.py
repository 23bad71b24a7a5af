"""The posterior's own units: where it is and how wide, coordinate by coordinate, before anything has been sampled.

Two looks. The first, at where optimisation would start, says what the data and the priors say: it knows origin and unit of the data, and
is as wide as they are. The second, at a point fit, says how wide the posterior is there, and moves what lies at the edge of its support
to where the density has a slope: at the edge itself the unconstrained vector is infinite, and near it nothing bends.
"""

import numpy as np

from inference.backends import Bound
from inference.backends.log_density import LogDensity, Parameters
from inference.backends.sites import Sites
from inference.point.edge import off_the_edge
from inference.point.starts import FOR_SCALES, draw_starts
from inference.point.widths import widths
from inference.samplers.protocol import Frame
from mixtures import Program
from mixtures.errors import DataError, FitError
from mixtures.seeds import restart_seeds

FAR = 5.0
"""How far out on a log or logit scale chains begin in directions in which the density is flat: probabilities at 0.7%, say."""

DIGITS = 1e3
"""Units in the last place that a width must have: less is rounding."""


def first_look(bound: Bound, density: LogDensity, seed: int, verb: str, least: int = 0) -> tuple[np.ndarray, Frame]:
    """Unconstrained vectors of starts, (max(least, 16), size), and the frame that they make: their middle and, on the real line, their spread.

    Coordinates on a log or logit scale have no unit but 1.
    """
    drawn = draw_starts(bound, restart_seeds(seed, max(least, FOR_SCALES)), verb)
    rows = range(max(least, FOR_SCALES))
    vectors = np.stack(
        [inside(density, bound.sites, {name: value[row] for name, value in drawn.items()}) for row in rows]
    )
    low, centre, high = np.quantile(vectors, [0.16, 0.5, 0.84], axis=0)  # one standard deviation to either side
    unit = np.where(density.is_real & (high > low), (high - low) / 2, 1.0)
    return vectors, Frame(centre, unit)


def possible(program: Program, density: LogDensity, vectors: np.ndarray) -> np.ndarray:
    """The vectors at which density and gradient are finite; all of a mixture, whose family starts inside its support.

    Raises:
        FitError: there is none.
    """
    if program.mixture is not None:
        return vectors
    kept = [u for u in vectors if is_finite(density, u)]
    if not kept:
        raise FitError(
            "starts",
            got=f"{len(vectors)} draws from the prior, at none of which the log density and its gradient are finite",
            expected="a prior some of whose draws can have made the data",
            advice="Bring the prior nearer to the data, or pass init=fit_map(program, x, seed=..., start=...).",
        )
    return np.stack(kept)


def is_finite(density: LogDensity, u: np.ndarray) -> bool:
    """Whether log density and gradient are numbers there."""
    value, gradient = density.value_and_gradient(u)
    return bool(np.isfinite(value) and np.isfinite(gradient).all())


def second_look(density: LogDensity, sites: Sites, parameters: Parameters, first: Frame) -> Frame:
    """The frame of the posterior about a point fit: as wide as the density falls by a half, where it does."""
    centre = inside(density, sites, parameters, first)
    width = widths(density, centre, first.unit)
    is_flat = ~density.is_real & ~(width < 1)
    offset = centre - first.centre
    is_at_edge = is_flat & (np.abs(offset) > FAR)
    if is_at_edge.any():
        centre = np.where(is_at_edge, first.centre + np.clip(offset, -FAR, FAR), centre)
        width = widths(density, centre, first.unit)
    return Frame(centre, np.where(width > 0, np.where(density.is_real, width, np.minimum(width, 1.0)), first.unit))


def check_digits(frame: Frame, precision: str = "float64") -> None:
    """Check that the numbers of a precision are dense enough for the frame.

    Raises:
        DataError: the data are so far from zero that the posterior's width is rounding.
    """
    spacing = np.spacing(np.abs(frame.centre).astype(precision)).astype(np.float64)
    is_coarse = frame.unit < DIGITS * spacing
    if is_coarse.any():
        worst = int(np.argmax(spacing / frame.unit))
        more = " or use precision='float64'" if precision == "float32" else ""
        raise DataError(
            "x",
            got=f"values near {frame.centre[worst]:.6g}, where {precision} has steps of {spacing[worst]:.2g}, and a posterior "
            f"{frame.unit[worst]:.2g} wide",
            expected=f"a posterior at least {DIGITS:.0f} steps wide",
            advice=f"Subtract a constant from the data (and from the priors),{more or ' and add it to the results'}.",
        )


def inside(density: LogDensity, sites: Sites, parameters: Parameters, first: Frame | None = None) -> np.ndarray:
    """The unconstrained vector of parameters that may lie at the edge of their support: then of some a little inside."""
    u = density.unconstrain({site.name: off_the_edge(site, parameters[site.name]) for site in sites.parameters})
    centre = np.zeros(density.size) if first is None else first.centre
    out = centre + np.nan_to_num(np.sign(u)) * FAR  # NaN comes of two edges at once
    return np.where(np.isfinite(u), u, out)
