"""What one pass finds of all rows of a source: the moments that default priors are scaled by, and the digests of blocks."""

from dataclasses import dataclass

import numpy as np

from mixtures.blocks import digest_of
from mixtures.sources.summary import Moments


@dataclass(frozen=True, eq=False)
class Survey:
    """Of some rows that follow one another, whole blocks of them; two make one.

    Args:
        moments: of each column.
        digests: of the blocks, one after the other.
    """

    moments: Moments
    digests: bytes

    @classmethod
    def of(cls, x: np.ndarray, centre: np.ndarray) -> "Survey":
        """Of a block, means told from a centre."""
        return cls(Moments.of(x, centre), digest_of(x))

    def with_more(self, more: "Survey") -> "Survey":
        """These rows and those after them."""
        return Survey(self.moments.with_more(more.moments), self.digests + more.digests)
