"""A target: a density of one unconstrained vector, all that samplers know of a program."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

Values = dict[str, Any]
"""Arrays of a backend by name."""


@runtime_checkable
class Density(Protocol):
    """A density of one unconstrained vector u, a function of u and of data that do not belong to the compiled program.

    Hashable: compiled samplers are kept by it. A vector in the units of a frame has the frame beside it, (centre, unit).
    """

    def parts(self, u: Any, data: Values, *frame: Any, rows: Any = None) -> tuple[Any, Any]:
        """log likelihood, of all rows or of those at an index, and log prior with the Jacobian: what tempering tells apart.

        Whatever the rows, a vector stands for the same values: those of `constrain`.
        """
        ...

    def constrain(self, u: Any, data: Values) -> Values:
        """Values by site."""
        ...


@dataclass(frozen=True, eq=False)
class Target:
    """What a sampler is given: a density and its data.

    Args:
        density: hashable, the same for all data of a kind.
        data: arrays that its functions take.
        cells: how many numbers one evaluation holds at once, roughly: so many particles are moved together as fit into a cache.
        from_prior: keys (draws,) -> vectors drawn from the prior, (draws, size); None where there is no prior to draw from.
        sharded: vector -> log density and gradient, in NumPy, of rows on a mesh; None where they are in one place.
    """

    density: Any
    data: Values
    cells: int = 1
    from_prior: Any = None
    sharded: Any = None
