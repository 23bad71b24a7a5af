"""Cells that were not observed, filled by what the mixture says of them: with their means, or several times with draws."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import softmax

from inference.assignment.conditional import Conditional, Parameters
from inference.assignment.filled import filled_like
from inference.assignment.paths import path_at
from inference.assignment.responsibilities import bound_and_draws
from inference.backends import Bound
from inference.checks import check_count, of_columns
from inference.draws import observations_of
from inference.results import PointFit
from mixtures import Observations, Program
from mixtures.errors import DataError, ModelError, SeedError
from mixtures.families.by_column import families_by_column
from mixtures.families.members import parts_of
from mixtures.seeds import check_seed, derived, generator

MOST_DRAWS = 200
"""Draws of a posterior over which means are averaged: rows are filled no better by more."""


def impute(
    fit_or_posterior: PointFit | xr.DataTree,
    x: Any,
    *,
    draws: int = 0,
    seed: int | None = None,
    program: Program | None = None,
) -> Any:
    """Missing cells, filled by the mixture.

    A cell's distribution, given all that was observed, is a mixture over the row's component: of a Gaussian's regression on the row's
    observed cells, or of the column's own distribution where columns are independent given the component. Rows of a chain, or of a group,
    are known by each other too.

    Means are too regular to compute further with: variances and correlations of filled data are too small. For these draw several data
    sets, do with each what is to be done, and pool (Rubin 1987).

    Args:
        fit_or_posterior: a point fit, or a tree of draws.
        x: data with missing cells: a frame or array with NaN, or `Observations(x, missing="allow")`; with the columns of the fitted data.
        draws: 0 fills each cell with its posterior mean, summed exactly over components, and a cell of categories with the most probable
            one; more: as many data sets, each with cells drawn together with the components. Of a posterior each data set has a draw of
            the parameters of its own, and means are averaged over at most 200.
        seed: an int in [0, 2**32); needed for draws.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        What `x` is (frame, series, array, `Observations`) with nothing missing, cells that were observed as they were; a list of these where
        `draws` are asked for.

    Raises:
        SeedError: draws without a seed.
        DataError: other columns than the model was fitted to; cells known by bounds alone.
        ModelError: a program of the user's own; groups with random effects; columns that hang together within a component and are not
            normal; for means, angles, or a distribution that does not say its mean.

    Source: Ghahramani & Jordan (1994); Rubin (1987), Multiple Imputation for Nonresponse in Surveys.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import gaussian_mixture
        >>> fit = fit_em(gaussian_mixture(2, "tied"), [0.0, 1.0, 10.0, 11.0, 12.0], restarts=5, seed=0)
        >>> impute(fit, [0.5, np.nan]).round(3).tolist()
        [0.5, 6.8]
    """
    draws = check_count("draws", draws, least=0)
    if draws and seed is None:
        raise SeedError("seed", got="None", expected="an int in [0, 2**32)", advice="Draws need a seed.")
    seed = check_seed(0 if seed is None else seed)
    bound, parameters = bound_and_draws(fit_or_posterior, _with_holes(fit_or_posterior, x), program)
    _check(bound)
    if not np.isnan(bound.x.x).any():
        return [x] * draws if draws else x
    total = len(next(iter(parameters.values())))
    if not draws:
        some = np.unique(np.linspace(0, total - 1, min(total, MOST_DRAWS)).astype(int))
        return filled_like(
            x, bound.x, _means(bound, [{name: value[i] for name, value in parameters.items()} for i in some])
        )
    chosen = generator(seed, "impute").permutation(np.resize(np.arange(total), max(draws, total)))[:draws]
    filled = []
    for number, i in enumerate(chosen):
        values = {name: value[i] for name, value in parameters.items()}
        filled.append(filled_like(x, bound.x, _draw(bound, values, derived(seed, "impute", number))))
    return filled


def _with_holes(result: Any, x: Any) -> Any:
    """Data as observations of which cells may be missing."""
    if isinstance(x, Observations):
        return x
    is_tree, is_fit = isinstance(result, xr.DataTree), isinstance(result, PointFit)
    names = observations_of(result).feature_names if is_tree else result.origin.feature_names if is_fit else None
    return Observations(of_columns(x, names), missing="allow")


def _check(bound: Bound) -> None:
    """Check that cells are known by what a mixture says of them.

    Raises:
        ModelError: a program of the user's own, or rows of a group that hang together.
        DataError: cells known by bounds.
    """
    if bound.program.mixture is None:
        raise ModelError(
            "program",
            got="one of your own",
            expected="a Mixture, whose family says how cells are distributed",
            advice="Write the missing cells into the program, as unknowns: sample_nuts draws them.",
        )
    if parts_of(bound.program.mixture.family).ties_groups:
        raise ModelError(
            "program",
            got="rows of groups that have effects in common (random=)",
            expected="rows that are independent given their component",
            advice="Write the missing responses into a program of your own, as unknowns: sample_nuts draws them.",
        )
    if np.any(bound.x.is_censored):
        raise DataError(
            "x",
            got="cells that are known by bounds",
            expected="cells that were observed, or not at all",
            advice="A fit takes them as they are: nothing need be filled in.",
        )


def _columns(bound: Bound) -> list[tuple[Any, int | None]]:
    """Where each column is, with its number of categories, where it has some."""
    assert bound.program.mixture is not None  # the caller has checked
    size = 1 if bound.x.x.ndim == 1 else bound.x.x.shape[1]
    families = families_by_column(bound.program.mixture.family, size)
    places = [...] if bound.x.x.ndim == 1 else [(slice(None), column) for column in range(size)]
    return [(place, parts_of(own).support.categories) for place, own in zip(places, families, strict=True)]


def _means(bound: Bound, several: list[dict[str, np.ndarray]]) -> np.ndarray:
    """The data with each missing cell's mean, or most probable category, averaged over values of the parameters."""
    conditional, x, filled = Conditional(bound, several[0]), bound.x.x, np.array(bound.x.x)
    shares = [_shares(bound, values) for values in several]
    columns = [(place, categories) for place, categories in _columns(bound) if np.isnan(x[place]).any()]
    if any(categories is None for _, categories in columns):
        _check_no_angles(bound)
        # E[x_im | x_io] = sum_k r_ik E[x_im | x_io, k]
        each = [
            np.einsum("rk,rk...->r...", own, conditional.means(values))
            for own, values in zip(shares, several, strict=True)
        ]
        means = np.mean(each, axis=0)
    for place, categories in columns:
        rows = np.flatnonzero(np.isnan(x[place]))
        if categories is None:
            filled[place][rows] = means[place][rows]
            continue
        column = None if place is ... else place[1]
        probs = sum(
            np.einsum("rk,rkc->rc", own[rows], conditional.probabilities(values, column, rows, categories))
            for own, values in zip(shares, several, strict=True)
        )
        filled[place][rows] = np.argmax(probs, axis=1)
    return filled


def _draw(bound: Bound, values: Parameters, seed: int) -> np.ndarray:
    """The data with each missing cell drawn, together with the components."""
    x, rng = bound.x.x, generator(seed, "assignment")
    if bound.sites.is_row_wise:
        table = bound.log_joint(values)
        # argmax of log p + Gumbel noise is a draw from p (Gumbel 1954)
        assignment = np.argmax(table + rng.gumbel(size=table.shape), axis=1)
    else:
        assignment = path_at(bound, values, 1, rng)
    drawn = Conditional(bound, values).draws(values, derived(seed, "cells"))[np.arange(len(x)), assignment]
    return np.where(np.isnan(x), drawn, x)


def _shares(bound: Bound, values: Parameters) -> np.ndarray:
    """P(assignment_i = k | all that was observed), (rows, components)."""
    return softmax(bound.log_joint(values), axis=1)


def _check_no_angles(bound: Bound) -> None:
    """Check that columns have means.

    Raises:
        ModelError: they are directions, of which a mixture has none.
    """
    if parts_of(bound.program.mixture.family).circular_sites:  # type: ignore[union-attr]  # the caller has checked
        raise ModelError(
            "draws",
            got="0, and angles",
            expected="draws: the mean of several directions is none",
            advice="draws=5, seed=0.",
        )
