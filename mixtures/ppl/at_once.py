"""Words by which the rows of a chain are run all at once, in a plate: for what knows by itself how they follow one another."""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from mixtures.ppl.protocol import Array


class AtOnce:
    """A backend's words with `chain` in a plate.

    The assignments' own density is then of no meaning; drawn, they are a path of the chain.
    """

    plate: Callable[[str, int], AbstractContextManager]
    """The backend's."""

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
