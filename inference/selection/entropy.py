"""Components merged by the entropy of the assignment: Baudry, Raftery, Celeux, Lo & Gottardo (2010), section 3."""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import xlogy

Tree = Int[np.ndarray, "merges 2"]
"""Each line a merge: the cluster that is kept and the one that joins it, both named by the lowest of their components."""

Shares = Float[np.ndarray, "rows components"]


def merged_by_entropy(shares: Shares, times: Float[np.ndarray, " rows"]) -> Tree:
    """At each step the merge after which the entropy is lowest.

    Args:
        shares: P(assignment_i = k | x).
        times: how often each row counts.
    """
    clusters = np.array(shares.T)
    count = len(clusters)
    gains = np.full((count, count), -np.inf)
    for k in range(count - 1):
        gains[k, k + 1 :] = _gains(clusters, k, np.arange(k + 1, count), times)
    alive, tree = list(range(count)), []
    for _ in range(count - 1):
        kept, gone = divmod(int(np.argmax(gains)), count)
        tree.append((kept, gone))
        clusters[kept] += clusters[gone]
        alive.remove(gone)
        gains[gone] = gains[:, gone] = -np.inf
        others = np.array([k for k in alive if k != kept], dtype=int)
        gains[np.minimum(kept, others), np.maximum(kept, others)] = _gains(clusters, kept, others, times)
    return np.array(tree).reshape(-1, 2)


def _gains(clusters: np.ndarray, one: int, others: np.ndarray, times: np.ndarray) -> np.ndarray:
    """How much lower the entropy is when `one` is merged with each of the others: sum_i (s log s - t log t - u log u), s = t + u."""
    own, theirs = clusters[one], clusters[others]
    together = own + theirs
    return (xlogy(together, together) - xlogy(own, own) - xlogy(theirs, theirs)) @ times


def entropy_of(
    shares: Shares, times: Float[np.ndarray, " rows"], tree: Tree
) -> tuple[Float[np.ndarray, " components"], Float[np.ndarray, " components"]]:
    """The entropy of the assignment for 1, 2, ... clusters, and how many rows the merges that lead there have moved.

    A merge moves the rows whose most probable cluster is one of its two.
    """
    clusters, names = np.array(shares.T), list(range(shares.shape[1]))
    entropies, moved = [_entropy(clusters, times)], [0.0]
    for kept, gone in tree:
        best = np.array(names)[clusters[names].argmax(axis=0)]
        moved.append(moved[-1] + float(times[(best == kept) | (best == gone)].sum()))
        clusters[kept] += clusters[gone]
        clusters[gone] = 0.0
        names.remove(int(gone))
        entropies.append(_entropy(clusters, times))
    entropies[-1] = 0.0  # of one cluster, to the last digit
    return np.array(entropies[::-1]), np.array(moved[::-1])


def _entropy(clusters: np.ndarray, times: np.ndarray) -> float:
    return max(0.0, float(-(xlogy(clusters, clusters) @ times).sum()))
