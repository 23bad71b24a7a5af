"""How well does a mixture predict rows that it was not fitted to? The log score of rows that were left out, fold by fold."""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from inference.backends import Bound, bind
from inference.point.em.closed_em import ClosedTask, closed_task, complete_columns
from inference.point.em.initial_partitions import Partitions
from inference.point.em.problem import EMProblem
from inference.point.em.runs import Beginning, from_partitions
from inference.selection.refits import EMOptions, Parameters, Refit, alone, refit
from mixtures import Mixture, Observations
from mixtures.errors import ModelError
from mixtures.seeds import derived, generator


def folds_of(rows: int, folds: int, seed: int) -> Int[np.ndarray, " rows"]:
    """The fold of every row, at random, as even as can be: the same for every number of components.

    Raises:
        ModelError: fewer than two folds, or more than rows.
    """
    if not 2 <= folds <= rows:
        raise ModelError("folds", got=str(folds), expected=f"2 to {rows}, the number of rows")
    return generator(seed, "folds").permutation(np.arange(rows) % folds)


def held_out(
    mixture: Mixture, x: Observations, fold_of: Int[np.ndarray, " rows"], options: EMOptions
) -> Float[np.ndarray, " rows"]:
    """log p(x_i | parameters without the rows of i's fold); NaN in a fold without a sound fit.

    Raises:
        ModelError: rows are not independent given the parameters.
    """
    bound = bind(mixture, x, options.backend)
    check_row_wise(bound)
    folds = range(fold_of.max() + 1)
    kept = [np.flatnonzero(fold_of != fold) for fold in folds]
    task = closed_task(mixture, x, frozenset(), is_posterior=False)
    if task is None or task.closed.family.starts_at_rows:
        fits = [
            alone(mixture, x.take(rows), replace(options, seed=derived(options.seed, "fold", fold)))
            for fold, rows in enumerate(kept)
        ]
    else:
        fits = _in_lanes(mixture, x, task, kept, options)
    scores = np.full(len(x), np.nan)
    sound = [fold for fold in folds if fits[fold].status.is_sound]
    if sound:
        rows = bound.pointwise(_stacked([fits[fold] for fold in sound]))
        for own, fold in zip(rows, sound, strict=True):
            scores[fold_of == fold] = own[fold_of == fold]
    return scores


def check_row_wise(bound: Bound) -> None:
    """Check that rows can be left out one by one.

    Raises:
        ModelError: rows are not independent given the parameters.
    """
    if bound.sites.is_of_groups:
        shared = "assignment" if bound.sites.law.shares_assignment else "class"  # type: ignore[union-attr]  # groups have a law
        raise ModelError(
            "routes",
            got=f"rows left out of groups, whose other rows share their {shared}",
            expected="rows that are independent given the parameters",
            advice='Of groups ask for routes=["criteria", "evidence"].',
        )
    if not bound.sites.is_row_wise:
        raise ModelError(
            "routes",
            got="rows left out of a chain, whose other rows would not hang together any more",
            expected="rows that are independent given the parameters",
            advice='Of a chain ask for routes=["criteria", "evidence"], or forecast its end.',
        )
    bound.sites.check_hub("the log score of each")


def _in_lanes(
    mixture: Mixture, x: Observations, task: ClosedTask, kept: list[np.ndarray], options: EMOptions
) -> list[Refit]:
    """All folds in one program: a row that is left out has weight 0, and no part in the starts."""
    columns = complete_columns(mixture, x, options.seed)
    sets = [x.with_row_weights(np.where(np.isin(np.arange(len(x)), rows), x.times, 0.0)) for rows in kept]

    def starts(fold: int, problem: EMProblem) -> list[Beginning]:
        rows, seed = kept[fold], derived(options.seed, "fold", fold)
        count = 1 if mixture.components == 1 else options.restarts
        drawn = Partitions(columns[rows], seed, "cross-validation").draw(mixture.components, count)
        some = [replace(partition, rows=rows[partition.rows]) for partition in drawn]
        return from_partitions(problem, some, mixture.components, None)

    return refit(mixture, sets, starts, options)


def _stacked(fits: list[Refit]) -> Parameters:
    """Parameters of several fits, (fits, ...) by site."""
    return {name: np.stack([fit.parameters[name] for fit in fits]) for name in fits[0].parameters}


def paired_error(scores: Any, others: Any, times: Float[np.ndarray, " rows"]) -> float:
    """The standard error of the sum of differences of rows, each as often as it counts; 0 of equal ones.

    Example:
        >>> paired_error([1.0, 3.0], [0.0, 0.0], np.array([2.0, 2.0])) == paired_error([1.0, 1.0, 3.0, 3.0], np.zeros(4), np.ones(4))
        True
    """
    differences, rows = np.asarray(scores) - np.asarray(others), float(times.sum())
    if rows <= 1:
        return float("nan")
    squares = times @ (differences - times @ differences / rows) ** 2
    return float(np.sqrt(squares * rows / (rows - 1)))
