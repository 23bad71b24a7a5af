"""The one convention for labels, and the assignment problem that every relabelling method ends in.

`permutations[t, k]` is the old label that becomes new label k in draw t. Hence a parameter relabels as
`theta[t, permutations[t]]` and an assignment as `inverse(permutations[t])[z[t]]`. A cost is always
`cost[t, old, new]`: what it costs draw t that its old label becomes the new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from mixtures.errors import DataError

Permutations = Int[np.ndarray, "draws components"]
Costs = Float[np.ndarray, "draws components components"]


@dataclass(frozen=True)
class Relabelling:
    """The permutation that relabels each draw, and how clear the choice of it was.

    Args:
        method: the method's name.
        permutations: `permutations[t, k]` is the old label that becomes new label k, (draws, components).
        cost: what the chosen permutation costs, in the method's own unit, (draws,).
        margin: how much more the second-best permutation would cost, (draws,); 0 is a tie, inf means that there is
            no second permutation (one component).
        total_costs: the cost summed over draws after each iteration, (iterations,).
    """

    method: str
    permutations: Permutations
    cost: Float[np.ndarray, " draws"]
    margin: Float[np.ndarray, " draws"]
    total_costs: Float[np.ndarray, " iterations"]


def identity(draws: int, components: int) -> Permutations:
    """The permutations that change nothing."""
    return np.tile(np.arange(components), (draws, 1))


def inverse(permutations: Int[np.ndarray, "*batch components"]) -> Int[np.ndarray, "*batch components"]:
    """The permutations that undo these.

    >>> inverse(np.array([1, 2, 0]))
    array([2, 0, 1])
    """
    return np.argsort(permutations, axis=-1)


def combined(
    method: str, parts: Sequence[tuple[Sequence[int], Relabelling]], draws: int, components: int
) -> Relabelling:
    """One relabelling of all components from those of groups of them; components in no group keep their numbers.

    Args:
        method: the method's name.
        parts: each group's components, and the relabelling within it, whose label i is the group's i-th component.
        draws: how many draws.
        components: how many components in all.

    Returns:
        Costs are summed over groups; the margin is the least, for the second best exchanges within one group only.

    >>> part = Relabelling("ecr", np.array([[1, 0]]), np.zeros(1), np.ones(1), np.zeros(1))
    >>> combined("ecr", [((1, 3), part)], draws=1, components=4).permutations
    array([[0, 3, 2, 1]])
    """
    permutations, cost, margin = identity(draws, components), np.zeros(draws), np.full(draws, np.inf)
    iterations = max((len(part.total_costs) for _, part in parts), default=1)
    totals = np.zeros(iterations)
    for group, part in parts:
        permutations[:, list(group)] = np.asarray(group)[part.permutations]
        cost, margin = cost + part.cost, np.minimum(margin, part.margin)
        totals += np.pad(part.total_costs, (0, iterations - len(part.total_costs)), mode="edge")
    return Relabelling(method, permutations, cost, margin, totals)


def compose(
    first: Int[np.ndarray, "*batch components"], then: Int[np.ndarray, "*batch components"]
) -> Int[np.ndarray, "*batch components"]:
    """One permutation that does `first`, then `then`: `theta[first][then] == theta[compose(first, then)]`.

    >>> compose(np.array([1, 2, 0]), inverse(np.array([1, 2, 0])))
    array([0, 1, 2])
    """
    return np.take_along_axis(first, then, axis=-1)


def relabel_parameters(values: np.ndarray, permutations: Permutations, axis: int = 1) -> np.ndarray:
    """Permute the components' axis of each draw: `values[t, permutations[t]]`.

    Args:
        values: draws first, components on `axis`, (draws, ..., components, ...).
        permutations: (draws, components).
        axis: where the components are.

    Returns:
        A new array of the same shape.

    >>> relabel_parameters(np.array([[10.0, 20.0, 30.0]]), np.array([[1, 2, 0]]))
    array([[20., 30., 10.]])
    """
    shape = [1] * values.ndim
    shape[0], shape[axis] = permutations.shape
    return np.take_along_axis(values, permutations.reshape(shape), axis=axis)


def relabel_assignments(assignments: Int[np.ndarray, "draws rows"], permutations: Permutations) -> np.ndarray:
    """Give each row its new label: `inverse(permutations[t])[z[t]]`.

    >>> relabel_assignments(np.array([[0, 1, 2]]), np.array([[1, 2, 0]]))
    array([[2, 0, 1]])
    """
    new_labels = inverse(permutations).astype(assignments.dtype)
    return np.take_along_axis(new_labels, assignments.astype(np.intp, copy=False), axis=1)


def solve(costs: Costs) -> tuple[Permutations, Float[np.ndarray, " draws"]]:
    """The cheapest permutation of each draw, and its cost.

    Raises:
        DataError: costs that are NaN, as responsibilities of broken draws make them.

    >>> permutations, cost = solve(np.array([[[9.0, 0.0], [1.0, 9.0]]]))  # old 0 -> new 1, old 1 -> new 0
    >>> permutations, cost
    (array([[1, 0]]), array([1.]))
    """
    broken = np.isnan(costs).any(axis=(1, 2))
    if broken.any():
        raise DataError(
            "posterior",
            got=f"NaN in {broken.sum()} of {len(costs)} draws, the first at index {broken.argmax()}",
            expected="finite parameters and responsibilities",
            advice="Drop these draws, or the chain that they are in.",
        )
    # linear_sum_assignment matches its rows in order: with new labels as rows its columns are the old ones.
    permutations = np.array([linear_sum_assignment(cost.T)[1] for cost in costs], dtype=np.intp)
    permutations = permutations.reshape(costs.shape[:2])
    return permutations, assignment_cost(costs, permutations)


def assignment_cost(costs: Costs, permutations: Permutations) -> Float[np.ndarray, " draws"]:
    """What the given permutations cost: the sum over k of `costs[t, permutations[t, k], k]`."""
    return np.take_along_axis(costs, permutations[:, None, :], axis=1)[:, 0, :].sum(axis=1)


def second_best_margin(costs: Costs, permutations: Permutations) -> Float[np.ndarray, " draws"]:
    """How much more the second-best permutation costs than the best one, exactly.

    A permutation that differs from the best one avoids at least one of its pairs, so the second best is the
    cheapest among the best permutations with one pair forbidden (Murty 1968).

    Args:
        costs: (draws, components, components).
        permutations: the cheapest ones, from `solve`.

    Returns:
        One number a draw, >= 0 but for rounding; inf with one component.

    >>> costs = np.array([[[0.0, 5.0], [5.0, 1.0]]])
    >>> second_best_margin(costs, np.array([[0, 1]]))
    array([9.])
    """
    draws, components = permutations.shape
    if components == 1:
        return np.full(draws, np.inf)
    best = assignment_cost(costs, permutations)
    second = np.full(draws, np.inf)
    for new in range(components):
        forbidden = costs.copy()
        forbidden[np.arange(draws), permutations[:, new], new] = np.inf
        second = np.minimum(second, solve(forbidden)[1])
    return np.maximum(second - best, 0.0)
