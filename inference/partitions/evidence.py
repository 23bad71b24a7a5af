"""What the posterior says about partitions, in the two forms that the losses read.

Pair losses need the similarity matrix alone; information losses need whole partitions, drawn from the responsibilities.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from xarray import DataTree

from mixtures.errors import DataError


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
        """Merge the draws that are the same partition under different labels."""
        partitions = np.ascontiguousarray(canonical(labels))
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


@dataclass(frozen=True)
class Evidence:
    """All that a search for a partition looks at.

    Args:
        responsibilities: P(assignment | row, parameters) for every draw.
        similarity: the posterior similarity matrix.
        sampled: partitions drawn from the responsibilities.
    """

    responsibilities: Float[np.ndarray, "draws rows components"]
    similarity: Float[np.ndarray, "rows rows"]
    sampled: SampledPartitions

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.similarity)


def responsibilities_of(
    posterior: DataTree, rows: np.ndarray | None = None
) -> Float[np.ndarray, "draws rows components"]:
    """Responsibilities of every draw of a posterior, chains one after the other."""
    from inference.assignment.responsibilities import draw_responsibilities

    return draw_responsibilities(posterior, rows=rows)


def checked_responsibilities(responsibilities: np.ndarray) -> Float[np.ndarray, "draws rows components"]:
    """The same array in float64, once it is known to hold probabilities.

    Raises:
        DataError: a wrong number of axes, an empty axis, or rows that do not sum to one.
    """
    array = np.asarray(responsibilities, dtype=float)
    if array.ndim != 3 or 0 in array.shape:
        raise DataError("responsibilities", got=f"shape {array.shape}", expected="(draws, rows, components)")
    worst = np.abs(array.sum(axis=2) - 1.0).max()
    # `not <=` rather than `>`: NaN must not pass.
    if not worst <= 1e-5 or array.min() < 0:
        raise DataError(
            "responsibilities",
            got=f"rows whose sum is {worst:.3g} away from 1, least value {array.min():.3g}",
            expected="probabilities over the last axis",
            advice="Normalise over components; NaN means that a row has density 0 under every component.",
        )
    return array


def sample_partitions(
    responsibilities: Float[np.ndarray, "draws rows components"], seed: int
) -> Int[np.ndarray, "draws rows"]:
    """One partition a draw: each row's component is drawn from its responsibilities, independently given the draw."""
    rng = np.random.default_rng(seed)
    draws, rows, components = responsibilities.shape
    labels = np.empty((draws, rows), dtype=np.int32)
    for draw in range(draws):
        # Inverse distribution function: the number of cumulated probabilities that a uniform number has passed.
        # The last one is left out, for rounding may keep it under 1.
        cumulated = np.cumsum(responsibilities[draw, :, :-1], axis=1)
        labels[draw] = (rng.random(rows)[:, None] >= cumulated).sum(axis=1)
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


def gather(responsibilities: Float[np.ndarray, "draws rows components"], seed: int) -> Evidence:
    """Similarity matrix and sampled partitions of the same responsibilities."""
    from inference.partitions.similarity import similarity_matrix

    responsibilities = checked_responsibilities(responsibilities)
    sampled = SampledPartitions.of(sample_partitions(responsibilities, seed))
    return Evidence(responsibilities, similarity_matrix(responsibilities), sampled)
