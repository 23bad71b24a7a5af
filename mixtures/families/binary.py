"""Yes or no, and how many out of a known number: Bernoulli and binomial."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from mixtures.checks import check_count
from mixtures.families.columns import Columns, probability_at
from mixtures.families.parts import Parts
from mixtures.families.support import COUNTS, Support, whole_up_to
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Beta, Prior

# Half an observation of each kind: keeps the mode of the posterior inside, where a probability of exactly 0 or 1 is never learned
# from finite data (Galindo-Garre & Vermunt 2006, Behaviormetrika 33).
PROBS = Beta(1.5, 1.5)


class Bernoulli(Columns):
    """0 or 1, with probability `probs` of 1 within a component.

    A mixture of one binary column is not identified: use several.
    """

    has_tails: ClassVar[bool] = True
    default_priors: ClassVar[Mapping[str, Prior]] = {"probs": PROBS}
    support: ClassVar[Support] = whole_up_to(1)

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Bernoulli(probs=parameters["probs"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return {"probs": probability_at(x, rows)}


@dataclass(frozen=True)
class Binomial(Columns):
    """The number of successes out of so many trials, each with probability `probs` within a component.

    Args:
        total_count: the number of trials of every cell; None: each row has its own, `Observations(x, trials=...)`.
        priors: `{site: prior}` in place of the defaults.

    Raises:
        ModelError: `total_count` is neither None nor an int from 1 to 2**53.

    Example:
        >>> sorted(Binomial().parts().needs), sorted(Binomial(10).parts().needs)
        (['trials'], [])
    """

    total_count: int | None = None

    has_tails: ClassVar[bool] = True
    default_priors: ClassVar[Mapping[str, Prior]] = {"probs": PROBS}

    def __post_init__(self):
        super().__post_init__()
        if self.total_count is not None:
            check_count("total_count", self.total_count, most=2**53)  # beyond, floats skip whole numbers

    @property
    def support(self) -> Support:  # type: ignore[override]  # depends on total_count
        if self.total_count is None:
            return replace(COUNTS, example=0.0)
        return whole_up_to(self.total_count, is_name=False)

    def parts(self) -> Parts:
        own = frozenset({"trials"}) if self.total_count is None else frozenset()
        return replace(super().parts(), takes=own, needs=own)

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        total = parameters["trials"] if self.total_count is None else self.total_count
        return ppl.dist.Binomial(total_count=total, probs=parameters["probs"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        # of trials of their own rows come as shares already, see `families.known_numbers`
        return {"probs": probability_at(x if self.total_count is None else x / self.total_count, rows)}
