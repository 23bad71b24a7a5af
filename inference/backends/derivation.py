"""Which terms of a program's density depend on which assignments? Found by looking at the density, never assumed.

Plates say what a program means, not what its code does: `centre[z[who]]` looks assignments up by an index that only the data know, a factor
may stand outside the plate of its assignment, two plates may have one length. So the program is run at known assignments, each of its full
shape, and what changes with what is read off the numbers of its terms. What is found is then held against the terms at random assignments:
a structure that does not foretell them is not used.

Everything here is NumPy, on a backend's answers.
"""

import math
from collections.abc import Sequence

import numpy as np

from inference.backends.probe import POINTS, Probe
from inference.backends.scopes import by_plates, checks_of, differ, foretells, scopes_of, wide_scopes
from inference.backends.structure import Assigned, Choice, Scopes, Structure, Term, Terms, Variable, states_of, steps_of
from mixtures.errors import ModelError

MOST_STATES = 4096
"""Joint values of assignments at which a program is run to sum them out."""

STATES_AT_ALL_POINTS = 1024
"""Joint values, times points, at which terms are looked at beyond the draws from the prior."""

MOST_SITES = 60
"""Assignment sites at most that are left to a backend's enumeration: each has an axis, of which arrays have 64."""

MOST_NAMED = 5
"""Assignments that an error's text names."""


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
    for variables, find in ((together, scopes_of), (one_by_one, wide_scopes)):
        states = math.prod(variable.choice.categories for variable in variables)
        if states > MOST_STATES:
            continue
        points = max(POINTS, min(len(probe.points), STATES_AT_ALL_POINTS // states))
        tables = [_tables(probe, variables, point) for point in range(points)]
        scopes = find(probe, variables, tables)
        if scopes is not None and foretells(probe, variables, scopes, tables) and _can_sum(scopes, variables, observed):
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
            found |= {name for name in factors if differ(terms[name], changed[name]).any()}
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
            if (differ(terms[term.name].reshape(-1), before) & ~moved[row]).any():
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
                is_same = not differ(*np.broadcast_arrays(seen, right)).any() and seen.shape[1:] == right.shape[1:]
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
        for _ in range(math.ceil(checks_of(probe, POINTS) / POINTS)):
            assigned = {choice.name: rng.integers(choice.categories, size=choice.shape) for choice in probe.choices}
            known = probe.at(probe.points[point], assigned)
            for term in probe.terms:
                picked = _picked(term, terms[term.name], probe.choices, assigned, nesting)
                if picked is None or differ(picked, known[term.name]).any():
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
