"""The partition of least expected loss, by many greedy searches from different starts.

Starts are sequential allocations in random orders, sampled partitions, and cuts of a hierarchical clustering of 1 - S.
They are searched with a few hundred sampled partitions; the best of them are then searched with all. Source: Dahl,
Johnson & Mueller (2022), algorithm 1 (SALSO).
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform

from inference.partitions.allocation import Allocation, allocate, regroup, sweeten, zealous
from inference.partitions.evidence import Evidence
from inference.partitions.losses import Loss
from inference.partitions.sampled import canonical
from mixtures.seeds import generator

PARTITIONS_FOR_STARTS = 500
LARGEST_CUT = 20
SAMPLED_CANDIDATES = 20
BEST_CANDIDATES = 6
FINALISTS = 3
MOST_THREADS = 8  # more would wait for the interpreter


@dataclass(frozen=True)
class Found:
    """What the search found.

    Args:
        labels: the best partition, labels in order of first appearance.
        expected_loss: its expected loss.
        finalists: the expected loss that each of the best starts ended with, least first; equal ones are a good sign.
    """

    labels: Int[np.ndarray, " rows"]
    expected_loss: float
    finalists: Float[np.ndarray, " finalists"]


def search(evidence: Evidence, loss: Loss, *, seed: int, restarts: int = 16, max_clusters: int | None = None) -> Found:
    """The partition of least expected loss that all starts together find.

    Args:
        evidence: what the posterior says about partitions.
        loss: what to minimise the expectation of.
        seed: of the orders in which rows are visited.
        restarts: number of starts, sequential allocations in random orders; good candidates come on top.
        max_clusters: the most clusters the partition may have; by default as many as rows.

    Source: Dahl, Johnson & Mueller (2022), algorithm 1.
    """
    rng = generator(seed, "search of a partition")
    limit = evidence.rows if max_clusters is None else min(max_clusters, evidence.rows)
    coarse = replace(evidence, sampled=evidence.sampled.thinned(PARTITIONS_FOR_STARTS))

    def grown(order: np.random.Generator) -> Allocation:
        start = Allocation(coarse, loss, np.full(evidence.rows, -1), limit)
        allocate(start, order.permutation(evidence.rows))
        return sweetened(start, order)

    def sweetened(start: Allocation, order: np.random.Generator) -> Allocation:
        sweeten(start, order)
        return start

    def finished(start: Allocation, order: np.random.Generator) -> Allocation:
        end = Allocation(evidence, loss, canonical(zealous(start, order).labels), limit)
        return regroup(sweetened(end, order), order)

    given = [Allocation(coarse, loss, labels, limit) for labels in candidates(evidence, limit, rng)]
    given = sorted(given, key=Allocation.expected_loss)[:BEST_CANDIDATES]
    # Starts know nothing of each other, and NumPy's loops run beside each other: a thread a core.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS)) as threads:
        starts = [*threads.map(sweetened, given, rng.spawn(len(given))), *threads.map(grown, rng.spawn(restarts))]
        best_starts = _best_distinct(starts, FINALISTS)
        ends = list(threads.map(finished, best_starts, rng.spawn(len(best_starts))))
    ends.sort(key=Allocation.expected_loss)
    best = canonical(ends[0].labels)
    # The sums of the search carry the rounding of many moves: the loss reported is computed afresh.
    afresh = Allocation(evidence, loss, best, limit).expected_loss()
    return Found(best, afresh, np.array([end.expected_loss() for end in ends]))


def candidates(evidence: Evidence, max_clusters: int, rng: np.random.Generator) -> Iterator[Int[np.ndarray, " rows"]]:
    """Whole partitions to start from: hierarchical cuts, where there is a similarity matrix, and a few sampled partitions."""
    if evidence.similarity is not None:
        yield from hierarchical_cuts(evidence.similarity, min(LARGEST_CUT, max_clusters))
    sampled = evidence.sampled
    chosen = rng.choice(len(sampled.weights), size=SAMPLED_CANDIDATES, p=sampled.weights)
    for labels in sampled.partitions[np.unique(chosen)]:
        if labels.max() < max_clusters:
            yield labels


def hierarchical_cuts(similarity: Float[np.ndarray, "rows rows"], largest: int) -> Iterator[Int[np.ndarray, " rows"]]:
    """Partitions into 1, 2, ..., `largest` clusters by average linkage of the distances 1 - S (Medvedovic et al. 2004)."""
    rows = len(similarity)
    if rows < 2:
        yield np.zeros(rows, dtype=int)
        return
    apart = squareform(similarity, checks=False)
    np.subtract(1.0, apart, out=apart)
    tree = linkage(apart, method="average")
    # SciPy takes the cut that leaves all rows apart for the first, whichever it is: asked for in descending order it is
    yield from cut_tree(tree, n_clusters=np.arange(min(largest, rows), 0, -1)).T[::-1]


def _best_distinct(allocations: list[Allocation], count: int) -> list[Allocation]:
    """The `count` best of the allocations, equal partitions once."""
    best: dict[bytes, Allocation] = {}
    for allocation in sorted(allocations, key=Allocation.expected_loss):
        best.setdefault(canonical(allocation.labels).tobytes(), allocation)
    return list(best.values())[:count]
