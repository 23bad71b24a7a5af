"""Standard errors that hold where the model does not, and where weights are negative: A^-1 B A'^-1 of the estimating functions."""

import numpy as np
from jaxtyping import Float

from inference.external.evidence import Evidence
from inference.external.structural import Structural


def bread(
    structural: Structural,
    theta: Float[np.ndarray, " size"],
    shares: Float[np.ndarray, "units classes"],
    times: Float[np.ndarray, " units"],
    evidence: Evidence | None,
) -> Float[np.ndarray, "size size"]:
    """A^-1, with A = - sum_i n_i d psi_i / d theta; shares follow theta where there is evidence.

    Raises:
        LinAlgError: the equation has no one root.
    """
    slope = structural.curvature(theta, shares, times)
    return np.linalg.inv(slope if evidence is None else slope - evidence.feedback(structural, theta, times))


def covariance(
    bread: Float[np.ndarray, "size size"],
    estimating: Float[np.ndarray, "units size"],
    times: Float[np.ndarray, " units"],
    first: Float[np.ndarray, "size size"] | None = None,
) -> Float[np.ndarray, "size size"]:
    """The covariance of the estimates.

    Args:
        bread: A^-1.
        estimating: psi_i.
        times: how often a unit counts: one of 2 is there twice.
        first: C V C', how the equation varies with the first step's estimates, whose covariance is V.

    Source: White (1982), Econometrica 50, theorem 3.2.
    """
    # B = sum_i n_i psi_i psi_i' (+ C V C')
    meat = np.einsum("i,ip,iq->pq", times, estimating, estimating) + (0.0 if first is None else first)
    return bread @ meat @ bread.T
