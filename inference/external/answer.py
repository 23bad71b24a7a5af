"""The result of `external`, put together: what is solved for becomes what is read."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from inference.external.corrections import CORRECTIONS, Solved, solved
from inference.external.logit import INTERCEPT
from inference.external.reading import Variable
from inference.external.result import External
from inference.external.units import Units
from inference.external.wald import estimates, tests_of_classes, tests_of_covariates
from inference.parameter_table import heading
from inference.results import PointFit
from mixtures.errors import DataError
from mixtures.memory import check_memory

TAKEN_OVER = 0.2
"""The share of units that change their class from which an outcome has changed the classes (Asparouhov & Muthén 2014)."""


ARRAYS = 4
"""How many arrays of numbers by unit, class and parameter are held at once."""


def answer(
    fit: PointFit,
    units: Units,
    variable: Variable,
    correction: str,
    assignment: str,
    reference: int,
    level: float,
) -> External:
    """What `external` returns.

    Raises:
        DataError: hardly a unit whose external variable is known.
    """
    names, values = units.names, variable.of_units(units)
    is_known = ~np.isnan(values).any(axis=1) & (units.times > 0)
    if is_known.sum() < 2:
        raise DataError(variable.what, got=f"{is_known.sum()} {units.noun} with a value", expected="two at least")
    structural = variable.structural(values[is_known], len(names), reference)
    shown = structural.reported()
    cells = is_known.sum() * len(names) * shown.matrix.shape[1]
    check_memory("external", 8.0 * ARRAYS * cells, "Use fewer covariates, or the rows of a sample.")
    found = solved(fit, units, structural, is_known, correction, assignment)
    numbers, spread = shown.offset + shown.matrix @ found.theta, shown.matrix @ found.covariance @ shown.matrix.T
    tests = (
        tests_of_covariates(shown.lines, numbers, spread, INTERCEPT)
        if shown.compared is None
        else tests_of_classes(names, shown.compared, numbers, spread)
    )
    against = names[reference] if variable.kind == "covariates" else None
    left = int((~is_known).sum())
    return External(
        estimates=estimates([(names[k], name) for k, name in shown.lines], numbers, spread, shown.unit, level),
        tests=tests,
        covariance=spread,
        classification=_classification(found.table, names),
        kind=variable.kind,
        correction=correction,
        assignment=assignment,
        reference=against,
        level=level,
        used=int(is_known.sum()),
        left_out=left,
        heading=_heading(variable.asked(), against, correction, assignment, f"{is_known.sum()} {units.noun}", left),
        notes=(
            *found.notes,
            *(f"{_first(heading(names[k]))}: {text}." for k, text in structural.findings(found.theta)),
            *(_changed(found, units.times[is_known], units.noun) if shown.compared is not None else ()),
        ),
    )


def _heading(asked: str, against: Any, correction: str, assignment: str, used: str, left: int) -> str:
    how = CORRECTIONS[correction] + ("" if correction == "two-step" else f", {assignment} assignment")
    lines = f"{asked}{'' if against is None else f' against {heading(against)}'}, {how}: {used}"
    return lines + (f", {left} left out" if left else "")


def _first(name: str) -> str:
    """A name at the beginning of a sentence."""
    return name[:1].upper() + name[1:]


def _classification(table: Float[np.ndarray, "classes assigned"], names: tuple[Any, ...]) -> pd.DataFrame:
    index, columns = pd.Index(names, name="component"), pd.Index(names, name="assigned")
    return pd.DataFrame(table, index=index, columns=columns)


def _changed(found: Solved, times: Float[np.ndarray, " units"], noun: str) -> list[str]:
    """Whether an outcome has changed the classes: then the question was another."""
    if found.shares.min() < 0:
        return []  # weights, and no probabilities
    share = float(times @ (found.shares.argmax(axis=1) != found.before.argmax(axis=1)) / times.sum())
    if share <= TAKEN_OVER:
        return []
    return [
        f"{share:.0%} of {noun} change their most probable class with the outcome: it has changed the classes. Use bch."
    ]
