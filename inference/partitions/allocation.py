"""A partition under construction with its expected loss, and the ways to better it.

Allocate rows one after the other; sweeten, which is to move single rows until none improves; be zealous, which is to
dissolve a whole cluster and allocate its rows anew; regroup, which is the same for a few rows. Source, but for the
last: Dahl, Johnson & Mueller (2022), "Search algorithms and loss functions for Bayesian clustering", J. Computational
and Graphical Statistics 31, algorithm 1 (SALSO).
"""

import copy

import numpy as np
from jaxtyping import Bool, Float, Int

from inference.partitions.evidence import Evidence
from inference.partitions.losses import Loss
from inference.partitions.overlaps import Overlap, overlap_of

IMPROVEMENT = 1e-10  # less is rounding, and would let the search walk in circles
CLUSTER_ATTEMPTS = 10
RANDOM_ATTEMPTS = 30
BORDER_ATTEMPTS = 50
LARGEST_GROUP = 10
BLOCK = 200_000  # numbers in the largest array that one question about many rows makes


class Allocation:
    """A partition, rows not placed yet being -1, and what placing or moving a row would cost."""

    def __init__(self, evidence: Evidence, loss: Loss, labels: Int[np.ndarray, " rows"], max_clusters: int):
        self.loss, self.max_clusters = loss, max_clusters
        # One empty slot always stands ready: it is the new cluster.
        slots = min(int(labels.max(initial=-1)) + 2, max_clusters)
        self.overlap: Overlap = overlap_of(evidence, loss, labels, slots)
        self.sizes = np.bincount(labels[labels >= 0], minlength=slots)
        self._h = loss.potential(np.arange(evidence.rows + 2))

    @property
    def labels(self) -> Int[np.ndarray, " rows"]:
        """The cluster of every row."""
        return self.overlap.labels

    def expected_loss(self) -> float:
        """Expected loss of the rows placed so far."""
        own, overlap = self._h[self.sizes].sum(), self.overlap
        return float(overlap.weights @ self.loss.combine(own, overlap.theirs, overlap.joint, int(self.sizes.sum())))

    def costs(self, rows: Int[np.ndarray, " asked"]) -> Float[np.ndarray, "asked clusters"]:
        """Expected loss with each row, alone, moved to each cluster (empty ones too): all placed, or one that is not."""
        asked, labels, overlap = np.arange(len(rows)), self.labels[rows], self.overlap
        placed = labels[0] >= 0
        gains, weights, theirs = overlap.gains(rows), overlap.weights, overlap.theirs
        sizes = np.tile(self.sizes, (len(rows), 1))
        if placed:
            sizes[asked, labels] -= 1
        else:
            theirs = overlap.theirs_with(int(rows[0]))
        joint = overlap.joint
        if self.loss.affine:
            # Expectations may go in before `combine`: one number a cluster, not one a sampled partition.
            gains, weights = np.matmul(weights, gains)[:, None, :], np.ones(1)
            joint, theirs = np.array([overlap.weights @ joint]), np.array([overlap.weights @ theirs])
        joint = joint[:, None] + gains
        if placed:
            joint -= gains[asked, :, labels][:, :, None]
        # own = sum_k h(n_k), without the row, then with it in each cluster
        own = self._h[sizes].sum(axis=1, keepdims=True) + self._h[sizes + 1] - self._h[sizes]
        loss = self.loss.combine(own[:, None, :], theirs[:, None], joint, int(sizes[0].sum()) + 1)
        return np.matmul(weights, loss)

    def put(self, row: int, cluster: int) -> None:
        """Place a row; where it took the last empty cluster, a new one is made."""
        self.overlap.put(row, cluster)
        self.sizes[cluster] += 1
        if self.sizes.all() and len(self.sizes) < self.max_clusters:
            self.overlap.widen()
            self.sizes = np.append(self.sizes, 0)

    def take(self, row: int) -> None:
        """Take a row out."""
        self.sizes[self.labels[row]] -= 1
        self.overlap.take(row)

    def copy(self) -> "Allocation":
        """The same partition, to be changed on its own."""
        twin = copy.copy(self)
        twin.overlap, twin.sizes = self.overlap.copy(), self.sizes.copy()
        return twin


def allocate(allocation: Allocation, rows: Int[np.ndarray, " some"]) -> None:
    """Put rows, one after the other, where each costs least given those before it."""
    for row in rows.tolist():
        allocation.put(row, int(np.argmin(allocation.costs(np.array([row])))))


def sweeten(allocation: Allocation, rng: np.random.Generator) -> None:
    """Move single rows, in random orders, until no move lowers the expected loss."""
    moved = True
    while moved:
        moved = False
        for block in _blocks(allocation, rng.permutation(len(allocation.labels))):
            # All rows of a block are asked about at once; the few that want to move are asked again when their turn
            # comes, for others have moved in between.
            for row in block[_improvements(allocation, block)].tolist():
                moved |= _move(allocation, row)


def _improvements(allocation: Allocation, rows: Int[np.ndarray, " asked"]) -> Bool[np.ndarray, " asked"]:
    """Which rows could move to lower the expected loss."""
    costs = allocation.costs(rows)
    return costs.min(axis=1) < costs[np.arange(len(rows)), allocation.labels[rows]] - IMPROVEMENT


def _move(allocation: Allocation, row: int) -> bool:
    """Move one row to where it costs least, if that is an improvement."""
    costs = allocation.costs(np.array([row]))[0]
    best = int(np.argmin(costs))
    if costs[best] >= costs[allocation.labels[row]] - IMPROVEMENT:
        return False
    allocation.take(row)
    allocation.put(row, best)
    return True


def zealous(allocation: Allocation, rng: np.random.Generator) -> Allocation:
    """Dissolve whole clusters, one at a time, and allocate their rows anew; keep what is better, sweetened."""
    for _ in range(CLUSTER_ATTEMPTS):
        cluster = rng.choice(np.flatnonzero(allocation.sizes))
        rows = rng.permutation(np.flatnonzero(allocation.labels == cluster))
        allocation = _renewed(allocation, rows, None, rng)
    return allocation


def regroup(allocation: Allocation, rng: np.random.Generator) -> Allocation:
    """Like `zealous` for groups of a few rows: random ones, and ones on the border of two clusters.

    Of rows on a border one is made to change sides, and the next to it are asked again: some gain only if they go
    together.
    """
    for _ in range(RANDOM_ATTEMPTS):
        size = rng.integers(1, min(LARGEST_GROUP, len(allocation.labels)), endpoint=True)
        rows = rng.choice(len(allocation.labels), size, replace=False)
        allocation = _renewed(allocation, rows, None, rng)
    margins, others = _cheapest_moves(allocation)
    border, sides = np.argsort(margins), np.stack([allocation.labels, others])
    for row in border[:BORDER_ATTEMPTS]:
        alike = border[(sides[:, border] == sides[:, [row]]).all(axis=0) & (border != row)]
        allocation = _renewed(allocation, np.append(row, alike[:LARGEST_GROUP]), int(others[row]), rng)
    return allocation


def _renewed(
    allocation: Allocation, rows: Int[np.ndarray, " group"], first: int | None, rng: np.random.Generator
) -> Allocation:
    """Rows taken out and put back greedily, their first one in cluster `first`; no change where that is no improvement."""
    trial = allocation.copy()
    for row in rows.tolist():
        trial.take(row)
    if first is not None:
        trial.put(int(rows[0]), first)
        rows = rows[1:]
    allocate(trial, rows)
    if trial.expected_loss() >= allocation.expected_loss() - IMPROVEMENT:
        return allocation
    sweeten(trial, rng)
    return trial


def _cheapest_moves(allocation: Allocation) -> tuple[Float[np.ndarray, " rows"], Int[np.ndarray, " rows"]]:
    """By how much the cheapest move of each row raises the expected loss, and where to: little on the border of two clusters."""
    margins, others = np.full(len(allocation.labels), np.inf), np.zeros(len(allocation.labels), dtype=int)
    for rows in _blocks(allocation, np.arange(len(margins))):
        costs, own = allocation.costs(rows), (np.arange(len(rows)), allocation.labels[rows])
        stay, costs[own] = costs[own], np.inf
        margins[rows], others[rows] = costs.min(axis=1) - stay, costs.argmin(axis=1)
    return margins, others


def _blocks(allocation: Allocation, rows: Int[np.ndarray, " some"]) -> list[Int[np.ndarray, " asked"]]:
    """The rows in pieces about which one question makes arrays of bounded size."""
    size = max(1, BLOCK // (len(allocation.overlap.weights) * len(allocation.sizes)))
    return np.array_split(rows, -(-len(rows) // size))
