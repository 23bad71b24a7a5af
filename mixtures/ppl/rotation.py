"""Orientations: orthogonal matrices by Cayley's coordinates, one number for each pair of features.

A covariance does not change when an axis of it points the other way. Up to such signs every orthogonal matrix is
Q = (I - S)(I + S)^-1 with S skew-symmetric and every |S_ij| <= 1 (O'Dorney 2014, theorem 1): d (d - 1) / 2 real coordinates without a
border, of order 1, 0 for axes along the features. Angles would wrap around, and products of reflections need more numbers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any


def pairs(features: int) -> int:
    """The number of coordinates, d (d - 1) / 2."""
    return features * (features - 1) // 2


def _places(features: int) -> tuple[np.ndarray, np.ndarray]:
    """Which coordinate stands at each place of a skew-symmetric matrix, and with which sign, both (features, features)."""
    upper = np.triu_indices(features, 1)
    place = np.zeros((features, features), dtype=np.int64)
    place[upper] = np.arange(pairs(features))
    ones = np.ones((features, features))
    return place + place.T, np.triu(ones, 1) - np.tril(ones, -1)


def cayley(
    xp: Any,
    coordinates: Array,
    features: int,
    as_array: Any = np.asarray,
    inverse: Callable[[Array], Array] | None = None,
) -> Array:
    """The orthogonal matrix of Cayley's coordinates, (..., pairs) -> (..., features, features).

    Args:
        xp: the array namespace.
        coordinates: of the rotations.
        features: how many.
        as_array: what makes arrays of NumPy's arrays.
        inverse: of matrices; None: the namespace's solver.
    """
    place, sign = _places(features)
    # one feature has no pair
    skew = coordinates[..., place] * as_array(sign) if features > 1 else xp.sum(coordinates, -1)[..., None, None]
    identity = xp.eye(features, dtype=skew.dtype)
    # I - S and (I + S)^-1 commute
    if inverse is not None:
        return inverse(identity + skew) @ (identity - skew)
    return xp.linalg.solve(identity + skew, identity - skew)


def rotated_tril(xp: Any, scale: Array, coordinates: Array, as_array: Any) -> Array:
    """The Cholesky factor of Q diag(scale^2) Q', (..., features, features).

    By a QR factorisation of the root Q diag(scale), which loses no digits and cannot fail, where forming the product would square the
    condition number.
    """
    root = cayley(xp, coordinates, scale.shape[-1], as_array) * scale[..., None, :]
    upper = xp.linalg.qr(xp.matrix_transpose(root)).R
    # R is unique up to the signs of its rows
    diagonal = xp.sum(upper * xp.eye(upper.shape[-1], dtype=upper.dtype), axis=-1)
    return xp.matrix_transpose(xp.where(diagonal < 0, -1.0, 1.0)[..., None] * upper)


def matrix_of(coordinates: np.ndarray, features: int) -> np.ndarray:
    """The orthogonal matrix of Cayley's coordinates, in NumPy; complex ones stay so, for derivatives by a complex step.

    Example:
        >>> matrix_of(np.array([1.0]), 2).round(3).tolist()
        [[0.0, -1.0], [1.0, 0.0]]
    """
    return cayley(np, np.asarray(coordinates, dtype=np.result_type(coordinates, np.float64)), features)


def coordinates_of(matrix: np.ndarray) -> np.ndarray:
    """Cayley's coordinates of an orthogonal matrix whose columns may point either way, (features, features) -> (pairs,).

    Args:
        matrix: orthogonal; the signs of its columns are chosen here so that the coordinates are small.
    """
    features = len(matrix)
    rotation = matrix * _signs(matrix)
    identity = np.eye(features)
    # S = (I - Q)(I + Q)^-1
    skew = np.linalg.solve((identity + rotation).T, (identity - rotation).T).T
    return skew[np.triu_indices(features, 1)]


def _signs(matrix: np.ndarray) -> np.ndarray:
    """Signs E that keep I + QE well away from singular: every pivot of Q + E is at least 1, then |det| is climbed sign by sign."""
    work, signs = matrix.copy(), np.ones(len(matrix))
    for column in range(len(matrix)):
        signs[column] = 1.0 if work[column, column] >= 0 else -1.0
        work[column, column] += signs[column]
        below = work[column + 1 :, column] / work[column, column]
        work[column + 1 :] -= below[:, None] * work[column]
    while True:
        inverse = np.linalg.inv(matrix + np.diag(signs))
        # flipping the sign of one column multiplies the determinant by 1 - 2 e_j (Q + E)^-1_jj
        gain = np.abs(1.0 - 2.0 * signs * np.diagonal(inverse))
        best = int(np.argmax(gain))
        if gain[best] <= 1.0 + 1e-9:
            return signs
        signs[best] *= -1.0
