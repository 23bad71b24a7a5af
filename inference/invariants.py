"""What is asked of draws before labels matter: quantities that do not depend on how components are numbered, and whether chains are in a
minor mode."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from scipy.stats import chi2

REFERENCE_RANKS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Which rows are looked at, by rank of the first feature."""


def sorted_weights(weights: Float[np.ndarray, "... components"]) -> Float[np.ndarray, "... rank"]:
    """Each draw's weights, largest first.

    >>> sorted_weights(np.array([0.2, 0.5, 0.3])).tolist()
    [0.5, 0.3, 0.2]
    """
    return -np.sort(-weights, axis=-1)


def reference_rows(values: np.ndarray) -> Int[np.ndarray, " few"]:
    """A few rows spread over the data, (rows, ...), in the order of the first feature.

    >>> reference_rows(np.array([5.0, 3.0, 4.0])).tolist()
    [1, 2, 0]
    """
    order = np.argsort(values.reshape(len(values), -1)[:, 0], kind="stable")
    return order[np.unique((np.array(REFERENCE_RANKS) * (len(order) - 1)).round().astype(int))]


class DensityGaps(NamedTuple):
    """How far chains stay below the best that is known.

    Args:
        chains: of each chain, the reference's log posterior density less that of the chain's best draw.
        expected: what a typical draw's would be, were the reference the mode that the chain is in.
    """

    chains: Float[np.ndarray, " chain"]
    expected: float

    @property
    def is_minor(self) -> np.ndarray:
        """Which chains never came near the reference: their mode is a minor one. A gap that is not a number is one too."""
        return ~(self.chains <= self.expected)


def density_gaps(log_posterior: Float[np.ndarray, "chain draw"], reference: float, unknowns: int) -> DensityGaps:
    """Whether chains came near the mode whose log posterior density is the reference.

    Near a mode 2 (log density there - log density of a draw) is about chi-squared, with as many degrees of freedom as there are unknowns;
    the best of many draws must lie nearer than the median draw.

    >>> density_gaps(np.array([[-9.0, -3.0], [-9.0, -8.0]]), -2.0, 4).is_minor.tolist()
    [False, True]
    """
    # a draw that is not a number says nothing; where none is one, nor does the chain
    best = np.max(log_posterior, axis=1, initial=-np.inf, where=~np.isnan(log_posterior))
    best = np.where(np.isnan(log_posterior).all(axis=1), np.nan, best)
    return DensityGaps(reference - best, float(chi2.median(max(unknowns, 1)) / 2))


def unknowns_of(posterior: xr.DataTree, draws: xr.Dataset) -> int:
    """How many unknowns the draws have: as their declaration says or, of a tree from elsewhere, as many numbers as change."""
    if "free_parameters" in posterior.attrs:
        return int(posterior.attrs["free_parameters"])
    moving = (
        int((variable.std(["chain", "draw"]) > 0).sum())
        for variable in draws.data_vars.values()
        if variable.dtype.kind == "f" and "rows" not in variable.dims
    )
    # weights sum to one
    return sum(moving) - ("weights" in draws and draws.sizes["components"] > 1)
