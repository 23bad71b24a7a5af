"""How the mixing weights are drawn."""

from dataclasses import dataclass

import numpy as np

from mixtures import priors
from mixtures.ppl.protocol import PPL, Array


@dataclass(frozen=True)
class Dirichlet:
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
        prior = priors.Dirichlet(self.concentration)
        object.__setattr__(self, "concentration", prior.parameters[0][1])

    @property
    def prior(self) -> priors.Prior:
        """The prior of the site `weights`."""
        return priors.Dirichlet(self.concentration)

    def sample(self, ppl: PPL, components: int, numbers: dict[str, Array]) -> Array:
        """The site `weights`, shape (components,)."""
        concentration = numbers["concentration"] * ppl.xp.ones((components,))
        return ppl.sample("weights", ppl.dist.Dirichlet(concentration), dims=("components",))

    def start(self, components: int) -> np.ndarray:
        """Where optimisation starts: equal weights."""
        return np.full(components, 1 / components)

    def __str__(self) -> str:
        return str(self.prior)
