"""Spurious maxima: a component that owes its likelihood to a few rows that happen to lie close together, or nearly in a plane.

Around any d + 1 rows the likelihood has a narrow peak, and where they are close the peak is high; it says nothing of the density that
the rows come from. Such maxima are told by two things together: few rows, and a variance that is small beside the other components'.

Source: Day (1969); Hathaway (1985), whose constraint bounds the eigenvalues of Sigma_k Sigma_l^-1 from below; McLachlan & Peel
(2000), chapter 3; Garcia-Escudero, Gordaliza, Greselin, Ingrassia & Mayo-Iscar (2018), a review of such constraints.
"""

import numpy as np
from jaxtyping import Bool, Float

NARROW = 0.01
"""A component is narrow whose variance along some direction is below this share of the other components': a tenth of their spread."""


def few_rows(features: int) -> int:
    """Below how many rows a component has few: twice as many as a Gaussian needs not to be singular."""
    return 2 * (features + 1)


def spurious_components(
    covariances: Float[np.ndarray, "components features features"], rows: Float[np.ndarray, " components"]
) -> Bool[np.ndarray, " components"]:
    """Which components sit on a few rows and are much narrower than the others.

    Whether a component is narrow does not depend on the features' units, nor does it where all components share a covariance matrix.

    Args:
        covariances: of each component.
        rows: how many rows each component has, in expectation; none is empty.

    Example:
        >>> spurious_components(np.array([[[1.0]], [[1.0]], [[1e-4]]]), np.array([50.0, 2.5, 2.5])).tolist()
        [False, False, True]
    """
    found = np.zeros(len(rows), dtype=bool)
    for component in np.flatnonzero(rows < few_rows(covariances.shape[-1])):
        others = np.arange(len(rows)) != component
        if not others.any():
            continue
        # W = sum_l n_l Sigma_l / sum_l n_l over the others; narrow: the smallest eigenvalue of W^-1 Sigma_k
        within = np.einsum("k,kij->ij", rows[others] / rows[others].sum(), covariances[others])
        found[component] = np.linalg.eigvals(np.linalg.solve(within, covariances[component])).real.min() < NARROW
    return found
