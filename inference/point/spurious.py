"""Spurious maxima: a component that owes its likelihood to a few rows that happen to lie close together, or nearly in a plane.

Around any d + 1 rows the likelihood has a narrow peak, and where they are close the peak is high; it says nothing of the density that
the rows come from. Such maxima are told by two things together: few rows, and a variance that is small beside the other components'.

Source: Day (1969); Hathaway (1985), whose constraint bounds the eigenvalues of Sigma_k Sigma_l^-1 from below; McLachlan & Peel
(2000), chapter 3; Garcia-Escudero, Gordaliza, Greselin, Ingrassia & Mayo-Iscar (2018), a review of such constraints.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

NARROW = 0.01
"""A component is narrow whose variance along some direction is below this share of the other components': a tenth of their spread."""

TALL = np.log(100.0)
"""A component is tall whose density exceeds the data's own by this much for each feature: a hundredth of the data's width."""


def few_rows(features: int) -> int:
    """Below how many rows a component has few: twice as many as a Gaussian, or a plane through so many predictors, needs not to be singular."""
    return 2 * (features + 1)


def spurious_components(
    covariances: Float[np.ndarray, "components features features"],
    rows: Float[np.ndarray, " components"],
    labels: Int[np.ndarray, " rows"] | None = None,
) -> Bool[np.ndarray, " components"]:
    """Which components sit on a few rows and are much narrower than the others.

    Whether a component is narrow does not depend on the features' units, nor does it where all components share a covariance matrix.

    Args:
        covariances: of each component; NaN where it has none, as some of Student's t: such are not judged.
        rows: how many rows each component has, in expectation; none is empty.
        labels: known components, -1 where unknown: one whose rows are known does not owe itself to chance.

    Example:
        >>> spurious_components(np.array([[[1.0]], [[1.0]], [[1e-4]]]), np.array([50.0, 2.5, 2.5])).tolist()
        [False, False, True]
    """
    found = np.zeros(len(rows), dtype=bool)
    has_any = np.isfinite(covariances).all(axis=(-2, -1))
    is_known = np.isin(np.arange(len(rows)), () if labels is None else labels)
    for component in np.flatnonzero((rows < few_rows(covariances.shape[-1])) & has_any & ~is_known):
        others = has_any & (np.arange(len(rows)) != component)
        if not others.any():
            continue
        # W = sum_l n_l Sigma_l / sum_l n_l over the others; narrow: the smallest eigenvalue of W^-1 Sigma_k
        within = np.einsum("k,kij->ij", rows[others] / rows[others].sum(), covariances[others])
        found[component] = np.linalg.eigvals(np.linalg.solve(within, covariances[component])).real.min() < NARROW
    return found


def has_tall_component(
    log_density: Float[np.ndarray, "rows components"],
    shares: Float[np.ndarray, "rows components"],
    values: Float[np.ndarray, "rows features"],
    peak: float,
    few: int,
) -> bool:
    """Whether a component sits on a few distinct rows and is tall there: the rule for families that have no covariance matrices.

    Args:
        log_density: log p(row | component).
        shares: responsibilities.
        values: the rows; rows that are alike count once, for a peak on many copies of one row says no more than one on one.
        peak: the greatest log density that many rows account for, of one normal distribution fitted to them.
        few: below how many rows a component has few.

    Example:
        >>> values = np.array([[0.0], [1.0], [2.0], [3.0]])
        >>> has_tall_component(np.array([[9.0], [-9.0], [-9.0], [-9.0]]), np.ones((4, 1)), values, -1.5, 4)
        False
        >>> shares = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
        >>> has_tall_component(np.array([[-1.0, 9.0], [-1.0, -9.0], [-1.0, -9.0], [-1.0, -9.0]]), shares, values, -1.5, 4)
        True
    """
    features = values.shape[1]
    for component in range(shares.shape[1]):
        own = shares[:, component] > 0.5
        is_few = 0 < len(np.unique(values[own], axis=0)) < few
        if is_few and log_density[own, component].max() - peak > TALL * features:
            return True
    return False
