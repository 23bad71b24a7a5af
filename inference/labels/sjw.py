"""SJW, probabilistic relabelling: EM in which each draw's permutation is the missing datum.

    E:  w[t, s] ~ exp(sum over rows of E_z log p(x_row, s(z_row) | estimate))      for all K! permutations s
    M:  estimate = mean over draws and permutations of the permuted parameters, weighted by w

The expectation over z ~ p_t is that of a sampled z without its noise. Each draw keeps its most probable permutation;
minus the logarithm of its complete likelihood is the cost. All K! permutations are weighed, hence K <= 6.

Source: Sperrin, Jaki and Wit (2010), Statistics and Computing 20, 357-366.
"""

from collections.abc import Callable
from itertools import permutations as all_permutations

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from inference.labels.permutations import Costs, Permutations, Relabelling, second_best_margin, solve
from inference.labels.products import blocks, cross_products, one_hot
from mixtures.errors import ModelError

MOST_COMPONENTS = 6
SMALLEST_FALL = 1e-9  # relative: less is rounding
LOWEST_LOG_DENSITY = -1e6  # stands for log 0: an impossible row must not turn 0 * -inf into NaN


def sjw(
    responsibilities: Float[np.ndarray, "draws rows components"],
    parameters: Float[np.ndarray, "draws components columns"],
    log_joint: Callable[[Float[np.ndarray, "components columns"]], Float[np.ndarray, "rows components"]],
    start: Permutations,
    max_iterations: int = 20,
) -> Relabelling:
    """Relabel draws by the probability of each permutation.

    Args:
        responsibilities: P(row has label k) in each draw.
        parameters: what describes a component, one row each.
        log_joint: log p(x_row, z_row = k | parameters) at one set of parameters.
        start: permutations whose mean parameters are the first estimate.
        max_iterations: the most E and M steps.

    Returns:
        Cost and margin are minus log complete likelihoods, in nats; the margin is the log odds of best to second best.
        `total_costs` is minus the log likelihood summed over permutations; the M step is the authors' mean, not a
        maximiser, so the loop ends when it no longer falls.

    Raises:
        ModelError: more than 6 components.
    """
    components = parameters.shape[1]
    if components > MOST_COMPONENTS:
        raise ModelError(
            "method 'sjw'",
            got=f"{components} components",
            expected=f"at most {MOST_COMPONENTS}",
            advice="It weighs all K! permutations of every draw; use 'stephens' or 'ecr' instead.",
        )
    permuted = np.array(list(all_permutations(range(components))))
    matrices = one_hot(start, components)
    best, totals = np.empty(0), [np.inf]
    for _ in range(max_iterations):
        estimate = mean_parameters(parameters, matrices)
        costs = -cross_products(responsibilities, np.maximum(log_joint(estimate), LOWEST_LOG_DENSITY))
        matrices, total = expected_permutations(costs, permuted)
        if totals[-1] - total <= SMALLEST_FALL * abs(total):
            break
        best = costs
        totals.append(total)
    permutations, cost = solve(best)
    return Relabelling("sjw", permutations, cost, second_best_margin(best, permutations), np.array(totals[1:]))


def expected_permutations(costs: Costs, permuted: np.ndarray) -> tuple[Float[np.ndarray, "draws new old"], float]:
    """The E step: each draw's mean permutation matrix, and minus the total log likelihood."""
    components = permuted.shape[1]
    matrices, total = np.empty(costs.shape), 0.0
    for block in blocks(len(costs), permuted.size):
        # log weight[t, s] = -sum_k cost[t, s(k), k]
        log_weight = -costs[block][:, permuted, np.arange(components)].sum(axis=2)
        log_total = logsumexp(log_weight, axis=1)
        weight = np.exp(log_weight - log_total[:, None])
        matrices[block] = np.einsum("ts,skl->tkl", weight, one_hot(permuted, components))
        total -= log_total.sum()
    return matrices, float(total)


def mean_parameters(
    parameters: Float[np.ndarray, "draws components columns"], matrices: Float[np.ndarray, "draws new old"]
) -> Float[np.ndarray, "components columns"]:
    """The M step: the mean over draws of the parameters under their mean permutation."""
    return np.einsum("tkl,tlj->kj", matrices, parameters) / len(parameters)
