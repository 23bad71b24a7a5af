"""A background component for outliers, beside components of any family."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from mixtures.errors import ModelError, in_words
from mixtures.families.around import Around
from mixtures.families.family import Family
from mixtures.families.members import (
    can_be,
    check_family,
    parts_of,
)
from mixtures.families.parameter_free import Bound, Uniform
from mixtures.families.parts import Parts
from mixtures.families.product import Product
from mixtures.families.whole_rows import WholeRows
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import GivenPriors, freeze, override


@dataclass(frozen=True)
class WithNoise(Around):
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
    priors: GivenPriors = field(default=(), kw_only=True)

    def __post_init__(self):
        _check_member(self.family)
        for name in ("low", "high"):  # in their hashable form
            object.__setattr__(self, name, getattr(self.noise, name))
        object.__setattr__(self, "priors", freeze(self.priors))
        override(self.family.priors_by_site, self.priors)

    @property
    def noise(self) -> Uniform:
        """The component of the noise."""
        return Uniform(self.low, self.high, whole=parts_of(self.family).support.is_discrete)

    def parts(self) -> Parts:
        noise = frozenset({0})
        # the noise has a place without use in each site
        redundant = frozenset(self.priors_by_site)
        return self.parts_with(distinct_components=noise, parameter_free_components=noise, redundant_sites=redundant)

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        noise = self.noise.emission(ppl, parameters, features)
        family = self.family.emission(ppl, parameters, features)
        return ppl.dist.Select(parameters["assignment"], noise, family)

    def _can_be(self, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
        """Rows between the bounds can be noise; of the others the family judges."""
        return np.hstack([can_be(self.noise, x, 1), can_be(self.family, x, components)[:, 1:]])

    def check(self, x: Observations) -> None:
        self.noise.check(x)
        self.family.check(x)


def _check_member(family: Family) -> None:
    """Check that every cell of the family's rows could be noise by itself."""
    check_family("family", family)
    if isinstance(family, WithNoise):
        raise ModelError(
            "family",
            got="a WithNoise, which has noise already",
            expected="a family without noise",
            advice="For two backgrounds: PerComponent([Uniform(low, high), Uniform(low, high), Gaussian(), ...]).",
        )
    if isinstance(family, Product):
        raise ModelError(
            "family",
            got="a Product",
            expected="a family of one kind of columns",
            advice="Give each column its own noise: Product({'a': WithNoise(Gaussian(), low, high), ...}).",
        )
    if parts_of(family).components is not None:
        raise ModelError(
            "family",
            got=f"a {type(family).__name__} with a family for each component",
            expected="one family for all components",
            advice="Make the noise one of its members: PerComponent([Uniform(low, high), Gaussian(), ...]).",
        )
    if parts_of(family).point is not None and not parts_of(family).support.is_discrete:
        raise ModelError(
            "family",
            got=f"{in_words(family)}, of which some cells are {parts_of(family).point:g}",
            expected="a family whose cells have a density, against which that of the noise can be weighed",
        )
    if isinstance(family, WholeRows):
        raise ModelError(
            "family", got=f"a {type(family).__name__}", expected="cells that do not have to add up to a total"
        )
