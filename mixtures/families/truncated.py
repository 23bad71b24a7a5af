"""A family of which only what fell between two bounds was kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float

from mixtures.errors import DataError, ModelError, in_words
from mixtures.families.around import Around, check_of_cells
from mixtures.families.columns import rows_where
from mixtures.families.family import Family
from mixtures.families.members import can_be, parts_of
from mixtures.families.parameter_free import Bound, checked_bound, number
from mixtures.families.parts import Parts
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import GivenPriors, freeze, override


@dataclass(frozen=True)
class Truncated(Around):
    """The family given that every cell lies between `low` and `high`, both included: what lay beyond was not recorded at all.

    Cells that were recorded as "beyond" are censored and not truncated: `Observations(x, lower=, upper=)`. The sites are the family's own,
    of its distribution before anything was cut off; its default priors are scaled to what was kept. `Truncated(Poisson(), low=1)` has no
    zeros.

    Args:
        family: a family whose cells have distribution functions, such as `Gaussian` or `Gamma`.
        low: lower bound, one number or one for each column; minus infinity: none.
        high: upper bound; infinity: none.
        priors: `{site: prior}` in place of the family's own.

    Raises:
        ModelError: no bound, or a lower one that is not below the upper one; or a family without a distribution function.
        ChoiceError: a prior of an unknown site.

    Example:
        >>> from mixtures import Mixture
        >>> from mixtures.families import Exponential
        >>> print(Mixture(2, Truncated(Exponential(), low=0.5)))
        A mixture of 2 components
        <BLANKLINE>
            weights       ~ Dirichlet(1)
            rate[k]       ~ Gamma(2, mean(x))
            assignment[i] ~ Categorical(weights)
            obs[i]        ~ Truncated(Exponential(rate[assignment[i]]), 0.5, inf)
        <BLANKLINE>
            k = 1, ..., 2; i = 1, ..., n
    """

    family: Family
    low: Bound = -np.inf
    high: Bound = np.inf
    priors: GivenPriors = field(default=(), kw_only=True)

    def __post_init__(self):
        _check_member(self.family)
        for name in ("low", "high"):
            object.__setattr__(self, name, checked_bound(name, getattr(self, name)))
        if (
            not np.all(np.asarray(self.low) < np.asarray(self.high))
            or not np.isfinite([*np.ravel(self.low), *np.ravel(self.high)]).any()
        ):
            raise ModelError("low, high", got=f"{self.low}, {self.high}", expected="low < high, not both infinite")
        object.__setattr__(self, "priors", freeze(self.priors))
        override(self.family.priors_by_site, self.priors)

    def parts(self) -> Parts:
        member = parts_of(self.family)
        example = member.support.example
        if not np.all((np.asarray(self.low) <= example) & (example <= np.asarray(self.high))):
            # inside for every column, or the density there is masked anyway
            low, high = np.max(self.low), np.min(self.high)
            example = float(low if np.isfinite(low) else high)
        return self.parts_with(support=replace(member.support, example=example))

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        low, high = (ppl.array(number(bound)) for bound in (self.low, self.high))
        return self.of_cells(ppl, parameters, features, lambda cell: ppl.dist.Truncated(cell, low, high))

    def _can_be(self, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
        """The rows between the bounds, if the family can be them."""
        return rows_where((x >= self.low) & (x <= self.high), x, components) & can_be(self.family, x, components)

    def check(self, x: Observations) -> None:
        """Rows beyond the bounds are of no component, or of others.

        Raises:
            DataError: covariance matrices of errors, or covariances of the family, by which columns hang together.
        """
        if x.errors is not None and x.errors.ndim == 3:
            raise DataError(
                "errors",
                got="covariance matrices, and cells that were cut off",
                expected="standard errors in the shape of x: of correlated columns cells have no distribution functions of their own",
                advice="Where errors are independent, pass the square roots of the variances.",
            )
        self.check_cells(x)
        self.family.check(x)


def _check_member(family: Family) -> None:
    """Check that a family's cells can be cut off.

    Raises:
        ModelError: they cannot, or are already.
    """
    check_of_cells(family, "Truncated")
    if isinstance(family, Truncated):
        raise ModelError("family", got="a Truncated", expected="a family whose cells are not cut off yet")
    if parts_of(family).point is not None and not parts_of(family).support.is_discrete:
        raise ModelError(
            "family",
            got=f"{in_words(family)}, of which some cells are {parts_of(family).point:g}",
            expected="a family whose cells have a density",
            advice="Cut off what has the density: SemiContinuous(Truncated(Gamma(), high=9.0)).",
        )
