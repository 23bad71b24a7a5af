"""Overdispersed counts: negative binomial, as a Gamma mixture of Poissons."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mixtures.families.columns import Columns, positive_at
from mixtures.families.support import COUNTS, Support
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import LogNormal, Prior
from mixtures.statistics import MINUS_LOG_MEAN


class NegativeBinomial(Columns):
    """Counts with variance above the mean within a component; sites `concentration` and `rate`.

    The mean is concentration / rate, times the row's exposure where rows have one, and the variance mean + mean^2 / concentration: Poisson
    counts whose rate varies as Gamma(concentration, rate). Both backends call it GammaPoisson.
    """

    default_priors: ClassVar[Mapping[str, Prior]] = {
        # From strong overdispersion (0.05) to hardly any (20), with probability 0.95; zero-avoiding: at concentration 0 all rows are 0.
        "concentration": LogNormal(0.0, 1.5),
        # Given concentration 1, the mean lies between 1/20 and 20 times the data's, with probability 0.95.
        "rate": LogNormal(MINUS_LOG_MEAN, 1.5),
    }
    takes: ClassVar[frozenset[str]] = frozenset({"exposure"})
    has_tails: ClassVar[bool] = True
    support: ClassVar[Support] = COUNTS

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        # the gamma's rate, by which the mean is divided
        rate = parameters["rate"] / parameters["exposure"] if "exposure" in parameters else parameters["rate"]
        return ppl.dist.GammaPoisson(concentration=parameters["concentration"], rate=rate)

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        concentration = np.full(x[rows].shape, 2.0)
        return {"concentration": concentration, "rate": concentration / positive_at(x, rows)}
