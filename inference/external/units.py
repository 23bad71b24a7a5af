"""The units that are classified, rows or groups of rows: what the first step says of the class of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from inference.backends import Bound, bind
from inference.results import PointFit
from inference.uncertainty.same_data import same_data
from mixtures.assignments.logarithms import logsumexp
from mixtures.errors import ModelError
from mixtures.ppl.sums import summed


@dataclass(frozen=True, eq=False)
class Units:
    """What was classified.

    Args:
        bound: the problem of the first step.
        names: what the classes are called.
        times: how often each unit counts.
        first: the row of each unit, of a group its first.
        group: of groups, the unit of each row; else None.
    """

    bound: Bound
    names: tuple[Any, ...]
    times: Float[np.ndarray, " units"]
    first: Int[np.ndarray, " units"]
    group: Int[np.ndarray, " rows"] | None

    @property
    def noun(self) -> str:
        """What units are called."""
        return "rows" if self.group is None else "groups"

    def posterior(self, parameters: Mapping[str, np.ndarray]) -> Float[np.ndarray, "units classes"]:
        """P(z_i = k | x_i, parameters)."""
        joint = self.bound.log_joint(parameters)[self.first]
        return np.exp(joint - logsumexp(np, joint, 1)[:, None])

    def emissions(self, parameters: Mapping[str, np.ndarray]) -> Float[np.ndarray, "units classes"]:
        """log p(x_i | z_i = k, parameters): the measurement model alone."""
        table = self.bound.emissions_at(parameters)
        return table if self.group is None else summed(np, table, self.group, len(self.first))


def units_of(fit: PointFit, x: Any, correction: str) -> Units:
    """The units of a fit, whose data `x` must be.

    Raises:
        DataError: other data than the fit's.
        FitError: a fit that is unsound.
        ModelError: no single assignment a row or a group; or weights that depend on covariates already, and a correction by which they may not.
    """
    observations = same_data(fit, x)
    bound = bind(fit.program, observations, fit.backend)
    _check_program(bound, correction)
    first, group, times = np.arange(len(bound.x)), None, bound.x.times
    if bound.sites.is_of_groups and bound.x.first_of_group is not None:
        first, group = bound.x.first_of_group, bound.x.group
        times = (np.bincount(group, bound.x.informative, len(first)) > 0).astype(np.float64)
    classes = bound.sites.assignments[0].categories
    names = fit.components if len(fit.components) == classes else tuple(range(classes))
    return Units(bound, names, times, first, group)


def _check_program(bound: Bound, correction: str) -> None:
    sites, mixture = bound.sites, bound.program.mixture
    if sites.is_chain:
        raise ModelError(
            "program",
            got="rows that follow one another, a hidden Markov chain",
            expected="one assignment a row, or a group of rows, that external variables may go with",
            advice="Use the covariates in the chain itself: MarkovGating.",
        )
    if sites.is_of_groups and sites.law is not None and not sites.law.shares_assignment:
        raise ModelError(
            "program",
            got=sites.together,
            expected="one assignment a row, or a group of rows, that external variables may go with",
            advice="Fit the rows without classes of groups, or groups that share a component: PerGroup().",
        )
    if not sites.has_hub or len(sites.assignments) != 1:
        raise ModelError(
            "program",
            got=f"{len(sites.assignments)} assignments, or some that are not of rows",
            expected="a single assignment for each row, or for each group of rows",
            advice="Use a Mixture, or a program with one assignment a row.",
        )
    if sites.assignments[0].categories == 1:
        raise ModelError("fit", got="one component", expected="two at least, between which something may differ")
    if mixture is None and correction == "two-step":
        raise ModelError(
            "correction",
            got='"two-step" and a program of your own',
            expected="a Mixture, which has its measurement model apart from its weights",
            advice='Use correction="ml" or "bch", which need the probabilities of classes alone.',
        )
    law = None if mixture is None else mixture.assignment
    if law is not None and (law.needs_covariates or law.keeps_groups) and correction in ("ml", "bch"):
        raise ModelError(
            "correction",
            got=f"{correction!r}, and weights that depend on covariates or groups already ({law})",
            expected="misclassification that is the same for all rows",
            advice='Use correction="two-step", which holds the emissions alone; or fit the model without covariates in its weights.',
        )
