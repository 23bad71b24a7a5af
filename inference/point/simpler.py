"""Does a fit that converged say no more than a simpler model? Classes that are one, or without groups; effects of groups that are not there."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse.csgraph import connected_components

from inference.backends import Bound
from inference.point.judgement import EMPTY_ROWS
from inference.status import Status
from mixtures.among import EffectSites
from mixtures.assignments import GroupClasses
from mixtures.families.members import parts_of
from mixtures.families.parts import Parts

SAME_WEIGHTS = 1e-3
"""Classes none of whose weights differ by more are one: EM is slow towards weights that are equal."""

SINGULAR = 1e-3
"""Of effects of groups, in units of the rows' scale, or of their log means or log odds: a combination of them whose standard deviation is
smaller is 0. There the objective is flat in coordinates that run to infinity, so that climbs stop before (lme4 looks for 1e-4, Bates et al.
2015, J Stat Softw 67)."""

Parameters = dict[str, np.ndarray]


def simpler(bound: Bound, parameters: Parameters, status: Status) -> str:
    """A sentence that says which part of a sound fit is of no use; else empty."""
    mixture = bound.numbered.mixture
    if mixture is None or not status.is_sound:
        return ""
    return "; ".join([*_of_classes(bound, parameters), *_of_effects(bound, parts_of(mixture.family), parameters)])


def _of_classes(bound: Bound, parameters: Parameters) -> Iterator[str]:
    law = bound.sites.law
    if not isinstance(law, GroupClasses):
        return
    table = bound.emissions_at(parameters)
    groups = law.class_marginals(np, parameters, table, bound.x.rows).sum(axis=0)
    for empty in np.flatnonzero(groups < EMPTY_ROWS):
        yield f"class {empty} of groups has less than half a group: one class less says as much"
    weights = parameters["class_weights"]
    apart = np.abs(weights[:, None] - weights).max(axis=-1)
    count, number = connected_components(apart < SAME_WEIGHTS, directed=False)
    for same in (np.flatnonzero(number == n) for n in range(count)):
        if len(same) > 1:
            yield f"classes {' and '.join(map(str, same))} of groups have the same weights: one of them says as much"


def _of_effects(bound: Bound, parts: Parts, parameters: Parameters) -> Iterator[str]:
    for sites in parts.effects:
        scale = dict(sites.beside).get("scale")
        if scale is not None and _has_lone_rows(bound, sites):
            yield (
                f"every group has one row, of which nothing tells {sites.intercept} from {scale}: leave effects of groups out, or "
                "ask for rows that are of one group"
            )
            continue
        # the diagonal of the Cholesky factor: each effect, as far as the ones before it leave it free
        free = np.diagonal(relative_root(sites, parameters, bound.x.covariates), axis1=-2, axis2=-1).min(axis=-1)
        numbers = [] if free.ndim == 0 else [k for k in range(len(free)) if k not in parts.parameter_free_components]
        singular = [f"component {k}" for k in numbers if free[k] < SINGULAR]
        if singular or (free.ndim == 0 and free < SINGULAR):
            where = f" in {' and '.join(singular)}" if singular else ""
            yield (
                f"effects of groups, {sites.intercept} and what goes with it, are singular{where}: a standard deviation is 0, or a "
                "correlation -1 or 1; leave effects out, or share them by common="
            )


def _has_lone_rows(bound: Bound, sites: EffectSites) -> bool:
    """Whether no two responses are of one group."""
    x = bound.x
    seen = ~np.isnan(x.x if x.x.ndim == 1 else x.x[:, sites.column])
    return x.group is not None and bool(np.bincount(x.group[seen]).max(initial=0) < 2)


def relative_root(sites: EffectSites, parameters: Parameters, covariates: Any) -> np.ndarray:
    """The Cholesky factor of the covariance of effects, in units of the rows' scale and of the covariates, ([components,] effects, effects)."""
    beside = dict(sites.beside)
    scale = np.asarray(parameters[beside["scale"]] if "scale" in beside else 1.0)[..., None]
    deviations = np.asarray(parameters[sites.intercept])[..., None] / scale
    if not sites.among.numbers:
        return deviations[..., None]
    size = np.sqrt((sites.among.columns(covariates) ** 2).mean(axis=0))
    slopes = parameters[sites.slope] * size / scale
    lead = np.broadcast_shapes(deviations.shape[:-1], slopes.shape[:-1])
    both = [np.broadcast_to(part, (*lead, part.shape[-1])) for part in (deviations, slopes)]
    return np.concatenate(both, axis=-1)[..., None] * parameters[sites.correlation]
