"""The posterior similarity matrix: how probable it is that two rows share a component.

Responsibilities are averaged, not sampled assignments: given the parameters the rows are independent, so the
probability that two of them share a component is known exactly, and only the parameters' Monte Carlo error is left.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from xarray import DataTree

from inference.assignment.responsibilities import draw_responsibilities
from inference.checks import check_rows, check_tree
from mixtures.errors import DataError
from mixtures.tables import numbers_in

BLOCK_BYTES = 64 * 2**20


def similarity(posterior: DataTree, rows: Sequence[int] | np.ndarray | None = None) -> Float[np.ndarray, "rows rows"]:
    """Posterior probability that two rows share a component, for every pair of rows.

    The matrix needs 8 n^2 bytes: 8 MB for 1000 rows, 3.2 GB for 20,000. For more rows pass a subset.

    Args:
        posterior: draws of the parameters, as `sample_nuts` returns them; their labelling does not matter.
        rows: indices of the rows to compare; all of them by default.

    Returns:
        A symmetric matrix with ones on its diagonal.

    Raises:
        DataError: not a posterior's tree, or indices that no row has.

    Source: Binder (1978), Biometrika 65, section 3; averaged over responsibilities (Rao-Blackwell).

    Example:
        >>> from inference import sample_nuts
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> post = sample_nuts(gaussian_mixture(2, "tied"), x, draws=50, tune=100, chains=2, seed=0, progress=False)
        >>> together = similarity(post)
        >>> bool(together[0, 1] > together[0, 5])
        True
    """
    return similarity_matrix(responsibilities_of(posterior, rows))


def responsibilities_of(posterior: DataTree, rows: Sequence[int] | np.ndarray | None) -> np.ndarray:
    """P(assignment | row, draw) of the chosen rows, (draws, rows, components).

    Raises:
        DataError: not a posterior's tree, or indices that no row has.
    """
    total = check_tree(posterior)["observed_data"].sizes["rows"]
    return draw_responsibilities(posterior, check_rows(rows, total))


def similarity_matrix(responsibilities: np.ndarray) -> Float[np.ndarray, "rows rows"]:
    """Posterior similarity matrix of given responsibilities, in blocks of draws; memory n^2 for n rows.

    Args:
        responsibilities: P(assignment | row, parameters) for every draw, (draws, rows, components).

    Returns:
        A symmetric matrix with ones on its diagonal.

    Raises:
        DataError: the responsibilities are not probabilities.

    Example:
        >>> import numpy as np
        >>> similarity_matrix(np.array([[[0.5, 0.5], [0.9, 0.1]]]))
        array([[1. , 0.5],
               [0.5, 1. ]])
    """
    responsibilities = checked_responsibilities(responsibilities)
    draws, rows, components = responsibilities.shape
    total = np.zeros((rows, rows))
    step = max(1, BLOCK_BYTES // (8 * rows * components))
    for start in range(0, draws, step):
        block = responsibilities[start : start + step].swapaxes(0, 1).reshape(rows, -1)
        # S_ij = mean_t sum_k r_tik r_tjk; one symmetric product a block, for (draw, component) is one long axis
        total += block @ block.T
    total /= draws
    np.clip(total, 0.0, 1.0, out=total)
    # A row is with itself for certain; r_i . r_i is the chance that two independent draws of it agree.
    np.fill_diagonal(total, 1.0)
    return total


def checked_responsibilities(responsibilities: np.ndarray) -> Float[np.ndarray, "draws rows components"]:
    """The same array in float64, once it is known to hold probabilities.

    Raises:
        DataError: a wrong number of axes, an empty axis, or rows that do not sum to one.
    """
    array = numbers_in(responsibilities, "responsibilities").astype(np.float64, copy=False)
    if array.ndim != 3 or 0 in array.shape:
        raise DataError("responsibilities", got=f"shape {array.shape}", expected="(draws, rows, components)")
    worst = np.abs(array.sum(axis=2) - 1.0).max()
    # `not <=` rather than `>`: NaN must not pass.
    if not worst <= 1e-5 or array.min() < 0:
        raise DataError(
            "responsibilities",
            got=f"rows whose sum is {worst:.3g} away from 1, least value {array.min():.3g}",
            expected="probabilities over the last axis",
            advice="Normalise over components; NaN means that a row has density 0 under every component.",
        )
    return array
