"""The pivot: the one labelled solution that a method matches the draws to, and how a user may name it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from inference.labels.ecr import ecr
from inference.labels.evidence import Evidence
from mixtures.errors import DataError


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
    if pivot is None or isinstance(pivot, int | np.integer):
        draw = _best_draw(evidence) if pivot is None else int(pivot)
        return _from_draw(evidence, draw)
    try:
        labels = np.asarray(pivot)
    except ValueError:  # rows of several lengths
        labels = np.array(None)
    return _from_clustering(evidence, labels)


def _from_draw(evidence: Evidence, draw: int) -> Pivot:
    draws = len(evidence.parameters)
    if not 0 <= draw < draws:
        raise DataError("pivot", got=str(draw), expected=f"a draw's index in [0, {draws})")
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


def _from_clustering(evidence: Evidence, labels: np.ndarray) -> Pivot:
    rows, components = evidence.tree["observed_data"].sizes["rows"], evidence.draws.sizes["components"]
    if labels.shape != (rows,) or labels.dtype.kind not in "iu" or not np.isin(labels, range(components)).all():
        raise DataError(
            "pivot",
            got=f"an array of dtype {labels.dtype} and shape {labels.shape}",
            expected=f"a label in 0, ..., {components - 1} for each of {rows} rows",
        )
    labels = evidence.numbered(labels if evidence.rows is None else labels[evidence.rows])
    # A clustering has no parameters: take those of the draw that agrees best with it, under its labels.
    matched = ecr(evidence.responsibilities, labels, evidence.components)
    nearest = int(matched.cost.argmin())
    return Pivot("clustering", evidence.parameters[nearest][matched.permutations[nearest]], lambda: labels)
