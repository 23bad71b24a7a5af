"""Data sets drawn from a fit: of the data's shape, with its covariates, its series and its missing cells."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inference.backends import Bound
from inference.posterior.generate import AT_ONCE, forward
from inference.tasks import shares_of
from mixtures import Observations
from mixtures.censoring import BOUNDS
from mixtures.errors import DataError


def batches_of(count: int, x: Observations) -> list[range]:
    """The replicates in batches that memory can hold."""
    size = max(1, AT_ONCE // x.x.size)
    return [range(begin, min(count, begin + size)) for begin in range(0, count, size)]


@dataclass(frozen=True)
class Piece:
    """Some replicates of a batch. They are drawn with all others of it, whose seed is one: which numbers they have no share decides.

    Args:
        batch: the batch, as part of all replicates.
        share: the piece's own, as part of all replicates.
    """

    batch: range
    share: range

    @property
    def first(self) -> int:
        """The number of its first one within the batch."""
        return self.share.start - self.batch.start

    def of(self, drawn: list[Observations]) -> list[Observations]:
        """Its own of all that the batch has."""
        return drawn[self.first : self.first + len(self.share)]


def pieces_of(count: int, x: Observations) -> list[Piece]:
    """Pieces of work: the batches, or shares of them where there are workers."""
    return [Piece(batch, share) for batch in batches_of(count, x) for share in shares_of(batch)]


def replicates_of(bound: Bound, parameters: Mapping[str, np.ndarray], batch: range, seed: int) -> list[Observations]:
    """Data sets drawn at the parameters.

    Args:
        bound: the problem whose data are replicated.
        parameters: constrained values by site.
        batch: how many, as part of all of them.
        seed: an int in [0, 2**32).
    """
    x, count = bound.x, len(batch)
    held = {name: np.broadcast_to(value, (count, *np.shape(value))) for name, value in parameters.items()}
    drawn = forward(bound, held, count, x.x.size, seed)
    names = [site.name for site in bound.sites.all if site.kind == "observed"]
    # columns of several kinds are sites of their own
    values = drawn[names[0]] if len(names) == 1 else np.stack([drawn[name] for name in names], axis=-1)
    if x.observed is not None:
        values = np.where(x.observed, values, np.nan)
    return [x.with_values(np.asarray(one, dtype=np.float64).reshape(x.shape)) for one in values]


def check_plain(x: Observations) -> None:
    """Check that data like these can be drawn.

    Raises:
        DataError: rows with weights or known labels, or cells known by bounds alone.
    """
    if bounds := [name for name in BOUNDS if getattr(x, name) is not None]:
        raise DataError(
            ", ".join(bounds),
            got="bounds of cells",
            expected="none: nothing says where the cells of a replicate would be censored",
            advice='Compare numbers of components by BIC: number_of_components(model, x, routes=["criteria"], seed=0).',
        )
    for name, value in (("row_weights", x.counts), ("labels", x.labels)):
        if value is not None:
            raise DataError(
                name,
                got=name.replace("_", " "),
                expected="none: a replicate is a data set drawn from the mixture alone",
                advice="Repeat rows that count more than once; leave known labels out.",
            )
