"""How the mixing weights are drawn, and whether they depend on covariates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import Dirichlet as DirichletPrior
from mixtures.priors import GivenPriors, Normal, Prior, freeze, override
from mixtures.statistics import UNIT_OFFSET, UNIT_SLOPE

Self = TypeVar("Self", bound="Weights")


class Weights(Protocol):
    """What a mixture asks of its weights."""

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        """Every site's prior."""
        ...

    @property
    def needs_covariates(self) -> bool:
        """Whether the weights vary with covariates."""
        ...

    def sample(self, ppl: PPL, draw: Any, components: int, covariates: Array | None) -> dict[str, Array]:
        """The sites, and from them what `ppl.assign` needs: `probs`, or `logits` for each row."""
        ...

    def start(self, components: int, covariates: np.ndarray | None, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Every site's value where optimisation starts."""
        ...

    def scaled_to(self: Self, x: np.ndarray, covariates: np.ndarray | None) -> Self:
        """These weights with the priors that are scaled to the data written out as numbers."""
        ...

    @property
    def structure(self: Self) -> Self:
        """These weights without the numbers of their priors."""
        ...


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
        prior = DirichletPrior(self.concentration)
        object.__setattr__(self, "concentration", prior.parameters[0][1])

    @property
    def prior(self) -> Prior:
        """The prior of the site `weights`."""
        return DirichletPrior(self.concentration)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return {"weights": self.prior}

    @property
    def needs_covariates(self) -> bool:
        return False

    def sample(self, ppl: PPL, draw: Any, components: int, covariates: Array | None) -> dict[str, Array]:
        return {"probs": draw("weights", dims=("components",), event=(components,))}

    def start(self, components: int, covariates: np.ndarray | None, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"weights": np.full(components, 1 / components)}

    def scaled_to(self, x: np.ndarray, covariates: np.ndarray | None) -> "Dirichlet":
        return self

    @property
    def structure(self) -> "Dirichlet":
        return replace(self, concentration=1.0)

    def __str__(self) -> str:
        return str(self.prior)


GATING_PRIORS = {
    # Two rows one standard deviation of a covariate apart may differ in their log odds by a few units, not by dozens: as in rstanarm,
    # after Gelman et al. (2008), Annals of Applied Statistics 2. At covariates 0, away from the data, the intercept is less known.
    "gating_intercept": Normal(0.0, UNIT_OFFSET),
    "gating_slope": Normal(0.0, UNIT_SLOPE),
}


@dataclass(frozen=True)
class Gating:
    """Weights that depend on covariates: log odds are linear in them (mixture of experts, Jacobs et al. 1991; concomitant variables).

    P(assignment_i = k) is proportional to exp(gating_intercept_k + gating_slope_k . covariates_i). All components have coefficients, so
    that they are alike; only differences between components matter, and the priors keep the common part in place. Information criteria
    count one set of coefficients less than there are components.

    Sites: `gating_intercept` (components,), `gating_slope` (components, covariates).

    Args:
        priors: `{site: prior}` in place of the defaults.

    Raises:
        ChoiceError: a prior of another site.

    Example:
        >>> sorted(Gating().priors_by_site)
        ['gating_intercept', 'gating_slope']
    """

    priors: GivenPriors = ()

    def __post_init__(self):
        object.__setattr__(self, "priors", freeze(self.priors))
        override(GATING_PRIORS, self.priors)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(GATING_PRIORS, self.priors)

    @property
    def needs_covariates(self) -> bool:
        return True

    @property
    def linear_predictors(self) -> tuple[tuple[str, str], ...]:
        """Pairs of sites, intercept and slope."""
        return (("gating_intercept", "gating_slope"),)

    @property
    def spare_sites(self) -> frozenset[str]:
        """The sites of which one component's value is free to choose."""
        return frozenset(GATING_PRIORS)

    def sample(self, ppl: PPL, draw: Any, components: int, covariates: Array | None) -> dict[str, Array]:
        assert covariates is not None  # the mixture has checked
        shape = (components, covariates.shape[1])
        intercept = draw("gating_intercept", shape=shape[:1], dims=("components",))
        slope = draw("gating_slope", shape=shape, dims=("components", "covariates"))
        # log odds_ik = a_k + b_k . c_i
        return {"logits": intercept + covariates @ slope.T}

    def start(self, components: int, covariates: np.ndarray | None, rng: np.random.Generator) -> dict[str, np.ndarray]:
        assert covariates is not None
        return {"gating_intercept": np.zeros(components), "gating_slope": np.zeros((components, covariates.shape[1]))}

    def scaled_to(self, x: np.ndarray, covariates: np.ndarray | None) -> "Gating":
        table = {site: prior.scaled_to(x, covariates) for site, prior in self.priors_by_site.items()}
        return Gating(tuple(table.items()))

    @property
    def structure(self) -> "Gating":
        return Gating(tuple((site, Prior(prior.name, ())) for site, prior in self.priors_by_site.items()))
