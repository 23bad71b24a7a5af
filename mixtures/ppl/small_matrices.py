"""Small positive definite matrices, one for each of many groups, taken apart in all groups at once: a matrix is the arrays of its entries."""

from typing import Any

from mixtures.ppl.protocol import Array

Matrix = dict[tuple[int, int], Array]
"""(row, column) -> the entries of all groups, (..., groups)."""


def cholesky(xp: Any, matrix: Matrix) -> Matrix:
    """The lower triangular L with L L' = A, given what is on A's diagonal and below.

    Example:
        >>> import numpy as np
        >>> root = cholesky(np, {(0, 0): np.array([4.0]), (1, 0): np.array([2.0]), (1, 1): np.array([5.0])})
        >>> root[1, 0].item(), root[1, 1].item()
        (1.0, 2.0)
    """
    rest, root = dict(matrix), {}
    size = max(matrix)[0] + 1
    for j in range(size):
        root[j, j] = xp.sqrt(rest[j, j])
        for i in range(j + 1, size):
            root[i, j] = rest[i, j] / root[j, j]
        for i in range(j + 1, size):
            for k in range(j + 1, i + 1):
                rest[i, k] = rest[i, k] - root[i, j] * root[k, j]
    return root


def forward(root: Matrix, v: list[Array]) -> list[Array]:
    """L^-1 v."""
    found: list[Array] = []
    for j, own in enumerate(v):
        found.append((own - sum(root[j, k] * found[k] for k in range(j))) / root[j, j])
    return found


def backward(root: Matrix, v: list[Array]) -> list[Array]:
    """L'^-1 v."""
    found: dict[int, Array] = {}
    for j in reversed(range(len(v))):
        found[j] = (v[j] - sum(root[k, j] * found[k] for k in range(j + 1, len(v)))) / root[j, j]
    return [found[j] for j in range(len(v))]


def half_log_det(xp: Any, root: Matrix) -> Array:
    """log det L, half of log det A."""
    return sum(xp.log(entry) for (i, j), entry in root.items() if i == j)
