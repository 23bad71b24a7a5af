"""Judging restarts: how each one ended, and which is best."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from inference.engines import Engine
from inference.engines.protocol import Ascent, LogDensity, Parameters
from inference.engines.sites import Site, Sites
from inference.point.polish import AT_REST, polish
from inference.point.spurious import has_tall_component
from inference.status import SEVERITY, Status
from mixtures import Observations, Program
from mixtures.families import Product
from mixtures.families.members import support_of

EMPTY_ROWS = 0.5
"""A component that has less than this many rows, in expectation, is empty."""

FLAT = 0.05
"""A gradient below this is as good as zero, when telling a component that is empty from one that is still running away."""

SPIKE = 14.0
"""Log ratio of a component's density to the data's own at which it has collapsed: about a millionth of the data's spread (e^14 = 1.2e6)."""

SAME_OPTIMUM = 1e-5
"""Relative difference of objectives above which two restarts, in order of their objectives, ended at different optima."""

TIE = 1e-6
"""Relative difference of objectives below which two restarts reached the same optimum."""


def judge(
    program: Program,
    x: Observations,
    engine: Engine,
    sites: Sites,
    ascent: Ascent,
    seeds: np.ndarray,
    scales: Parameters | None = None,
    *,
    is_bounded: bool = True,
) -> pd.DataFrame:
    """The table of restarts: seed, initial_objective, objective, steps, status, occupancy.

    Objectives are negative log posterior densities: smaller is better. `scales` are the units of the sites' coordinates;
    with them, restarts whose gradient vanishes are called converged. Where no prior bounds the objective (`is_bounded`), peaks on few
    rows are spurious.
    """
    final = ascent.losses[:, -1]
    is_finite = np.isfinite(final) & np.all([_finite_rows(value) for value in ascent.parameters.values()], axis=0)
    weight_gradients = _final_weight_gradients(sites, ascent)
    is_at_rest = np.zeros(len(final), dtype=bool)
    if scales is not None:
        is_at_rest = _largest_gradients(ascent, scales) <= AT_REST * np.maximum(1.0, np.abs(final))
    line = _straightened(program, x)
    statuses, occupancies = [], []
    for restart in range(len(final)):
        parameters = {name: value[restart] for name, value in ascent.parameters.items()}
        table = engine.log_joint(program, parameters, x) if sites.has_hub and is_finite[restart] else None
        occupancy = None if table is None else occupancy_of(table)
        status = _status(bool(is_finite[restart]), table, line, sites, weight_gradients[restart], is_bounded)
        statuses.append(Status.CONVERGED if status.is_sound and is_at_rest[restart] else status)
        occupancies.append(occupancy)
    return pd.DataFrame(
        {
            "seed": seeds.astype(np.int64),
            "initial_objective": ascent.losses[:, 0],
            "objective": final,
            "steps": ascent.losses.shape[1] - 1,
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
    names = [site.name for site in sites.parameters if is_weights(site)]
    norms = [ascent.gradient_norms[name][:, -1] for name in names]
    return np.max(norms, axis=0) if norms else np.zeros(len(ascent.losses))


def is_weights(site: Site) -> bool:
    """Whether a site holds mixing weights: a simplex over components."""
    return site.dims == ("components",) and site.is_simplex


def occupancy_of(log_joint: np.ndarray) -> np.ndarray:
    """Expected rows of each component, (components,), from the hub's table."""
    return _shares(log_joint).sum(axis=0)


def _shares(log_joint: np.ndarray) -> np.ndarray:
    shifted = np.exp(log_joint - log_joint.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _fewest_rows(log_joint: np.ndarray, sites: Sites) -> float:
    """Expected rows of the component that has fewest; of several assignments, each has components of its own."""
    return min(float(shares.sum(axis=0).min()) for shares in sites.marginals(_shares(log_joint)).values())


Line = tuple[np.ndarray, np.ndarray]
"""Data on the whole real line, (rows, features), and log |dx/dy| of each row, (rows,)."""


def _straightened(program: Program, x: Observations) -> Line:
    """The data on the line that goes with the family's support, column by column."""
    values = x.x if x.x.ndim == 2 else x.x[:, None]
    family: Any = getattr(program, "family", None)
    members = [column for _, column in family.pairs] if isinstance(family, Product) else [family] * values.shape[1]
    both = [support_of(member).straightened(column) for member, column in zip(members, values.T, strict=True)]
    return np.stack([y for y, _ in both], axis=1), np.nansum([log_slope for _, log_slope in both], axis=0)


def polished(
    program: Program,
    x: Observations,
    engine: Engine,
    sites: Sites,
    ascent: Ascent,
    table: pd.DataFrame,
    density: LogDensity,
    real: Parameters,
    *,
    is_bounded: bool = True,
) -> tuple[int, dict[str, np.ndarray]]:
    """The best restart and its parameters, climbed to the last digit and judged again; written into the table.

    The last steps may show a component to be empty, or a climb to have no end: then the next best is polished.
    """
    line, ends = _straightened(program, x), dict[int, dict[str, np.ndarray]]()
    while True:
        best = best_restart(table)
        parameters = ends.get(best) or {name: value[best] for name, value in ascent.parameters.items()}
        if not table.at[best, "status"].is_sound:
            return best, parameters
        parameters, is_at_rest = polish(density, parameters, real)
        log_joint = engine.log_joint(program, parameters, x) if sites.has_hub else None
        status = _status(True, log_joint, line, sites, 0.0, is_bounded)
        table.at[best, "status"] = Status.CONVERGED if status.is_sound and is_at_rest else status
        table.at[best, "objective"] = -density.value_and_gradient(density.unconstrain(parameters))[0]
        if log_joint is not None:
            table.at[best, "occupancy"] = occupancy_of(log_joint)
        if status.is_sound:
            return best, parameters
        ends[best] = parameters


def _status(
    is_finite: bool, table: np.ndarray | None, line: Line, sites: Sites, weight_gradient: float, is_bounded: bool
) -> Status:
    if not is_finite:
        return Status.NOT_FINITE
    if table is None:
        return Status.MAX_STEPS
    values, log_slope = line
    # log p(y) = log p(x) + log |dx/dy|
    peak = _peak(values)
    is_spike = (table + log_slope[:, None]).max() - peak > SPIKE + 2 * (values.shape[1] - 1)
    if is_spike and not sites.observed_is_discrete:
        return Status.COLLAPSED
    if _fewest_rows(table, sites) < EMPTY_ROWS:
        # A bounded objective is flat where a weight is nearly zero; one that is not still rises.
        return Status.COLLAPSED if weight_gradient > FLAT else Status.EMPTY
    if not is_bounded and not sites.observed_is_discrete:
        shares = _shares(table)
        log_weights = np.log(np.maximum(shares.mean(axis=0), np.finfo(float).tiny))
        if has_tall_component(table + log_slope[:, None] - log_weights, shares, values, peak):
            return Status.SPURIOUS
    return Status.MAX_STEPS


def _peak(values: np.ndarray) -> float:
    """The highest log density of one Gaussian fitted to the data: the yardstick of a spike."""
    if np.isnan(values).any():
        values = np.where(np.isnan(values), np.nanmean(values, axis=0), values)
    scale = values.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    correlation = np.cov((values - values.mean(axis=0)) / scale, rowvar=False, ddof=0).reshape(len(scale), len(scale))
    log_determinant = np.linalg.slogdet(correlation + 1e-12 * np.eye(len(scale)))[1]
    return float(-np.log(scale).sum() - 0.5 * log_determinant - 0.5 * len(scale) * np.log(2 * np.pi))


def best_restart(table: pd.DataFrame, accepted: tuple[Status, ...] = ()) -> int:
    """The best restart: sound ones before unsound ones, then the lowest objective; among ties, the lowest initial objective.

    Args:
        table: see `PointFit.restarts`.
        accepted: statuses that count as sound beside those that are.
    """
    ranks = {status: 0 if status.is_sound or status in accepted else rank for rank, status in enumerate(SEVERITY)}
    severity = table["status"].map(ranks)
    candidates = table[severity == severity.min()]
    finite = candidates["objective"].fillna(np.inf)
    lowest = finite.min()
    tied = candidates[finite <= lowest + TIE * max(1.0, abs(lowest))] if np.isfinite(lowest) else candidates
    return int(tied["initial_objective"].fillna(np.inf).idxmin())


def optima(table: pd.DataFrame) -> np.ndarray:
    """Which distinct optimum each restart reached: 0 is the best; -1 where it is unsound."""
    number, last = -np.ones(len(table), dtype=np.int64), None
    sound = table[table["status"].map(lambda status: status.is_sound)].sort_values("objective")
    count = -1
    for index, value in sound["objective"].items():
        if last is None or value - last > SAME_OPTIMUM * max(1.0, abs(value)):
            count += 1
        number[index], last = count, value
    return number


def by_weight(parameters: Mapping[str, np.ndarray], sites: Sites) -> np.ndarray | None:
    """The order of components by decreasing weight; None where the program has not one set of weights for one assignment."""
    weights = [site.name for site in sites.parameters if is_weights(site)]
    if len(weights) != 1 or len(sites.assignments) != 1:
        return None
    return np.argsort(-np.asarray(parameters[weights[0]]), kind="stable")


def permuted(parameters: Mapping[str, np.ndarray], sites: Sites, order: np.ndarray) -> dict[str, np.ndarray]:
    """The parameters with components in another order."""
    axes = {site.name: site.component_axis for site in sites.parameters}
    return {
        name: value if axes[name] is None else np.take(value, order, axis=axes[name])
        for name, value in parameters.items()
    }


def numbered_by_weight(
    program: Program,
    x: Observations,
    engine: Engine,
    sites: Sites,
    parameters: dict[str, np.ndarray],
    *,
    with_prior: bool,
) -> dict[str, np.ndarray]:
    """Components by decreasing weight, so that runs, seeds and backends agree; unless the model tells components apart.

    Args:
        program: the declaration.
        x: the data.
        engine: the backend.
        sites: the program's sites.
        parameters: one value of each site.
        with_prior: whether the prior was part of the objective, and so may tell components apart as the likelihood may.
    """
    order = by_weight(parameters, sites)
    if order is None:
        return parameters
    renumbered = permuted(parameters, sites, order)
    both = {name: np.stack([parameters[name], renumbered[name]]) for name in parameters}
    densities = [engine.marginal_draws(program, both, x)]
    if with_prior:
        densities.append(engine.log_prior_draws(program, both, x))
    is_alike = all(np.isclose(before, after, rtol=1e-9, atol=1e-9) for before, after in densities)
    return renumbered if is_alike else parameters
