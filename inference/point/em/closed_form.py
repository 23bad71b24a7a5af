"""EM in closed form: what a family gives to it, what it is asked, and what it answers.

The first four methods are array code: `xp` is the namespace of NumPy, JAX or torch, and one text serves all three. A family first says by
what columns EM shall know a row: the data themselves, their logarithm, counts of categories. Rows come columns first, (columns, rows), in
blocks, so that a pass over the data is a handful of matrix products. A state is a dict of arrays that holds the parameters in the form the
next pass needs; statistics are dicts of arrays that are summed over blocks. A conjugate prior is statistics too, of rows never seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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

    @classmethod
    def around(cls, centre: np.ndarray, spread: np.ndarray) -> "Frame":
        """The coordinates in which spreads are about 1; a spread of 0 has no unit."""
        return cls(centre, np.exp2(np.round(np.log2(np.where(spread > 0, spread, 1.0)))))


class ClosedForm(Protocol):
    """EM for one family; frozen and hashable, because compiled programs are kept by it.

    Of the assignment it knows the responsibilities alone, and `rows`, their sums, which all statistics that it is given have.
    """

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        """log p(x_i | assignment_i = k), (components, rows), and what `statistics` wants to see again."""
        ...

    def exact_log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        """log p(x_i | assignment_i = k), (components, rows), at the parameters that `decode` gives, to the last digit.

        `log_density` is made for speed, of terms that may be much larger than their sum; here columns are in the data's units.
        """
        ...

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Array) -> Statistics:
        """What the M-step needs to know of these rows; `responsibilities` are (components, rows), row weights multiplied in."""
        ...

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        """The state that maximises (or at least does not decrease) the expected log joint density.

        `fixed` holds a truth value for each of `fixable`: those parts stay as they are. Where the M-step is damped, a short `step` goes that
        share of the way; it has no meaning elsewhere.
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
    def is_damped(self) -> bool:
        """Whether the M-step is a Newton step, which may go too far: loops shorten it while the objective falls."""
        ...

    @property
    def starts_at_rows(self) -> bool:
        """Whether restarts begin where the family's own rule says, and not at partitions of the rows."""
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
        """The part of each row's log density that no parameter changes (log 1/x! of a Poisson count), which `log_density` leaves out."""
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

    def log_jacobian(self, frame: Frame, x: np.ndarray) -> np.ndarray | float:
        """What is added to a row's log density in EM's coordinates to have it in the data's, a number or (rows,); `x`: (rows, columns)."""
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


class LawForm(Protocol):
    """EM for the law of the assignment; frozen and hashable. `width` is the number of columns that it wants of a row."""

    @property
    def width(self) -> int: ...

    @property
    def per_component(self) -> tuple[str, ...]:
        """As of `ClosedForm`, and so are the others of its name."""
        ...

    @property
    def fixable(self) -> tuple[str, ...]: ...

    @property
    def is_damped(self) -> bool: ...

    @property
    def follows(self) -> bool:
        """Whether rows hang together, in chains or groups, so that they are summed at once, by `over_paths`; then `log_probs` and `statistics`
        serve for starts alone."""
        ...

    def log_probs(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        """log P(assignment_i = k), (components, rows) or (components, 1), and what `statistics` wants to see again."""
        ...

    def statistics(self, xp: Any, responsibilities: Array, seen: Array) -> Statistics:
        """What the M-step needs to know beside the expected rows of each component."""
        ...

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State: ...

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array: ...

    def pseudo(self, law: Any, components: int) -> Statistics | None:
        """What the law's prior adds to the statistics, `rows` among them; None where it is none of statistics."""
        ...

    def apart(self, state: State) -> np.ndarray:
        """How far components of one density are from being one, (components, components); a number where they are one."""
        ...

    def columns(self, x: Observations) -> np.ndarray: ...

    def held(self, sites: frozenset[str]) -> dict[str, bool] | None: ...

    def frame(self, x: np.ndarray) -> Frame: ...

    def blank(self, components: int) -> State: ...

    def encode(self, parameters: Mapping[str, np.ndarray], frame: Frame) -> State: ...

    def decode(self, state: State, frame: Frame) -> dict[str, np.ndarray]: ...


class PathForm(LawForm, Protocol):
    """EM for a law whose rows follow one another, or hang together in groups: `follows` is true."""

    def over_paths(
        self, xp: Any, state: State, log_density: Array, x: Array, is_hard: bool, row_weights: Array | None = None
    ) -> tuple[Array, Array, Statistics]:
        """The E-step of all rows.

        Args:
            xp: the namespace.
            state: the current parameters.
            log_density: log p(x_i | assignment_i = k), (components, rows).
            x: the law's own columns, (columns, rows).
            is_hard: whether the most probable path counts alone.
            row_weights: 0 where a row does not count, whose log density is 0 then; None: all do.

        Returns:
            The log likelihood, or the log joint density of the most probable path; responsibilities (components, rows); the law's statistics.
        """
        ...


class ChainForm(PathForm, Protocol):
    """EM for a chain: what it says of moves is all that sums over paths want to know."""

    def probabilities(self, xp: Any, state: State, x: Array) -> tuple[Array, Array, Array]:
        """The chain at the law's own columns x, (columns, rows).

        Returns:
            Initial probabilities (components,); those of moves, (components, components), or of the moves to each row,
            (components, components, rows); which rows begin a series, (rows,).
        """
        ...

    def of_moves(self, xp: Any, state: State, moves: Array, first: Array, x: Array) -> Statistics:
        """The law's statistics of some rows, which add up over all.

        Args:
            xp: the namespace.
            state: the current parameters.
            moves: expected moves within series, as the probabilities are: all of them, or those to each row.
            first: expected beginnings of series, (components,).
            x: the law's own columns, (columns, rows).
        """
        ...
