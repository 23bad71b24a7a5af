"""Mixing weights with a Dirichlet prior, the same for all rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixtures.assignments.clustering import FiniteClusters
from mixtures.assignments.common_weights import CommonWeights
from mixtures.assignments.law import Values
from mixtures.errors import ModelError
from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import Dirichlet as DirichletPrior
from mixtures.priors import Prior
from mixtures.rows import Rows


@dataclass(frozen=True)
class Dirichlet(CommonWeights):
    """Weights ~ Dirichlet(concentration, ..., concentration).

    At 1 (the default) every set of weights is equally likely; below 1 the prior prefers few occupied components, and the posterior
    density has no maximum (it grows without bound as a weight falls to 0): `fit_map` then reports such starts as collapsed.

    Args:
        concentration: a positive number, or one for each component.

    Example:
        >>> print(Dirichlet(0.5))
        Dirichlet(0.5)
    """

    concentration: float | tuple[float, ...] = 1.0

    def __post_init__(self):
        object.__setattr__(self, "concentration", DirichletPrior(self.concentration).parameters[0][1])

    @property
    def prior(self) -> Prior:
        """The prior of the site `weights`."""
        return DirichletPrior(self.concentration)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return {"weights": self.prior}

    def check(self, components: int) -> None:
        own = self.concentration
        if isinstance(own, tuple) and own and (len(own) != components or np.ndim(own) > 1):
            raise ModelError("weights", got=str(self), expected=f"one number, or {components} of them")

    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        return {"weights": draw("weights", dims=("components",), event=(components,))}

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"weights": np.full(components, 1 / components)}

    def weights_of(self, xp: Any, values: Values) -> Array:
        return values["weights"]

    def favours_empty(self) -> bool:
        return bool(np.min(self.concentration) < 1)

    def pseudo_rows(self, components: int) -> np.ndarray:
        # log Dirichlet(w | a) = sum_k (a_k - 1) log w_k + constant
        return np.broadcast_to(self.concentration, (components,)) - 1.0

    @property
    def structure(self) -> "Dirichlet":
        return replace(self, concentration=1.0)

    @property
    def clusters(self) -> FiniteClusters | None:
        own = self.concentration
        return None if isinstance(own, tuple) else FiniteClusters(own)

    def weighted(self, weights: Array, concentration: Array) -> Values:
        return {"weights": weights}

    def __str__(self) -> str:
        return str(self.prior)
