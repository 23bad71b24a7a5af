"""Climbs across the edge of a factor's loadings.

A factor's first loading, `leading`, is positive; turned loadings are the same covariance. At 0 the others may as well change their
signs, and where the first one's sign is the other, so they must: on the logarithmic scale that is infinitely far. A climb that ends at the
edge goes on behind it.
"""

import re
from collections.abc import Iterable

import numpy as np

from inference.backends.ascent import Ascent
from inference.backends.log_density import Parameters
from inference.point.ascents import Ascend, drawn_out
from mixtures import Program
from mixtures.families.factors import FACTOR_SITES

EDGES = (0.02, 0.25, 0.02, 0.25, 0.02, 0.02)
"""Climbs across, one after the other, as several factors may have their edges: the largest first loading that is at the edge, relative to
what the factors leave over of its column. Slow climbs are on their way to it when they are out of steps."""

BEHIND = 0.1
"""Where climbs begin behind the edge."""

NAME = re.compile(rf"(?:.+_)?(?:{'|'.join(FACTOR_SITES)})(?:_\d+)?")
"""What sites of factors are called; a column's name may stand before it, and after it the number of a component that has a family of its own."""

LEAST_GAIN = 1e-6
"""Of the objective, relative to its size, by which an end behind an edge is better."""


def crossing(program: Program, ascend: Ascend, held: Iterable[str]) -> Ascend:
    """The same ascent, which goes on where factors were at the edge: the better end of the two is kept.

    Args:
        program: its own, where it has no factors.
        ascend: how starts climb.
        held: what is known or shared, by site: factors' loadings that are stay as they are.
    """
    if program.mixture is None or not may_be_mirrored(held):
        return ascend

    def across(starts: Parameters) -> Ascent:
        found = ascend(starts)
        for edge in EDGES:
            behind = mirrored(found.parameters, edge)
            if behind is None:
                continue
            other = ascend(behind)
            is_better = other.losses[:, -1] < found.losses[:, -1] - LEAST_GAIN * np.maximum(
                1.0, np.abs(found.losses[:, -1])
            )
            found = _better(found, other, is_better) if is_better.any() else found
        return found

    return across


def may_be_mirrored(held: Iterable[str]) -> bool:
    """Whether no site of factors' loadings is known, or shared."""
    return not any(NAME.fullmatch(name) for name in held)


def mirrored(parameters: Parameters, edge: float) -> dict[str, np.ndarray] | None:
    """Values of which each factor at the edge has the other sign; None: there are no factors, or none is at the edge.

    Example:
        >>> values = {"leading": np.array([[[1e-9, 2.0]]]), "loading": np.array([[[3.0, 4.0, 5.0]]])}
        >>> {site: value.tolist() for site, value in mirrored(values, 0.02).items()}
        {'leading': [[[0.1, 2.0]]], 'loading': [[[-3.0, -4.0, 5.0]]]}
    """
    found: dict[str, np.ndarray] = {}
    for name in filter(NAME.fullmatch, parameters):
        below = name.replace(*FACTOR_SITES)
        if name != below and below in parameters and (parameters[name] < edge).any():
            found |= {name: (one := _mirrored(parameters[name], parameters[below], edge))[0], below: one[1]}
    return {**parameters, **found} if found else None


def _mirrored(leading: np.ndarray, loading: np.ndarray, edge: float) -> tuple[np.ndarray, np.ndarray]:
    is_at_edge, factors = leading < edge, leading.shape[-1]
    # of features x factors loadings, those below the diagonal
    longest = (loading.shape[-1] + factors * (factors + 1) // 2) // factors - 1
    of_factor = np.repeat(np.arange(factors), longest - np.arange(factors))
    signs = np.where(is_at_edge, -1.0, 1.0)[..., of_factor]
    return np.where(is_at_edge, BEHIND, leading), signs * loading


def _better(one: Ascent, other: Ascent, which: np.ndarray) -> Ascent:
    """The one, and where the other is better what it went on with."""

    def of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.where(which.reshape(-1, *[1] * (first.ndim - 1)), second, first)

    def after(first: np.ndarray, second: np.ndarray, counts: np.ndarray | None) -> np.ndarray:
        length = first.shape[1] + second.shape[1]
        found = drawn_out(first, length, 1).copy()
        for row in np.flatnonzero(which):
            # entries after a start's last one repeat it
            own = first.shape[1] if counts is None else min(first.shape[1], int(counts[row]) + 1)
            found[row] = drawn_out(np.concatenate([first[row, :own], second[row]]), length)
        return found

    return Ascent(
        {name: of(value, other.parameters[name]) for name, value in one.parameters.items()},
        after(one.losses, other.losses, one.steps),
        {name: after(norms, other.gradient_norms[name], one.steps) for name, norms in one.gradient_norms.items()},
        None if one.steps is None or other.steps is None else one.steps + np.where(which, other.steps + 1, 0),
    )
