"""How probable is each component for each row? Exact, through the hub, for one parameter value or averaged over a posterior."""

import functools
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from inference.assignment.streaming import by_blocks, check_to
from inference.backends import Bound, bind, engine
from inference.checks import check_flags, check_point_fit, check_share, checked, like_before, no_path
from inference.draws import backend_of, has_paths, observations_of, parameters_of, program_of, whole, with_program
from inference.frames import components_of, like
from inference.results import PointFit
from mixtures import Observations, Program, Source
from mixtures.as_fitted import check_as_fitted
from mixtures.errors import ModelError
from mixtures.memory import check_memory


class WithInterval(NamedTuple):
    """Probabilities with the bounds of their interval, each (rows, components).

    Args:
        mean: over the draws.
        lower: the interval's lower bound.
        upper: its upper bound.
    """

    mean: Any
    lower: Any
    upper: Any


CELLS_OF_ALL_DRAWS = 20_000_000
"""Numbers, draws x rows x components, in the largest table of an interval: 160 MB."""

CELLS_AT_ONCE = 1_000_000
"""How many numbers of a (draws, rows, components) table are computed at once: 8 MB, or temporaries would outweigh the result."""


def responsibilities(
    fit_or_posterior: PointFit | xr.DataTree,
    x: Any,
    interval: float | None = None,
    *,
    filtered: bool = False,
    program: Program | None = None,
    to: str | PathLike[str] | None = None,
) -> Any:
    """P(assignment_i = k | x), exact: given row i, or in a hidden Markov chain all rows (smoothed); for a posterior, its mean over the draws.

    Averages over draws mean something only if components keep their labels: relabel first.

    Args:
        fit_or_posterior: a point fit, or a tree of draws.
        x: rows to classify, old or new, with the columns of the fitted data; a `mixtures.Source` too, where rows are independent.
        interval: with a posterior, also return the bounds of the equal-tailed interval that holds this share of the draws, 0.9 say.
        filtered: of a hidden Markov chain, given row i and those before it alone, what was known at the time; without effect where rows
            are independent.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.
        to: of a source, a Parquet file to write to as answers come, a column for each component, whole or not at all; None: they are returned.

    Returns:
        (rows, components), a DataFrame where `x` is a pandas object; with `interval`, three of them: `mean`, `lower` and `upper`. With several
        assignments a row: a dict by site. With `to`, its path.

    Raises:
        DataError: other columns than the model was fitted to.
        ModelError: an interval of a point fit, or a share outside (0, 1).

    Example:
        >>> from inference import fit_map
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 10.0, 11.0, 12.0]
        >>> fit = fit_map(gaussian_mixture(2), x, restarts=5, seed=0)
        >>> responsibilities(fit, x).round(2)[:, 0].tolist()
        [0.0, 0.0, 1.0, 1.0, 1.0]
    """
    check_flags(filtered=filtered)
    if filtered and interval is not None:
        raise ModelError("interval", got="an interval of filtered probabilities", expected="one of the two")
    check_to(x, to)
    if isinstance(x, Source):
        if interval is not None:
            raise ModelError(
                "interval", got="one, and a source", expected="none", advice="Ask for some rows: x.take(rows)."
            )
        is_draws = isinstance(fit_or_posterior, xr.DataTree)
        result = whole(with_program(fit_or_posterior, program)) if is_draws else fit_or_posterior
        return by_blocks(result, x, functools.partial(_of_block, result), components_of(result), to)
    look = filtered_probabilities if filtered else functools.partial(probabilities, interval=interval)
    found = look(fit_or_posterior, x, program=program)
    return like(x, found, components_of(fit_or_posterior))


def _of_block(result: PointFit | xr.DataTree, block: Observations, _: int) -> np.ndarray:
    return probabilities(result, block)


def probabilities(
    fit_or_posterior: PointFit | xr.DataTree, x: Any, interval: float | None = None, *, program: Program | None = None
) -> Any:
    """`responsibilities` as arrays, whatever `x` is."""
    if isinstance(fit_or_posterior, xr.DataTree):
        return _of_posterior(whole(with_program(fit_or_posterior, program)), x, interval)
    if interval is not None:
        raise ModelError(
            "interval", got="a point fit", expected="a posterior", advice="Point fits have no draws; sample_nuts has."
        )
    bound = bound_like(fit_or_posterior, x)
    return one_or_all(bound.sites.marginals(_softmax(table_of(bound, fit_or_posterior))))


def filtered_probabilities(fit_or_posterior: PointFit | xr.DataTree, x: Any, *, program: Program | None = None) -> Any:
    """P(assignment_i = k | row i and those before it); of a posterior the mean over its draws."""
    bound, parameters = bound_and_draws(fit_or_posterior, x, program)
    law = bound.sites.law
    if not bound.sites.is_chain or law is None:
        return probabilities(fit_or_posterior, x, program=program)
    total, draw = np.zeros(()), 0
    for tables in in_blocks(bound.emissions, parameters, bound):
        for table in tables:
            values = {name: value[draw] for name, value in parameters.items()}
            total, draw = total + law.filtered(np, values, table, bound.x.rows), draw + 1
    if np.isnan(total).any():
        raise no_path(bound.sites.is_chain)
    return total / draw


def bound_and_draws(
    result: PointFit | xr.DataTree, x: Any, program: Program | None = None
) -> tuple[Bound, dict[str, np.ndarray]]:
    """The problem that a result is of, bound to `x`, and every value that its parameters have, (draws, ...) by site: of a point fit one."""
    if not isinstance(result, xr.DataTree):
        return bound_like(result, x), {name: np.asarray(value)[None] for name, value in result.parameters.items()}
    tree = whole(with_program(result, program))
    return bind(program_of(tree), checked_like(tree, x), backend_of(tree)), parameters_of(tree)


def log_joint(fit: PointFit, x: Any) -> np.ndarray:
    """log p(x_i, assignment_i = k | the fit's parameters), (rows, components)."""
    return table_of(bound_like(fit, x), fit)


def bound_like(fit: PointFit, x: Any) -> Bound:
    """The fit's program and backend, bound to `x`, which must have the columns that the fit was made from."""
    observations = checked_like(fit, x)
    return bind(fit.program, observations, fit.backend)


def table_of(bound: Bound, fit: PointFit) -> np.ndarray:
    """`log_joint` of a problem that is bound already."""
    bound.sites.check_table("probabilities of assignments")
    table = bound.log_joint(fit.parameters)
    if not bound.sites.is_row_wise and np.isnan(table).any():
        raise no_path(bound.sites.is_chain)
    return table


def checked_like(fit_or_posterior: PointFit | xr.DataTree, x: Any) -> Observations:
    """`x` as observations with the columns that the fit, or the posterior, was made from; a frame may have others beside them."""
    if isinstance(fit_or_posterior, xr.DataTree):
        program, sampled = program_of(fit_or_posterior), observations_of(fit_or_posterior)
        observations = checked(program, like_before(program, x, sampled.feature_names, sampled.categories))
        covariates = None if sampled.covariates is None else sampled.covariates.shape[1]
        columns = (sampled.features, sampled.feature_names, covariates, sampled.covariate_names)
        check_as_fitted(observations, *columns, sampled.known_numbers)
        return observations.with_groups_of(sampled.group_names) if sampled.has_all_groups else observations
    fit = check_point_fit(fit_or_posterior)
    origin = fit.origin
    observations = checked(fit.program, like_before(fit.program, x, origin.feature_names, origin.categories))
    columns = (origin.features, origin.feature_names, origin.covariates, origin.covariate_names)
    check_as_fitted(observations, *columns, origin.known)
    return observations if origin.group_names is None else observations.with_groups_of(origin.group_names)


def one_or_all(by_site: dict[str, Any]) -> Any:
    """What belongs to the only assignment of a row, or, where there are several, to each by site."""
    return next(iter(by_site.values())) if len(by_site) == 1 else by_site


def _softmax(table: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    # r_ik = p(x_i, k) / sum_l p(x_i, l)
    weights = np.subtract(table, table.max(axis=-1, keepdims=True), out=out)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def _copy(table: np.ndarray, out: np.ndarray) -> None:
    out[...] = table


def draw_log_joint(posterior: xr.DataTree, rows: Any = None, x: Observations | None = None) -> np.ndarray:
    """log p(x_i, assignment_i = k | draw), (draws, rows, components).

    Args:
        posterior: a tree of draws; chains are laid one after the other.
        rows: a slice or array of row indices; None for all.
        x: whose rows; None: the sampled data, whose known labels exclude a row's other components.
    """
    return _filled(posterior, rows, x, _copy)


def draw_responsibilities(posterior: xr.DataTree, rows: Any = None, x: Observations | None = None) -> np.ndarray:
    """P(assignment_i = k | x_i, draw), (draws, rows, components); see `draw_log_joint`."""
    return _filled(posterior, rows, x, _softmax)


def _filled(
    posterior: xr.DataTree, rows: Any, x: Observations | None, write: Callable[[np.ndarray, np.ndarray], Any]
) -> np.ndarray:
    """One array of all draws, each block written to its place: no second copy is ever held."""
    x = observations_of(posterior) if x is None else x
    sizes = posterior["posterior"].sizes
    draws, begin, filled = sizes["chain"] * sizes["draw"], 0, np.empty(0)
    some, chosen = (x, slice(None)) if rows is None else (x.take(rows), slice(None))
    if rows is not None and has_paths(posterior):  # a row of a chain is not known without the others
        some, chosen = x, rows
    for table in (table[:, chosen] for table in joint_blocks(posterior, some)):
        if begin == 0:
            check_memory(
                "draws",
                8.0 * draws * table[0].size,
                "Thin the draws: posterior.isel(draw=slice(None, None, 10), missing_dims='ignore').",
            )
            filled = np.empty((draws, *table.shape[1:]))
        write(table, filled[begin : begin + len(table)])
        begin += len(table)
    return filled


def joint_blocks(posterior: xr.DataTree, x: Observations, program: Program | None = None) -> Iterator[np.ndarray]:
    """The hub's tables, a block of draws at a time, so that memory stays bounded."""
    program, parameters = program or program_of(posterior), parameters_of(posterior)
    bound = bind(program, x, backend_of(posterior))
    bound.sites.check_table("probabilities of assignments")
    yield from in_blocks(bound.tables, parameters, bound)


def likelihood_blocks(bound: Bound, parameters: Mapping[str, np.ndarray]) -> Iterator[np.ndarray]:
    """log p(x_i | parameters) for many parameter values, (draws, rows), or of groups that are independent, (draws, groups); a block of draws
    at a time.

    Raises:
        ModelError: rows are not independent given the parameters.
    """
    bound.sites.check_hub("the log likelihood of each")
    yield from in_blocks(bound.pointwise, parameters, bound)


def in_blocks(
    function: Callable[[dict[str, np.ndarray]], np.ndarray],
    parameters: Mapping[str, np.ndarray],
    bound: Bound,
) -> Iterator[np.ndarray]:
    """What a function of many parameter values gives, a block of draws at a time."""
    draws = len(next(iter(parameters.values())))
    cells = len(bound.x) * bound.sites.joint_categories
    size = max(1, min(draws, CELLS_AT_ONCE // cells))
    for begin in range(0, draws, size):
        # The last block is as long as the others, some of its draws seen before: another length is compiled anew.
        start = min(begin, draws - size)
        yield function({name: value[start : start + size] for name, value in parameters.items()})[begin - start :]


def _of_posterior(posterior: xr.DataTree, x: Any, interval: float | None) -> Any:
    observations = checked_like(posterior, x)
    sites = engine(backend_of(posterior)).sites(program_of(posterior), observations)
    if interval is None:
        total, draws = np.zeros(()), 0
        for table in joint_blocks(posterior, observations):
            total, draws = total + _softmax(table).sum(axis=0), draws + len(table)
        return one_or_all(sites.marginals(total / draws))
    tails = ((1 - check_share("interval", interval)) / 2, (1 + interval) / 2)
    # quantiles need all draws of a row at once: few rows at a time, so that memory stays bounded
    sizes = posterior["posterior"].sizes
    cells = sizes["chain"] * sizes["draw"] * sites.joint_categories
    count = min(len(observations), -(-len(observations) * cells // CELLS_OF_ALL_DRAWS))
    parts = []
    for rows in np.array_split(np.arange(len(observations)), count):
        by_site = sites.marginals(draw_responsibilities(posterior, rows, observations))
        parts.append(
            {name: (draws.mean(axis=0), *np.quantile(draws, tails, axis=0)) for name, draws in by_site.items()}
        )
    joined = {
        name: WithInterval(*map(np.concatenate, zip(*(part[name] for part in parts), strict=True))) for name in parts[0]
    }
    return one_or_all(joined)
