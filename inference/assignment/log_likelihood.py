"""log p(row | parameters), the assignment summed out: what leave-one-out cross-validation needs, where rows are independent."""

from typing import Any

import numpy as np
import xarray as xr

from inference.assignment.responsibilities import checked_like, likelihood_blocks
from inference.backends import bind
from inference.draws import backend_of, parameters_of, program_of, whole, with_program
from inference.frames import like
from inference.results import PointFit
from mixtures import Program
from mixtures.memory import check_memory


def log_likelihood(fit_or_posterior: PointFit | xr.DataTree, x: Any, *, program: Program | None = None) -> Any:
    """The log likelihood of every row, with its assignment summed out.

    The likelihood given the assignment would answer another question and mislead LOO: the assignment of a left-out row is unknown.
    Where a program gives each row continuous unknowns of its own, the log likelihood is conditional on these, since they are parameters.
    Do not use it for LOO: the unknowns of a left-out row are not known either. For a hidden Markov chain it is
    log p(x_t | x_1, ..., x_(t-1), parameters), how well each row is predicted from those before it: use it for leave-future-out, not for
    LOO. Where all rows of a group share one assignment (`assignments.PerGroup`) it is log p(x_g | parameters) of every group: LOO then leaves
    a group out.

    Args:
        fit_or_posterior: a point fit, or a tree of draws.
        x: rows with the columns of the fitted data.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        (rows,) for a fit, a Series where `x` is a pandas object; (chain, draw, rows) for a posterior. Of groups that share an assignment,
        (groups,) in the order of `Observations.group_names`.

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
    is_tree = isinstance(fit_or_posterior, xr.DataTree)
    result = whole(with_program(fit_or_posterior, program)) if is_tree else fit_or_posterior
    observations = checked_like(result, x)
    if not isinstance(result, xr.DataTree):
        single = {name: np.asarray(value)[None] for name, value in result.parameters.items()}
        rows = next(likelihood_blocks(bind(result.program, observations, result.backend), single))[0]
        return like(x, rows)
    bound = bind(program_of(result), observations, backend_of(result))
    sizes = result["posterior"].sizes
    needed = 16.0 * sizes["chain"] * sizes["draw"] * len(observations)  # blocks, and all of them in one
    check_memory("x", needed, "Ask for fewer rows at a time, or thin the draws.")
    blocks = list(likelihood_blocks(bound, parameters_of(result)))
    return np.concatenate(blocks).reshape(sizes["chain"], sizes["draw"], -1)
