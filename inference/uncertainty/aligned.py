"""Replicates' components by the labels of the fit: what a bootstrap says of component 0 must be said of one component."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from inference.assignment.responsibilities import in_blocks
from inference.backends import Bound
from inference.labels.align import costs_between, matched
from inference.labels.exchange import groups_in
from inference.renumbering import renumbered
from inference.results import PointFit
from mixtures.assignments import TO

AMBIGUOUS = 0.05
"""Another labelling whose components would disagree with the fit's on only so many more of the rows, a share, might be right as well."""

Parameters = Mapping[str, np.ndarray]


def aligned(
    fit: PointFit, bound: Bound, found: Parameters, known: Parameters | None = None
) -> tuple[list[dict[str, np.ndarray]], float]:
    """The parameters of replicates, components numbered as in the fit, and the share of replicates whose numbering is ambiguous.

    Args:
        fit: what replicates are replicates of.
        bound: its program and data, on whose rows components are compared.
        found: (replicates, ...) by site.
        known: what replicates and the fit have in common, NaN where it is free: components that it tells apart keep their places.
    """
    count, components = len(next(iter(found.values()))), len(fit.components)
    each = [{name: value[replicate] for name, value in found.items()} for replicate in range(count)]
    if components == 1:
        return each, 0.0
    named = set() if bound.x.labels is None else set(bound.x.labels.tolist())
    alike = groups_in(fit.program, bound.x, fit.backend, components)
    unnamed = [[k for k in group if k not in named] for group in alike]
    parts = [part for group in unnamed for part in _alike_in(group, known or {}, fit)]
    groups = tuple(part for part in parts if len(part) > 1)
    rows = bound.on(bound.x.with_labels(None))  # known labels would make any two results agree
    theirs = _shares(rows.tables({name: value[None] for name, value in fit.parameters.items()}))[0]
    costs = np.concatenate([costs_between(_shares(table), theirs) for table in in_blocks(rows.tables, found, rows)])
    chosen = matched(costs, groups)
    mixture = fit.program.mixture
    law = None if mixture is None else mixture.assignment
    moved = [
        renumbered(one, fit.component_axis, permutation, law)
        for one, permutation in zip(each, chosen.permutations, strict=True)
    ]
    return moved, float(np.mean(chosen.margin < AMBIGUOUS))


def _alike_in(group: Sequence[int], known: Parameters, fit: PointFit) -> list[tuple[int, ...]]:
    """Components by what is known of each."""
    parts: dict[bytes, list[int]] = {}
    axes = {name: axis for name, axis in fit.component_axis.items() if name in known}
    for k in group:
        own = [np.take(known[name], k, axis) for name, axis in axes.items()]
        # of a chain's moves values stand in the order of components too
        places = [np.array(k)] if any(TO in fit.dims[name] for name in axes) else []
        parts.setdefault(b"".join(value.tobytes() for value in own + places), []).append(k)
    return [tuple(part) for part in parts.values()]


def _shares(tables: Float[np.ndarray, "draws rows components"]) -> Float[np.ndarray, "draws rows components"]:
    return softmax(tables, axis=-1)
