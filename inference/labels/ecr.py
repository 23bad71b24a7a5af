"""ECR, equivalence classes representatives: relabel each draw's clusters to agree best with a pivot clustering.

    C[t, i, j] = #{rows: z_t = i and pivot != j}

Given responsibilities instead of assignments, the count is replaced by its expectation over z_t ~ p_t,
sum over rows with pivot != j of p_t[row, i]: the same method without the noise of sampling z (Rao-Blackwell).

Source: Papastamoulis and Iliopoulos (2010), JCGS 19, 313-331.
"""

import numpy as np
from jaxtyping import Float, Int

from inference.labels.permutations import Costs, Relabelling, second_best_margin, solve
from inference.labels.products import blocks, cross_products, one_hot


def ecr(
    assignments: Int[np.ndarray, "draws rows"] | Float[np.ndarray, "draws rows components"],
    pivot: Int[np.ndarray, " rows"],
    components: int,
) -> Relabelling:
    """Relabel draws so that as few rows as possible leave the pivot's clusters.

    Args:
        assignments: each draw's labels, or its responsibilities. A label -1 is none of these: the row is left out.
        pivot: the clustering to agree with; -1 likewise.
        components: how many labels there are.

    Returns:
        Cost and margin count rows (expected rows, given responsibilities).

    >>> ecr(np.array([[0, 0, 1], [1, 1, 0]]), pivot=np.array([0, 0, 1]), components=2).permutations
    array([[0, 1],
           [1, 0]])
    """
    costs = disagreements(assignments, pivot, components)
    permutations, cost = solve(costs)
    return Relabelling("ecr", permutations, cost, second_best_margin(costs, permutations), np.array([cost.sum()]))


def disagreements(assignments: np.ndarray, pivot: Int[np.ndarray, " rows"], components: int) -> Costs:
    """The cost above, for all draws at once."""
    # #{z_t = i and pivot != j} = #{z_t = i} - #{z_t = i and pivot = j}
    together = overlaps(assignments, pivot, components)
    return together.sum(axis=2, keepdims=True) - together


def overlaps(assignments: np.ndarray, pivot: Int[np.ndarray, " rows"], components: int) -> Costs:
    """How many rows have label i in the draw and j in the pivot."""
    if assignments.ndim == 3:
        return cross_products(assignments, one_hot(pivot, components))
    counts = np.empty((len(assignments), components, components))
    for block in blocks(*assignments.shape):
        draws = len(assignments[block])
        cell = (np.arange(draws)[:, None] * components + assignments[block]) * components + pivot
        kept = cell[(assignments[block] >= 0) & (pivot >= 0)]
        counts[block] = np.bincount(kept, minlength=draws * components**2).reshape(draws, components, -1)
    return counts
