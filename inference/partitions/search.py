"""The partition of least expected loss, by many greedy searches from different starts.

Each search allocates rows one after the other, sweetens (moves single rows until none improves), and is zealous (dissolves a
whole cluster and allocates its rows anew). Source: Dahl, Johnson & Mueller (2022), "Search algorithms and loss functions for
Bayesian clustering", J. Computational and Graphical Statistics 31, algorithm 1 (SALSO). Starts are sequential allocations,
sampled partitions and the cuts of a hierarchical clustering of 1 - S.
"""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform

from inference.partitions.evidence import Evidence, canonical
from inference.partitions.losses import Loss
from inference.partitions.overlaps import Overlap, overlap_of

IMPROVEMENT = 1e-10  # less is rounding, and would let the search walk in circles
ZEALOUS_ATTEMPTS = 10
LARGEST_CUT = 20
SAMPLED_CANDIDATES = 20
BEST_CANDIDATES = 4


@dataclass(frozen=True)
class Found:
    """What the search found.

    Args:
        labels: the best partition, labels in order of first appearance.
        expected_loss: its expected loss.
        losses: the loss that each start ended with, least first; many equal ones are a sign that the least was found.
    """

    labels: Int[np.ndarray, " rows"]
    expected_loss: float
    losses: Float[np.ndarray, " starts"]


class Allocation:
    """A partition under construction with its expected loss; `overlap.labels` is its state."""

    def __init__(self, evidence: Evidence, loss: Loss, labels: Int[np.ndarray, " rows"], max_clusters: int):
        self.loss, self.max_clusters = loss, max_clusters
        # One empty slot always stands ready: it is the new cluster.
        slots = min(int(labels.max(initial=-1)) + 2, max_clusters)
        self.overlap: Overlap = overlap_of(evidence, loss, labels, slots)
        self.sizes = np.bincount(labels[labels >= 0], minlength=slots)
        self._h = loss.potential(np.arange(evidence.rows + 2))

    def expected_loss(self) -> float:
        """Expected loss of the rows placed so far."""
        own = self._h[self.sizes].sum()
        return float(self._expected(own, self.overlap.theirs, self.overlap.joint, int(self.sizes.sum())))

    def costs(self, row: int) -> Float[np.ndarray, " clusters"]:
        """Expected loss with `row` in each cluster, empty ones included, all else as it is."""
        slot, sizes, overlap = self.overlap.labels[row], self.sizes.copy(), self.overlap
        gains, joint = overlap.gains(row), overlap.joint
        if slot >= 0:
            sizes[slot] -= 1
            joint, theirs = joint - gains[:, slot], overlap.theirs
        else:
            theirs = overlap.theirs_with(row)
        h = self._h
        own = h[sizes].sum() + h[sizes + 1] - h[sizes]
        if self.loss.affine:
            # Expectations may go in before `combine`: one number a cluster, not one a sampled partition.
            weights = overlap.weights
            gains, joint, theirs = (weights @ gains)[None], np.array([weights @ joint]), np.array([weights @ theirs])
            return self.loss.combine(own, theirs[:, None], joint[:, None] + gains, int(sizes.sum()) + 1)[0]
        return self._expected(own, theirs[:, None], joint[:, None] + gains, int(sizes.sum()) + 1)

    def put(self, row: int, cluster: int) -> None:
        """Place a row; where it took the last empty cluster, a new one is made."""
        self.overlap.put(row, cluster)
        self.sizes[cluster] += 1
        if self.sizes.all() and len(self.sizes) < self.max_clusters:
            self.overlap.widen()
            self.sizes = np.append(self.sizes, 0)

    def take(self, row: int) -> None:
        """Take a row out."""
        self.sizes[self.overlap.labels[row]] -= 1
        self.overlap.take(row)

    def copy(self) -> "Allocation":
        """The same partition, to be changed on its own."""
        twin = copy.copy(self)
        twin.overlap, twin.sizes = self.overlap.copy(), self.sizes.copy()
        return twin

    def _expected(self, own, theirs, joint, rows: int):
        return self.overlap.weights @ self.loss.combine(own, theirs, joint, rows)


def allocate(allocation: Allocation, rows: Iterable[int]) -> None:
    """Put rows, one after the other, where each costs least given those before it."""
    for row in rows:
        allocation.put(row, int(np.argmin(allocation.costs(row))))


def sweeten(allocation: Allocation, rng: np.random.Generator) -> None:
    """Move single rows, in random orders, until no move lowers the expected loss."""
    moved = True
    while moved:
        moved = False
        for row in rng.permutation(len(allocation.overlap.labels)):
            costs = allocation.costs(row)
            best = int(np.argmin(costs))
            if costs[best] < costs[allocation.overlap.labels[row]] - IMPROVEMENT:
                allocation.take(row)
                allocation.put(row, best)
                moved = True


def zealous(allocation: Allocation, rng: np.random.Generator) -> Allocation:
    """Dissolve clusters, one at a time, and allocate their rows anew; keep what is better, sweetened."""
    for _ in range(ZEALOUS_ATTEMPTS):
        trial = allocation.copy()
        dissolved = rng.choice(np.flatnonzero(trial.sizes))
        rows = rng.permutation(np.flatnonzero(trial.overlap.labels == dissolved))
        for row in rows:
            trial.take(row)
        allocate(trial, rows)
        if trial.expected_loss() < allocation.expected_loss() - IMPROVEMENT:
            sweeten(trial, rng)
            allocation = trial
    return allocation


def hierarchical_cuts(similarity: Float[np.ndarray, "rows rows"], largest: int) -> Iterator[Int[np.ndarray, " rows"]]:
    """Partitions into 1, 2, ..., `largest` clusters by average linkage of the distances 1 - S (Medvedovic et al. 2004)."""
    rows = len(similarity)
    if rows < 2:
        return
    tree = linkage(squareform(1.0 - similarity, checks=False), method="average")
    yield from cut_tree(tree, n_clusters=np.arange(1, min(largest, rows) + 1)).T


def candidates(evidence: Evidence, max_clusters: int, rng: np.random.Generator) -> Iterator[Int[np.ndarray, " rows"]]:
    """Whole partitions to start from: hierarchical cuts and a few sampled partitions."""
    yield from hierarchical_cuts(evidence.similarity, min(LARGEST_CUT, max_clusters))
    sampled = evidence.sampled
    chosen = rng.choice(len(sampled.weights), size=SAMPLED_CANDIDATES, p=sampled.weights)
    for labels in sampled.partitions[np.unique(chosen)]:
        if labels.max() < max_clusters:
            yield labels


def search(
    evidence: Evidence, loss: Loss, *, seed: int, restarts: int = 16, max_clusters: int | None = None
) -> Found:
    """The partition of least expected loss that all starts together find.

    Args:
        evidence: what the posterior says about partitions.
        loss: what to minimise the expectation of.
        seed: of the orders in which rows are visited.
        restarts: number of sequential allocations, each of them then sweetened and zealous; a few good candidates come on top.
        max_clusters: the most clusters the partition may have; by default as many as rows.

    Source: Dahl, Johnson & Mueller (2022), algorithm 1.
    """
    rng = np.random.default_rng(seed)
    limit = evidence.rows if max_clusters is None else min(max_clusters, evidence.rows)
    nowhere = np.full(evidence.rows, -1)

    def start(labels: Int[np.ndarray, " rows"]) -> Allocation:
        return Allocation(evidence, loss, labels, limit)

    ranked = sorted((start(labels).expected_loss(), tuple(labels)) for labels in candidates(evidence, limit, rng))
    starts = [start(np.array(labels)) for _, labels in ranked[:BEST_CANDIDATES]]
    for _ in range(restarts):
        starts.append(start(nowhere))
        allocate(starts[-1], rng.permutation(evidence.rows))
    ends = []
    for allocation in starts:
        sweeten(allocation, rng)
        ends.append(zealous(allocation, rng))
    ends.sort(key=Allocation.expected_loss)
    best = canonical(ends[0].overlap.labels)
    # The sums of the search carry the rounding of many moves: the loss reported is computed afresh.
    return Found(best, start(best).expected_loss(), np.array([end.expected_loss() for end in ends]))
