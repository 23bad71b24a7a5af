"""A background component for outliers, beside components of any family."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mixtures.errors import ModelError
from mixtures.families.categorical import Multinomial
from mixtures.families.columns import joined
from mixtures.families.family import Draw, Family
from mixtures.families.members import circular_sites, needs_covariates, started, support_of, with_covariates
from mixtures.families.product import Product
from mixtures.families.support import Support
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Prior, Priors, freeze, override

Bound = float | tuple[float, ...]


@dataclass(frozen=True)
class WithNoise:
    """Component 0 is uniform noise between two bounds (Banfield & Raftery 1993); the others are of the given family.

    `Mixture(3, WithNoise(Gaussian(), low, high))` has noise and two Gaussians. Component 0 has a place in the family's sites too, which no
    row depends on: it stays at its prior, and information criteria do not count it. Noise among counts is uniform on whole numbers.

    Args:
        family: of the components 1, 2, ...
        low: lower bound of the noise, one number or one for each column; rows below cannot be noise.
        high: its upper bound.
        priors: `{site: prior}` in place of the family's own.

    Raises:
        ModelError: bounds that are not finite (for counts, whole) numbers, a lower one that is not below the upper one, or a family whose
            columns are not of one kind, or are tied.
        ChoiceError: a prior of an unknown site.

    Example:
        >>> from mixtures import Mixture
        >>> from mixtures.families import Exponential
        >>> print(Mixture(3, WithNoise(Exponential(), 0.0, 10.0)))
        A mixture of 3 components
        <BLANKLINE>
            weights       ~ Dirichlet(1)
            rate[k]       ~ Gamma(2, mean(x))
            assignment[i] ~ Categorical(weights)
            obs[i]        ~ Select(assignment[i], Uniform(0.0, 10.0), Exponential(rate[assignment[i]]))
        <BLANKLINE>
            k = 1, ..., 3; i = 1, ..., n
    """

    family: Family
    low: Bound
    high: Bound
    priors: Priors = field(default=(), kw_only=True)

    def __post_init__(self):
        for name in ("low", "high"):
            bound = np.asarray(getattr(self, name), dtype=float)
            object.__setattr__(self, name, float(bound) if bound.ndim == 0 else tuple(bound.tolist()))
        if not (np.isfinite(self.low).all() and np.isfinite(self.high).all()):
            raise ModelError("low, high", got=f"{self.low}, {self.high}", expected="finite bounds")
        if not np.all(np.asarray(self.low) < np.asarray(self.high)):
            raise ModelError("low, high", got=f"{self.low}, {self.high}", expected="low < high")
        if self.support.is_discrete and not (_is_whole(self.low) and _is_whole(self.high)):
            raise ModelError("low, high", got=f"{self.low}, {self.high}", expected="whole numbers, as the counts are")
        _check_member(self.family)
        object.__setattr__(self, "priors", freeze(self.priors))
        override(self.family.priors_by_site, self.priors)

    @property
    def support(self) -> Support:
        """The values that the family can describe."""
        return support_of(self.family)

    @property
    def needs_covariates(self) -> bool:
        """Whether rows depend on covariates."""
        return needs_covariates(self.family)

    def with_covariates(self, count: int) -> "WithNoise":
        """This family for that number of covariates."""
        return replace(self, family=with_covariates(self.family, count))

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(self.family.priors_by_site, self.priors)

    @property
    def spare_sites(self) -> frozenset[str]:
        """The sites in which the noise has a place without use."""
        return frozenset(self.priors_by_site)

    @property
    def circular_sites(self) -> frozenset[str]:
        """The sites that are directions."""
        return circular_sites(self.family)

    @property
    def distinct_components(self) -> frozenset[int]:
        """The components that are not like the others, whatever the priors: the noise."""
        return frozenset({0})

    def jointly(self, ppl: PPL, draw: Draw, components: int, features: int | None) -> dict[str, Array]:
        return self.family.jointly(ppl, draw, components, features) if hasattr(self.family, "jointly") else {}

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return self.family.shared(ppl, draw, features)

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return self.family.per_component(ppl, draw, features)

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        uniform = ppl.dist.DiscreteUniform if self.support.is_discrete else ppl.dist.Uniform
        noise = uniform(_number(self.low), _number(self.high))
        if features is not None:
            noise = noise.expand((features,))
        family = self.family.emission(ppl, parameters, features)
        return ppl.dist.Select(parameters["assignment"], joined(noise, parameters, features), family)

    def start(
        self, x: np.ndarray, rows: np.ndarray, components: int, covariates: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        return started(self.family, x, rows, components, covariates)

    def check(self, x: Observations) -> None:
        self.family.check(x)


def _check_member(family: Family) -> None:
    """Check that every cell of the family's rows could be noise by itself."""
    if isinstance(family, Product):
        raise ModelError(
            "family",
            got="a Product",
            expected="a family of one kind of columns",
            advice="Give each column its own noise: Product({'a': WithNoise(Gaussian(), low, high), ...}).",
        )
    if isinstance(family, Multinomial):
        raise ModelError("family", got="a Multinomial", expected="cells that do not have to add up to a total")


def _is_whole(bound: Bound) -> bool:
    return bool(np.all(np.asarray(bound) == np.round(bound)))


def _number(bound: Bound) -> float | np.ndarray:
    return bound if isinstance(bound, float) else np.array(bound)
