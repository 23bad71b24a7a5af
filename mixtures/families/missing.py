"""The marginal of the observed columns, where columns are correlated.

A missing column is set apart: its location and its value become 0, it becomes independent of the others, and its own density a constant. So
every row keeps the same shape whatever its pattern, and gradients stay finite.
"""

import math
from typing import Any

from mixtures.ppl.protocol import PPL, Array, Distribution


def observed_normal(ppl: PPL, normal: Distribution, observed: Array | None) -> Distribution:
    """The normal of the observed columns.

    Args:
        ppl: the words of a backend.
        normal: a multivariate normal, with its `loc` and `scale_tril`.
        observed: which cells were observed, (rows, features); None: all.
    """
    if observed is None:
        return normal
    seen = observed * ppl.xp.ones(())
    # N(0; 0, 1 / (2 pi)) = 1: missing columns add nothing
    root = _apart(ppl.xp, normal.scale_tril, seen, 1 / (2 * math.pi))
    return ppl.dist.MultivariateNormal(normal.loc * seen, scale_tril=root)


def observed_t(ppl: PPL, t: Distribution, observed: Array | None) -> Distribution:
    """The multivariate t of the observed columns, whose marginals are t with the same degrees of freedom; arguments as above."""
    if observed is None:
        return t
    seen = observed * ppl.xp.ones(())
    root = _apart(ppl.xp, t.scale_tril, seen, 1.0)
    return ppl.dist.MultivariateStudentT(t.df, t.loc * seen, scale_tril=root, dimension=ppl.xp.sum(seen, axis=-1))


def _apart(xp: Any, root: Array, seen: Array, variance: float) -> Array:
    """Cholesky factors, (..., rows, features, features), of covariances where missing columns stand apart with a variance of their own."""
    both = seen[..., :, None] * seen[..., None, :]
    covariance = root @ xp.matrix_transpose(root)
    alone = variance * xp.eye(seen.shape[-1]) * (1 - seen)[..., None]
    # M Sigma M + v (I - M), M = diag(seen)
    return xp.linalg.cholesky(both * covariance + alone)
