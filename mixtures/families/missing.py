"""The marginal of the observed columns, where columns are correlated.

A missing column is set apart: its location and its value become 0, it becomes independent of the others, and its own density a constant. So
every row keeps the same shape whatever its pattern, and gradients stay finite.
"""

import math
from typing import Any

from mixtures.ppl.protocol import PPL, Array, Distribution


def observed_normal(ppl: PPL, loc: Array, root: Array, observed: Array | None) -> Distribution:
    """The normal of the observed columns.

    Args:
        ppl: the words of a backend.
        loc: means, (..., features).
        root: Cholesky factors of the covariances, (..., features, features).
        observed: which cells were observed, (rows, features); None: all.
    """
    if observed is None:
        return ppl.dist.MultivariateNormal(loc, scale_tril=root)
    seen = observed * ppl.xp.ones(())
    # N(0; 0, 1 / (2 pi)) = 1: missing columns add nothing
    return ppl.dist.MultivariateNormal(loc * seen, scale_tril=_apart(ppl.xp, root, seen, 1 / (2 * math.pi)))


def observed_t(ppl: PPL, df: Array, loc: Array, root: Array, observed: Array | None) -> Distribution:
    """The multivariate t of the observed columns, whose marginals are t with the same degrees of freedom; arguments as above."""
    if observed is None:
        return ppl.dist.MultivariateStudentT(df, loc, scale_tril=root)
    seen = observed * ppl.xp.ones(())
    return ppl.dist.MultivariateStudentT(
        df, loc * seen, scale_tril=_apart(ppl.xp, root, seen, 1.0), dimension=ppl.xp.sum(seen, axis=-1)
    )


def _apart(xp: Any, root: Array, seen: Array, variance: float) -> Array:
    """Cholesky factors, (..., rows, features, features), of covariances where missing columns stand apart with a variance of their own."""
    both = seen[..., :, None] * seen[..., None, :]
    covariance = root @ xp.matrix_transpose(root)
    alone = variance * xp.eye(seen.shape[-1]) * (1 - seen)[..., None]
    # M Sigma M + v (I - M), M = diag(seen)
    return xp.linalg.cholesky(both * covariance + alone)
