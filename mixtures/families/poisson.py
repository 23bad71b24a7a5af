"""Counts: Poisson."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mixtures.families.columns import Columns, exposed, positive_at
from mixtures.families.support import COUNTS, Support
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Gamma, Prior
from mixtures.statistics import INVERSE_MEAN

# Conjugate, with its mode at the data's mean; shape 2 keeps the mode of the posterior away from a rate of 0, gently (Chung et al. 2013).
RATE = Gamma(2.0, INVERSE_MEAN)


class Poisson(Columns):
    """Counts with variance equal to the mean within a component; site `rate`, of one unit of exposure where rows have some.

    Example:
        >>> from mixtures import Mixture
        >>> print(Mixture(2, Poisson()))
        A mixture of 2 components
        <BLANKLINE>
            weights       ~ Dirichlet(1)
            rate[k]       ~ Gamma(2, 1/mean(x))
            assignment[i] ~ Categorical(weights)
            obs[i]        ~ Poisson(rate[assignment[i]])
        <BLANKLINE>
            k = 1, ..., 2; i = 1, ..., n
    """

    default_priors: ClassVar[Mapping[str, Prior]] = {"rate": RATE}
    takes: ClassVar[frozenset[str]] = frozenset({"exposure"})
    has_tails: ClassVar[bool] = True
    support: ClassVar[Support] = COUNTS

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Poisson(rate=exposed(parameters["rate"], parameters))

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return {"rate": positive_at(x, rows)}
