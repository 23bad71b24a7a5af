"""What the posterior says about partitions, in the two forms that the losses read.

Pair losses need the similarity matrix alone; information losses need whole partitions, drawn from the responsibilities. Where there
are too many rows for a matrix, sampled partitions serve pair losses too.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inference.partitions.sampled import SampledPartitions, sample_partitions
from inference.partitions.similarity import checked_responsibilities, similarity_matrix


@dataclass(frozen=True)
class Evidence:
    """All that a search for a partition looks at.

    Args:
        responsibilities: P(assignment | row, parameters) for every draw.
        similarity: the posterior similarity matrix, or None.
        sampled: partitions drawn from the responsibilities.
    """

    responsibilities: Float[np.ndarray, "draws rows components"]
    similarity: Float[np.ndarray, "rows rows"] | None
    sampled: SampledPartitions

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.responsibilities.shape[1]

    @property
    def matrix(self) -> Float[np.ndarray, "rows rows"]:
        """The similarity matrix, where it is known to be there."""
        assert self.similarity is not None
        return self.similarity


def gather(responsibilities: np.ndarray, seed: int, similarity: bool = True) -> Evidence:
    """Sampled partitions and, if asked for, the similarity matrix of the same responsibilities.

    Raises:
        DataError: the responsibilities are not probabilities.
    """
    responsibilities = checked_responsibilities(responsibilities)
    sampled = SampledPartitions.of(sample_partitions(responsibilities, seed))
    return Evidence(responsibilities, similarity_matrix(responsibilities) if similarity else None, sampled)
