"""What samplers are given beside a target, and what they give: starts, draws, blocks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from inference.backends.target import Target
from inference.samplers.options import NutsOptions


@dataclass(frozen=True, eq=False)
class Frame:
    """The posterior's own units, roughly: u = centre + unit * v, where v is a vector of numbers about 0, some units wide.

    Samplers move v. What they begin with, a step of 1 and masses of 1, then fits posteriors whatever the data's origin and unit.

    Args:
        centre: an unconstrained vector, (size,).
        unit: lengths of its coordinates, (size,).
    """

    centre: np.ndarray
    unit: np.ndarray

    def inward(self, u: np.ndarray) -> np.ndarray:
        """v of an unconstrained vector, (..., size)."""
        return (u - self.centre) / self.unit

    def outward(self, v: np.ndarray) -> np.ndarray:
        """The unconstrained vector of v, (..., size)."""
        return self.centre + self.unit * v


@dataclass(frozen=True, eq=False)
class Starts:
    """Where chains start.

    Args:
        vectors: unconstrained, (chains, size).
        frame: the units that chains move in.
        first: the number of the first of them among all chains, by which each has random numbers of its own.
        all: how many chains there are; None: these.
    """

    vectors: np.ndarray
    frame: Frame
    first: int = 0
    all: int | None = None

    @property
    def numbers(self) -> range:
        """Of these chains among all."""
        return range(self.first, self.first + len(self.vectors))

    def some(self, chains: range) -> "Starts":
        """Those of consecutive chains alone, which keep their numbers."""
        return Starts(self.vectors[chains.start : chains.stop], self.frame, chains.start, len(self.vectors))

    def packed(self) -> dict[str, np.ndarray]:
        """As arrays by name, to be stored."""
        return {"vectors": self.vectors, "centre": self.frame.centre, "unit": self.frame.unit}

    @classmethod
    def unpacked(cls, arrays: Mapping[str, np.ndarray]) -> "Starts":
        """What `packed` gave."""
        return cls(arrays["vectors"], Frame(arrays["centre"], arrays["unit"]))


NO_DRAWS = "stopped in warm-up: there are no draws yet"
"""What a run says that was stopped too early."""


@dataclass(frozen=True, eq=False)
class Draws:
    """What a sampler gave, each array (chains, draws, ...)."""

    parameters: dict[str, np.ndarray]
    stats: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive draws of some chains, and what the sampler needs to go on after them.

    Args:
        record: by name, (chains, draws, ...); empty in warm-up.
        state: the sampler's state, as a flat list of arrays.
    """

    record: dict[str, np.ndarray]
    state: list[np.ndarray]


@runtime_checkable
class BlockKeeper(Protocol):
    """Where a sampler leaves its blocks, and finds those of an earlier run."""

    def write(self, group: int, index: int, block: Block) -> None:
        """Keep block number `index` of a group of chains."""
        ...

    def read(self, group: int) -> list[Block]:
        """The blocks of a group of chains, from the first on."""
        ...


@dataclass(frozen=True, eq=False)
class VariationalDraws:
    """What a variational fit gave.

    Args:
        parameters: draws by site, (draws, ...).
        log_density: of the model, Jacobians included, at each draw, (draws,).
        log_proposal: of the variational family, (draws,).
        losses: negative ELBO at each step, (steps,).
        unrest: how far the ELBO is from its maximum along each coordinate, (size,): in standard deviations of the family, 0 at rest.
    """

    parameters: dict[str, np.ndarray]
    log_density: np.ndarray
    log_proposal: np.ndarray
    losses: np.ndarray
    unrest: np.ndarray


class Sample(Protocol):
    """A sampler: draws from a target, one chain from each start."""

    def __call__(
        self,
        target: Target,
        starts: Starts,
        options: NutsOptions,
        *,
        progress: bool,
        store: BlockKeeper | None,
        is_stopped: Callable[[], bool],
    ) -> Draws:
        """Draws of all sites, (chains, draws, ...), fewer than asked for if stopped.

        A sampler that works in blocks leaves them in `store`; one that can be stopped looks at `is_stopped` now and then.
        """
        ...
