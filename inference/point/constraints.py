"""Parameters that are known in part, or that components share: a projection of the unconstrained vector on what is left.

A constraint is a linear map u -> M u + offset of the vector on itself: M leaves free coordinates as they are, sends those that are known to 0,
where the offset has their value, and those that are shared to their mean. A density after the map has a gradient of 0 in all other
directions, so that whatever climbs it stays on the constraint.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from inference.backends.log_density import LogDensity, Parameters
from inference.backends.sites import Site, Sites
from inference.point.given import check_support
from mixtures.checks import check_choice, check_count, listed
from mixtures.errors import ModelError, in_words

EVENTS = {"real": 0, "positive": 0, "unit interval": 0, "simplex": 1, "correlation Cholesky": 2}
"""How many of the last axes hang together, by the support: coordinates along the others are apart from each other."""


@dataclass(frozen=True, eq=False)
class Constraint:
    """What of an unconstrained vector is known, and what is shared.

    Args:
        matrix: M, an orthogonal projection.
        offset: the coordinates that are known, 0 elsewhere.
        lost: how many coordinates are free no more.
        known: the sites that are known as a whole.
    """

    matrix: Float[np.ndarray, "size size"]
    offset: Float[np.ndarray, " size"]
    lost: int
    known: frozenset[str]

    def at(self, u: Float[np.ndarray, "*points size"]) -> Float[np.ndarray, "*points size"]:
        """The nearest vector that obeys."""
        return u @ self.matrix + self.offset

    def of(self, density: LogDensity) -> LogDensity:
        """The density after the map."""

        def one(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = density.value_and_gradient(self.at(u))
            return value, gradient @ self.matrix

        return replace(
            density,
            value_and_gradient=one,
            values_and_gradients=self.evaluated(density.values_and_gradients),
            hessian=lambda u: self.matrix @ density.hessian(self.at(u)) @ self.matrix,
            constrain=lambda u: density.constrain(self.at(u)),
            unconstrain=lambda values: self.at(density.unconstrain(values)),
        )

    def evaluated(self, evaluate: Any) -> Any:
        """A function of many vectors that gives values and gradients, after the map."""

        def many(vectors: np.ndarray, *rest: Any) -> tuple[np.ndarray, np.ndarray]:
            values, gradients = evaluate(self.at(vectors), *rest)
            return values, gradients @ self.matrix

        return many


def constraint_of(
    fixed: Any, equal: Any, sites: Sites, density: LogDensity, somewhere: Parameters
) -> Constraint | None:
    """The constraint that a user gives.

    Args:
        fixed: `{site: values}`, NaN where they are free; None: nothing.
        equal: `{site: [components that share it, ...]}`; None: nothing.
        sites: the program's.
        density: of its unconstrained vector.
        somewhere: any values of all sites, which stand in for what is free.

    Raises:
        ChoiceError: a site that the program does not have.
        ModelError: no mapping, values of a wrong shape or outside the support, parts of what hangs together, no components, or what is known and
            shared at once.
    """
    fixed, equal = _mapping("fixed", fixed, sites), _mapping("equal", equal, sites)
    if not (fixed or equal):
        return None
    by_name = {site.name: site for site in sites.parameters}
    filled = {name: np.array(value, dtype=np.float64) for name, value in somewhere.items()}
    matrix, held, at_an_end = np.eye(density.size), np.zeros(density.size, dtype=bool), False
    for name, value in fixed.items():
        site = by_name[name]
        given = _numbers(name, value, site)
        filled[name] = np.where(np.isnan(given), filled[name], given)
        held[density.places[name][_held(site, given, sites)]] = True
        check_support(f"fixed[{name!r}]", filled[name], site, value)
        at_an_end |= _is_at_an_end(site, given)
    matrix[held] = 0.0
    lost = int(held.sum())
    for name, sets in equal.items():
        for tied in _tied(by_name[name], sets, density.places[name], sites):
            if held[tied].any():
                raise ModelError(f"equal[{name!r}]", got="values that are fixed", expected="values that are free")
            matrix[np.ix_(tied, tied)] = 1 / len(tied)
            lost += len(tied) - 1
    offset = np.where(held, density.unconstrain(filled), 0.0)
    if at_an_end or not np.isfinite(offset).all():
        raise ModelError(
            "fixed", got="values at an end of what is possible", expected="values inside it", advice="1e-9, say."
        )
    known = frozenset(name for name in fixed if held[density.places[name]].all())
    return Constraint(matrix, offset, lost, known)


def _is_at_an_end(site: Site, known: np.ndarray) -> bool:
    """Whether probabilities are 0 or 1, whose coordinates are infinite, or what a backend takes for it."""
    is_bounded = site.support in ("simplex", "unit interval") and site.free > 0
    return is_bounded and bool(((known == 0) | (known == 1)).any())


def _mapping(what: str, given: Any, sites: Sites) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ModelError(what, got=in_words(given), expected="a mapping from sites: {site: ...}")
    for name in given:
        check_choice(f"{what}: site", name, [site.name for site in sites.parameters])
    return given


def _numbers(name: str, value: Any, site: Site) -> np.ndarray:
    """Values in the site's shape; a single number stands for all of them."""
    try:
        given = np.asarray(value, dtype=np.float64)
    except Exception as error:  # texts, or lists of unequal lengths
        raise ModelError(f"fixed[{name!r}]", got=in_words(value), expected=f"numbers of shape {site.shape}") from error
    if given.shape not in (site.shape, ()):
        expected = f"shape {site.shape}, NaN where values are free"
        raise ModelError(f"fixed[{name!r}]", got=f"shape {given.shape}", expected=expected)
    if np.isinf(given).any():
        raise ModelError(f"fixed[{name!r}]", got=in_words(value), expected="finite numbers, NaN where values are free")
    return np.broadcast_to(given, site.shape)


def _held(site: Site, given: np.ndarray, sites: Sites) -> np.ndarray:
    """Which of a site's coordinates are known, in their order."""
    is_known = ~np.isnan(given)
    if is_known.all():
        return np.ones(site.free, dtype=bool)
    what = f"fixed[{site.name!r}]"
    _check_apart(what, site, sites)
    axes = EVENTS[site.support]
    rows = is_known.reshape(*site.shape[: len(site.shape) - axes], -1)
    if (rows.all(axis=-1) != rows.any(axis=-1)).any():
        raise ModelError(
            what, got="a part of numbers that hang together", expected=f"of each {site.support} all or nothing"
        )
    return np.repeat(rows.all(axis=-1).ravel(), site.free // max(1, rows[..., 0].size))


def _tied(site: Site, sets: Any, places: np.ndarray, sites: Sites) -> Iterator[np.ndarray]:
    """The coordinates that are one number, of all sets of components that share the site."""
    what, axis = f"equal[{site.name!r}]", site.component_axis
    _check_apart(what, site, sites)
    if axis is None or axis >= len(site.shape) - EVENTS[site.support]:
        expected = "a site of which each component has its own, apart from the others'"
        raise ModelError(what, got=f"a site of dims {site.dims}", expected=expected)
    lead = site.shape[: len(site.shape) - EVENTS[site.support]]
    table = np.moveaxis(places.reshape(*lead, -1), axis, 0).reshape(lead[axis], -1)
    chosen = [[check_count(what, k, least=0, most=lead[axis] - 1) for k in listed(one)] for one in listed(sets)]
    every = [k for one in chosen for k in one]
    if len(set(every)) < len(every) or any(len(one) < 2 for one in chosen):
        expected = "sets of two components or more, each in one: [[0, 1], [2, 3]]"
        raise ModelError(what, got=in_words(sets), expected=expected)
    for one in chosen:
        yield from table[one].T


def _check_apart(what: str, site: Site, sites: Sites) -> None:
    """Check that a site's coordinates are apart from each other, and mean what its values say."""
    levels = {one.intercept: one.slope for one in sites.predictors}
    redundant = frozenset() if sites.law is None else sites.law.redundant_sites
    if site.name in levels and site.name not in redundant:
        advice = f"Let the covariates of {levels[site.name]!r} be centred, and use priors; slopes can be held in part."
        raise ModelError(what, got="a part of intercepts, which move with slopes", expected="all of it", advice=advice)
    if site.support not in EVENTS or site.name in redundant:
        got = "a part of values that are relative to each other"
        raise ModelError(what, got=got, expected="all of the site, or another site")


def free_directions(columns: Float[np.ndarray, "size free"], constraint: Constraint | None) -> np.ndarray:
    """Of the directions in which a vector is free those that obey, orthonormal columns."""
    if constraint is None:
        return columns
    vectors, values, _ = np.linalg.svd(constraint.matrix @ columns, full_matrices=False)
    return vectors[:, values > 0.5]


Equal = Mapping[str, Sequence[Sequence[int]]]
"""`{site: [components that share it, ...]}`, as users give it."""
