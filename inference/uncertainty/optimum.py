"""A fit as the maximum that it is of a density of one unconstrained vector: where its curvature, and its neighbourhood, are looked at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from inference.backends import Bound, bind
from inference.backends.log_density import LogDensity
from inference.checks import check_choice
from inference.point.constraints import constraint_of, free_directions
from inference.results import PointFit
from inference.uncertainty.ends import inside
from inference.uncertainty.information import Information, tangent
from inference.uncertainty.same_data import same_data
from mixtures.checks import listed
from mixtures.errors import FitError

AT_REST = 0.05
"""How far a Newton step may lead from a fit that is at rest, in standard errors."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """A fit, with its data.

    Args:
        fit: the fit.
        bound: its program and data.
        density: what it maximised: the likelihood, or the posterior density.
        u: its unconstrained vector.
        free: the directions in which it was free, orthonormal columns.
    """

    fit: PointFit
    bound: Bound
    density: LogDensity
    u: Float[np.ndarray, " size"]
    free: Float[np.ndarray, "size free"]

    @classmethod
    def of(cls, fit: Any, x: Any, fixed: Iterable[str] | None, equal: Any = None) -> "Optimum":
        """A fit that is sound, with the data that it was made from.

        Args:
            fit: the fit.
            x: the data.
            fixed: the sites that were known, or their values, NaN where these were free; None: none.
            equal: what components shared, see `fit_mle`.

        Raises:
            FitError: it is unsound.
            DataError: other data.
            ModelError: no point fit.
            ChoiceError: a site that it does not have.
        """
        observations = same_data(fit, x)
        known = known_values(fixed, fit)
        bound = bind(fit.program, observations, fit.backend)
        is_posterior = fit.log_posterior is not None
        density = bound.log_density(prior=is_posterior)
        has_values = isinstance(fixed, Mapping) or equal is not None
        free = tangent(bound.sites, density, () if has_values else list(known), is_posterior=is_posterior)
        if has_values:
            constraint = constraint_of(known, equal, bound.sites, density, fit.parameters)
            free = free_directions(free, constraint)
        return cls(fit, bound, density, density.unconstrain(inside(bound.sites, fit.parameters)), free)

    @property
    def is_posterior(self) -> bool:
        """Whether a prior belongs to the density."""
        return self.fit.log_posterior is not None

    def information(self, matrix: Float[np.ndarray, "size size"] | None = None) -> Information:
        """The information about the vector.

        Args:
            matrix: an estimate of it; None: minus the second derivatives at the fit.

        Raises:
            FitError: the fit is not at rest.
        """
        given = -self.density.hessian(self.u) if matrix is None else matrix
        found = Information.of(given, self.u, self.density.is_real, self.free)
        # root' gradient is the Newton step, in standard errors
        far = float(np.linalg.norm(found.root.T @ self.density.value_and_gradient(self.u)[1]))
        if found.is_curved and far > AT_REST:
            raise FitError(
                "fit",
                got=f"one whose density still rises: a Newton step is {far:.2g} standard errors long",
                expected="a fit at rest",
                advice="Fit with a lower tolerance or more steps; name what was known, fixed=, and shared, equal=. "
                "A fit by hard=True is at no maximum.",
            )
        return found


def known_values(fixed: Any, fit: PointFit) -> Mapping[str, Any]:
    """What was known, by site; of sites that are named alone, the fit's own values.

    Raises:
        ChoiceError: a site that the fit does not have.
    """
    sites = [] if fixed is None else list(fixed) if isinstance(fixed, Mapping) else listed(fixed)
    for site in sites:
        check_choice("fixed: site", site, fit.parameters)
    return fixed if isinstance(fixed, Mapping) else {site: fit.parameters[site] for site in sites}
