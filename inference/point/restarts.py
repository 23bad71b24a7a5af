"""Judging restarts: how each one ended, and which is best."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from inference.backends import Bound
from inference.backends.ascent import Ascent
from inference.backends.log_density import LogDensity, Parameters
from inference.backends.sites import Site, Sites
from inference.point.judgement import VANISHED, Judge
from inference.point.polish import AT_REST, polish
from inference.point.runaway import runs_off
from inference.renumbering import renumbered
from inference.status import SEVERITY, Status

SAME_OPTIMUM = 1e-5
"""Relative difference of objectives above which two restarts, in order of their objectives, ended at different optima."""

TIE = 1e-6
"""Relative difference of objectives below which two restarts reached the same optimum."""


def judged(
    judge: Judge,
    bound: Bound,
    ascent: Ascent,
    seeds: np.ndarray,
    scales: Parameters | None = None,
) -> pd.DataFrame:
    """The table of restarts: seed, initial_objective, objective, steps, status, occupancy.

    Objectives are negative log posterior densities: smaller is better. `scales` are the units of the sites' coordinates;
    with them, restarts whose gradient vanishes are called converged.
    """
    final = ascent.losses[:, -1]
    is_finite = np.isfinite(final) & np.all([_finite_rows(value) for value in ascent.parameters.values()], axis=0)
    weight_gradients = _final_weight_gradients(bound.sites, ascent)
    is_at_rest = np.zeros(len(final), dtype=bool)
    if scales is not None:
        is_at_rest = _largest_gradients(ascent, scales) <= AT_REST * np.maximum(1.0, np.abs(final))
    statuses, occupancies = [], []
    for restart in range(len(final)):
        parameters = {name: value[restart] for name, value in ascent.parameters.items()}
        table = bound.log_joint(parameters) if bound.sites.has_hub and is_finite[restart] else None
        occupancy = None if table is None else judge.occupancy(table)
        status = judge.status(parameters, table, weight_gradients[restart]) if is_finite[restart] else Status.NOT_FINITE
        statuses.append(Status.CONVERGED if status.is_sound and is_at_rest[restart] else status)
        occupancies.append(occupancy)
    return pd.DataFrame(
        {
            "seed": seeds.astype(np.int64),
            "initial_objective": ascent.losses[:, 0],
            "objective": final,
            "steps": ascent.losses.shape[1] - 1 if ascent.steps is None else ascent.steps,
            "status": pd.Series(statuses, dtype=object),
            "occupancy": pd.Series(occupancies, dtype=object),
        }
    )


def _finite_rows(values: np.ndarray) -> np.ndarray:
    return np.isfinite(values).reshape(len(values), -1).all(axis=1)


def _largest_gradients(ascent: Ascent, scales: Parameters) -> np.ndarray:
    """The largest final gradient over the sites, in the units of their coordinates, (restarts,)."""
    return np.max([norms[:, -1] * np.max(scales[name]) for name, norms in ascent.gradient_norms.items()], axis=0)


def _final_weight_gradients(sites: Sites, ascent: Ascent) -> np.ndarray:
    """How steep the objective is in the weights, (restarts,); infinite where one has run to zero, where float64 sees no slope any more."""
    names = [site.name for site in sites.parameters if is_weights(site) and not sites.is_chain]
    found = np.zeros(len(ascent.losses))
    for name in names:
        smallest = ascent.parameters[name].reshape(len(found), -1).min(axis=1)
        found = np.maximum(found, np.where(smallest < VANISHED, np.inf, ascent.gradient_norms[name][:, -1]))
    return found


def is_weights(site: Site) -> bool:
    """Whether a site holds mixing weights: a simplex over components."""
    return site.dims == ("components",) and site.is_simplex


def polished(
    judge: Judge,
    bound: Bound,
    ascent: Ascent,
    table: pd.DataFrame,
    density: LogDensity,
    real: Parameters,
) -> tuple[int, dict[str, np.ndarray]]:
    """The best restart and its parameters, climbed to the last digit and judged again; written into the table.

    The last steps may show a component to be empty, or a climb to have no end: then the next best is polished.
    """
    ends: dict[int, dict[str, np.ndarray]] = {}
    while True:
        best = best_restart(table)
        parameters = ends.get(best) or {name: value[best] for name, value in ascent.parameters.items()}
        if not table.at[best, "status"].is_sound:
            return best, parameters
        parameters, is_at_rest = polish(density, parameters, real)
        if not is_at_rest:  # starts may lie much further apart than components are wide
            parameters, is_at_rest = polish(density, parameters, real, by_width=True)
        log_joint = bound.log_joint(parameters) if bound.sites.has_hub else None
        status = judge.status(parameters, log_joint)
        if status.is_sound:
            at_rest = Status.CONVERGED if is_at_rest else status
            status = runs_off(density, bound.sites, parameters, real) or at_rest
        table.at[best, "status"] = status
        table.at[best, "objective"] = -density.value_and_gradient(density.unconstrain(parameters))[0]
        if log_joint is not None:
            table.at[best, "occupancy"] = judge.occupancy(log_joint)
        if status.is_sound:
            return best, parameters
        ends[best] = parameters


def best_restart(table: pd.DataFrame, accepted: tuple[Status, ...] = ()) -> int:
    """The best restart: sound ones before unsound ones, then the lowest objective; among ties, the lowest initial objective.

    Args:
        table: see `PointFit.restarts`.
        accepted: statuses that count as sound beside those that are.
    """
    ranks = {status: 0 if status.is_sound or status in accepted else rank for rank, status in enumerate(SEVERITY)}
    severity = np.array([ranks[status] for status in table["status"]])
    objective, initial = (_with_infinity(table[name]) for name in ("objective", "initial_objective"))
    candidates = np.flatnonzero(severity == severity.min())
    lowest = objective[candidates].min()
    if np.isfinite(lowest):
        candidates = candidates[objective[candidates] <= lowest + TIE * max(1.0, abs(lowest))]
    return int(table.index[candidates[initial[candidates].argmin()]])


def _with_infinity(column: pd.Series) -> np.ndarray:
    """Numbers, infinity in the place of what is none."""
    values = column.to_numpy(dtype=np.float64)
    return np.where(np.isnan(values), np.inf, values)


def optima(table: pd.DataFrame) -> np.ndarray:
    """Which distinct optimum each restart reached: 0 is the best; -1 where it is unsound."""
    number, values = np.full(len(table), -1), table["objective"].to_numpy(dtype=np.float64)
    sound = np.flatnonzero([status.is_sound for status in table["status"]])
    order = sound[np.argsort(values[sound])]
    ordered = values[order]
    is_apart = np.diff(ordered) > SAME_OPTIMUM * np.maximum(1.0, np.abs(ordered[1:]))
    number[order] = np.cumsum(np.append(0, is_apart))[: len(order)]
    return number


def by_weight(parameters: Mapping[str, np.ndarray], sites: Sites) -> np.ndarray | None:
    """The order of components by decreasing weight; None where the program has not one set of weights for one assignment."""
    if sites.law is not None:
        shares = sites.law.shares(dict(parameters))
        return None if shares is None else np.argsort(-shares, kind="stable")
    weights = [site.name for site in sites.parameters if is_weights(site)]
    if (
        len(weights) != 1
        or len(sites.assignments) != 1
        or len(parameters[weights[0]]) != sites.assignments[0].categories
    ):
        return None
    return np.argsort(-np.asarray(parameters[weights[0]]), kind="stable")


def permuted(parameters: Mapping[str, np.ndarray], sites: Sites, order: np.ndarray) -> dict[str, np.ndarray]:
    """The parameters with components in another order."""
    return renumbered(parameters, {site.name: site.component_axis for site in sites.parameters}, order, sites.law)


def numbered_by_weight(bound: Bound, parameters: dict[str, np.ndarray], *, with_prior: bool) -> dict[str, np.ndarray]:
    """Components by decreasing weight, so that runs, seeds and backends agree; unless the model tells components apart.

    Args:
        bound: program, data and backend.
        parameters: one value of each site.
        with_prior: whether the prior was part of the objective, and so may tell components apart as the likelihood may.
    """
    order = by_weight(parameters, bound.sites)
    if order is None:
        return parameters
    renumbered = permuted(parameters, bound.sites, order)
    single = [{name: np.asarray(value)[None] for name, value in one.items()} for one in (parameters, renumbered)]
    before, after = (np.concatenate(bound.log_densities(one)[: 1 + with_prior]) for one in single)
    is_alike = np.allclose(before, after, rtol=1e-9, atol=1e-9)
    return renumbered if is_alike else parameters
