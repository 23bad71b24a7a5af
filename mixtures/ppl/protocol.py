"""PPL: the words that a program may use.

A program receives its words as an argument, as array code receives its namespace `xp`. Nothing is switched globally, and the
same program text runs under NumPyro, under Pyro, and under the words that merely write it down.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

Array = Any
"""An array of the backend at hand: `jax.Array`, `torch.Tensor`, or a symbol of the notation."""

Distribution = Any
"""A distribution of the backend at hand."""

Observe = Callable[[Array, Any], Any]
"""(assignment, data of the rows) -> what is observed."""

Within = tuple[str, Array] | None
"""A name, and probabilities given each value of another assignment."""

IMPOSSIBLE = -1e5
"""The log density of what a component cannot produce, beside components that can: its exponential is 0, and unlike minus infinity it gives
no 0 * infinity where assignments are enumerated in a guide."""


@runtime_checkable
class PPL(Protocol):
    """The words of a probabilistic program, in one backend.

    Attributes:
        name: `"numpyro"` or `"pyro"`.
        dist: distributions under NumPyro's names and argument names; numbers may be plain Python floats.
        xp: the array namespace (Python array API standard); its creation functions default to the program's precision.
    """

    name: str

    @property
    def dist(self) -> Any:
        """Distributions by NumPyro's names."""
        ...

    @property
    def xp(self) -> Any:
        """The array namespace."""
        ...

    def sample(self, name: str, fn: Distribution, obs: Array | None = None, dims: Sequence[str] = ()) -> Array:
        """A random variable. `dims` names its event axes, for the posterior's coordinates."""
        ...

    def plate(self, name: str, size: int) -> AbstractContextManager:
        """Conditional independence: `"components"` or `"rows"`, by the package's convention."""
        ...

    def assign(self, name: str, probs: Array | None = None, logits: Array | None = None) -> Array:
        """The discrete assignment of every row, marked for enumeration: the only word that may create one.

        Takes probabilities, or their logarithms up to a constant.
        """
        ...

    def chain(
        self,
        name: str,
        initial: Array,
        transition: Array,
        begins: Array,
        observe: Callable[[Array, Any], Any],
        data: Any,
    ) -> Any:
        """The discrete assignments of rows that follow one another, a Markov chain, marked for enumeration; and what is observed of each row.

        Args:
            name: of the assignments.
            initial: probabilities of a series' first row, (components,).
            transition: probabilities of what follows each component, (components, components); or those of each row,
                (rows, components, components).
            begins: which rows begin a series, (rows,).
            observe: (assignment, data of the row) -> anything; draws and observes what depends on them. It may be run for one row at a time, or
                for all at once, in a plate `"rows"`.
            data: arrays with an entry a row, in one value or nested.

        Returns:
            What `observe` returned, where it was run for all rows at once.
        """
        ...

    def groups(
        self, name: str, probs: Array, group: Array, first: Array, observe: Observe, data: Any, within: Within = None
    ) -> Any:
        """The discrete assignment of every group of rows, marked for enumeration; and what is observed of its rows.

        Args:
            name: of the assignments.
            probs: probabilities of the components, (1, components), or those of each group, (groups, components).
            group: the group of each row, (rows,), numbers 0, 1, ...
            first: the first row of each group, (groups,).
            observe: (assignment, data of the rows) -> anything; see `chain`. It may be run for all rows at once, in a plate `"rows"`, or for
                groups side by side, in a plate `"rows"` within one that is called `"groups"`.
            data: as of `chain`. A `"group"` among them is the group of each row; of places that have no row, a number beyond them all.
            within: where rows have assignments of their own, by that of their group: their name, and probabilities of the components given
                each that a group may have, (of the group, components). `observe` is then given these.

        Returns:
            What `observe` returned, an entry a row.
        """
        ...

    def factor(self, name: str, log_factor: Array) -> None:
        """Add `log_factor` to the log joint density."""
        ...

    def deterministic(self, name: str, value: Array, dims: Sequence[str] = ()) -> Array:
        """Keep a function of the parameters under a name, in posteriors too. `dims` names its axes right of those of its plates."""
        ...

    def array(self, value: Any) -> Array:
        """`value` as an array of this backend, floating point in the program's precision."""
        ...
