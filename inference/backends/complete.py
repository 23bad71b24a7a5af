"""The density of a mixture whose assignments are given, in pieces: what samplers of partitions are told of a program.

Given the assignments and what all components share, components are independent: each has a vector of its own, and so a density of its own.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

Values = dict[str, Any]
"""Arrays of a backend by name."""


@runtime_checkable
class CompleteDensity(Protocol):
    """Functions of unconstrained vectors, `own` (components, size) of the components and `shared` (size,) of what they share, and of data that
    do not belong to the compiled program. Hashable: compiled samplers are kept by it.
    """

    def emissions(self, own: Any, shared: Any, data: Values) -> Any:
        """log p(x_i | assignment_i = k), (rows, components)."""
        ...

    def of_rows(self, own: Any, shared: Any, data: Values) -> Any:
        """log p(x_i | own_i, shared), (rows,): each row with a vector of its own, that of its component."""
        ...

    def of_components(self, own: Any, shared: Any, data: Values) -> Any:
        """log p(own_k | shared), Jacobian included, (components,)."""
        ...

    def of_shared(self, shared: Any, data: Values) -> Any:
        """log p(shared), Jacobian included, a number."""
        ...

    def prior_draw(self, key: Any, data: Values) -> tuple[Any, Any]:
        """`own` and `shared` drawn from the prior."""
        ...

    def components_draw(self, key: Any, shared: Any, data: Values) -> Any:
        """`own` drawn from the prior, given what is shared."""
        ...

    def constrain(self, own: Any, shared: Any, data: Values) -> Values:
        """Values of the family's sites."""
        ...


@dataclass(frozen=True, eq=False)
class CompleteTarget:
    """What a sampler of partitions is given.

    Args:
        density: hashable, the same for all data of a kind.
        data: arrays that its functions take.
        components: how many there may be.
        rows: how many there are.
    """

    density: Any
    data: Values
    components: int
    rows: int
