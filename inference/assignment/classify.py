"""Which component does a row belong to? The most probable one, or a draw."""

from functools import partial
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

from inference.assignment.paths import path_at
from inference.assignment.responsibilities import bound_like, checked_like, one_or_all, probabilities, table_of
from inference.assignment.streaming import by_blocks, check_to
from inference.backends import Bound
from inference.checks import check_positive
from inference.draws import law_of, whole, with_program
from inference.frames import classes_like, components_of
from inference.results import PointFit
from mixtures import Observations, Program, Source
from mixtures.errors import ModelError, SeedError
from mixtures.renamed import formerly
from mixtures.seeds import check_seed, derived, generator


@formerly(fit_or_posterior="fit")
def classify(
    fit_or_posterior: PointFit | xr.DataTree,
    x: Any,
    *,
    temperature: float = 0,
    seed: int | None = None,
    program: Program | None = None,
    to: str | PathLike[str] | None = None,
) -> Any:
    """The assignment of each row: the most probable one, or a draw.

    The rows of a hidden Markov chain are assigned jointly: at temperature 0 by the most probable path (Viterbi), which may differ from
    the rows' most probable components, at 1 by a path drawn from the posterior of the paths. Of rows whose groups are of classes
    (`assignments.GroupClasses`) components and classes are assigned jointly, in the same way.

    Of a point fit, at temperatures 0 and 1, the backend's `infer_discrete` is used: the most probable assignment, or a draw from the
    assignments' posterior. Any other temperature t draws from probabilities proportional to p(x_i, k)^(1/t); the rows must then be
    independent given the parameters. For a program of the user's own the table of `responsibilities` is used instead, since its plates may
    not show what the program does.

    Of a posterior, each row by itself is assigned by its probabilities averaged over the draws, see `responsibilities`: the rule that errs
    least often. The draws must be relabelled.

    Args:
        fit_or_posterior: a point fit, or a tree of relabelled draws.
        x: rows to classify, old or new, with the columns of the fitted data; a `mixtures.Source` too, where rows are independent.
        temperature: 0 for the most probable assignment, 1 for a posterior draw; below 1 draws are sharper, above 1 flatter.
        seed: an int in [0, 2**32); needed at a temperature above 0.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.
        to: of a source, a Parquet file to write to as answers come, whole or not at all; None: they are returned.

    Returns:
        Components, ints of shape (rows,), a Series where `x` is a pandas object; with several assignments a row, a dict by site. With `to`,
        its path.

    Raises:
        ModelError: no such temperature; draws that are not relabelled.
        SeedError: no seed at a positive temperature.
        DataError: other columns than the model was fitted to.

    Example:
        >>> from inference import fit_map
        >>> from mixtures import gaussian_mixture
        >>> fit = fit_map(gaussian_mixture(2), [0.0, 1.0, 10.0, 11.0, 12.0], restarts=5, seed=0)
        >>> classify(fit, [0.5, 11.5]).tolist()
        [1, 0]
    """
    check_positive("temperature", temperature, or_zero=True)
    if seed is None and temperature > 0:
        raise SeedError(
            "seed", got="None", expected="an int in [0, 2**32)", advice="Draws at temperature > 0 need a seed."
        )
    seed = check_seed(0 if seed is None else seed)
    result = (
        whole(with_program(fit_or_posterior, program))
        if isinstance(fit_or_posterior, xr.DataTree)
        else fit_or_posterior
    )
    check_to(x, to)
    if isinstance(x, Source):
        return by_blocks(result, x, partial(_of_block, result, temperature, seed), ["component"], to)
    return classes_like(x, _components(result, x, temperature, seed), components_of(fit_or_posterior))


def _of_block(
    result: PointFit | xr.DataTree, temperature: float, seed: int, block: Observations, number: int
) -> np.ndarray:
    return _components(result, block, temperature, derived(seed, "block", number))


def _components(result: PointFit | xr.DataTree, x: Any, temperature: float, seed: int) -> Any:
    if isinstance(result, xr.DataTree):
        return _of_posterior(result, x, temperature, seed)
    return _of_fit(bound_like(result, x), result, temperature, seed)


def _of_fit(bound: Bound, fit: PointFit, temperature: float, seed: int) -> Any:
    sites = bound.sites
    if sites.is_trivial:
        return one_or_all({site.name: np.zeros(site.shape, dtype=np.int64) for site in sites.assignments})
    if not sites.is_row_wise:
        return _path(bound, fit, temperature, seed)
    if temperature in (0, 1) and not (sites.structure and sites.has_table):
        if sites.is_summed:
            sites.check_table("classification")
        found = bound.classify(fit.parameters, temperature=int(temperature), seed=derived(seed, "classify"))
        # reshaped because infer_discrete drops the plate of a single row
        shapes = {site.name: site.shape for site in sites.assignments}
        return one_or_all({name: values.astype(np.int64).reshape(shapes[name]) for name, values in found.items()})
    best = _chosen(table_of(bound, fit), temperature, seed)
    shapes = {site.name: site.shape for site in sites.assignments}
    return one_or_all({name: values[best].reshape(shapes[name]) for name, values in sites.combinations().items()})


def _of_posterior(posterior: xr.DataTree, x: Any, temperature: float, seed: int) -> Any:
    """Each row's assignment by its probabilities averaged over relabelled draws."""
    if "relabelling" not in posterior.children and len(components_of(posterior)) > 1:
        raise ModelError(
            "posterior",
            got="draws as sampled, whose components may be others in every draw",
            expected="draws under one labelling",
            advice="classify(relabel(posterior), x).",
        )
    found = probabilities(posterior, x)
    by_site = found if isinstance(found, dict) else {"assignment": found}
    with np.errstate(divide="ignore"):  # of components that are impossible
        tables = {name: np.log(table) for name, table in by_site.items()}
    chosen = {name: _chosen(table, temperature, seed).astype(np.int64) for name, table in tables.items()}
    law = law_of(posterior)
    if law is not None and law.shares_assignment:  # one draw for all rows of a group
        rows = checked_like(posterior, x).rows
        chosen = {name: values[rows.first][rows.group] for name, values in chosen.items()}
    return one_or_all(chosen)


def _chosen(table: np.ndarray, temperature: float, seed: int) -> np.ndarray:
    """Of each row of a table of log probabilities the greatest place, or a draw at the temperature."""
    if temperature > 0:
        # argmax of log p / t + Gumbel noise is a draw from p^(1/t) (Gumbel 1954; Maddison, Tarlow & Minka 2014)
        table = table / temperature + generator(seed, "classify").gumbel(size=table.shape)
    return np.argmax(table, axis=1)


def _path(bound: Bound, fit: PointFit, temperature: float, seed: int) -> np.ndarray:
    """The path of a chain.

    Raises:
        ModelError: a temperature at which paths have no probabilities.
    """
    if temperature not in (0, 1):
        raise ModelError(
            "temperature",
            got=f"{temperature:g} and {bound.sites.together}",
            expected="0, the most probable assignments, or 1, a draw",
        )
    return path_at(bound, fit.parameters, 0 if temperature == 0 else 1, generator(seed, "classify")).astype(np.int64)
