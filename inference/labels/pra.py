"""PRA, pivotal reordering: permute each draw's parameters to lie closest to those of a pivot.

    cost[t, l, k] = sum over columns of ((theta_t[l] - pivot[k]) / spread)^2

The norms do not change under permutation, so that the least squared distance is the greatest inner product of Marin
et al.; as a linear assignment it needs none of the K! permutations.

The spread of a column is that of its order statistics over draws: it is the same under every labelling, small where
the column tells the components apart and large where it is noise, which standardised by its whole spread would count
as much.

Source: Marin, Mengersen and Robert (2005), Handbook of Statistics 25, algorithm 4; the spread is ours.
"""

import numpy as np
from jaxtyping import Float

from inference.labels.permutations import Costs, Relabelling, second_best_margin, solve

LEAST_SPREAD = 1e-6  # of a column's whole spread: below it a column would decide everything, rounding included


def pra(
    parameters: Float[np.ndarray, "draws components columns"], pivot: Float[np.ndarray, "components columns"]
) -> Relabelling:
    """Relabel draws so that their parameters lie closest to the pivot's.

    Args:
        parameters: what describes a component, one row each.
        pivot: the same for the parameters to be matched, as a rule the best draw's.

    Returns:
        Cost and margin are squared distances in units of the columns' spreads.

    >>> pra(np.array([[[0.0], [5.0]], [[5.1], [0.1]]]), pivot=np.array([[0.0], [5.0]])).permutations
    array([[0, 1],
           [1, 0]])
    """
    costs = squared_distances(parameters, pivot, column_spread(parameters))
    permutations, cost = solve(costs)
    return Relabelling("pra", permutations, cost, second_best_margin(costs, permutations), np.array([cost.sum()]))


def column_spread(parameters: Float[np.ndarray, "draws components columns"]) -> Float[np.ndarray, " columns"]:
    """The standard deviation over draws of each column's order statistics, in the mean square over ranks."""
    ranked = np.sort(parameters, axis=1).std(axis=0)
    return np.maximum(np.sqrt((ranked**2).mean(axis=0)), LEAST_SPREAD * parameters.std(axis=(0, 1)))


def squared_distances(
    parameters: Float[np.ndarray, "draws components columns"],
    pivot: Float[np.ndarray, "components columns"],
    spread: Float[np.ndarray, " columns"],
) -> Costs:
    """The cost above, for all draws at once; a column without spread (the zeros of a triangle, say) tells nothing."""
    draws, components, _ = parameters.shape
    costs = np.zeros((draws, components, components))
    for column in np.flatnonzero(spread > 0):
        gap = parameters[:, :, None, column] - pivot[None, None, :, column]
        costs += (gap / spread[column]) ** 2
    return costs
