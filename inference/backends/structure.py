"""What a program's density is made of: its terms, its assignments, and which of the former depend on which of the latter.

It is found in `inference.backends.derivation`; the sums that it stands for are in `inference.backends.sum_product`.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from inference.backends.sum_product import Scope, Step, planned

Assigned = Mapping[str, np.ndarray]
"""Values by site."""

Terms = dict[str, np.ndarray]
"""Log densities by site and factor."""

Scopes = dict[str, Scope]
"""By term, see `sum_product.Scope`."""


@dataclass(frozen=True)
class Term:
    """One site or factor of a program.

    Args:
        name: its name.
        kind: `"parameter"`, `"assignment"`, `"observed"`, or `"factor"`.
        plates: name and dimension, negative, of each plate that it is in.
        shape: of its log density.
    """

    name: str
    kind: str
    plates: tuple[tuple[str, int], ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """An assignment site.

    Args:
        name: its name.
        plates: as of a term.
        shape: of its value.
        categories: how many values each assignment has.
    """

    name: str
    plates: tuple[tuple[str, int], ...]
    shape: tuple[int, ...]
    categories: int

    @property
    def size(self) -> int:
        """How many assignments these are."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Variable:
    """Assignments that take one value, all together, where a program is run to sum them out.

    Args:
        choice: their site.
        position: which one of the site's assignments, in C order; None: all of them.
    """

    choice: Choice
    position: int | None = None

    @property
    def size(self) -> int:
        """How many assignments these are."""
        return self.choice.size if self.position is None else 1


@dataclass(frozen=True, eq=False)
class Structure:
    """What a program's density is made of; equal where all of this is equal.

    Args:
        terms: its terms.
        choices: its assignment sites.
        observed: the terms that are of the data; all others make up the prior.
        variables: what is summed out by `sum_product`; none: by the backend's enumeration.
        scopes: by term, the variables that it depends on.
        rows: the plate of the rows, if every assignment is of one row, and rows are independent given the parameters.
    """

    terms: tuple[Term, ...]
    choices: tuple[Choice, ...]
    observed: frozenset[str]
    variables: tuple[Variable, ...]
    scopes: Mapping[str, Scope] = field(repr=False)
    rows: str | None

    @cached_property
    def _identity(self) -> bytes:
        said = hashlib.sha256(
            repr((self.terms, self.choices, sorted(self.observed), self.variables, self.rows)).encode()
        )
        for name, scope in self.scopes.items():
            for number, index in scope.items():
                said.update(f"{name} {number} ".encode() + np.ascontiguousarray(index, dtype=np.int64).tobytes())
        return said.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def is_enumerated(self) -> bool:
        """Whether the assignments are left to the backend's enumeration."""
        return len(self.choices) > 0 and not self.variables

    @property
    def is_of_units(self) -> bool:
        """Whether there is one site of assignments, each of which can be summed out by itself."""
        return len(self.variables) == 1 and self.variables[0].position is None

    @property
    def nesting(self) -> int:
        """How many dimensions plates take."""
        plates = [plate for term in self.terms for plate in term.plates]
        return max([-dim for _, dim in plates] + [len(term.shape) for term in self.terms], default=0)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of categories of each variable."""
        return tuple(variable.choice.categories for variable in self.variables)

    @property
    def states(self) -> dict[str, np.ndarray]:
        """Every joint value of the variables: by site, (states, *shape)."""
        return states_of(self.choices, self.variables)

    @cached_property
    def prior(self) -> tuple[str, ...]:
        """The terms that make up the prior."""
        return tuple(term.name for term in self.terms if term.name not in self.observed)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """How all assignments are summed out."""
        return steps_of(self.scopes, self.variables) or ()

    @cached_property
    def prior_steps(self) -> tuple[Step, ...]:
        """How the assignments are summed out of the prior."""
        return steps_of({name: self.scopes[name] for name in self.prior}, self.variables) or ()

    @cached_property
    def latent(self) -> tuple[str, ...]:
        """The continuous unknowns whose prior depends on an assignment, or of which every row has its own."""
        return tuple(
            term.name
            for term in self.terms
            if term.kind == "parameter" and (self.scopes.get(term.name) or self.rows in dict(term.plates))
        )

    @cached_property
    def has_prior_in_rows(self) -> bool:
        """Whether rows have terms that are neither of the data nor the assignments' own."""
        in_rows = [term for term in self.terms if self.rows is not None and self.rows in dict(term.plates)]
        return any(term.kind != "assignment" and term.name not in self.observed for term in in_rows)


def steps_of(scopes: Mapping[str, Scope], variables: Sequence[Variable]) -> tuple[Step, ...] | None:
    """How the variables are summed out of terms of these scopes; None where no order is found."""
    return planned(scopes, [variable.size for variable in variables])


def states_of(choices: Sequence[Choice], variables: Sequence[Variable]) -> dict[str, np.ndarray]:
    """Every joint value of the variables, as values of the sites, (states, *shape); what is no variable has its first value."""
    grid = np.indices([variable.choice.categories for variable in variables])
    values = grid.reshape(len(variables), -1)
    found = {choice.name: np.zeros((values.shape[1], choice.size), dtype=np.int64) for choice in choices}
    for variable, value in zip(variables, values, strict=True):
        where = slice(None) if variable.position is None else [variable.position]
        found[variable.choice.name][:, where] = value[:, None]
    return {choice.name: found[choice.name].reshape(-1, *choice.shape) for choice in choices}
