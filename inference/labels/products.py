"""The two sums over draws' responsibilities that the methods share, in memory that does not grow with the draws."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

BLOCK_ELEMENTS = 1_000_000  # 8 MB of float64: temporaries stay in the processor's cache


def blocks(draws: int, elements_per_draw: int) -> Iterator[slice]:
    """Slices of draws whose temporaries hold about `BLOCK_ELEMENTS` numbers each."""
    step = max(1, BLOCK_ELEMENTS // max(1, elements_per_draw))
    return (slice(start, min(start + step, draws)) for start in range(0, draws, step))


def one_hot(labels: Int[np.ndarray, "*batch"], components: int) -> Float[np.ndarray, "*batch components"]:
    """1 at the label, 0 elsewhere.

    >>> one_hot(np.array([1, 0]), 2)
    array([[0., 1.],
           [1., 0.]])
    """
    return (labels[..., None] == np.arange(components)).astype(float)


def cross_products(
    responsibilities: Float[np.ndarray, "draws rows components"], target: Float[np.ndarray, "rows components"]
) -> Float[np.ndarray, "draws components components"]:
    """For each draw `p_t^T target`: entry (old, new) is the sum over rows of `p[t, row, old] target[row, new]`."""
    return np.matmul(responsibilities.transpose(0, 2, 1), target)


def relabelled_mean(
    responsibilities: Float[np.ndarray, "draws rows components"], permutations: Int[np.ndarray, "draws components"]
) -> Float[np.ndarray, "rows components"]:
    """The mean over draws of the relabelled responsibilities, `p[t, row, permutations[t, k]]`."""
    draws, rows, components = responsibilities.shape
    total = np.zeros((rows, components))
    for block in blocks(draws, rows * components):
        # Permuting columns is a product with a permutation matrix: faster than indexing, which gathers.
        matrices = one_hot(permutations[block], components).transpose(0, 2, 1)
        total += np.matmul(responsibilities[block], matrices).sum(axis=0)
    return total / draws
