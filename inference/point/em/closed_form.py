"""EM in closed form: what a family gives to it, what it is asked, and what it answers.

The first four methods are array code: `xp` is the namespace of NumPy, JAX or torch, and one text serves all three. A family first says by
what columns EM shall know a row: the data themselves, their logarithm, counts of categories. Rows come columns first, (columns, rows), in
blocks, so that a pass over the data is a handful of matrix products. A state is a dict of arrays that holds the parameters in the form the
next pass needs; statistics are dicts of arrays that are summed over blocks. A conjugate prior is statistics too, of rows never seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

import numpy as np

from mixtures.observations import Observations
from mixtures.priors import Prior

Array = Any
State = dict[str, Array]
Statistics = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Frame:
    """The coordinates in which EM works, (x - centre) / unit, so that data of any unit are alike to it.

    Args:
        centre: (columns,).
        unit: (columns,), powers of two: dividing by them is exact.
    """

    centre: np.ndarray
    unit: np.ndarray


class ClosedForm(Protocol):
    """EM for one family; frozen and hashable, because compiled programs are kept by it."""

    def log_joint(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        """log p(x_i, assignment_i = k), (components, rows), and what `statistics` wants to see again."""
        ...

    def log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        """log p(x_i, assignment_i = k), (components, rows), at the parameters that `decode` gives, to the last digit.

        `log_joint` is made for speed, of terms that may be much larger than their sum; here columns are in the data's units.
        """
        ...

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Array) -> Statistics:
        """What the M-step needs to know of these rows; `responsibilities` are (components, rows), row weights multiplied in."""
        ...

    def m_step(self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array]) -> State:
        """The state that maximises (or at least does not decrease) the expected log joint density.

        `fixed` holds a truth value for each of `fixable`: those parts stay as they are.
        """
        ...

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        """The log prior density of the family's parameters, less a constant, where `pseudo` is what the prior adds to the statistics."""
        ...

    @property
    def fixable(self) -> tuple[str, ...]:
        """The parts of the parameters that can be held fixed."""
        ...

    @property
    def takes_missing(self) -> bool:
        """Whether cells may be missing."""
        ...

    def columns(self, x: Observations) -> np.ndarray:
        """The numbers by which EM knows a row, (rows, columns); all finite."""
        ...

    def width(self, features: int) -> int:
        """How many columns there are for so many features."""
        ...

    def log_base(self, x: Observations) -> np.ndarray:
        """The part of each row's log density that no parameter changes (log 1/x! of a Poisson count), which `log_joint` leaves out."""
        ...

    def pseudo(self, priors: Mapping[str, Prior], components: int, features: int | None) -> Statistics | None:
        """What the priors, their numbers written out, add to the statistics; None where they are not conjugate or have no mode."""
        ...

    def shrunk(self, statistics: Statistics, rows: float) -> Statistics:
        """The statistics with so many rows of average spread added to every component."""
        ...

    @property
    def per_component(self) -> tuple[str, ...]:
        """The state's arrays whose leading axis is components."""
        ...

    def held(self, sites: frozenset[str], features: int | None) -> dict[str, bool] | None:
        """Which parts these fixed sites hold; None if there is no closed form for them."""
        ...

    def frame(self, x: np.ndarray) -> Frame:
        """The coordinates for these columns of the data."""
        ...

    def blank(self, components: int, columns: int) -> State:
        """A state in which statistics of rows do not depend on any parameter: where a partition of the rows is turned into a state."""
        ...

    def encode(self, parameters: Mapping[str, np.ndarray], features: int | None, frame: Frame) -> State:
        """The state of these parameters."""
        ...

    def decode(self, state: State, features: int | None, frame: Frame) -> dict[str, np.ndarray]:
        """The parameters of this state, constrained values by site."""
        ...

    def log_jacobian(self, frame: Frame) -> float:
        """What is added to a row's log density in EM's coordinates to have it in the data's."""
        ...

    def narrowest(self, state: State, spread: np.ndarray) -> float:
        """The smallest variance of a component along any direction, as a share of the data's covariance `spread` there."""
        ...

    def covariances(self, state: State) -> np.ndarray | None:
        """The components' covariance matrices in EM's coordinates, (components, columns, columns); None where they have none."""
        ...

    def apart(self, state: State) -> np.ndarray:
        """How far components are from each other, in standard deviations or shares of a spread, (components, components)."""
        ...


class Outcome(IntEnum):
    """How EM left a restart."""

    RUNNING = 0
    AT_REST = 1
    OUT_OF_STEPS = 2
    BROKEN = 3


@dataclass(frozen=True, eq=False)
class EMProblem:
    """What EM is to do.

    Args:
        closed_forms: the families that one compiled program serves; they differ in their M-step alone.
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
    """

    closed_forms: tuple[ClosedForm, ...]
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

    @property
    def closed_form(self) -> ClosedForm:
        """The family at work."""
        return self.closed_forms[self.which]

    @property
    def total_weight(self) -> float:
        """How many rows there are, each as often as it counts."""
        return float(len(self.x) if self.row_weights is None else self.row_weights.sum())


@dataclass(frozen=True, eq=False)
class EMResult:
    """What EM gave.

    Args:
        states: final states, (restarts, ...) by name.
        objectives: of each restart, before each M-step and at the end, in EM's coordinates.
        outcomes: how each restart ended.
        occupancy: expected rows of each component at the end, (restarts, components).
    """

    states: State
    objectives: list[np.ndarray]
    outcomes: list[Outcome]
    occupancy: np.ndarray
