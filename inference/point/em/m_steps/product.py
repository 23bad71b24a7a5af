"""EM for columns of different families: independent given the component, they share the responsibilities and nothing else."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from inference.point.em.closed_form import Array, ClosedForm, Frame, State, Statistics
from mixtures.observations import Observations
from mixtures.priors import Prior


@dataclass(frozen=True)
class ProductEM:
    """See `inference.point.em.closed_form.ClosedForm`; what a column's closed form calls `name` is here called `column_name`.

    Args:
        parts: the closed form of each column of the data, under the column's name.
    """

    parts: tuple[tuple[str, ClosedForm], ...]

    @property
    def fixable(self) -> tuple[str, ...]:
        return self._names(lambda part: part.fixable)

    @property
    def per_component(self) -> tuple[str, ...]:
        return self._names(lambda part: part.per_component)

    @property
    def takes_missing(self) -> bool:
        return all(part.takes_missing for _, part in self.parts)

    @property
    def is_damped(self) -> bool:
        return any(part.is_damped for _, part in self.parts)

    @property
    def starts_at_rows(self) -> bool:
        return any(part.starts_at_rows for _, part in self.parts)

    def _names(self, of: Callable[[ClosedForm], tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(f"{column}_{name}" for column, part in self.parts for name in of(part))

    def cuts(self) -> Iterator[tuple[str, ClosedForm, slice]]:
        """Each part with its place among the columns."""
        begin = 0
        for column, part in self.parts:
            yield column, part, slice(begin, begin + part.width(1))
            begin += part.width(1)

    def log_density(self, xp: Any, state: State, x: Array) -> tuple[Array, Array]:
        each = [part.log_density(xp, own_of(state, column), x[cut]) for column, part, cut in self.cuts()]
        return sum(log_density for log_density, _ in each), tuple(seen for _, seen in each)

    def exact_log_density(self, state: State, x: np.ndarray, frame: Frame) -> np.ndarray:
        return np.sum(
            [
                part.exact_log_density(own_of(state, column), x[cut], _part_of(frame, cut))
                for column, part, cut in self.cuts()
            ],
            axis=0,
        )

    def statistics(self, xp: Any, responsibilities: Array, x: Array, seen: Array) -> Statistics:
        found: Statistics = {}
        for (column, part, cut), seen_part in zip(self.cuts(), seen, strict=True):
            found |= named(part.statistics(xp, responsibilities, x[cut], seen_part), column)
        return found

    def m_step(
        self, xp: Any, statistics: Statistics, state: State, fixed: Mapping[str, Array], step: Array = 1.0
    ) -> State:
        rows: Statistics = {"rows": statistics["rows"]}
        moved: State = {}
        for column, part in self.parts:
            best = part.m_step(
                xp, own_of(statistics, column) | rows, own_of(state, column), own_of(fixed, column), step
            )
            moved |= named(best, column)
        return moved

    def log_prior(self, xp: Any, state: State, pseudo: Statistics) -> Array:
        return sum(part.log_prior(xp, own_of(state, column), own_of(pseudo, column)) for column, part in self.parts)

    def columns(self, x: Observations) -> np.ndarray:
        return np.hstack([part.columns(x.column(index)) for index, (_, part) in enumerate(self.parts)])

    def width(self, features: int) -> int:
        return sum(part.width(1) for _, part in self.parts)

    def log_base(self, x: Observations) -> np.ndarray:
        return sum((part.log_base(x.column(i)) for i, (_, part) in enumerate(self.parts)), start=np.zeros(len(x)))

    def pseudo(self, priors: Mapping[str, Prior], components: int, features: int | None) -> Statistics | None:
        found: Statistics = {}
        for column, part in self.parts:
            own = part.pseudo(own_of(priors, column), components, None)
            if own is None:
                return None
            found |= named(own, column)
        return found

    def shrunk(self, statistics: Statistics, rows: float) -> Statistics:
        counts: Statistics = {"rows": statistics["rows"]}
        found: Statistics = {}
        for column, part in self.parts:
            found |= named(part.shrunk(own_of(statistics, column) | counts, rows), column)
        return found

    def held(self, sites: frozenset[str], features: int | None) -> dict[str, bool] | None:
        is_held: dict[str, bool] = {}
        for column, part in self.parts:
            own = part.held(frozenset(own_of(dict.fromkeys(sites), column)), None)
            if own is None:
                return None
            is_held |= named(own, column)
        return is_held

    def frame(self, x: np.ndarray) -> Frame:
        frames = [part.frame(x[:, cut]) for _, part, cut in self.cuts()]
        return Frame(np.hstack([frame.centre for frame in frames]), np.hstack([frame.unit for frame in frames]))

    def blank(self, components: int, columns: int) -> State:
        state: State = {}
        for column, part in self.parts:
            state |= named(part.blank(components, part.width(1)), column)
        return state

    def encode(self, parameters: Mapping[str, np.ndarray], features: int | None, frame: Frame) -> State:
        state: State = {}
        for column, part, cut in self.cuts():
            state |= named(part.encode(own_of(parameters, column), None, _part_of(frame, cut)), column)
        return state

    def decode(self, state: State, features: int | None, frame: Frame) -> dict[str, np.ndarray]:
        parameters: dict[str, np.ndarray] = {}
        for column, part, cut in self.cuts():
            parameters |= named(part.decode(own_of(state, column), None, _part_of(frame, cut)), column)
        return parameters

    def log_jacobian(self, frame: Frame, x: np.ndarray) -> np.ndarray | float:
        return sum(part.log_jacobian(_part_of(frame, cut), x[:, cut]) for _, part, cut in self.cuts())

    def narrowest(self, state: State, spread: np.ndarray) -> float:
        return min(part.narrowest(own_of(state, column), spread[cut, cut]) for column, part, cut in self.cuts())

    def covariances(self, state: State) -> np.ndarray | None:
        blocks = [part.covariances(own_of(state, column)) for column, part in self.parts]
        found = [block for block in blocks if block is not None]
        # columns are independent: block by block along the diagonal
        return np.stack([block_diag(*parts) for parts in zip(*found, strict=True)]) if found else None

    def apart(self, state: State) -> np.ndarray:
        return np.max([part.apart(own_of(state, column)) for column, part in self.parts], axis=0)


def own_of(names: Mapping[str, Any], column: str) -> dict[str, Any]:
    """What belongs to a column, under its own names."""
    return {name.removeprefix(f"{column}_"): value for name, value in names.items() if name.startswith(f"{column}_")}


def named(own: Mapping[str, Any], column: str) -> dict[str, Any]:
    """What belongs to a column, under the column's name."""
    return {f"{column}_{name}": value for name, value in own.items()}


def _part_of(frame: Frame, cut: slice) -> Frame:
    return Frame(frame.centre[cut], frame.unit[cut])
