"""Different families for different components, where they describe the same kind of values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mixtures.errors import ModelError, in_words
from mixtures.families.family import Draw, Family
from mixtures.families.members import can_be, check_family, parts_of, started, with_covariates
from mixtures.families.parameter_free import Never, PointMass
from mixtures.families.parts import Parts, of_members
from mixtures.families.product import Product
from mixtures.observations import Observations
from mixtures.ppl.notation import Notation, Symbol
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import GivenPriors, Prior, freeze, override


@dataclass(frozen=True)
class PerComponent(Family):
    """Component k has family k; sites carry the component's number: `loc_0`, `scale_0`, `df_1`.

    Labels cannot switch between components of different families.

    Args:
        members: the families, one for each component.
        priors: `{site: prior}` in place of the families' own, under the numbered names.

    Raises:
        ModelError: no members, something that is not a family, a family of tables, or families of counts beside families of measurements.
        ChoiceError: a prior of an unknown site.

    Example:
        Extra zeros as a component of their own:

        >>> from mixtures import Mixture
        >>> from mixtures.families import Poisson
        >>> print(Mixture(2, PerComponent([PointMass(0.0), Poisson()])))
        A mixture of 2 components
        <BLANKLINE>
            weights       ~ Dirichlet(1)
            rate_1        ~ Gamma(2, 1/mean(x))
            assignment[i] ~ Categorical(weights)
            obs[i]        ~ Select(assignment[i], PointMass(0.0), Poisson(rate_1))
        <BLANKLINE>
            i = 1, ..., n
    """

    members: Sequence[Family]
    priors: GivenPriors = field(default=(), kw_only=True)

    def __post_init__(self):
        members = tuple(self.members) if isinstance(self.members, Sequence) else ()
        if not members or isinstance(self.members, str):
            raise ModelError(
                "members",
                got=in_words(self.members),
                expected="a list of families, one for each component",
                advice="PerComponent([families.Gaussian(), families.StudentT()]), say.",
            )
        for member in members:
            check_family("members", member)
        _check_alike(members)
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "priors", freeze(self.priors))
        override(self._defaults, self.priors)

    @property
    def components(self) -> int:
        """The number of components."""
        return len(self.members)

    def parts(self) -> Parts:
        each = [parts_of(member) for member in self.members]
        own = [parts.renamed(f"{{}}_{k}".format) for k, parts in enumerate(each)]
        return replace(
            of_members(own),
            effects=tuple(one._replace(component=k) for k, parts in enumerate(own) for one in parts.effects),
            support=each[-1].support,
            point=each[-1].point,
            components=len(self.members),
            # each has sites of its own, between which no value can move
            distinct_components=frozenset(range(len(self.members))),
            parameter_free_components=frozenset(
                k for k, member in enumerate(self.members) if not member.priors_by_site
            ),
            with_covariates=self._with_covariates if any(parts.needs_covariates for parts in each) else None,
            can_be=self._can_be,
            totals=any(parts.totals for parts in each),
            has_distribution_function=lambda features: all(part.has_distribution_function(features) for part in each),
        )

    def _with_covariates(self, count: int) -> "PerComponent":
        return replace(self, members=tuple(with_covariates(member, count) for member in self.members))

    @property
    def _defaults(self) -> dict[str, Prior]:
        return {
            f"{site}_{k}": prior
            for k, member in enumerate(self.members)
            for site, prior in member.priors_by_site.items()
        }

    @property
    def component_of(self) -> dict[str, int]:
        """The component whose site each is.

        Example:
            >>> from mixtures.families import Poisson
            >>> PerComponent([PointMass(0.0), Poisson()]).component_of
            {'rate_1': 1}
        """
        return {f"{site}_{k}": k for k, member in enumerate(self.members) for site in member.priors_by_site}

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(self._defaults, self.priors)

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[Any, Array]:
        drawn: dict[Any, Array] = {}
        for k, member in enumerate(self.members):
            own = _numbered(draw, k)
            parameters = {**member.shared(ppl, own, features), **member.per_component(ppl, own, features)}
            drawn |= {(k, key): value for key, value in parameters.items()}
        return drawn

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {}

    def emission(self, ppl: PPL, parameters: Mapping[Any, Array], features: int | None) -> Distribution:
        context = {key: value for key, value in parameters.items() if isinstance(key, str)}
        emissions = []
        for k, member in enumerate(self.members):
            own = {key[1]: value for key, value in parameters.items() if isinstance(key, tuple) and key[0] == k}
            emissions.append(member.emission(ppl, {**own, **context}, features))
        return ppl.dist.Select(parameters["assignment"], *emissions)

    def start(
        self, x: np.ndarray, rows: np.ndarray, components: int, covariates: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        starts: dict[str, np.ndarray] = {}
        for k, member in enumerate(self.members):
            # a member on its own is a mixture of one component: its axis is dropped
            own = started(member, x, rows[[k]], 1, covariates)
            bound = member if covariates is None else with_covariates(member, covariates.shape[1])
            axes = _sites_per_component(bound, x.shape[1] if x.ndim == 2 else None)
            starts |= {f"{site}_{k}": value[0] if site in axes else value for site, value in own.items()}
        return starts

    def _can_be(self, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
        """Each member judges of its own component."""
        return np.hstack([can_be(member, x, 1) for member in self.members])

    def check(self, x: Observations) -> None:
        for member in self.members:
            member.check(x)


def _check_alike(members: tuple[Family, ...]) -> None:
    """Check that the members' densities can be compared: counts have probabilities, measurements have densities."""
    timed = [member for member in members if not isinstance(member, Never)]  # which has neither
    kinds = {isinstance(member, PointMass) or parts_of(member).support.is_discrete for member in timed}
    points = {parts_of(member).point for member in timed}
    if len(kinds) > 1 or (len(points) > 1 and not kinds.pop()):
        raise ModelError(
            "members",
            got=", ".join(type(member).__name__ for member in members),
            expected="families of counts, or families of measurements",
            advice="A probability cannot be weighed against a density: the answer would depend on the unit. Model a column of zeros "
            "and others as two, zero or not and how much (missing where zero): Product({'any': Bernoulli(), 'amount': Gamma()}).",
        )
    if several := [type(member).__name__ for member in members if parts_of(member).distinct_components]:
        raise ModelError(
            "members",
            got=f"a {several[0]}, which is several components",
            expected="families of one component each",
            advice="List its components one by one; noise is Uniform(low, high).",
        )
    if any(isinstance(member, Product) for member in members):
        raise ModelError(
            "members",
            got="a Product",
            expected="families of one kind of columns",
            advice="Give each column its families: Product({'a': PerComponent([...]), ...}).",
        )


def _numbered(draw: Draw, k: int) -> Draw:
    return lambda site, **structure: draw(f"{site}_{k}", **structure)


def _sites_per_component(family: Family, features: int | None) -> set[str]:
    """The sites that a family draws for each component, by having it do so on paper."""
    names: set[str] = set()

    def draw(site: str, **_: Any) -> Symbol:
        names.add(site)
        return Symbol(site)

    family.per_component(Notation(), draw, features)
    return names
