"""The density that a fit describes, and its components' moments: what pictures draw."""

import numpy as np
from jaxtyping import Float

from inference.assignment.responsibilities import bound_like, log_joint
from inference.results import PointFit
from mixtures import Observations
from mixtures.errors import DataError, ModelError
from mixtures.families.members import can_be, parts_of


def component_density(fit: PointFit, grid: np.ndarray) -> Float[np.ndarray, "points components"]:
    """p(x, k) along a grid, a component's weight with it, or its share of a chain in the long run; 0 where no component can be, which the hub
    is not asked for."""
    if (mixture := fit.program.mixture) is None:
        return np.exp(log_joint(fit, grid))
    is_possible = can_be(mixture.family, grid, mixture.components).any(axis=1)
    joint = np.zeros((len(grid), mixture.components))
    if mixture.assignment.is_row_wise:
        joint[is_possible] = np.exp(log_joint(fit, grid[is_possible]))
    else:  # of a row of which it is not known what came before
        emissions = bound_like(fit, grid[is_possible]).emissions_at(fit.parameters)
        joint[is_possible] = np.exp(emissions) * mixture.assignment.shares(dict(fit.parameters))
    return joint


def check_one_density(fit: PointFit) -> None:
    """Check that one density holds for all rows.

    Raises:
        ModelError: it depends on each row's covariates.
    """
    if (mixture := fit.program.mixture) is not None and mixture.needs_covariates:
        raise ModelError(
            "fit",
            got="a mixture whose density depends on each row's covariates",
            expected="one density for all rows",
            advice="Draw x over a covariate instead, each row in the colour of its component: classify(fit, x).",
        )


def component_moments(fit: PointFit, x: Observations) -> tuple[np.ndarray, np.ndarray]:
    """The components' means and covariances, (components, features) and (components, features, features).

    Raises:
        DataError: one column alone.
        ModelError: components of a family without covariances.
    """
    if x.features is None or x.features < 2:
        raise DataError(
            "x", got=f"shape {x.shape}", expected="two columns or more", advice="Use plot_density for one variable."
        )
    mixture = fit.program.mixture
    covariances = None if mixture is None else parts_of(mixture.family).covariances
    if covariances is None:
        raise ModelError("fit", got="components without covariances", expected="a mixture of Gaussians, say")
    return fit.parameters["loc"], covariances(fit.parameters, x.features)
