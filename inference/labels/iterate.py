"""The loop that the iterative methods share: a centre from the relabelled draws, then the best permutations to it."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from inference.labels.permutations import Costs, Permutations, Relabelling, second_best_margin, solve

Centre = TypeVar("Centre")
RELATIVE_ROUNDING = 1e-12


def alternate(
    method: str,
    centre: Callable[[Permutations], Centre],
    costs: Callable[[Centre], Costs],
    start: Permutations,
    max_iterations: int,
) -> Relabelling:
    """Alternate the two steps until the total cost stops falling.

    If `centre` minimises the total cost at fixed permutations, each of the two steps can only lower it, so that
    `total_costs` never rises and the loop ends at a local minimum.

    Args:
        method: the method's name, for the result.
        centre: the labelled summary of all draws at given permutations.
        costs: `costs[t, old, new]` against that summary.
        start: the permutations to begin with, (draws, components).
        max_iterations: the most often that the two steps are repeated.

    Returns:
        The last permutations, their costs and margins, the total cost after each iteration.
    """
    permutations, totals = start, []
    for _ in range(max_iterations):
        current = costs(centre(permutations))
        permutations, cost = solve(current)
        totals.append(cost.sum())
        if len(totals) > 1 and totals[-2] - totals[-1] <= RELATIVE_ROUNDING * abs(totals[-2]):
            break
    return Relabelling(method, permutations, cost, second_best_margin(current, permutations), np.array(totals))
