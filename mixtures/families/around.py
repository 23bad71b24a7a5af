"""A family made of another: it has the other's sites and starts, and changes what a row looks like."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float

from mixtures.errors import DataError, ModelError, in_words
from mixtures.families.family import Draw, Family
from mixtures.families.members import check_family, parts_of, started, with_covariates
from mixtures.families.parts import Parts
from mixtures.families.product import Product
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import GivenPriors, Prior, override


class Around(Family):
    """What such families share; one is a frozen dataclass with these two fields, and says `emission`, `check`, and `can_be` of its rows."""

    family: Family
    priors: GivenPriors

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(self.family.priors_by_site, self.priors)

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return self.family.shared(ppl, draw, features)

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return self.family.per_component(ppl, draw, features)

    def start(
        self, x: np.ndarray, rows: np.ndarray, components: int, covariates: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        return started(self.family, x, rows, components, covariates)

    def parts_with(self, **changes: Any) -> Parts:
        """The other's parts with changes, and without those that are of its own rows alone: covariances, the M-step."""
        member = parts_of(self.family)
        return replace(
            member,
            with_covariates=self._with_covariates if member.needs_covariates else None,
            can_be=self._can_be,
            covariances=None,
            closed_form=None,
            **changes,
        )

    def of_cells(
        self,
        ppl: PPL,
        parameters: Mapping[Any, Array],
        features: int | None,
        around: Callable[[Distribution], Distribution],
    ) -> Distribution:
        """The other's rows, with something made of the distribution of each cell; what this family stands in comes after."""
        outer = parameters.get("around", lambda cell: cell)
        return self.family.emission(ppl, {**parameters, "around": lambda cell: outer(around(cell))}, features)

    def check_cells(self, x: Observations) -> None:
        """Check that cells have distributions of their own.

        Raises:
            DataError: columns are correlated.
        """
        if not parts_of(self.family).has_distribution_function(x.features):
            raise DataError(
                "x",
                got=f"{x.features} columns, which hang together in {in_words(self.family)}",
                expected=f"columns that are independent within a component, where {type(self).__name__} is said of each cell",
                advice="Of correlated columns none has a distribution of its own: covariance='diag'.",
            )

    @abstractmethod
    def _can_be(self, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
        """See `Parts.can_be`."""

    def _with_covariates(self, count: int) -> Self:
        return replace(self, family=with_covariates(self.family, count))  # type: ignore[type-var]  # these are dataclasses


def check_of_cells(family: Any, what: str) -> None:
    """Check that something can be made of the distributions of a family's cells.

    Args:
        family: the family.
        what: the name of what is made of it.

    Raises:
        ModelError: it is none, has other families for other columns, or cells without distribution functions.
    """
    check_family("family", family)
    if isinstance(family, Product):
        raise ModelError(
            "family",
            got="a Product",
            expected="a family of one kind of columns",
            advice=f"Say it of each column's family: Product({{'a': {what}(...), ...}}).",
        )
    if parts_of(family).ties_groups:
        raise ModelError(
            "family",
            got="random effects: rows of a group depend on each other, and a cell has no distribution function of its own",
            expected="a family whose cells have distribution functions",
            advice=f"Leave out random= beneath {what}.",
        )
    if not parts_of(family).has_distribution_function(None):
        raise ModelError(
            "family",
            got=f"{in_words(family)}, which has no distribution function",
            expected="a family whose cells have distribution functions",
        )
