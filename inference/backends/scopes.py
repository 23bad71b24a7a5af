"""Which assignment does each element of a term depend on? Read off the numbers of the terms at known assignments, each of its full shape.

Plates say which, or else a site's assignments are the bits of their own numbers, a bit at a time, and what changes with them is decoded.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from inference.backends.probe import Probe
from inference.backends.structure import Choice, Scopes, Term, Terms, Variable

DIFFERENT = 1e-9
"""Numbers of a term differ beyond this, relative to 1 + their size: far above rounding, far below what another component does to them."""

CHECKS = 3
"""Random assignments that a structure must foretell, at each point."""

CHECKS_OF_A_PAIR = 16
"""The same, for each pair of categories, where a term is outside the plates of an assignment: it may be of any two, such as rows that must
not be together, and be missed wherever these two are seen at the same few values."""

MOST_CHECKS = 512
"""Random assignments at most."""


def scopes_of(probe: Probe, variables: Sequence[Variable], tables: Sequence[Terms]) -> Scopes | None:
    """The scope of every term, if each of its elements depends on one assignment of a site at most."""
    patterns = [functools.cache(functools.partial(_patterns, probe, variable.choice)) for variable in variables]
    scopes: Scopes = {}
    for term in probe.terms:
        scope = {}
        seen = [table[term.name] for table in tables]
        is_silent = _is_silent(seen)
        for number, variable in enumerate(variables):
            depends = _depends(seen, number)
            is_own = (
                term.name == variable.choice.name
            )  # equal probabilities are a dependence too: they are to be summed
            if not (depends | is_silent).any() and not is_own:
                continue
            index = by_plates(term, variable.choice)
            if index is None and not is_silent.any():
                index = _by_patterns(seen, patterns[number], term.name, number, depends)
            if index is None:
                return None
            scope[number] = index
        scopes[term.name] = scope
    return scopes


def wide_scopes(probe: Probe, variables: Sequence[Variable], tables: Sequence[Terms]) -> Scopes:
    """The scope of every term, where variables are single assignments: whatever any of its elements depends on."""
    return {
        term.name: {
            number: np.zeros(math.prod(term.shape), dtype=np.int64)
            for number in range(len(variables))
            if term.name == variables[number].choice.name
            or _depends([table[term.name] for table in tables], number).any()
            or _is_silent([table[term.name] for table in tables]).any()
        }
        for term in probe.terms
    }


def _depends(tables: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Which elements of a term change with a variable, (elements,)."""
    changes = [differ(table, np.take(table, [0], axis=axis)) for table in tables]
    return np.any([change.reshape(-1, change.shape[-1]).any(axis=0) for change in changes], axis=0)


def differ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where log densities are different; infinities and NaN are equal to themselves."""
    with np.errstate(invalid="ignore"):
        is_far = np.abs(a - b) > DIFFERENT * (1 + np.minimum(np.abs(a), np.abs(b)))
    is_finite = np.isfinite(a) & np.isfinite(b)
    return np.where(is_finite, is_far, (a != b) & ~(np.isnan(a) & np.isnan(b)))


def by_plates(term: Term, choice: Choice) -> np.ndarray | None:
    """Which assignment each element of a term has by the plates' names, (elements,); None if the term is outside of one of them."""
    dims = dict(term.plates)
    index = np.zeros(term.shape, dtype=np.int64)
    axes = {dim: name for name, dim in choice.plates}
    for axis, size in enumerate(choice.shape):
        name = axes.get(axis - len(choice.shape))
        if size == 1:
            continue
        if name not in dims or -dims[name] > len(term.shape) or term.shape[dims[name]] != size:
            return None
        along = np.arange(size).reshape(-1, *(1,) * (-dims[name] - 1))
        index = index + along * math.prod(choice.shape[axis + 1 :])
    return np.broadcast_to(index, term.shape).reshape(-1)


def _is_silent(tables: Sequence[np.ndarray]) -> np.ndarray:
    """Which elements of a term are no finite number anywhere, so that nothing is known of what they depend on, (elements,)."""
    return ~np.any([np.isfinite(table).reshape(-1, table.shape[-1]).any(axis=0) for table in tables], axis=0)


def _patterns(probe: Probe, choice: Choice, point: int) -> list[Terms]:
    """The terms where a site's assignments are the bits of their numbers, a bit at a time; other sites at their first value."""
    first = {other.name: np.zeros(other.shape, dtype=np.int64) for other in probe.choices}
    found = []
    for value in range(1, choice.categories):
        for bit in range(max(1, (choice.size - 1).bit_length())):
            assigned = (np.arange(choice.size) >> bit & 1).reshape(choice.shape) * value
            found.append(probe.at(probe.points[point], {**first, choice.name: assigned}))
    return found


def _by_patterns(
    tables: Sequence[np.ndarray],
    patterns: Callable[[int], Sequence[Terms]],
    name: str,
    number: int,
    depends: np.ndarray,
) -> np.ndarray | None:
    """Which assignment each element of a term depends on, its number read off bit by bit; None where it is not one."""
    index, is_known = np.zeros(len(depends), dtype=np.int64), ~depends
    for point, table in enumerate(tables):
        if is_known.all():
            break
        # (categories, elements), the other variables at their first value
        own = table[tuple(slice(None) if axis == number else 0 for axis in range(table.ndim - 1))]
        bits = len(patterns(point)) // (len(own) - 1)
        for value in range(1, len(own)):
            found = patterns(point)[(value - 1) * bits : value * bits]
            seen = np.stack([terms[name].reshape(-1) for terms in found])
            is_clear = ~is_known & differ(own[value], own[0])
            is_set, is_unset = ~differ(seen, own[value]), ~differ(seen, own[0])
            if not (is_set | is_unset)[:, is_clear].all():
                return None
            index[is_clear] = (is_set[:, is_clear] << np.arange(bits)[:, None]).sum(axis=0)
            is_known |= is_clear
    return index if is_known.all() else None


def foretells(probe: Probe, variables: Sequence[Variable], scopes: Scopes, tables: Sequence[Terms]) -> bool:
    """Whether scopes and tables say what terms are at random assignments."""
    rng = np.random.default_rng(0)
    for point in itertools.islice(itertools.cycle(range(len(tables))), checks_of(probe, len(tables))):
        assigned = {choice.name: rng.integers(choice.categories, size=choice.shape) for choice in probe.choices}
        terms = probe.at(probe.points[point], assigned)
        for name, scope in scopes.items():
            table = tables[point][name]
            where: list[Any] = [0] * len(variables)
            for number, index in scope.items():
                choice, position = variables[number].choice, variables[number].position
                flat = assigned[choice.name].reshape(-1)
                where[number] = flat[index] if position is None else flat[position]
            if differ(terms[name].reshape(-1), table[(*where, np.arange(table.shape[-1]))]).any():
                return False
    return True


def checks_of(probe: Probe, points: int) -> int:
    """At how many random assignments a structure is held against the terms."""
    is_in_plates = all(
        by_plates(term, choice) is not None
        for term, choice in itertools.product(probe.terms, probe.choices)
        if term.kind in ("observed", "factor")
    )
    most = max(choice.categories for choice in probe.choices)
    return CHECKS * points if is_in_plates else max(CHECKS * points, min(CHECKS_OF_A_PAIR * most**2, MOST_CHECKS))
