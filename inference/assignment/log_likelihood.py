"""log p(row | parameters), the assignment summed out: what leave-one-out cross-validation needs."""

from typing import Any

import numpy as np
import xarray as xr

from inference.assignment.responsibilities import checked_like, joint_blocks, log_joint
from inference.results import PointFit


def log_likelihood(fit_or_posterior: PointFit | xr.DataTree, x: Any) -> np.ndarray:
    """The log likelihood of every row, with its assignment summed out.

    Given the assignment instead, the likelihood would answer another question (and mislead LOO): the assignment of a left-out row is
    not known.

    Args:
        fit_or_posterior: a point fit, or a tree of draws.
        x: rows with the columns of the fitted data.

    Returns:
        (rows,) for a fit, (chain, draw, rows) for a posterior.

    Example:
        >>> from inference import fit_map
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 10.0, 11.0, 12.0]
        >>> fit = fit_map(gaussian_mixture(2), x, restarts=5, seed=0)
        >>> bool(abs(log_likelihood(fit, x).sum() - fit.log_likelihood) < 1e-9)
        True
    """
    if not isinstance(fit_or_posterior, xr.DataTree):
        return np.logaddexp.reduce(log_joint(fit_or_posterior, x), axis=1)
    posterior = fit_or_posterior
    observations = checked_like(posterior, x)
    rows = [np.logaddexp.reduce(table, axis=2) for table in joint_blocks(posterior, observations)]
    sizes = posterior["posterior"].sizes
    return np.concatenate(rows).reshape(sizes["chain"], sizes["draw"], len(observations))
