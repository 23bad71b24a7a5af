"""Losses between partitions, all made of three sums over blocks.

A partition c with blocks of n_k rows, another z with blocks of m_l rows, their overlaps n_kl, n rows in all. With a
potential h, every loss here is a function of

    own = sum_k h(n_k),    theirs = sum_l h(m_l),    joint = sum_kl h(n_kl),

where h(x) = x^2 counts pairs and h(x) = x log2 x gives entropies: n H(c) = n log2 n - own. Moving one row changes one
term of `own` and one of `joint`: this is what makes the search fast. A new loss is a new `combine`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int
from scipy.special import xlogy

from inference.partitions.sampled import check_clusters
from mixtures.checks import check_choice

Sums: TypeAlias = Float[np.ndarray, "..."] | np.floating


@dataclass(frozen=True)
class Loss:
    """A loss between partitions and the way its posterior expectation is got.

    Args:
        name: what users call it.
        potential: h, over block sizes.
        combine: the loss from (own, theirs, joint, rows).
        affine: whether `combine` is affine in its sums, so that their expectations may be put in.
        overlap: what `joint` is computed from: `sampled` partitions, similar `pairs` (h(x) = x^2 only), or the lower
            `bound` of the expected information by Jensen's inequality.
    """

    name: str
    potential: Callable[[np.ndarray], np.ndarray]
    combine: Callable[[Sums, Sums, Sums, int], Any]
    affine: bool
    overlap: Literal["sampled", "pairs", "bound"]


def squares(sizes: np.ndarray) -> np.ndarray:
    """h(x) = x^2, the ordered pairs within a block."""
    return np.asarray(sizes, dtype=float) ** 2


def entropies(sizes: np.ndarray) -> np.ndarray:
    """h(x) = x log2 x, with h(0) = 0."""
    return xlogy(sizes, sizes) / np.log(2.0)


def binder(joined: float = 1.0, split: float = 1.0) -> Loss:
    """Share of the n^2 ordered pairs of rows on which two partitions differ, each error at its cost.

    Args:
        joined: cost of joining two rows that are apart in truth.
        split: cost of splitting two rows that are together in truth.

    Source: Binder (1978); scaled by n^2 as in Wade & Ghahramani (2018), equation 2. Its expectation needs the
    similarity matrix only. It is (n - 1) / n times one minus the Rand index at unit costs.
    """

    def combine(own: Sums, theirs: Sums, joint: Sums, rows: int) -> Sums:
        # L = [a (sum_k n_k^2 - sum_kl n_kl^2) + b (sum_l m_l^2 - sum_kl n_kl^2)] / n^2
        return (joined * (own - joint) + split * (theirs - joint)) / rows**2

    return Loss("binder", squares, combine, affine=True, overlap="pairs")


def variation_of_information(joined: float = 1.0, split: float = 1.0, *, bound: bool = False) -> Loss:
    """Variation of information in bits: what each partition does not tell about the other.

    Args:
        joined: weight of H(z | c), which grows where rows are joined wrongly.
        split: weight of H(c | z), which grows where rows are split wrongly.
        bound: take the lower bound of its expectation from the similarity matrix instead of sampled partitions.

    Source: Meila (2007), J. Multivariate Anal. 98; Wade & Ghahramani (2018), equations 3 and 4 (the bound);
    Dahl, Johnson & Mueller (2022), section 2 (the weights).
    """

    def combine(own: Sums, theirs: Sums, joint: Sums, rows: int) -> Sums:
        # L = a H(z | c) + b H(c | z),  n H(z | c) = sum_k h(n_k) - sum_kl h(n_kl),  h(x) = x log2 x
        return (joined * (own - joint) + split * (theirs - joint)) / rows

    if bound:
        return Loss("vi-lower-bound", entropies, combine, affine=True, overlap="bound")
    return Loss("vi", entropies, combine, affine=True, overlap="sampled")


def one_minus_adjusted_rand(*, approximate: bool = False) -> Loss:
    """One minus the adjusted Rand index (Hubert & Arabie 1985).

    Args:
        approximate: put expectations from the similarity matrix into the index (Fritsch & Ickstadt 2009, equation 4),
            in place of the expectation of the index over sampled partitions (their equation 3).

    Source: Fritsch & Ickstadt (2009), Bayesian Analysis 4; Dahl, Johnson & Mueller (2022), `omARI` and `omARI.approx`.
    """

    def combine(own: Sums, theirs: Sums, joint: Sums, rows: int) -> Sums:
        # pairs within blocks: A = sum_k C(n_k, 2), B = sum_l C(m_l, 2), N = sum_kl C(n_kl, 2); C(x, 2) = (x^2 - x) / 2
        a, b, both = (own - rows) / 2, (theirs - rows) / 2, (joint - rows) / 2
        # 1 - ARI = [(A + B) / 2 - N] / [(A + B) / 2 - A B / C(n, 2)]
        chance = a * b / max(rows * (rows - 1) / 2, 1)
        return _ratio((a + b) / 2 - both, (a + b) / 2 - chance)

    if approximate:
        return Loss("omari-approximate", squares, combine, affine=False, overlap="pairs")
    return Loss("omari", squares, combine, affine=False, overlap="sampled")


def information_distance() -> Loss:
    """max(H(c), H(z)) - I(c, z), in bits. Source: Vinh, Epps & Bailey (2010), JMLR 11, table 3."""

    def combine(own: Sums, theirs: Sums, joint: Sums, rows: int) -> Sums:
        # max(H(c), H(z)) - I(c, z) = H(c, z) - min(H(c), H(z)), and the least entropy has the largest sum of h
        return (np.maximum(own, theirs) - joint) / rows

    return Loss("id", entropies, combine, affine=False, overlap="sampled")


def normalised_information_distance() -> Loss:
    """1 - I(c, z) / max(H(c), H(z)). Source: Vinh, Epps & Bailey (2010), table 3."""

    def combine(own: Sums, theirs: Sums, joint: Sums, rows: int) -> Sums:
        # [H(c, z) - min(H(c), H(z))] / max(H(c), H(z)), with n H = n log2 n - sum h
        return _ratio(np.maximum(own, theirs) - joint, rows * np.log2(rows) - np.minimum(own, theirs))

    return Loss("nid", entropies, combine, affine=False, overlap="sampled")


def normalised_variation_of_information() -> Loss:
    """1 - I(c, z) / H(c, z). Source: Vinh, Epps & Bailey (2010), table 3."""

    def combine(own: Sums, theirs: Sums, joint: Sums, rows: int) -> Sums:
        # [H(c | z) + H(z | c)] / H(c, z), with n H = n log2 n - sum h
        return _ratio(own + theirs - 2 * joint, rows * np.log2(rows) - joint)

    return Loss("nvi", entropies, combine, affine=False, overlap="sampled")


def _ratio(distance: Sums, largest: Sums) -> Sums:
    """distance / largest, where 0 / 0 = 0: both partitions are the same trivial one. Rounding decides nothing here."""
    return distance / np.where(largest > 1e-9, largest, np.inf)


LOSSES = {
    loss.name: loss
    for loss in (
        variation_of_information(),
        variation_of_information(bound=True),
        binder(),
        one_minus_adjusted_rand(),
        one_minus_adjusted_rand(approximate=True),
        information_distance(),
        normalised_information_distance(),
        normalised_variation_of_information(),
    )
}


def loss_of(loss: str | Loss) -> Loss:
    """The loss of that name; a `Loss` is returned as it is, so that costs can be chosen: `binder(joined=2.0)`."""
    if isinstance(loss, Loss):
        return loss
    return LOSSES[check_choice("loss", loss, LOSSES)]


def contingency(
    labels: Int[np.ndarray, " rows"], partitions: Int[np.ndarray, "partitions rows"], clusters: int
) -> Int[np.ndarray, "partitions blocks clusters"]:
    """n_kl: how many rows each block of each partition shares with each cluster of `labels`; rows labelled -1 are left out."""
    kept = labels >= 0
    blocks = int(partitions.max()) + 1
    counts = np.empty((len(partitions), blocks, clusters), dtype=np.int64)
    step = max(1, 4_000_000 // len(labels))
    for start in range(0, len(partitions), step):
        part = partitions[start : start + step, kept]
        # the cell (partition, block, cluster) of every row, as one number
        cell = (np.arange(len(part))[:, None] * blocks + part) * clusters + labels[kept]
        size = len(part) * blocks * clusters
        counts[start : start + step] = np.bincount(cell.reshape(-1), minlength=size).reshape(-1, blocks, clusters)
    return counts


def distances(
    labels: Int[np.ndarray, " rows"], partitions: Int[np.ndarray, "partitions rows"], loss: Loss
) -> Float[np.ndarray, " partitions"]:
    """Loss between one partition and each of many.

    Args:
        labels: the partition, labels 0, 1, ...
        partitions: the others, labels 0, 1, ...
        loss: what to measure.

    Raises:
        DataError: labels that are not 0, 1, ...

    Example:
        >>> import numpy as np
        >>> distances(np.array([0, 0, 1, 1]), np.array([[0, 0, 1, 1], [0, 0, 0, 0]]), LOSSES["vi"])
        array([0., 1.])
    """
    labels, partitions = check_clusters("labels", labels), check_clusters("partitions", partitions)
    counts = contingency(labels, partitions, int(labels.max()) + 1)
    h = loss.potential
    own, theirs = h(counts[0].sum(axis=0)).sum(), h(counts.sum(axis=2)).sum(axis=1)
    return loss.combine(own, theirs, h(counts).sum(axis=(1, 2)), len(labels))
