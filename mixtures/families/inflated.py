"""A share of the cells at one value, the others by a family: extra zeros, hurdles, and measurements that are often exactly 0."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mixtures.checks import is_number
from mixtures.errors import DataError, ModelError, in_words
from mixtures.families.around import Around, check_of_cells
from mixtures.families.columns import jitter
from mixtures.families.family import Draw, Family
from mixtures.families.members import can_be, parts_of
from mixtures.families.parts import Parts
from mixtures.families.poisson import Poisson
from mixtures.families.support import with_point
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Beta, GivenPriors, Prior, freeze, override

# half an observation of each kind: keeps the mode inside, as in Galindo-Garre & Vermunt (2006)
GATE = Beta(1.5, 1.5)


class Gated(Around):
    """What such families share: the site `gate`, the share of the cells at `at`, beside the sites of the other; one says `_cell`."""

    at: float = 0.0

    def __post_init__(self):
        name = type(self).__name__
        check_of_cells(self.family, name)
        if "gate" in self.family.priors_by_site:
            expected = "a family without a share of cells at one value"
            raise ModelError("family", got=f"{in_words(self.family)}, whose gate this is", expected=expected)
        self._check_member()
        object.__setattr__(self, "priors", freeze(self.priors))
        override({"gate": GATE, **self.family.priors_by_site}, self.priors)

    def _check_member(self) -> None:
        """Check that the family is one of counts.

        Raises:
            ModelError: it is one of measurements, or of categories.
        """
        support = parts_of(self.family).support
        if not support.is_discrete or support.categories is not None:
            raise ModelError(
                "family",
                got=in_words(self.family),
                expected="a family of counts",
                advice="Measurements that are often exactly 0 are SemiContinuous(Gamma()), say.",
            )

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override({"gate": GATE, **self.family.priors_by_site}, self.priors)

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        shape, dims = ((), ()) if features is None else ((features,), ("features",))
        return {"gate": draw("gate", shape=shape, dims=dims)} | super().per_component(ppl, draw, features)

    def emission(self, ppl: PPL, parameters: Mapping[Any, Array], features: int | None) -> Distribution:
        return self.of_cells(ppl, parameters, features, lambda cell: self._cell(ppl, cell, parameters["gate"]))

    @abstractmethod
    def _cell(self, ppl: PPL, cell: Distribution, gate: Array) -> Distribution:
        """The distribution of a cell, made of the family's."""

    def start(
        self, x: np.ndarray, rows: np.ndarray, components: int, covariates: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        gate = 1 / (1 + np.exp(1.0 - 0.5 * jitter(rows, (components, *x.shape[1:]))))
        return {"gate": gate} | super().start(x, rows, components, covariates)

    def _can_be(self, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
        """Any component can be at the value; of other cells the family judges."""
        return can_be(self.family, np.where(x == self.at, np.nan, x), components)

    def check(self, x: Observations) -> None:
        self.check_cells(x)
        # what the family need not be able to describe is given a value that it can
        self.family.check(x.with_values(np.where(x.x == self.at, parts_of(self.family).support.example, x.x)))


@dataclass(frozen=True)
class ZeroInflated(Gated):
    """Counts that are 0 with probability `gate`, and else by a family, which may be 0 too (Lambert 1992).

    To have the extra zeros as a component of their own, declare `PerComponent([PointMass(0.0), Poisson()])`.

    Args:
        family: a family of counts, a regression of counts too.
        priors: `{site: prior}` in place of the family's own, and of that of the share `gate` (components[, features]).

    Raises:
        ModelError: a family that is none of counts, or has such a share already.
        ChoiceError: a prior of an unknown site.

    Example:
        >>> from mixtures import Mixture
        >>> from mixtures.families import NegativeBinomial
        >>> print(Mixture(2, ZeroInflated(Poisson())))
        A mixture of 2 components
        <BLANKLINE>
            weights       ~ Dirichlet(1)
            gate[k]       ~ Beta(1.5, 1.5)
            rate[k]       ~ Gamma(2, 1/mean(x))
            assignment[i] ~ Categorical(weights)
            obs[i]        ~ ZeroInflated(Poisson(rate[assignment[i]]), gate[assignment[i]])
        <BLANKLINE>
            k = 1, ..., 2; i = 1, ..., n
        >>> sorted(ZeroInflated(NegativeBinomial()).priors_by_site)
        ['concentration', 'gate', 'rate']
    """

    family: Family
    priors: GivenPriors = field(default=(), kw_only=True)

    def parts(self) -> Parts:
        return self.parts_with()

    def _cell(self, ppl: PPL, cell: Distribution, gate: Array) -> Distribution:
        return ppl.dist.ZeroInflated(cell, gate)


@dataclass(frozen=True)
class ZeroInflatedPoisson(ZeroInflated):
    """`ZeroInflated(Poisson())`: counts that are 0 with probability `gate`, else Poisson with `rate`, within a component."""

    family: Family = field(default_factory=Poisson)


@dataclass(frozen=True)
class Hurdle(Gated):
    """Counts that are 0 with probability `gate`, and else by a family given that they are not 0 (Mullahy 1986).

    Unlike extra zeros, those of a hurdle may be fewer than the family has by itself. Default priors are scaled to what is not 0.

    Args:
        family: a family of counts, a regression of counts too.
        priors: `{site: prior}` in place of the family's own, and of that of the share `gate` (components[, features]).

    Raises:
        ModelError: a family that is none of counts, or has such a share already.
        ChoiceError: a prior of an unknown site.

    Example:
        >>> from mixtures import Mixture
        >>> str(Mixture(2, Hurdle(Poisson()))).splitlines()[6].strip()
        'obs[i]        ~ Hurdle(Poisson(rate[assignment[i]]), gate[assignment[i]])'
    """

    family: Family
    priors: GivenPriors = field(default=(), kw_only=True)

    def parts(self) -> Parts:
        return self.parts_with(point=self.at)

    def _cell(self, ppl: PPL, cell: Distribution, gate: Array) -> Distribution:
        return ppl.dist.Hurdle(cell, gate)


@dataclass(frozen=True)
class SemiContinuous(Gated):
    """Measurements that are exactly `at` with probability `gate`, and else by a family: rain, spending, a dose (Aitchison 1955).

    Densities are probabilities where a cell is `at`. Default priors are scaled to the other cells.

    Args:
        family: a family of measurements, such as `Gamma`, `LogNormal` or `Beta`.
        at: the value; for a Beta it may be 1.
        priors: `{site: prior}` in place of the family's own, and of that of the share `gate` (components[, features]).

    Raises:
        ModelError: `at` is not a finite number, or a family that is none of measurements, or has such a share already.
        ChoiceError: a prior of an unknown site.

    Example:
        >>> from mixtures import Mixture
        >>> from mixtures.families import Gamma
        >>> str(Mixture(2, SemiContinuous(Gamma(), at=0.0))).splitlines()[7].strip()
        'obs[i]           ~ SemiContinuous(Gamma(concentration[assignment[i]], rate[assignment[i]]), gate[assignment[i]], at=0.0)'
    """

    family: Family
    at: float = 0.0
    priors: GivenPriors = field(default=(), kw_only=True)

    def __post_init__(self):
        if not is_number(self.at) or not np.isfinite(float(self.at)):
            raise ModelError("at", got=in_words(self.at), expected="a finite number")
        object.__setattr__(self, "at", float(self.at))
        super().__post_init__()

    def _check_member(self) -> None:
        if parts_of(self.family).support.is_discrete:
            raise ModelError(
                "family",
                got=in_words(self.family),
                expected="a family of measurements",
                advice="Counts with extra zeros are ZeroInflated(Poisson()), say, or Hurdle(Poisson()).",
            )

    def parts(self) -> Parts:
        return self.parts_with(point=self.at, support=with_point(parts_of(self.family).support, self.at))

    def _cell(self, ppl: PPL, cell: Distribution, gate: Array) -> Distribution:
        legal = ppl.array(parts_of(self.family).support.example)
        return ppl.dist.SemiContinuous(cell, gate, at=ppl.array(self.at), legal=legal)

    def check(self, x: Observations) -> None:
        super().check(x)
        if x.lower is not None and (x.lower == self.at).any():
            raise DataError(
                "lower",
                got=f"a bound of {self.at:g}, which a share of the cells is",
                expected="bounds that say whether these are meant",
                advice="Put NaN where all values below the upper bound are.",
            )
