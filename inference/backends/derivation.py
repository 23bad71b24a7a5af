"""Which terms of a program's density depend on which assignments? Found by looking at the density, never assumed.

Plates say what a program means, not what its code does: `centre[z[who]]` looks assignments up by an index that only the data know, a factor
may stand outside the plate of its assignment, two plates may have one length. So the program is run at known assignments, each of its full
shape, and what changes with what is read off the numbers of its terms. What is found is then held against the terms at random assignments:
a structure that does not foretell them is not used.

Everything here is NumPy, on a backend's answers.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from inference.backends.structure import (
    Assigned,
    Choice,
    Scopes,
    Structure,
    Term,
    Terms,
    Variable,
    states_of,
    steps_of,
)
from mixtures.errors import ModelError

MOST_STATES = 4096
"""Joint values of assignments at which a program is run to sum them out."""

STATES_AT_ALL_POINTS = 1024
"""Joint values, times points, at which terms are looked at beyond the draws from the prior."""

DIFFERENT = 1e-9
"""Numbers of a term differ beyond this, relative to 1 + their size: far above rounding, far below what another component does to them."""

POINTS = 2
"""Parameter values drawn from the prior, at which terms are compared: a dependence is missed only if it shows at none."""

SPREADS = (1.0, 1.0, 3.0, 3.0, 10.0, 10.0)
"""Spreads, in unconstrained coordinates, of further parameter values: where the prior lies, data may be impossible, or a maximum be flat."""

CHECKS = 3
"""Random assignments that a structure must foretell, at each point."""

CHECKS_OF_A_PAIR = 16
"""The same, for each pair of categories, where a term is outside the plates of an assignment: it may be of any two, such as rows that must
not be together, and be missed wherever these two are seen at the same few values."""

MOST_CHECKS = 512
"""Random assignments at most."""


MOST_SITES = 60
"""Assignment sites at most that are left to a backend's enumeration: each has an axis, of which arrays have 64."""


MOST_NAMED = 5
"""Assignments that an error's text names."""


class Probe(Protocol):
    """A program and its data, which can be asked for terms; a backend's.

    Attributes:
        terms: its terms, in the program's order.
        choices: its assignment sites.
        data: the arrays that are data, by name, each with an entry a row; `x` is one.
        points: parameter values, `POINTS` drawn from the prior, then some further apart, see `SPREADS`.
    """

    terms: tuple[Term, ...]
    choices: tuple[Choice, ...]
    data: dict[str, np.ndarray]
    points: Sequence[Assigned]

    def at(self, parameters: Assigned, assigned: Assigned, data: Assigned | None = None) -> Terms:
        """The terms at parameters and at assignments of any shape; of other data in place of the program's, where given."""
        ...


def derived(probe: Probe) -> Structure:
    """The structure of a program.

    Raises:
        ModelError: assignments hang together in a way that cannot be summed out exactly.
    """
    observed = _observed(probe)
    if not probe.choices:
        return Structure(probe.terms, (), observed, (), {term.name: {} for term in probe.terms}, None)
    together = tuple(map(Variable, probe.choices))
    one_by_one = tuple(Variable(choice, position) for choice in probe.choices for position in range(choice.size))
    for variables, find in ((together, _scopes), (one_by_one, _wide_scopes)):
        states = math.prod(variable.choice.categories for variable in variables)
        if states > MOST_STATES:
            continue
        points = max(POINTS, min(len(probe.points), STATES_AT_ALL_POINTS // states))
        tables = [_tables(probe, variables, point) for point in range(points)]
        scopes = find(probe, variables, tables)
        if (
            scopes is not None
            and _foretells(probe, variables, scopes, tables)
            and _can_sum(scopes, variables, observed)
        ):
            rows = _rows(probe, scopes, observed, tables) if variables is together else None
            return Structure(probe.terms, probe.choices, observed, variables, scopes, rows)
    if len(probe.choices) <= MOST_SITES and _is_enumerable(probe):
        return Structure(probe.terms, probe.choices, observed, (), {}, None)
    raise ModelError(
        "program",
        got=f"assignments {_named(probe.choices)} that terms depend on several of at once",
        expected="assignments that can be summed out one after another",
        advice="Use an assignment inside its plate and in its own shape, as in loc[z], or give each row or group one assignment; chains of "
        "many rows are summed as a law: hidden_markov(components, family).",
    )


def _named(choices: Sequence[Choice]) -> str:
    names = [repr(choice.name) for choice in choices]
    return ", ".join(names if len(names) <= MOST_NAMED else [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more"])


def _can_sum(scopes: Scopes, variables: Sequence[Variable], observed: frozenset[str]) -> bool:
    prior = {name: scope for name, scope in scopes.items() if name not in observed}
    return all(steps_of(some, variables) is not None for some in (scopes, prior))


def _tables(probe: Probe, variables: Sequence[Variable], point: int) -> Terms:
    """Every term at every joint value of the variables, (categories of each..., elements)."""
    states = states_of(probe.choices, variables)
    count = len(next(iter(states.values())))
    found = [
        probe.at(probe.points[point], {name: value[state] for name, value in states.items()}) for state in range(count)
    ]
    sizes = [variable.choice.categories for variable in variables]
    return {term.name: np.stack([one[term.name] for one in found]).reshape(*sizes, -1) for term in probe.terms}


def _observed(probe: Probe) -> frozenset[str]:
    """The observed sites, and the factors that the data enter: these change with other data."""
    first = {choice.name: np.zeros(choice.shape, dtype=np.int64) for choice in probe.choices}
    factors = [term.name for term in probe.terms if term.kind == "factor"]
    found = {term.name for term in probe.terms if term.kind == "observed"}
    others = _other_data(probe.data)
    for point in probe.points if factors else ():
        terms = probe.at(point, first)
        for data in others:
            try:
                changed = probe.at(point, first, data)
            except Exception:  # whatever a user's program raises at values that it is not written for
                continue
            found |= {name for name in factors if _differ(terms[name], changed[name]).any()}
    return frozenset(found)


def _other_data(data: Assigned) -> tuple[Assigned, ...]:
    """Rows in the places of others, and, since there may be one row only, or equal ones, values a step or a share away.

    Whole numbers and truth values may be indices, and stay what they are in some row.

    Values that are impossible do as well: a factor that changes to no number has changed.
    """
    rng = np.random.default_rng(0)
    order = rng.integers(rows := len(data["x"]), size=rows)
    real = {name: value for name, value in data.items() if value.dtype.kind == "f"}
    return (
        {name: value[order] for name, value in data.items()},
        {name: value + rng.choice([-1.0, 1.0], size=value.shape) for name, value in real.items()},
        {name: value * rng.uniform(0.5, 1.5, size=value.shape) for name, value in real.items()},
    )


def _scopes(probe: Probe, variables: Sequence[Variable], tables: Sequence[Terms]) -> Scopes | None:
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


def _wide_scopes(probe: Probe, variables: Sequence[Variable], tables: Sequence[Terms]) -> Scopes:
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
    changes = [_differ(table, np.take(table, [0], axis=axis)) for table in tables]
    return np.any([change.reshape(-1, change.shape[-1]).any(axis=0) for change in changes], axis=0)


def _differ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
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
            is_clear = ~is_known & _differ(own[value], own[0])
            is_set, is_unset = ~_differ(seen, own[value]), ~_differ(seen, own[0])
            if not (is_set | is_unset)[:, is_clear].all():
                return None
            index[is_clear] = (is_set[:, is_clear] << np.arange(bits)[:, None]).sum(axis=0)
            is_known |= is_clear
    return index if is_known.all() else None


def _foretells(probe: Probe, variables: Sequence[Variable], scopes: Scopes, tables: Sequence[Terms]) -> bool:
    """Whether scopes and tables say what terms are at random assignments."""
    rng = np.random.default_rng(0)
    for point in itertools.islice(itertools.cycle(range(len(tables))), _checks(probe, len(tables))):
        assigned = {choice.name: rng.integers(choice.categories, size=choice.shape) for choice in probe.choices}
        terms = probe.at(probe.points[point], assigned)
        for name, scope in scopes.items():
            table = tables[point][name]
            where: list[Any] = [0] * len(variables)
            for number, index in scope.items():
                choice, position = variables[number].choice, variables[number].position
                flat = assigned[choice.name].reshape(-1)
                where[number] = flat[index] if position is None else flat[position]
            if _differ(terms[name].reshape(-1), table[(*where, np.arange(table.shape[-1]))]).any():
                return False
    return True


def _checks(probe: Probe, points: int) -> int:
    """At how many random assignments a structure is held against the terms."""
    is_in_plates = all(
        by_plates(term, choice) is not None
        for term, choice in itertools.product(probe.terms, probe.choices)
        if term.kind in ("observed", "factor")
    )
    most = max(choice.categories for choice in probe.choices)
    return CHECKS * points if is_in_plates else max(CHECKS * points, min(CHECKS_OF_A_PAIR * most**2, MOST_CHECKS))


def _rows(probe: Probe, scopes: Scopes, observed: frozenset[str], tables: Sequence[Terms]) -> str | None:
    """The plate of the rows, if rows are all that the density is made of: see `Structure.rows`."""
    plates = {choice.plates for choice in probe.choices}
    if (
        len(plates) != 1
        or len(plate := next(iter(plates))) != 1
        or any(choice.size != len(probe.data["x"]) for choice in probe.choices)
    ):
        return None
    name = plate[0][0]
    table = [term for term in probe.terms if scopes[term.name] or term.name in observed or name in dict(term.plates)]
    for term in table:
        aligned = by_plates(term, probe.choices[0])
        if name not in dict(term.plates):  # of one row every term has its index, and yet it is none of its plate's
            return None
        if aligned is None or any((index != aligned).any() for index in scopes[term.name].values()):
            return None
    if not _is_of_its_row(probe, table, tables) or not _can_spread(probe, table, tables):
        return None
    return name


def _is_of_its_row(probe: Probe, table: Sequence[Term], tables: Sequence[Terms]) -> bool:
    """Whether a term's element i is of row i of the data: it stays where other rows are replaced."""
    rng, rows = np.random.default_rng(0), len(probe.data["x"])
    first = {choice.name: np.zeros(choice.shape, dtype=np.int64) for choice in probe.choices}
    for point, table_of in zip(probe.points, tables, strict=False):
        moved = rng.random(rows) < 0.5
        order = np.where(moved, rng.integers(rows, size=rows), np.arange(rows))
        terms = probe.at(point, first, {name: value[order] for name, value in probe.data.items()})
        for term in table:
            before = table_of[term.name].reshape(-1, math.prod(term.shape))[0]
            row = by_plates(term, probe.choices[0])
            assert row is not None  # or the term were not in the table
            if (_differ(terms[term.name].reshape(-1), before) & ~moved[row]).any():
                return False
    return True


def _can_spread(probe: Probe, table: Sequence[Term], tables: Sequence[Terms]) -> bool:
    """Whether terms are the same where all joint values of a row's assignments are put in at once, along a dimension left of all plates."""
    nesting = max(len(term.shape) for term in probe.terms)
    grid = np.indices([choice.categories for choice in probe.choices]).reshape(len(probe.choices), -1)
    spread = {
        choice.name: values.reshape(-1, *(1,) * nesting) for choice, values in zip(probe.choices, grid, strict=True)
    }
    for point in range(POINTS):
        try:
            terms = probe.at(probe.points[point], spread)
        except Exception:  # whatever a user's program raises where it is not written for this
            return False
        for term in table:
            seen = terms[term.name]
            if seen.ndim > nesting + 1:
                return False
            seen = seen.reshape((1,) * (nesting + 1 - seen.ndim) + seen.shape)
            right = tables[point][term.name].reshape(-1, *(1,) * (nesting - len(term.shape)), *term.shape)
            try:
                is_same = not _differ(*np.broadcast_arrays(seen, right)).any() and seen.shape[1:] == right.shape[1:]
            except ValueError:
                return False
            if not is_same:
                return False
    return True


def _is_enumerable(probe: Probe) -> bool:
    """Whether the backend's own enumeration sees the same program: each assignment along a dimension of its own, left of all plates."""
    rng = np.random.default_rng(0)
    nesting = max(len(term.shape) for term in probe.terms)
    spread = {
        choice.name: np.arange(choice.categories).reshape(-1, *(1,) * (nesting + number))
        for number, choice in enumerate(probe.choices)
    }
    for point in range(POINTS):
        try:
            terms = probe.at(probe.points[point], spread)
        except Exception:  # as above
            return False
        # a prior that assignments enter could not be told from the likelihood by their total
        if any(terms[term.name].ndim > nesting for term in probe.terms if term.kind == "parameter"):
            return False
        for _ in range(math.ceil(_checks(probe, POINTS) / POINTS)):
            assigned = {choice.name: rng.integers(choice.categories, size=choice.shape) for choice in probe.choices}
            known = probe.at(probe.points[point], assigned)
            for term in probe.terms:
                picked = _picked(term, terms[term.name], probe.choices, assigned, nesting)
                if picked is None or _differ(picked, known[term.name]).any():
                    return False
    return True


def _picked(
    term: Term, spread: np.ndarray, choices: Sequence[Choice], assigned: Assigned, nesting: int
) -> np.ndarray | None:
    """A term at known assignments, picked from where it is spread out over all their values; None where plates do not say how."""
    shape = (1,) * (nesting - len(term.shape)) + term.shape
    if spread.ndim > nesting + len(choices):
        return None
    spread = spread.reshape((1,) * (nesting + len(choices) - spread.ndim) + spread.shape)
    where: list[np.ndarray] = []
    for choice, size in zip(reversed(choices), spread.shape, strict=False):
        index = by_plates(term, choice) if size > 1 else np.zeros(math.prod(shape), dtype=np.int64)
        if index is None:
            return None
        where.append((assigned[choice.name].reshape(-1)[index] if size > 1 else index).reshape(shape))
    try:
        spread = np.broadcast_to(spread, spread.shape[: len(choices)] + shape)
    except ValueError:
        return None
    return spread[(*where, *np.indices(shape))].reshape(term.shape)
