"""A family made of another: it has the other's sites and starts, and changes what a row looks like."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float

from mixtures.families.family import Draw, Family
from mixtures.families.members import parts_of, started, with_covariates
from mixtures.families.parts import Parts
from mixtures.ppl.protocol import PPL, Array
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

    @abstractmethod
    def _can_be(self, x: Float[np.ndarray, "rows ..."], components: int) -> Bool[np.ndarray, "rows components"]:
        """See `Parts.can_be`."""

    def _with_covariates(self, count: int) -> Self:
        return replace(self, family=with_covariates(self.family, count))  # type: ignore[type-var]  # these are dataclasses
