"""What the uncertainty of the first step adds to that of the second."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inference.backends.log_density import LogDensity
from inference.external.measured import FirstStep
from inference.external.structural import Structural
from inference.results import PointFit
from inference.uncertainty.ends import inside
from inference.uncertainty.information import Information, tangent

STEP = 1e-3
"""In standard errors: central differences are exact to six digits or so, in any unit of the data."""


@dataclass(frozen=True, eq=False)
class Precision:
    """How sure the first step is.

    Args:
        density: of its vector.
        u: the vector of the fit.
        root: root root' is its covariance, (size, known).
    """

    density: LogDensity
    u: Float[np.ndarray, " size"]
    root: Float[np.ndarray, "size known"]


def precision_of(fit: PointFit, first: FirstStep) -> Precision | None:
    """From the curvature of what the fit maximised; None where that is no maximum."""
    bound, is_posterior = first.units.bound, fit.log_posterior is not None
    density = bound.log_density(prior=is_posterior)
    u = density.unconstrain(inside(bound.sites, fit.parameters))
    free = tangent(bound.sites, density, (), is_posterior=is_posterior)
    information = Information.of(-density.hessian(u), u, density.is_real, free)
    return Precision(density, u, information.root) if information.is_curved else None


def variation(
    precision: Precision, first: FirstStep, structural: Structural, theta: Float[np.ndarray, " size"]
) -> Float[np.ndarray, "size size"]:
    """C V C', with V the covariance of the first step and C the derivatives of the second step's equation by its parameters.

    Source: Murphy & Topel (1985), Journal of Business & Economic Statistics 3; for misclassification Bakk, Oberski & Vermunt (2014), Political
    Analysis 22; for two-step estimates Bakk & Kuha (2018), Psychometrika 83.
    """
    times = first.units.times[first.is_known]

    def equation(u: np.ndarray) -> np.ndarray:
        measured = first.at(precision.density.constrain(u))
        return times @ structural.estimating(theta, measured.shares(structural, theta))

    moves = STEP * precision.root.T
    slopes = [(equation(precision.u + move) - equation(precision.u - move)) / (2 * STEP) for move in moves]
    across = np.stack(slopes, axis=1) if slopes else np.zeros((len(theta), 0))
    return across @ across.T
