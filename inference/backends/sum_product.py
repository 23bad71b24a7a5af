"""Assignments summed out one site after another: sum-product on the terms of a density.

A term is a table: its value for each joint value of the assignments in its scope, element by element. To sum out an assignment, the terms in
whose scope it is are added up over its elements and exponentiated, summed, and logarithmised over its values; what comes out is a term of
the assignments left in their scopes. This is exact as long as each assignment so summed out meets at most one assignment of every other
site, which `planned` finds out (Koller & Friedman 2009, section 9.3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = Any

Scope = Mapping[int, np.ndarray]
"""Which assignments a term's elements depend on: number of the variable -> which of its assignments, by element."""


class Arrays(Protocol):
    """What is needed of a backend's arrays."""

    def gathered(self, table: Array, index: np.ndarray, size: int) -> Array:
        """Elements added up along the last axis: those of one index to one place, of `size` places."""
        ...

    def logsumexp(self, table: Array, axis: int) -> Array:
        """log sum exp along an axis."""
        ...


@dataclass(frozen=True, eq=False)
class Step:
    """One variable summed out.

    Args:
        variable: its number.
        size: how many assignments it has.
        parts: names of terms, and which of the variable's assignments each of their elements depends on.
        result: the name of the term that is left.
        scope: of that term.
    """

    variable: int
    size: int
    parts: tuple[tuple[str, np.ndarray], ...]
    result: str
    scope: Scope


def planned(scopes: Mapping[str, Scope], sizes: Sequence[int]) -> tuple[Step, ...] | None:
    """In which order variables can be summed out; None if in none.

    Args:
        scopes: by term; only those to be summed.
        sizes: how many assignments each variable has.
    """
    left = {name: scope for name, scope in scopes.items() if scope}
    steps: list[Step] = []
    waiting = {number for scope in left.values() for number in scope}
    while waiting:
        # the most specific first: rows before their groups
        tries = (_step(number, sizes[number], left, len(steps)) for number in sorted(waiting, key=lambda v: -sizes[v]))
        step = next((step for step in tries if step is not None), None)
        if step is None:
            return None
        for name, _ in step.parts:
            del left[name]
        if step.scope:
            left[step.result] = step.scope
        waiting.remove(step.variable)
        steps.append(step)
    return tuple(steps)


def _step(number: int, size: int, left: Mapping[str, Scope], count: int) -> Step | None:
    """The step that sums a variable out, if its assignments meet at most one of each other variable."""
    parts = [(name, scope) for name, scope in left.items() if number in scope]
    others: dict[int, np.ndarray] = {}
    for _, scope in parts:
        for other, index in scope.items():
            if other == number:
                continue
            known = others.setdefault(other, np.full(size, -1))
            before = known.copy()
            known[scope[number]] = index
            # every element must say the same of its assignment, and as earlier terms did
            if (known[scope[number]] != index).any() or ((before >= 0) & (before != known)).any():
                return None
    scope = {other: np.maximum(known, 0) for other, known in others.items()}
    return Step(number, size, tuple((name, one[number]) for name, one in parts), f"({count})", scope)


def restricted(table: Array, scope: Scope, variables: int) -> Array:
    """A term's table over all variables, (categories..., elements), at the first value of those it does not depend on."""
    return table[tuple(slice(None) if number in scope else slice(0, 1) for number in range(variables))]


def summed(arrays: Arrays, tables: Mapping[str, Array], steps: Sequence[Step]) -> Array:
    """log of the sum over all assignments of exp(the terms' sum).

    Args:
        arrays: the backend's.
        tables: by term, (categories or 1 for each variable..., elements).
        steps: from `planned`, for these terms.
    """
    left = dict(tables)
    for step in steps:
        left[step.result] = arrays.logsumexp(joined(arrays, left, step), step.variable)[_kept(step)]
        for name, _ in step.parts:
            del left[name]
    return sum(table.sum() for table in left.values())


def likelihood_and_prior(
    arrays: Arrays,
    tables: Mapping[str, Array],
    steps: Sequence[Step],
    prior: Sequence[str],
    prior_steps: Sequence[Step],
) -> tuple[Array, Array]:
    """log p(x | parameters) and log p(parameters), all assignments summed out.

    The likelihood is a difference, in which terms that no assignment enters have no part: what a prior says of a number that runs to infinity
    would take all its digits.

    Args:
        arrays: the backend's.
        tables: by term, as for `summed`.
        steps: from `planned`, for all terms.
        prior: the terms that make up the prior.
        prior_steps: from `planned`, for these.
    """
    of_assignments = {name for step in prior_steps for name, _ in step.parts}
    alone = {name: tables[name] for name in prior if name not in of_assignments}
    law = {name: tables[name] for name in prior if name in of_assignments}
    rest = {name: table for name, table in tables.items() if name not in alone}
    of_law = summed(arrays, law, prior_steps)
    return summed(arrays, rest, steps) - of_law, summed(arrays, alone, ()) + of_law


def _kept(step: Step) -> tuple[Any, ...]:
    """Puts the axis back that the sum took away, so that every variable keeps its own."""
    return (*(slice(None),) * step.variable, None)


def joined(arrays: Arrays, tables: Mapping[str, Array], step: Step) -> Array:
    """The terms of a step added up over their elements: (categories or 1..., assignments of the variable)."""
    parts = [arrays.gathered(tables[name], index, step.size) for name, index in step.parts]
    return sum(parts[1:], start=parts[0])
