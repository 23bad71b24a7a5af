"""The overlap of a growing partition with the posterior, kept up to date one row at a time.

An overlap answers one question: by how much would `joint = sum_kl h(n_kl)` grow if a row went to each cluster? The
three classes answer it from sampled partitions, from the similarity matrix, and by the lower bound of the information
losses. None touches all pairs of rows in a move; many rows are asked about at once, because one call costs more than
its sums.
"""

import copy
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from inference.partitions.evidence import Evidence
from inference.partitions.losses import Loss, contingency
from inference.partitions.sampled import SampledPartitions


@runtime_checkable
class Overlap(Protocol):
    """Sums over blocks between a partition under construction and the posterior.

    `weights` has one entry a sampled partition, or a single one where expectations are kept; `joint` and `theirs` are
    the sums of the rows placed so far. `labels` is -1 where a row is not placed.
    """

    weights: Float[np.ndarray, " partitions"]
    theirs: Float[np.ndarray, " partitions"]
    labels: Int[np.ndarray, " rows"]

    @property
    def joint(self) -> Float[np.ndarray, " partitions"]:
        """sum_kl h(n_kl) with each sampled partition, or its expectation."""

    def gains(self, rows: Int[np.ndarray, " asked"]) -> Float[np.ndarray, "asked partitions clusters"]:
        """What `joint` gains when a row, taken out first if it is placed, goes to each cluster."""

    def theirs_with(self, row: int) -> Float[np.ndarray, " partitions"]:
        """`theirs` once `row`, which is not placed, is placed anywhere."""

    def put(self, row: int, cluster: int) -> None:
        """Place a row that is not placed."""

    def take(self, row: int) -> None:
        """Take a placed row out."""

    def widen(self) -> None:
        """Make room for one more cluster."""

    def copy(self) -> "Overlap":
        """The same state, to be changed on its own; what never changes is shared."""


class SampledOverlap:
    """Counts n_kl with every sampled partition."""

    def __init__(self, sampled: SampledPartitions, loss: Loss, labels: Int[np.ndarray, " rows"], clusters: int):
        self.labels, self.weights = labels.copy(), sampled.weights
        counts = contingency(labels, sampled.partitions, clusters)
        h = loss.potential(np.arange(len(labels) + 2))
        self.joint, self.theirs = h[counts].sum(axis=(1, 2)), h[counts.sum(axis=2)].sum(axis=1)
        # One line of counts a (partition, block): a row looks at one line of each partition, the block that it is in.
        self._counts = counts.reshape(-1, clusters)
        self._margins = self._counts.sum(axis=1)
        self._block = sampled.by_row
        self._first = np.arange(len(counts)) * counts.shape[1]
        self._step = np.diff(h)

    def gains(self, rows: Int[np.ndarray, " asked"]) -> Float[np.ndarray, "asked partitions clusters"]:
        counts = self._counts.take(self._first + self._block[rows], axis=0)
        labels = self.labels[rows]
        counts[np.arange(len(rows)), :, labels] -= (labels >= 0)[:, None]
        # joint gains h(n_kl + 1) - h(n_kl), for l the row's block
        return self._step.take(counts)

    def theirs_with(self, row: int) -> Float[np.ndarray, " partitions"]:
        return self.theirs + self._step.take(self._margins.take(self._first + self._block[row]))

    def put(self, row: int, cluster: int) -> None:
        self.labels[row] = cluster
        self._move(row, cluster, +1)

    def take(self, row: int) -> None:
        self._move(row, int(self.labels[row]), -1)
        self.labels[row] = -1

    def _move(self, row: int, cluster: int, sign: int) -> None:
        line = self._first + self._block[row]
        counts, margins = self._counts[line, cluster], self._margins.take(line)
        # h(n + 1) - h(n) is gained or lost, with n the smaller of the counts before and after
        lower = (sign - 1) // 2
        self.joint = self.joint + sign * self._step.take(counts + lower)
        self.theirs = self.theirs + sign * self._step.take(margins + lower)
        self._counts[line, cluster] = counts + sign
        self._margins[line] = margins + sign

    def widen(self) -> None:
        self._counts = np.pad(self._counts, ((0, 0), (0, 1)))

    def copy(self) -> "SampledOverlap":
        twin = copy.copy(self)
        twin.labels, twin._counts, twin._margins = self.labels.copy(), self._counts.copy(), self._margins.copy()
        return twin


class PairOverlap:
    """Expected numbers of shared pairs: with h(x) = x^2, E joint is the sum of S_ij over pairs in one cluster."""

    def __init__(self, similarity: Float[np.ndarray, "rows rows"], labels: Int[np.ndarray, " rows"], clusters: int):
        self.labels, self.weights = labels.copy(), np.ones(1)
        self._similarity = similarity
        member = (labels[:, None] == np.arange(clusters)).astype(float)
        # M_ik = sum of S_ij over the rows j in cluster k
        self._sums = similarity @ member
        self.joint = np.array([(member * self._sums).sum()])
        self.theirs = np.array([self._sums[labels >= 0].sum()])

    def gains(self, rows: Int[np.ndarray, " asked"]) -> Float[np.ndarray, "asked partitions clusters"]:
        # the row brings S_ij and S_ji for each j in k, and S_ii = 1
        return 2.0 * _sums_without_self(self._sums, self.labels, rows)[:, None, :] + 1.0

    def theirs_with(self, row: int) -> Float[np.ndarray, " partitions"]:
        return self.theirs + 2.0 * self._sums[row].sum() + 1.0

    def put(self, row: int, cluster: int) -> None:
        self.theirs = self.theirs_with(row)
        self.joint = self.joint + 2.0 * self._sums[row, cluster] + 1.0
        self._sums[:, cluster] += self._similarity[row]
        self.labels[row] = cluster

    def take(self, row: int) -> None:
        cluster, self.labels[row] = self.labels[row], -1
        self._sums[:, cluster] -= self._similarity[row]
        self.joint = self.joint - 2.0 * self._sums[row, cluster] - 1.0
        self.theirs = self.theirs - 2.0 * self._sums[row].sum() - 1.0

    def widen(self) -> None:
        self._sums = np.pad(self._sums, ((0, 0), (0, 1)))

    def copy(self) -> "PairOverlap":
        twin = copy.copy(self)
        twin.labels, twin._sums = self.labels.copy(), self._sums.copy()
        return twin


class BoundOverlap:
    """Jensen's bound of the expected information: E log2 sum_j 1(same) <= log2 sum_j S_ij, row by row.

    Source: Wade & Ghahramani (2018), Bayesian Analysis 13, equation 4. `theirs` is a constant of the search.
    """

    def __init__(self, evidence: Evidence, loss: Loss, labels: Int[np.ndarray, " rows"], clusters: int):
        self.labels, self.weights = labels.copy(), np.ones(1)
        self._similarity = evidence.matrix
        self._sums = evidence.matrix @ (labels[:, None] == np.arange(clusters)).astype(float)
        sampled = evidence.sampled
        sizes = contingency(np.zeros(evidence.rows, dtype=int), sampled.partitions, 1)[:, :, 0]
        self.theirs = np.array([sampled.weights @ loss.potential(sizes).sum(axis=1)])

    @property
    def joint(self) -> Float[np.ndarray, " partitions"]:
        return np.array([np.log2(self._own_sums()).sum()])

    def _own_sums(self) -> Float[np.ndarray, " rows"]:
        """M_i: sum of S_ij over the rows j in the row's own cluster; 1 where it is not placed, which adds log2 1 = 0."""
        own = self._sums[np.arange(len(self.labels)), self.labels]
        return np.where(self.labels >= 0, own, 1.0)

    def gains(self, rows: Int[np.ndarray, " asked"]) -> Float[np.ndarray, "asked partitions clusters"]:
        own, shared = self._own_sums(), self._similarity[rows]
        together = (self.labels[rows, None] == self.labels) & (self.labels >= 0)
        # the others j in k gain log2(M_j + S_ij) - log2 M_j, where M_j is without the row asked about
        others = np.log2(1.0 + shared / (own - shared * together + (rows[:, None] == np.arange(len(own)))))
        others[np.arange(len(rows)), rows] = 0.0
        member = (self.labels[:, None] == np.arange(self._sums.shape[1])).astype(float)
        # the row itself brings log2(M_ik + 1)
        brings = np.log2(1.0 + _sums_without_self(self._sums, self.labels, rows))
        return (others @ member + brings)[:, None, :]

    def theirs_with(self, row: int) -> Float[np.ndarray, " partitions"]:
        return self.theirs

    def put(self, row: int, cluster: int) -> None:
        self._sums[:, cluster] += self._similarity[row]
        self.labels[row] = cluster

    def take(self, row: int) -> None:
        self._sums[:, self.labels[row]] -= self._similarity[row]
        self.labels[row] = -1

    def widen(self) -> None:
        self._sums = np.pad(self._sums, ((0, 0), (0, 1)))

    def copy(self) -> "BoundOverlap":
        twin = copy.copy(self)
        twin.labels, twin._sums = self.labels.copy(), self._sums.copy()
        return twin


def _sums_without_self(
    sums: Float[np.ndarray, "rows clusters"], labels: Int[np.ndarray, " rows"], rows: Int[np.ndarray, " asked"]
) -> Float[np.ndarray, "asked clusters"]:
    """sum_j S_ij over the rows j != i in each cluster; S_ii = 1 is in the sum of a placed row's own cluster."""
    result = sums[rows]
    result[np.arange(len(rows)), labels[rows]] -= labels[rows] >= 0
    return result


def overlap_of(evidence: Evidence, loss: Loss, labels: Int[np.ndarray, " rows"], clusters: int) -> Overlap:
    """The overlap that a loss is computed from, for a partition whose unplaced rows are -1."""
    if loss.overlap == "sampled":
        return SampledOverlap(evidence.sampled, loss, labels, clusters)
    if loss.overlap == "pairs":
        return PairOverlap(evidence.matrix, labels, clusters)
    return BoundOverlap(evidence, loss, labels, clusters)
