"""What the first step tells the second, as a function of its parameters: shares of classes, or evidence of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inference.external.classification import bch_shares, classification_table, misclassification
from inference.external.evidence import Evidence
from inference.external.structural import Structural
from inference.external.units import Units


@dataclass(frozen=True, eq=False)
class Measured:
    """What is known of the classes of units whose external variable is known: one of the two.

    Args:
        evidence: of their classes, held while the second step is solved.
        given: their shares, (units, classes).
    """

    evidence: Evidence | None = None
    given: Float[np.ndarray, "units classes"] | None = None

    def shares(self, structural: Structural, theta: Float[np.ndarray, " size"]) -> Float[np.ndarray, "units classes"]:
        """w_ik."""
        if self.evidence is not None:
            return self.evidence.shares(structural.log_joint(theta))
        assert self.given is not None  # one of the two
        return self.given


@dataclass(frozen=True, eq=False)
class FirstStep:
    """The first step, and what is taken from it.

    Args:
        units: what was classified.
        is_known: the units whose external variable is known.
        correction: for errors of classification.
        modal: the class to which each unit is assigned, which stays; None: in proportion.
    """

    units: Units
    is_known: np.ndarray
    correction: str
    modal: Float[np.ndarray, "units classes"] | None

    def at(self, parameters: Mapping[str, np.ndarray]) -> Measured:
        """What it tells at these parameters."""
        if self.correction == "two-step":
            emissions = self.units.emissions(parameters)[self.is_known]
            return Measured(Evidence(emissions[:, None], np.ones((len(emissions), 1))))
        posterior = self.units.posterior(parameters)
        given, table = self._assigned(posterior), self.table(posterior)
        if self.correction == "ml":
            return Measured(misclassification(given[self.is_known], table, is_modal=self.modal is not None))
        return Measured(given=(bch_shares(given, table) if self.correction == "bch" else given)[self.is_known])

    def table(self, posterior: Float[np.ndarray, "units classes"]) -> Float[np.ndarray, "classes assigned"]:
        """The classification table, of all units."""
        return classification_table(posterior, self._assigned(posterior), self.units.times)

    def _assigned(self, posterior: Float[np.ndarray, "units classes"]) -> Float[np.ndarray, "units classes"]:
        return posterior if self.modal is None else self.modal
