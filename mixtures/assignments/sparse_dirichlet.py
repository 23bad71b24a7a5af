"""Weights of more components than there are clusters: a Dirichlet prior whose concentration is learned."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from mixtures.assignments.clustering import CONCENTRATION, FiniteClusters
from mixtures.assignments.common_weights import CommonWeights
from mixtures.assignments.law import Values
from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import Gamma, Prior, check_positive_prior
from mixtures.rows import Rows

GAMMA = Gamma(1.0, 2.0)
"""Of the concentration of all components together: as in Fruhwirth-Schnatter, Malsiner-Walli & Grun (2021) for counts, mean 1/2."""


@dataclass(frozen=True)
class SparseDirichlet(CommonWeights):
    """Weights ~ Dirichlet(a, ..., a) with a learned concentration: components that the data do not need stay empty.

    A mixture with more components than clusters is sparse where a is small: rows then share few of the components, and how many is an
    answer to how many clusters there are (Malsiner-Walli, Fruhwirth-Schnatter & Grun 2016, section 2.2).

    Sites: `weights` (components,) and `weight_concentration`.

    Args:
        concentration: the prior of `weight_concentration`.
        is_shared_out: whether that is the concentration of all components together, a = weight_concentration / components (the default,
            which has a limit as components grow: the Dirichlet process); else that of each, a = weight_concentration.

    Raises:
        ModelError: not a prior.

    Example:
        >>> from mixtures import Mixture, families, priors
        >>> print(Mixture(10, families.Poisson(), SparseDirichlet(priors.Gamma(1.0, 2.0))))
        A mixture of 10 components
        <BLANKLINE>
            weight_concentration ~ Gamma(1, 2)
            weights              ~ Dirichlet(weight_concentration / 10)
            rate[k]              ~ Gamma(2, 1/mean(x))
            assignment[i]        ~ Categorical(weights)
            obs[i]               ~ Poisson(rate[assignment[i]])
        <BLANKLINE>
            k = 1, ..., 10; i = 1, ..., n
    """

    expects_empty: ClassVar[bool] = True
    hyper_sites: ClassVar[frozenset[str]] = frozenset({CONCENTRATION})

    concentration: Prior = GAMMA
    is_shared_out: bool = True

    def __post_init__(self):
        check_positive_prior("concentration", self.concentration)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return {CONCENTRATION: self.concentration}

    @property
    def sites(self) -> tuple[str, ...]:
        return (CONCENTRATION, "weights")

    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        total = draw(CONCENTRATION)
        each = self.clusters.of_each(total, components)
        weights = ppl.sample("weights", ppl.dist.Dirichlet(each * ppl.xp.ones((components,))), dims=("components",))
        return {CONCENTRATION: total, "weights": weights}

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {CONCENTRATION: np.array(self.concentration.centre), "weights": np.full(components, 1 / components)}

    def weights_of(self, xp: Any, values: Values) -> Array:
        return values["weights"]

    def favours_empty(self) -> bool:
        return True

    @property
    def clusters(self) -> FiniteClusters:
        return FiniteClusters(None, self.is_shared_out)

    def weighted(self, weights: Array, concentration: Array) -> Values:
        return {CONCENTRATION: concentration, "weights": weights}

    def scaled_to(self, x: np.ndarray, covariates: np.ndarray | None) -> "SparseDirichlet":
        return replace(self, concentration=self.concentration.scaled_to(x, covariates))

    @property
    def structure(self) -> "SparseDirichlet":
        return replace(self, concentration=self.concentration.structure)

    def permuted(self, values: Values, permutation: np.ndarray) -> Values:
        return {**values, "weights": values["weights"][permutation]}

    def __str__(self) -> str:
        return f"SparseDirichlet({self.concentration})"
