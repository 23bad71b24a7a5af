"""log p(row | parameters), the assignment summed out: what leave-one-out cross-validation needs, where rows are independent."""

from functools import partial
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

from inference.assignment.responsibilities import bound_like, checked_like, likelihood_blocks
from inference.assignment.streaming import by_blocks, check_to
from inference.backends import bind
from inference.draws import backend_of, parameters_of, program_of, whole, with_program
from inference.frames import like
from inference.results import PointFit
from mixtures import Observations, Program, Source
from mixtures.memory import check_memory


def log_likelihood(
    fit_or_posterior: PointFit | xr.DataTree,
    x: Any,
    *,
    program: Program | None = None,
    to: str | PathLike[str] | None = None,
) -> Any:
    """The log likelihood of every row, with its assignment summed out.

    The likelihood given the assignment would answer another question and mislead LOO: the assignment of a left-out row is unknown.
    Where a program gives each row continuous unknowns of its own, the log likelihood is conditional on these, since they are parameters.
    Do not use it for LOO: the unknowns of a left-out row are not known either. For a hidden Markov chain it is
    log p(x_t | x_1, ..., x_(t-1), parameters), how well each row is predicted from those before it: use it for leave-future-out, not for
    LOO. Where all rows of a group share one assignment (`assignments.PerGroup`), or a class (`assignments.GroupClasses`), it is
    log p(x_g | parameters) of every group: LOO then leaves a group out.

    Args:
        fit_or_posterior: a point fit, or a tree of draws.
        x: rows with the columns of the fitted data; of a point fit a `mixtures.Source` too, where rows are independent.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.
        to: of a source, a Parquet file to write to as answers come, whole or not at all; None: they are returned.

    Returns:
        (rows,) for a fit, a Series where `x` is a pandas object; (chain, draw, rows) for a posterior. Of groups that are independent,
        (groups,) in the order of `Observations.group_names`. With `to`, its path.

    Raises:
        DataError: other columns than the model was fitted to.
        ModelError: rows are not independent given the parameters, so that they have no likelihoods of their own.
        TooLargeError: there is not enough memory.

    Example:
        >>> from inference import fit_map
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 10.0, 11.0, 12.0]
        >>> fit = fit_map(gaussian_mixture(2), x, restarts=5, seed=0)
        >>> bool(abs(log_likelihood(fit, x).sum() - fit.log_likelihood) < 1e-9)
        True
    """
    check_to(x, to)
    if not isinstance(fit_or_posterior, xr.DataTree):
        fit = fit_or_posterior
        if isinstance(x, Source):
            return by_blocks(fit, x, partial(_of_block, fit), ["log_likelihood"], to)
        return like(x, _of_fit(fit, x))
    result = whole(with_program(fit_or_posterior, program))
    observations = checked_like(result, x)
    bound = bind(program_of(result), observations, backend_of(result))
    sizes = result["posterior"].sizes
    needed = 16.0 * sizes["chain"] * sizes["draw"] * len(observations)  # blocks, and all of them in one
    check_memory("x", needed, "Ask for fewer rows at a time, or thin the draws.")
    blocks = list(likelihood_blocks(bound, parameters_of(result)))
    return np.concatenate(blocks).reshape(sizes["chain"], sizes["draw"], -1)


def _of_block(fit: PointFit, block: Observations, _: int) -> np.ndarray:
    return _of_fit(fit, block)


def _of_fit(fit: PointFit, x: Any) -> np.ndarray:
    """(rows,), or of groups (groups,)."""
    bound = bound_like(fit, x)
    return next(likelihood_blocks(bound, {name: np.asarray(value)[None] for name, value in fit.parameters.items()}))[0]
