"""The corrections for errors of classification, solved: what each takes from the first step is in `measured.py`."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inference.external.classification import modal
from inference.external.measured import FirstStep
from inference.external.sandwich import bread, covariance
from inference.external.solving import solve
from inference.external.structural import Structural
from inference.external.uncertainty import precision_of, variation
from inference.external.units import Units
from inference.results import PointFit
from mixtures.errors import FitError

CORRECTIONS = {
    "ml": "by maximum likelihood with the errors of assignment held",
    "bch": "by Bolck, Croon and Hagenaars' weights",
    "two-step": "in two steps, the measurement model held",
    "none": "without a correction",
}
"""And what each is called in a heading."""

NOT_AT_REST = "The search had not come to rest: an estimate may be on its bound, or infinite."
NO_MAXIMUM = "The fit is at no maximum: standard errors take the first step's estimates for known."


@dataclass(frozen=True, eq=False)
class Solved:
    """A structural model's parameters.

    Args:
        theta: (size,).
        covariance: of them.
        before: the probabilities of the units' classes by the first step.
        shares: w_ik at the root.
        table: the classification table.
        notes: what went wrong, sentences.
    """

    theta: Float[np.ndarray, " size"]
    covariance: Float[np.ndarray, "size size"]
    before: Float[np.ndarray, "units classes"]
    shares: Float[np.ndarray, "units classes"]
    table: Float[np.ndarray, "classes assigned"]
    notes: tuple[str, ...]


def solved(
    fit: PointFit, units: Units, structural: Structural, is_known: np.ndarray, correction: str, assignment: str
) -> Solved:
    """The structural model of the units whose external variable is known; errors of assignment are those of all.

    Raises:
        FitError: the estimates have no errors, since the data do not tell them apart.
    """
    posterior, times, notes = units.posterior(fit.parameters), units.times[is_known], []
    first = FirstStep(units, is_known, correction, modal(posterior) if assignment == "modal" else None)
    measured = first.at(fit.parameters)
    theta = structural.solve(posterior[is_known] if measured.given is None else measured.given, times)
    if measured.evidence is not None:
        theta, is_at_rest = solve(structural, measured.evidence, times, theta)
        notes += [] if is_at_rest else [NOT_AT_REST]
    shares = measured.shares(structural, theta)
    try:
        inverse = bread(structural, theta, shares, times, measured.evidence)
    except np.linalg.LinAlgError as error:
        raise FitError(
            "external",
            got="estimates that the data do not tell apart",
            expected="classes that differ, and rows of each",
            advice="Use fewer covariates, or a fit with fewer components.",
        ) from error
    precision = None if correction == "none" else precision_of(fit, first)
    notes += [NO_MAXIMUM] if precision is None and correction != "none" else []
    moved = None if precision is None else variation(precision, first, structural, theta)
    spread = covariance(inverse, structural.estimating(theta, shares), times, moved)
    return Solved(theta, spread, posterior[is_known], shares, first.table(posterior), tuple(notes))
