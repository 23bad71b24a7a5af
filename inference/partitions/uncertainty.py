"""How sure a partition is of each row and of each cluster, and how many clusters the posterior sees."""

import numpy as np
from jaxtyping import Float, Int

from inference.labels.products import blocks, one_hot
from inference.partitions.sampled import SampledPartitions

AT_ONCE = 4_000_000
"""How many similarities of rows that are alone in their cluster are looked at together: 32 MB."""


def membership(
    labels: Int[np.ndarray, " rows"], responsibilities: Float[np.ndarray, "draws rows components"]
) -> Float[np.ndarray, "rows clusters"]:
    """Mean posterior probability that a row shares a component with the rows of each cluster, itself left out.

    For a row that is a cluster of its own, which leaves no other row, it is one minus its largest similarity with any
    row.

    Args:
        labels: the partition, labels 0, 1, ...
        responsibilities: P(assignment | row, parameters) for every draw.
    """
    draws, total, components = responsibilities.shape
    rows, member = np.arange(total), one_hot(labels, int(labels.max()) + 1)
    sums, own = np.zeros_like(member), np.zeros(total)
    for block in blocks(draws, total * components):
        part = responsibilities[block]
        # sum over j in k of S_ij, with S_ij = mean_t r_ti . r_tj, needs no S: it is mean_t r_ti . (sum over j in k of r_tj)
        sums += np.matmul(part, np.matmul(part.transpose(0, 2, 1), member)).sum(axis=0) / draws
        own += np.square(part).sum(axis=(0, 2)) / draws
    sums[rows, labels] -= own
    sizes = member.sum(axis=0) - member
    # A_ik = sum over j in k, j != i of S_ij, over their number
    result = np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
    alone = np.flatnonzero(sizes[rows, labels] == 0)
    for some in np.array_split(alone, max(1, len(alone) * total // AT_ONCE)):
        similar = sum(
            np.tensordot(responsibilities[block][:, some], responsibilities[block], axes=((0, 2), (0, 2)))
            for block in blocks(draws, total * components)
        )
        similar = np.asarray(similar / draws)
        similar[np.arange(len(some)), some] = 0.0
        result[some, labels[some]] = 1.0 - similar.max(axis=1)
    return np.clip(result, 0.0, 1.0)


def row_uncertainty(
    labels: Int[np.ndarray, " rows"], membership: Float[np.ndarray, "rows clusters"]
) -> Float[np.ndarray, " rows"]:
    """Probability that a row is apart from a random other row of its own cluster: 0 where it surely belongs."""
    return 1.0 - membership[np.arange(len(labels)), labels]


def cluster_uncertainty(
    labels: Int[np.ndarray, " rows"], row_uncertainty: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " clusters"]:
    """Probability that two random rows of a cluster are apart: the mean of its rows' uncertainties."""
    return np.bincount(labels, weights=row_uncertainty) / np.bincount(labels)


def number_of_clusters(sampled: SampledPartitions) -> Float[np.ndarray, " numbers"]:
    """Posterior of the number of clusters that hold a row: entry k is P(k clusters | data)."""
    return np.bincount(sampled.clusters, weights=sampled.weights)
