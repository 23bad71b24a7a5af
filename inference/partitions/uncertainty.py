"""How sure a partition is of each row and of each cluster, and how many clusters the posterior sees."""

import numpy as np
from jaxtyping import Float, Int

from inference.partitions.sampled import SampledPartitions


def membership(
    labels: Int[np.ndarray, " rows"], similarity: Float[np.ndarray, "rows rows"]
) -> Float[np.ndarray, "rows clusters"]:
    """Mean posterior probability that a row shares a component with the rows of each cluster, itself left out.

    For a row that is a cluster of its own, which leaves no other row, it is one minus its largest similarity with any
    row.

    Args:
        labels: the partition, labels 0, 1, ...
        similarity: the posterior similarity matrix.
    """
    rows = np.arange(len(labels))
    member = (labels[:, None] == np.arange(labels.max() + 1)).astype(float)
    sizes = member.sum(axis=0) - member
    # A_ik = sum over j in k, j != i of S_ij, over their number
    sums = similarity @ member - member
    result = np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
    others = similarity - np.eye(len(labels))
    alone = sizes[rows, labels] == 0
    result[rows[alone], labels[alone]] = 1.0 - others[alone].max(axis=1, initial=0.0)
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
