"""Do the methods label the draws alike, and where they do not, why not?"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from inference.labels.permutations import Permutations, compose, inverse

TRUSTED = ("ecr", "ecr-iterative-2", "stephens", "pra")
"""The methods whose agreement counts: the others look at one parameter, at distances in the data or at hard assignments,
and may fail where the components are plain to see."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far the methods agree.

    Args:
        agreement: the share of draws that two methods label alike, (one, other).
        disputed: the share of draws that the trusted methods do not all label alike.
        by_component: the share of draws in which they disagree about a component, (components,).
        empty: of the disputed draws, the share in which a component is not the most probable one of any row, so that
            nothing but its parameters tells it apart; NaN if no draw is disputed.
        close: of the disputed draws, the share whose second-best labelling is about as good as the best: components
            that overlap; NaN if no draw is disputed.
    """

    agreement: xr.DataArray
    disputed: float
    by_component: Float[np.ndarray, " components"]
    empty: float
    close: float


def compare_methods(
    permutations: dict[str, Permutations], has_empty: Bool[np.ndarray, " draws"], is_close: Bool[np.ndarray, " draws"]
) -> Comparison:
    """Compare what the methods found.

    Args:
        permutations: by method, the trusted ones among them.
        has_empty: the draws in which a component has no row of its own.
        is_close: the draws whose labelling is too close to call.
    """
    names = list(permutations)
    shares = [[agreement(permutations[one], permutations[other])[0] for other in names] for one in names]
    same = [agreement(permutations[TRUSTED[0]], permutations[other])[1] for other in TRUSTED[1:]]
    agreed = np.logical_and.reduce(same)
    disputed = ~agreed.all(axis=1)
    why = [float(cause[disputed].mean()) if disputed.any() else np.nan for cause in (has_empty, is_close)]
    table = xr.DataArray(shares, dims=("one", "other"), coords={"one": names, "other": names})
    return Comparison(table, float(disputed.mean()), 1 - agreed.mean(axis=0), *why)


def agreement(
    one: Int[np.ndarray, "draws components"], other: Int[np.ndarray, "draws components"]
) -> tuple[float, Bool[np.ndarray, "draws components"]]:
    """How far two methods agree, whatever each calls the components.

    Returns:
        The share of draws on which they agree, and which components they agree on in which draws. Each method's
        labels are its own: they are matched by the permutation between the two that is the most frequent.
    """
    between = compose(inverse(one), other)
    found, counts = np.unique(between, axis=0, return_counts=True)
    usual = found[counts.argmax()]
    same = np.empty(one.shape, dtype=bool)
    same[:, usual] = between == usual
    return float(counts.max() / len(one)), same
