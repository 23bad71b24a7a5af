"""Words by which all rows are run at once, in a plate, as if each had its own assignment: for what knows by itself how they hang together."""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from mixtures.ppl.protocol import Array, Observe, Within


class AtOnce:
    """A backend's words with `chain` and `groups` in a plate of rows.

    The assignments' own density is then of no meaning; drawn, they are a path of the chain, or the same in all rows of a group.
    """

    plate: Callable[[str, int], AbstractContextManager]
    """The backend's."""

    assign: Callable[..., Array]
    """As above."""

    @abstractmethod
    def path(self, name: str, initial: Array, transition: Array, begins: Array) -> Array:
        """The assignments, marked for enumeration; a path where they are drawn."""

    def chain(
        self,
        name: str,
        initial: Array,
        transition: Array,
        begins: Array,
        observe: Callable[[Array, Any], Any],
        data: Any,
    ) -> Any:
        """See `mixtures.ppl.protocol.PPL.chain`."""
        with self.plate("rows", begins.shape[0]):
            return observe(self.path(name, initial, transition, begins), data)

    @abstractmethod
    def alike(self, name: str, probs: Array, group: Array, first: Array) -> Array:
        """The assignments, marked for enumeration; the same in all rows of a group where they are drawn."""

    def groups(
        self, name: str, probs: Array, group: Array, first: Array, observe: Observe, data: Any, within: Within = None
    ) -> Any:
        """See `mixtures.ppl.protocol.PPL.groups`."""
        with self.plate("rows", group.shape[0]):
            z = self.alike(name, probs, group, first)
            return observe(z if within is None else self.assign(within[0], within[1][z]), data)
