"""The log density of normal rows whose groups have effects in common, shared out among the rows, in the array code of any backend.

x_i = eta_i + z_i' b_g + s_i e_i with b_g ~ N(0, L L') and e_i ~ N(0, 1). With residuals r_i = (x_i - eta_i) / s_i and designs
u_i = L' z_i / s_i, a group needs no matrix larger than its effects are many (Woodbury's identity and the determinant lemma):

A_g = I + sum_i u_i u_i', v_g = sum_i u_i r_i,
log p(x_g) = sum_i log N(x_i; eta_i, s_i) + (v_g' A_g^-1 v_g - log det A_g) / 2.

Source: Laird & Ware (1982), Biometrics 38; Harville (1977), Journal of the American Statistical Association 72, for the identities.
"""

from typing import Any

from mixtures.ppl.log_densities import LOG_2_PI
from mixtures.ppl.protocol import Array
from mixtures.ppl.small_matrices import cholesky, forward, half_log_det
from mixtures.ppl.sums import totals_of_groups


def log_group_normal(
    xp: Any, residual: Array, scale: Array, design: Array, is_seen: Array, group: Array, groups: int
) -> Array:
    """An entry a row, (..., rows), whose sum over the rows of a group is the group's log density.

    What is of the group alone is parted equally among its rows, so that these have no order.

    Args:
        xp: the array namespace.
        residual: r, (..., rows).
        scale: s, in that shape.
        design: u, (..., rows, effects).
        is_seen: 1 for rows that count, 0 for others, (rows,).
        group: the group of each row, (rows,), numbers 0, 1, ...
        groups: how many there are.
    """
    seen = [design[..., j] * is_seen for j in range(design.shape[-1])]
    pairs = [(i, j) for i in range(len(seen)) for j in range(i + 1)]
    products = [design[..., i] * seen[j] for i, j in pairs] + [residual * one for one in seen]
    totals = totals_of_groups(xp, xp.stack(products), group, groups)
    root = cholesky(xp, {(i, j): totals[n] + float(i == j) for n, (i, j) in enumerate(pairs)})
    whitened = forward(root, [totals[n] for n in range(len(pairs), len(products))])
    counts = totals_of_groups(xp, is_seen, group, groups)
    correction = 0.5 * sum(one**2 for one in whitened) - half_log_det(xp, root)
    part = correction / xp.where(counts > 0, counts, xp.ones_like(counts))
    alone = -0.5 * (residual**2 + LOG_2_PI) - xp.log(scale)
    return is_seen * (alone + part[..., group])
