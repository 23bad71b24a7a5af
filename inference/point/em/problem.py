"""What EM is to do, and what it gives: what its loops take and return, whatever the backend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inference.point.em.checkpoint import Checkpoint
from inference.point.em.closed_form import Frame, State, Statistics
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.outcome import Outcome as Outcome  # what a loop returns, with the problem that it is given
from mixtures import Source


@dataclass(frozen=True, eq=False)
class EMProblem:
    """What EM is to do.

    Args:
        closed_forms: those that one compiled program serves; they differ in their M-step alone.
        which: the index of the one at work.
        x: the data's columns for this closed form, (rows, columns).
        frame: the coordinates in which EM works.
        features: how many columns the data have; None for data of shape (rows,).
        offset: what is added to an objective in EM's coordinates to have the full log likelihood in the data's.
        row_weights: (rows,), or None: 1.
        labels: (rows,), known components or -1; None: all unknown.
        fixed: whether each of the closed form's `fixable` parts stays as it is.
        is_hard: classification EM.
        tolerance: a gain below this share of the objective (or of the number of rows, if that is more) is rest.
        base: what no parameter changes, which objectives leave out: of large counts it is as large as these, and only their sum tells
            what a share of the log likelihood is.
        max_steps: M-steps at most.
        pseudo: what the prior adds to the statistics; None: the likelihood alone is maximised.
        prior_offset: what is added to the log prior density as EM knows it to have the full one.
        source: the rows that `x` is a sample of, where they need not be in memory; None: `x` are all.
        weight: how many rows the source has, each as often as it counts.
        checkpoint: where it is written down how far EM has come; None: nowhere.
        stepwise: by which rate each restart begins with a pass of stepwise EM over the source; None: it does not.
    """

    closed_forms: tuple[MixtureEM, ...]
    which: int
    x: np.ndarray
    frame: Frame
    features: int | None
    offset: float
    row_weights: np.ndarray | None
    labels: np.ndarray | None
    fixed: Mapping[str, bool]
    is_hard: bool
    tolerance: float
    max_steps: int
    pseudo: Statistics | None = None
    prior_offset: float = 0.0
    base: float = 0.0
    source: Source | None = None
    weight: float = 0.0
    checkpoint: Checkpoint | None = None
    stepwise: float | None = None

    @property
    def closed_form(self) -> MixtureEM:
        """The one at work."""
        return self.closed_forms[self.which]

    @property
    def seen(self) -> np.ndarray:
        """The columns of `x` in EM's coordinates, (columns, rows)."""
        return ((self.x - self.frame.centre) / self.frame.unit).T

    @property
    def total_weight(self) -> float:
        """How many rows there are, each as often as it counts."""
        if self.source is not None:
            return self.weight
        return float(len(self.x) if self.row_weights is None else self.row_weights.sum())


@dataclass(frozen=True, eq=False)
class EMResult:
    """What EM gave.

    Args:
        states: final states, (restarts, ...) by name.
        objectives: of each restart, before each M-step and at the end, in EM's coordinates.
        outcomes: how each restart ended.
        occupancy: expected rows of each component at the end, (restarts, components).
        likelihoods: at the end, `LIKELIHOODS` of each restart whose last pass has told, else None, in EM's coordinates; or of no restart.
    """

    states: State
    objectives: list[np.ndarray]
    outcomes: list[Outcome]
    occupancy: np.ndarray
    likelihoods: Sequence[np.ndarray | None] = ()


def joined(results: Sequence[EMResult]) -> EMResult:
    """Rounds of restarts as one."""
    return EMResult(
        {name: np.concatenate([result.states[name] for result in results]) for name in results[0].states},
        [objectives for result in results for objectives in result.objectives],
        [outcome for result in results for outcome in result.outcomes],
        np.concatenate([result.occupancy for result in results]),
        [told for result in results for told in result.likelihoods],
    )


def first_of(result: EMResult, restarts: int) -> EMResult:
    """The first restarts of a round."""
    return EMResult(
        {name: value[:restarts] for name, value in result.states.items()},
        result.objectives[:restarts],
        result.outcomes[:restarts],
        result.occupancy[:restarts],
        result.likelihoods[:restarts],
    )
