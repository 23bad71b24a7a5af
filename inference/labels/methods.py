"""The relabelling methods by name, each fed with what it needs from the evidence and the pivot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.labels.data_based import data_based
from inference.labels.ecr import ecr
from inference.labels.ecr_iterative_1 import ecr_iterative_1
from inference.labels.ecr_iterative_2 import ecr_iterative_2
from inference.labels.evidence import Evidence
from inference.labels.ordering import ordering
from inference.labels.permutations import Permutations, Relabelling, combined
from inference.labels.pivot import Pivot, find_pivot
from inference.labels.pra import pra
from inference.labels.sjw import sjw
from inference.labels.stephens import stephens


@dataclass(frozen=True)
class Task:
    """What a method is handed: the evidence, the pivot, and for ordering the site to sort by."""

    evidence: Evidence
    pivot: Pivot
    by: str | None = None

    def start(self) -> Permutations:
        """Where the iterative methods begin: a perfectly switching chain has no labelling of its own to improve."""
        return ecr(self.evidence.responsibilities, self.pivot.clustering, self.evidence.components).permutations


def _ecr(task: Task) -> Relabelling:
    evidence = task.evidence
    is_sampled = evidence.sampled is not None
    assignments = evidence.assignments if is_sampled else evidence.responsibilities
    return ecr(assignments, task.pivot.clustering, evidence.components)


def _ordering(task: Task) -> Relabelling:
    return ordering(ordering_parameter(task.evidence, task.by))


def ordering_parameter(evidence: Evidence, by: str | None) -> np.ndarray:
    """The column to sort by: of the named site, or of all but the weights, the one whose components lie farthest apart,
    (draws, components).
    """
    names = [by] if by else [name for name in evidence.sites if name != "weights"] or list(evidence.sites)
    columns = np.concatenate([evidence.columns(name) for name in names], axis=2)
    ranked = np.sort(columns, axis=1)
    spread = np.sqrt((ranked.std(axis=0) ** 2).mean(axis=0))
    # the smallest gap between neighbours in the mean, in standard deviations
    gaps = np.diff(ranked.mean(axis=0), axis=0).min(axis=0, initial=np.inf)
    separation = np.divide(gaps, spread, out=np.zeros_like(gaps), where=spread > 0)
    return columns[:, :, separation.argmax()]


METHODS: dict[str, Callable[[Task], Relabelling]] = {
    "ecr": _ecr,
    "ecr-iterative-1": lambda t: ecr_iterative_1(t.evidence.assignments, t.evidence.components, t.start()),
    "ecr-iterative-2": lambda t: ecr_iterative_2(t.evidence.responsibilities, t.start()),
    "stephens": lambda t: stephens(t.evidence.responsibilities, t.start()),
    "pra": lambda t: pra(t.evidence.parameters, t.pivot.parameters),
    "ordering": _ordering,
    "data-based": lambda t: data_based(
        t.evidence.assignments, t.evidence.observations, t.evidence.components, t.pivot.clustering
    ),
    "sjw": lambda t: sjw(t.evidence.responsibilities, t.evidence.parameters, t.evidence.log_joint, t.start()),
}


def tasks(evidence: Evidence, pivot: Any = None, by: str | None = None) -> list[Task]:
    """One for each group of components that may be exchanged; none where all are told apart by the declaration."""
    parts = [evidence.within(group) for group in evidence.groups]
    return [Task(part, find_pivot(part, pivot), by) for part in parts]


def solved(method: str, tasks: list[Task], evidence: Evidence) -> Relabelling:
    """A method's relabelling within each group, the other components left in place."""
    parts = [(task.evidence.members, METHODS[method](task)) for task in tasks]
    return combined(method, parts, draws=int(np.prod(evidence.shape)), components=evidence.components)
