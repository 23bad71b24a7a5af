"""Ordering, an artificial identifiability constraint: label the components by the size of one parameter.

    perm_t = argsort(theta_t)

By the rearrangement inequality the order is the assignment that minimises cost[t, l, k] = -k theta_t[l]; its second
best swaps the two neighbours that lie closest, so that the margin is the smallest gap.
"""

import numpy as np
from jaxtyping import Float

from inference.labels.permutations import Relabelling


def ordering(parameter: Float[np.ndarray, "draws components"]) -> Relabelling:
    """Relabel draws so that one parameter ascends.

    Args:
        parameter: the parameter to sort by.

    Returns:
        Cost and margin are in the parameter's unit; the margin is the smallest gap between neighbours.

    >>> ordering(np.array([[2.0, 1.0, 3.0]])).permutations
    array([[1, 0, 2]])
    """
    draws, components = parameter.shape
    permutations = np.argsort(parameter, axis=1, kind="stable")
    ascending = np.take_along_axis(parameter, permutations, axis=1)
    cost = -(ascending * np.arange(components)).sum(axis=1)
    margin = np.diff(ascending, axis=1).min(axis=1) if components > 1 else np.full(draws, np.inf)
    return Relabelling("ordering", permutations, cost, margin, np.array([cost.sum()]))
