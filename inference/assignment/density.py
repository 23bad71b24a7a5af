"""The densities that a fit or a posterior describes, along one column at a time, and its components' moments: what pictures draw.

A column's density is that of rows of which nothing else was observed: missing cells drop out exactly, so that every family has its
marginals without a formula. A posterior gives one density for each of at most `MOST_DRAWS` draws, evenly spaced.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from inference.assignment.responsibilities import checked_like, in_blocks
from inference.backends import Bound, bind
from inference.draws import backend_of, parameters_of, program_of, whole
from inference.results import PointFit
from mixtures import Observations, Program
from mixtures.assignments import PerGroup
from mixtures.assignments.law import RowWise
from mixtures.errors import DataError, ModelError
from mixtures.families import Uniform, WithNoise
from mixtures.families.members import can_be, parts_of

MOST_DRAWS = 200
"""Draws of a posterior that a picture shows: interval bounds of more would look the same."""

LEAST_MASS = 0.98
"""A mean over a grid is one only where the grid holds so much of the distribution."""


def program_in(result: Any) -> Program:
    """The declaration of a fit, or of a tree of draws.

    Raises:
        ModelError: neither a point fit nor draws.
    """
    if isinstance(result, xr.DataTree):
        return program_of(result)
    if not isinstance(result, PointFit):
        raise ModelError("fit", got=type(result).__name__, expected="a point fit, or a tree of draws")
    return result.program


def draws_in(result: Any, most: int = MOST_DRAWS) -> dict[str, Float[np.ndarray, "draws ..."]]:
    """Parameters by site: of a fit one draw, of a tree at most so many, evenly spaced."""
    if not isinstance(result, xr.DataTree):
        return {name: np.asarray(value)[None] for name, value in result.parameters.items()}
    parameters = parameters_of(whole(result))
    total = len(next(iter(parameters.values())))
    kept = np.unique(np.linspace(0, total - 1, min(total, most)).astype(int))
    return {name: value[kept] for name, value in parameters.items()}


def column_densities(
    result: PointFit | xr.DataTree, x: Observations, grids: Sequence[Float[np.ndarray, " points"]]
) -> list[Float[np.ndarray, "draws points components"]]:
    """p(x_j, assignment = k) along a grid for each column j, a component's share of all rows with it.

    Args:
        result: a fit, or a tree of draws.
        x: the data: their columns, and the rows over whose covariates weights are averaged.
        grids: values for each column; where a family depends on covariates, these are held at their means.
    """
    cells = np.full((sum(map(len, grids)), len(grids)), np.nan)
    ends = np.cumsum([len(grid) for grid in grids])
    for column, (grid, end) in enumerate(zip(grids, ends, strict=True)):
        cells[end - len(grid) : end, column] = grid
    rows = cells[:, 0] if x.features is None else cells
    joint = np.exp(_log_joint(result, x, rows, None if x.covariates is None else _at_means(x, len(rows))))
    return np.split(joint, ends[:-1], axis=1)


def component_shares(result: PointFit | xr.DataTree, x: Observations) -> Float[np.ndarray, "draws components"]:
    """The components' shares of all rows, before these are seen; of a chain in the long run, and over rows where they have covariates.

    Raises:
        ModelError: a program of the user's own, which declares no law of the assignment.
    """
    mixture, draws = program_in(result).mixture, draws_in(result)
    if mixture is None:
        raise ModelError(
            "fit", got="a program of your own", expected="a Mixture, whose law says the components' shares"
        )
    law, shares = mixture.assignment, []
    of_rows = law.weights if isinstance(law, PerGroup) else law
    for draw in range(len(next(iter(draws.values())))):
        values = {name: value[draw] for name, value in draws.items()}
        share = law.shares(values)
        if share is None and isinstance(of_rows, RowWise):
            share = np.exp(of_rows.log_probs(np, values, x.rows)).mean(axis=0)
        if share is None:
            raise ModelError("fit", got="a law that says no shares", expected="its method `shares`")
        shares.append(share)
    return np.stack(shares)


def means_along(
    result: PointFit | xr.DataTree, x: Observations, covariate: int, at: np.ndarray, values: np.ndarray, column: int = 0
) -> Float[np.ndarray, "draws points components"]:
    """The mean of a column given each component, along one covariate, the others held at their means; by sums over `values`.

    NaN where the values hold less than `LEAST_MASS` of the distribution, so that the sum is not its mean.

    Args:
        result: a fit, or a tree of draws.
        x: the data.
        covariate: which one.
        at: values of the covariate, (points,).
        values: of the column, evenly spaced.
        column: which one.
    """
    size = len(at) * len(values)
    covariates = _at_means(x, size)
    covariates[:, covariate] = np.repeat(at, len(values))
    rows = np.tile(values, len(at))
    if x.features is not None:
        cells = np.full((size, x.features), np.nan)
        cells[:, column] = rows
        rows = cells
    density = np.exp(_log_emissions(result, x, rows, covariates))
    density = density.reshape(len(density), len(at), len(values), -1)
    # E(y | c, k) = sum_y y p(y | c, k) / sum_y p(y | c, k)
    mass = density.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.einsum("dpvk,v->dpk", density, values) / mass
    return np.where(mass * (values[1] - values[0]) >= LEAST_MASS, means, np.nan)


def component_moments(result: Any, x: Observations) -> tuple[np.ndarray, np.ndarray]:
    """The components' means and covariances, (components, features) and (components, features, features); of a posterior the means over draws.

    Raises:
        DataError: one column alone.
        ModelError: components of a family without covariances.
    """
    if x.features is None or x.features < 2:
        raise DataError(
            "x", got=f"shape {x.shape}", expected="two columns or more", advice="Use plot_density for one variable."
        )
    covariances = _covariances(program_in(result))
    if covariances is None:
        raise ModelError("fit", got="components without covariances", expected="a mixture of Gaussians, say")
    draws = draws_in(result)
    each = [
        covariances({name: value[draw] for name, value in draws.items()}, x.features)
        for draw in range(len(draws["loc"]))
    ]
    return draws["loc"].mean(axis=0), np.mean(each, axis=0)


def has_moments(program: Program) -> bool:
    """Whether the components have covariances that the family knows of."""
    return _covariances(program) is not None


def noise_of(program: Program) -> frozenset[int]:
    """The components that are background noise: uniform, without parameters."""
    if program.mixture is None:
        return frozenset()
    family = program.mixture.family
    members = getattr(family, "members", ())
    uniform = {k for k, member in enumerate(members) if isinstance(member, Uniform)}
    return frozenset(uniform) if members else parts_of(family).parameter_free_components


def _covariances(program: Program) -> Any:
    if program.mixture is None:
        return None
    family = program.mixture.family  # the noise has a place in the sites of the family beside it
    return parts_of(family.family if isinstance(family, WithNoise) else family).covariances


def _log_joint(result: Any, x: Observations, rows: np.ndarray, covariates: np.ndarray | None) -> np.ndarray:
    """log p(row, k), (draws, rows, components), by the components' shares of all rows of `x`."""
    mixture, draws = program_in(result).mixture, draws_in(result)
    if mixture is None:
        bound = _bound(result, x, rows, covariates)
        bound.sites.check_table("densities")
        return np.concatenate(list(in_blocks(bound.tables, draws, bound)))
    with np.errstate(divide="ignore"):
        return _log_emissions(result, x, rows, covariates) + np.log(component_shares(result, x))[:, None, :]


def _log_emissions(result: Any, x: Observations, rows: np.ndarray, covariates: np.ndarray | None) -> np.ndarray:
    """log p(row | k), (draws, rows, components); -inf in rows that no component can be, which are not asked for."""
    mixture, draws = program_in(result).mixture, draws_in(result)
    assert mixture is not None  # the callers have asked
    is_possible = can_be(mixture.family, rows, mixture.components).any(axis=1)
    table = np.full((len(next(iter(draws.values()))), len(rows), mixture.components), -np.inf)
    bound = _bound(result, x, rows[is_possible], None if covariates is None else covariates[is_possible])
    table[:, is_possible] = np.concatenate(list(in_blocks(bound.emissions, draws, bound)))
    return table


def _bound(result: Any, x: Observations, rows: np.ndarray, covariates: np.ndarray | None) -> Bound:
    """The result's program and backend, bound to rows with the columns of `x`."""
    names, mixture, group = x.feature_names, program_in(result).mixture, None
    if mixture is not None and mixture.assignment.needs_groups:  # a row by itself is of a group of its own
        group = np.arange(len(rows))
        if mixture.assignment.keeps_groups and x.group_names is not None:
            group = np.full(len(rows), x.group_names[0])
    # of rows that differ in these: as many trials as any row has, for a grid that has them all, and exposures as they are on average
    usual: dict[str, Any] = {"trials": np.max, "exposure": np.mean}
    known = {
        name: np.broadcast_to(of(getattr(x, name), axis=0), rows.shape)
        for name, of in usual.items()
        if getattr(x, name) is not None
    }
    made = Observations(rows, names, "allow", covariates=covariates, group=group, **known)
    object.__setattr__(made, "covariate_names", x.covariate_names)
    backend = backend_of(result) if isinstance(result, xr.DataTree) else result.backend
    return bind(program_in(result), checked_like(result, made), backend)


def _at_means(x: Observations, size: int) -> np.ndarray:
    return np.tile(x.covariates.mean(axis=0), (size, 1))
