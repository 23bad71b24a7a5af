"""Exact answers about partitions of a few counts: all partitions, each with its probability, rates integrated out.

Rows are Poisson with rates ~ Gamma(shape, rate): a cluster's marginal likelihood is a closed form. The laws of the partition are written down
here from their papers, one by one. Nothing here uses the package.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import gammaln, logsumexp

COUNTS = np.array([0.0, 1.0, 1.0, 3.0, 5.0, 8.0])
"""Of two or three overlapping rates."""

SHAPE, RATE = 2.0, 0.5
"""Of the rates' prior."""

LogPartition = Callable[[np.ndarray], float]
"""Sizes of the clusters -> log probability of such a partition."""


def partitions(rows: int) -> Iterator[np.ndarray]:
    """Every partition, as labels in order of appearance."""

    def grown(labels: list[int], clusters: int) -> Iterator[np.ndarray]:
        if len(labels) == rows:
            yield np.array(labels)
            return
        for label in range(clusters + 1):
            yield from grown([*labels, label], max(clusters, label + 1))

    return grown([], 0)


def finite(components: int, concentration: float) -> LogPartition:
    """Weights ~ Dirichlet(a, ..., a): K! / (K - K+)! Gamma(K a) / Gamma(n + K a) prod_k Gamma(n_k + a) / Gamma(a)."""

    def log_probability(sizes: np.ndarray) -> float:
        if len(sizes) > components:
            return -np.inf
        total = components * concentration
        return float(
            gammaln(components + 1)
            - gammaln(components - len(sizes) + 1)
            + gammaln(total)
            - gammaln(sizes.sum() + total)
            + np.sum(gammaln(sizes + concentration) - gammaln(concentration))
        )

    return log_probability


def pitman_yor(concentration: float, discount: float) -> LogPartition:
    """By the Chinese restaurant: rows come one by one, and sit down at a table of n_k with n_k - d, or at a new one with a + K d."""

    def log_probability(sizes: np.ndarray) -> float:
        found, seated = 0.0, 0
        for table, size in enumerate(sizes):
            for sitting in range(int(size)):
                weight = concentration + table * discount if sitting == 0 else sitting - discount
                found += np.log(weight) - np.log(seated + concentration)
                seated += 1
        return float(found)

    return log_probability


def mixed(laws: list[LogPartition], log_weights: np.ndarray) -> LogPartition:
    """A law whose number is random: K, or the concentration on a grid."""
    return lambda sizes: float(logsumexp([w + law(sizes) for law, w in zip(laws, log_weights, strict=True)]))


def gamma_grid(shape: float, rate: float, points: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Values of a Gamma variable and their log probabilities, by equal steps of the distribution function."""
    shares = (np.arange(points) + 0.5) / points
    return stats.gamma(shape, scale=1 / rate).ppf(shares), np.full(points, -np.log(points))


@dataclass(frozen=True)
class Exact:
    """What is known of the posterior.

    Args:
        clusters: P(K+ = k), k = 0, ..., rows.
        similarity: P(rows i and j share a cluster), (rows, rows).
        log_evidence: log p(x).
    """

    clusters: np.ndarray
    similarity: np.ndarray
    log_evidence: float


def exact(law: LogPartition, x: np.ndarray = COUNTS) -> Exact:
    """By the sum over all partitions."""
    every = list(partitions(len(x)))
    logs = np.array([law(np.bincount(labels)) + _log_marginal(labels, x) for labels in every])
    total = logsumexp(logs)
    clusters, similarity = np.zeros(len(x) + 1), np.zeros((len(x), len(x)))
    for labels, share in zip(every, np.exp(logs - total), strict=True):
        clusters[labels.max() + 1] += share
        similarity += share * (labels[:, None] == labels)
    return Exact(clusters, similarity, float(total))


def _log_marginal(labels: np.ndarray, x: np.ndarray) -> float:
    """log p(x | partition): Gamma(a + s) / Gamma(a) b^a / (b + n)^(a + s) / prod_i x_i! in each cluster."""
    found = -gammaln(x + 1).sum()
    for cluster in range(labels.max() + 1):
        total, size = x[labels == cluster].sum(), np.sum(labels == cluster)
        found += gammaln(SHAPE + total) - gammaln(SHAPE) + SHAPE * np.log(RATE)
        found -= (SHAPE + total) * np.log(RATE + size)
    return float(found)
