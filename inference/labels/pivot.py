"""The pivot: the one labelled solution that a method matches the draws to, and how a user may name it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from inference.labels.ecr import ecr
from inference.labels.evidence import Evidence
from mixtures.errors import DataError, in_words
from mixtures.tables import whole_numbers


@dataclass(frozen=True, eq=False)
class Pivot:
    """A clustering and component parameters under one labelling.

    Args:
        name: what it is, for the record.
        parameters: one row a component, (components, columns), as `Evidence.parameters`.
        classify: gives each row's label; asked only by the methods that need one.
    """

    name: str
    parameters: Float[np.ndarray, "components columns"]
    classify: Callable[[], Int[np.ndarray, " rows"]]

    @cached_property
    def clustering(self) -> Int[np.ndarray, " rows"]:
        """Each row's label; -1 for a component that is not looked at."""
        return self.classify()


def find_pivot(evidence: Evidence, pivot: Any = None) -> Pivot:
    """Make a pivot of what the user gave.

    Args:
        evidence: the draws.
        pivot: None for the draw of highest log posterior density (the nearest to the MAP among the draws), the index
            of a draw with chains one after the other, a clustering of all rows, or a point fit of the same model.

    Returns:
        The pivot under its own labelling.

    Raises:
        DataError: no such draw, a clustering of the wrong length or with other labels, or no density to choose by.
    """
    if hasattr(pivot, "parameters"):
        return _from_fit(evidence, pivot.parameters)
    if pivot is None or (isinstance(pivot, int | np.integer) and not isinstance(pivot, bool)):
        draw = _best_draw(evidence) if pivot is None else int(pivot)
        return _from_draw(evidence, draw)
    return _from_clustering(evidence, pivot)


def _from_draw(evidence: Evidence, draw: int) -> Pivot:
    draws = len(evidence.parameters)
    if not 0 <= draw < draws:
        raise DataError("pivot", got=in_words(draw), expected=f"a draw's index in [0, {draws})")
    return Pivot(f"draw {draw}", evidence.parameters[draw], lambda: evidence.classified_draw(draw))


def _best_draw(evidence: Evidence) -> int:
    if evidence.log_density is None:
        raise DataError(
            "pivot",
            got="None, and a posterior without sample_stats.log_posterior",
            expected="the log density of each draw, to take the best",
            advice="Pass pivot= a draw's index, a clustering or a point fit.",
        )
    return int(np.nanargmax(evidence.log_density))


def _from_fit(evidence: Evidence, values: dict[str, np.ndarray]) -> Pivot:
    missing = sorted(set(evidence.sites) - set(values))
    if missing:
        raise DataError("pivot", got=f"a fit without {', '.join(missing)}", expected="a fit of the same model")
    return Pivot("point fit", evidence.columns_at(values), lambda: evidence.classified_at(values))


def _from_clustering(evidence: Evidence, given: Any) -> Pivot:
    rows, components = evidence.units, evidence.draws.sizes["components"]
    expected = (
        f"a label in 0, ..., {components - 1} for each of {rows} {'rows' if evidence.is_of_rows else 'assignments'}"
    )
    labels = whole_numbers("pivot", given, rows, expected)
    if labels.max() >= components:
        raise DataError("pivot", got=f"{labels.max()} at row {labels.argmax()}", expected=expected)
    labels = evidence.numbered(labels if evidence.rows is None else labels[evidence.rows])
    # A clustering has no parameters: take those of the draw that agrees best with it, under its labels.
    matched = ecr(evidence.responsibilities, labels, evidence.components)
    nearest = int(matched.cost.argmin())
    return Pivot("clustering", evidence.parameters[nearest][matched.permutations[nearest]], lambda: labels)
