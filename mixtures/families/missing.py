"""The marginal of the observed columns, where columns are correlated."""

from typing import Any

from mixtures.ppl.protocol import Array


def marginal_root(xp: Any, root: Array, seen: Array, variance: float) -> Array:
    """The Cholesky factor of a covariance whose missing columns stand apart, with a variance of their own.

    The observed columns keep their covariance; each missing one becomes independent of the rest. With location and filler both 0 there, its
    density is then a constant: exactly 1 for a Gaussian of variance 1 / (2 pi).

    Args:
        xp: array namespace.
        root: Cholesky factors L of covariances L L', (..., features, features).
        seen: 1 where a cell was observed, else 0; (rows, features).
        variance: of the missing columns.

    Returns:
        Cholesky factors, (..., rows, features, features).
    """
    both = seen[..., :, None] * seen[..., None, :]
    covariance = root @ xp.matrix_transpose(root)
    apart = variance * xp.eye(seen.shape[-1]) * (1 - seen)[..., None]
    # M Sigma M + v (I - M), M = diag(seen)
    return xp.linalg.cholesky(both * covariance + apart)
