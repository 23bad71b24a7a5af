"""Stephens' method: the permutations whose responsibilities are closest, in Kullback-Leibler divergence, to their mean.

    q[row, k]     = mean over draws of p_t[row, perm_t[k]]
    cost[t, l, k] = sum over rows of p_t[row, l] log(p_t[row, l] / q[row, k])

The cost splits into an entropy term, computed once, and the matrix product p_t^T log q. The mean minimises the total
divergence at fixed permutations, so that the total never rises.

Source: Stephens (2000), JRSS B 62, 795-809, algorithm 2.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import xlogy

from inference.labels.iterate import alternate
from inference.labels.permutations import Costs, Permutations, Relabelling, identity
from inference.labels.products import blocks, cross_products, relabelled_mean

SMALLEST = np.finfo(float).tiny  # q = 0 only where every p is 0 under that label; log must stay finite there


def stephens(
    responsibilities: Float[np.ndarray, "draws rows components"],
    start: Permutations | None = None,
    max_iterations: int = 100,
) -> Relabelling:
    """Relabel draws so that their classification probabilities agree best.

    Args:
        responsibilities: P(row has label k) in each draw.
        start: permutations to begin with; none means the labels as they are.
        max_iterations: the most often that the mean is renewed.

    Returns:
        Cost and margin are Kullback-Leibler divergences, in nats, summed over rows.

    >>> p = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.1, 0.9], [0.8, 0.2]], [[0.9, 0.1], [0.2, 0.8]]])
    >>> stephens(p).permutations[1]
    array([1, 0])
    """
    draws, _, components = responsibilities.shape
    negative_entropy = sum_of_p_log_p(responsibilities)
    return alternate(
        "stephens",
        centre=lambda permutations: relabelled_mean(responsibilities, permutations),
        costs=lambda mean: divergences(responsibilities, negative_entropy, mean),
        start=identity(draws, components) if start is None else start,
        max_iterations=max_iterations,
    )


def sum_of_p_log_p(
    responsibilities: Float[np.ndarray, "draws rows components"],
) -> Float[np.ndarray, "draws components"]:
    """The part of the cost that no permutation changes."""
    draws, rows, components = responsibilities.shape
    total = np.empty((draws, components))
    for block in blocks(draws, rows * components):
        total[block] = xlogy(responsibilities[block], responsibilities[block]).sum(axis=1)
    return total


def divergences(
    responsibilities: Float[np.ndarray, "draws rows components"],
    negative_entropy: Float[np.ndarray, "draws components"],
    mean: Float[np.ndarray, "rows components"],
) -> Costs:
    """The cost above, for all draws at once."""
    # sum_rows p log(p / q) = sum_rows p log p - p^T log q
    return negative_entropy[:, :, None] - cross_products(responsibilities, np.log(np.maximum(mean, SMALLEST)))
