"""Partitions drawn from the posterior."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mixtures.errors import DataError
from mixtures.seeds import generator


def check_clusters(name: str, labels: Any, is_any: bool = False) -> Int[np.ndarray, "*batch rows"]:
    """Labels of clusters, as an array.

    Args:
        name: what they are to the caller.
        labels: of each row.
        is_any: whether there may be more numbers than rows, some without a row.

    Raises:
        DataError: not ints from 0, or numbers that so few rows cannot fill.
    """
    try:
        found = np.asarray(labels)
    except (TypeError, ValueError):  # rows of several lengths
        found = np.array(None)
    is_count = found.dtype.kind in "iu" and found.ndim > 0 and found.size > 0
    if is_count and found.min() >= 0 and (is_any or found.max() < found.shape[-1]):
        return found
    values = f" from {found.min()} to {found.max()}" if found.dtype.kind in "iuf" and found.size else ""
    raise DataError(
        name,
        got=f"labels of dtype {found.dtype} and shape {found.shape}{values}",
        expected="the number of each row's cluster: 0, 1, ..., no more of them than rows",
        advice="Number the clusters: np.unique(labels, return_inverse=True)[1]; leave out rows that are in none.",
    )


@dataclass(frozen=True)
class SampledPartitions:
    """Partitions drawn from the posterior; equal ones are kept once, with their share of the draws.

    Args:
        partitions: the distinct partitions, labels in order of first appearance.
        weights: each distinct partition's share of the draws.
        index: for every draw, the distinct partition it is.
    """

    partitions: Int[np.ndarray, "partitions rows"]
    weights: Float[np.ndarray, " partitions"]
    index: Int[np.ndarray, " draws"]

    @classmethod
    def of(cls, labels: Int[np.ndarray, "draws rows"]) -> "SampledPartitions":
        """Merge the draws that are the same partition under different labels.

        Raises:
            DataError: labels that are not 0, 1, ...
        """
        partitions = np.ascontiguousarray(canonical(check_clusters("labels", labels, is_any=True)))
        # Each partition as one opaque item of bytes: np.unique(axis=0) would compare row by row, ten times slower.
        items = partitions.view(np.dtype((np.void, partitions.itemsize * partitions.shape[1]))).reshape(-1)
        _, first, index, counts = np.unique(items, return_index=True, return_inverse=True, return_counts=True)
        return cls(partitions[first], counts / len(labels), index.reshape(-1))

    @cached_property
    def by_row(self) -> Int[np.ndarray, "rows partitions"]:
        """The block of each row in each distinct partition, row after row in memory."""
        return np.ascontiguousarray(self.partitions.T)

    def thinned(self, draws: int) -> "SampledPartitions":
        """At most `draws` of the draws, evenly spaced."""
        kept = self.index[:: -(-len(self.index) // draws)]
        return SampledPartitions.of(self.partitions[kept])

    @property
    def clusters(self) -> Int[np.ndarray, " partitions"]:
        """Number of clusters of each distinct partition."""
        return self.partitions.max(axis=1) + 1


def sample_partitions(
    responsibilities: Float[np.ndarray, "draws rows components"], seed: int
) -> Int[np.ndarray, "draws rows"]:
    """One partition a draw: each row's component is drawn from its responsibilities, independently given the draw."""
    rng = generator(seed, "sampled partitions")
    draws, rows, _ = responsibilities.shape
    labels = np.empty((draws, rows), dtype=np.int32)
    for draw in range(draws):
        # Inverse distribution function: the number of cumulated probabilities that a uniform number has passed.
        # The last one is left out, for rounding may keep it under 1.
        cumulated = np.cumsum(responsibilities[draw, :, :-1], axis=1)
        labels[draw] = (rng.random((rows, 1)) >= cumulated).sum(axis=1)
    return labels


def canonical(labels: Int[np.ndarray, "*draws rows"]) -> Int[np.ndarray, "*draws rows"]:
    """The same partitions with labels 0, 1, ... in order of first appearance.

    Args:
        labels: small ints >= 0 (time and memory grow with the largest).

    Example:
        >>> import numpy as np
        >>> canonical(np.array([2, 2, 0, 1])).tolist()
        [0, 0, 1, 2]
    """
    draws, rows = labels.reshape(-1, labels.shape[-1]).shape
    # first[t, l]: where label l first appears in draw t, or `rows` where it does not; its rank is the new label.
    first = np.full((draws, int(labels.max()) + 1), rows)
    for label in range(first.shape[1]):
        present = labels.reshape(draws, rows) == label
        first[:, label] = np.where(present.any(axis=1), present.argmax(axis=1), rows)
    rank = np.argsort(np.argsort(first, axis=1, kind="stable"), axis=1, kind="stable").astype(np.int32)
    return np.take_along_axis(rank, labels.reshape(draws, rows), axis=1).reshape(labels.shape)
