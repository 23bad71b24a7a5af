"""The posterior similarity matrix: how probable it is that two rows share a component.

Responsibilities are averaged, not sampled assignments: given the parameters the rows are independent, so the
probability that two of them share a component is known exactly, and only the parameters' Monte Carlo error is left. Rows of a hidden Markov
chain are not: of these a path is drawn at every draw of the parameters.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Float
from scipy.linalg.blas import dsyrk
from scipy.special import softmax
from xarray import DataTree

from inference.assignment.paths import path_shares
from inference.assignment.responsibilities import draw_responsibilities, joint_blocks
from inference.checks import check_rows
from inference.draws import has_paths, observations_of, rows_of, whole, with_program
from mixtures import Program
from mixtures.errors import DataError
from mixtures.memory import check_memory
from mixtures.tables import numbers_in

BLOCK_BYTES = 64 * 2**20
"""Of the responsibilities that are added at once: what is taken beside the matrix is a small multiple of it."""


def similarity(
    posterior: DataTree, rows: Sequence[int] | np.ndarray | None = None, *, program: Program | None = None
) -> Float[np.ndarray, "rows rows"]:
    """Posterior probability that two rows share a component, for every pair of rows.

    The matrix takes 8 n^2 bytes, 8 MB for 1000 rows and 3.2 GB for 20,000, and its making some hundred MB more. For more rows pass a
    subset; `partition` needs no matrix.

    Args:
        posterior: draws of the parameters, as `sample_nuts` returns them; their labelling does not matter.
        rows: indices of the rows to compare; all of them by default.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        A symmetric matrix with ones on its diagonal.

    Raises:
        DataError: not a posterior's tree, or indices that no row has.
        TooLargeError: there is not enough memory.

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
    posterior = with_program(posterior, program)
    total = rows_of(posterior)
    chosen = check_rows(rows, total)
    count = total if chosen is None else len(chosen)
    check_matrix(count)
    return _averaged(_merged(responsibility_blocks(whole(posterior), chosen)))


def check_matrix(rows: int, copies: int = 1) -> None:
    """Check that there is memory for a matrix of all pairs of rows.

    Raises:
        TooLargeError: there is not.
    """
    check_memory(
        f"similarity of {rows} rows",
        8.0 * copies * rows**2 + 4 * BLOCK_BYTES,
        "Pass a subset: rows=...; partition(posterior, similarity=False, seed=0) needs no matrix.",
    )


def responsibility_blocks(posterior: DataTree, rows: np.ndarray | None) -> Iterator[np.ndarray]:
    """P(assignment | row, draw) of the chosen rows, some draws at a time."""
    x = observations_of(posterior)
    if has_paths(posterior):
        yield responsibilities_of(posterior, rows)
        return
    for table in joint_blocks(posterior, x if rows is None else x.take(rows)):
        yield softmax(table, axis=2)


def _merged(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Small blocks of draws as larger ones: a product of few columns at a time would be slow."""
    held: list[np.ndarray] = []
    for block in blocks:
        held.append(block)
        if sum(part.nbytes for part in held) >= BLOCK_BYTES:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def responsibilities_of(posterior: DataTree, rows: Sequence[int] | np.ndarray | None) -> np.ndarray:
    """P(assignment | row, draw) of the chosen rows, (draws, rows, components); of a chain drawn paths, 0 and 1.

    Raises:
        DataError: not a posterior's tree, or indices that no row has.
    """
    total = rows_of(posterior)
    chosen, posterior = check_rows(rows, total), whole(posterior)
    if has_paths(posterior):
        return path_shares(posterior, observations_of(posterior))[:, slice(None) if chosen is None else chosen]
    return draw_responsibilities(posterior, chosen)


def similarity_matrix(responsibilities: np.ndarray) -> Float[np.ndarray, "rows rows"]:
    """Posterior similarity matrix of given responsibilities, in blocks of draws; memory n^2 for n rows.

    Args:
        responsibilities: P(assignment | row, parameters) for every draw, (draws, rows, components).

    Returns:
        A symmetric matrix with ones on its diagonal.

    Raises:
        DataError: the responsibilities are not probabilities.
        TooLargeError: there is not enough memory.

    Example:
        >>> import numpy as np
        >>> similarity_matrix(np.array([[[0.5, 0.5], [0.9, 0.1]]]))
        array([[1. , 0.5],
               [0.5, 1. ]])
    """
    responsibilities = checked_responsibilities(responsibilities)
    draws, rows, components = responsibilities.shape
    check_matrix(rows)
    step = max(1, BLOCK_BYTES // (8 * rows * components))
    return _averaged(responsibilities[start : start + step] for start in range(0, draws, step))


def _averaged(blocks: Iterable[np.ndarray]) -> Float[np.ndarray, "rows rows"]:
    """The matrix from responsibilities, (draws, rows, components) at a time."""
    total, draws = np.zeros((0, 0)), 0
    for block in blocks:
        rows = block.shape[1]  # or units of rows, where these are what belongs to components
        if draws == 0:
            total = np.zeros((rows, rows), order="F")
        flat = block.swapaxes(0, 1).reshape(rows, -1)
        # S_ij = mean_t sum_k r_tik r_tjk; one symmetric product a block, for (draw, component) is one long axis. BLAS adds it in place,
        # to the upper triangle: NumPy would make a second matrix first.
        total = dsyrk(1.0, flat.T, beta=1.0, c=total, trans=1, overwrite_c=1)
        draws += len(block)
    _mirror(total)
    total /= draws
    np.clip(total, 0.0, 1.0, out=total)
    # A row is with itself for certain; r_i . r_i is the chance that two independent draws of it agree.
    np.fill_diagonal(total, 1.0)
    return total.T  # the same numbers, row after row in memory


def _mirror(matrix: np.ndarray, size: int = 1024) -> None:
    """Write the upper triangle into the lower one, a square at a time."""
    for start in range(0, len(matrix), size):
        own, rest = slice(start, start + size), slice(start + size, None)
        matrix[rest, own] = matrix[own, rest].T
        matrix[own, own] = np.triu(matrix[own, own]) + np.triu(matrix[own, own], 1).T


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
