"""The marginal of the observed columns, and of columns measured with error, where columns are correlated.

A missing column is set apart: its location and its value become 0, it becomes independent of the others, and its own density a constant. So
every row keeps the same shape whatever its pattern, and gradients stay finite.
"""

import math
from typing import Any

from mixtures.ppl.protocol import PPL, Array, Distribution


def observed_normal(
    ppl: PPL, normal: Distribution, observed: Array | None, errors: Array | None = None
) -> Distribution:
    """The normal of the observed columns, measured with errors.

    Args:
        ppl: the words of a backend.
        normal: a multivariate normal, with its `loc` and a square root of its covariance, `root` or `scale_tril`.
        observed: which cells were observed, (rows, features); None: all.
        errors: roots E of the errors' covariances S = E E', (rows, features, features); None: none.
    """
    if observed is None and errors is None:
        return normal
    seen = ppl.xp.ones_like(normal.loc) if observed is None else observed * ppl.xp.ones(())
    # N(0; 0, 1 / (2 pi)) = 1: missing columns add nothing
    root = _apart(ppl.xp, _root(normal), seen, 1 / (2 * math.pi), errors)
    return ppl.dist.MultivariateNormal(normal.loc * seen, scale_tril=root)


def observed_t(ppl: PPL, t: Distribution, observed: Array | None) -> Distribution:
    """The multivariate t of the observed columns, whose marginals are t with the same degrees of freedom; arguments as above."""
    if observed is None:
        return t
    seen = observed * ppl.xp.ones(())
    root = _apart(ppl.xp, _root(t), seen, 1.0)
    return ppl.dist.MultivariateStudentT(t.df, t.loc * seen, scale_tril=root, dimension=ppl.xp.sum(seen, axis=-1))


def _root(distribution: Distribution) -> Array:
    """A matrix whose square is the covariance, or the scale matrix."""
    return distribution.root if hasattr(distribution, "root") else distribution.scale_tril


def _apart(xp: Any, root: Array, seen: Array, variance: float, errors: Array | None = None) -> Array:
    """Cholesky factors, (..., rows, features, features), of covariances where missing columns stand apart with a variance of their own.

    M Sigma M + v (I - M) = A'A = U'U with A = [L'M; sqrt(v) (I - M)] = Q U and M = diag(seen): as exact as the root L, and always defined.
    By Gram and Schmidt's modified method (Bjorck 1967, BIT 7, on its accuracy), whose steps are for all rows at once: libraries factor
    many small matrices one by one. Errors are rows of A as well: (L L' + E E') = A'A with A = [L'; E'].
    """
    left = xp.matrix_transpose(seen[..., :, None] * root)
    if errors is not None:
        below = xp.matrix_transpose(seen[..., :, None] * errors)
        left = xp.concat([left + 0 * below, below + 0 * left], axis=-2)
    features, rows = seen.shape[-1], []
    for j in range(features):
        column = left[..., :, j]
        length = xp.sqrt(xp.sum(column**2, axis=-1) + variance * (1 - seen[..., j]))
        direction = column / length[..., None]
        # of the columns behind it, what lies along this one
        along = xp.sum(direction[..., :, None] * left[..., :, j + 1 :], axis=-2)
        before = xp.zeros_like(column[..., :j])
        rows.append(xp.concat([before, length[..., None], along], axis=-1))
        behind = left[..., :, j + 1 :] - direction[..., :, None] * along[..., None, :]
        left = xp.concat([left[..., :, : j + 1], behind], axis=-1)
    return xp.stack(rows, axis=-1)
