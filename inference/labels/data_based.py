"""Data-based relabelling: match each draw's clusters of rows to running centres and spreads of the data.

    cost[t, l, k] = sum over rows with z_t = l of sum over features of ((x - centre[k]) / spread[k])^2

Cells that were not observed are left out of every sum.

Two passes: in the first the centres and spreads move with each draw, in the second they stay. The pass starts from
the clusters of one draw, the pivot.

Source: Rodriguez and Walker (2014), JCGS 23, 25-45, section 4.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from inference.labels.permutations import Costs, Relabelling, second_best_margin, solve
from inference.labels.products import blocks, one_hot


class Clusters(NamedTuple):
    """How many observed cells each label has, and their sum and sum of squares: all that the cost needs of x and z."""

    cells: Float[np.ndarray, "draws components features"]
    total: Float[np.ndarray, "draws components features"]
    square: Float[np.ndarray, "draws components features"]


def data_based(
    assignments: Int[np.ndarray, "draws rows"],
    x: Float[np.ndarray, "rows features"],
    components: int,
    pivot: Int[np.ndarray, " rows"],
) -> Relabelling:
    """Relabel draws so that the same label means the same region of the data.

    Args:
        assignments: each draw's labels.
        x: the data; NaN marks a cell that was not observed.
        components: how many labels there are.
        pivot: the clustering whose centres the first pass starts from.

    Returns:
        Cost and margin are squared standardised distances, summed over rows.

    >>> x, z = np.array([[0.0], [1.0], [9.0], [9.5]]), np.array([[0, 0, 1, 1], [1, 1, 0, 0]])
    >>> data_based(z, x, components=2, pivot=z[0]).permutations
    array([[0, 1],
           [1, 0]])
    """
    z = standardised(x)
    clusters, start = summarise(assignments, z, components), summarise(pivot[None], z, components)
    costs = distances(clusters, *running_centres(clusters, start))
    permutations, cost = solve(costs)
    margin = second_best_margin(costs, permutations)
    return Relabelling("data-based", permutations, cost, margin, np.array([cost.sum()]))


def standardised(x: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, "rows features"]:
    """Each column with mean 0 and standard deviation 1 over its observed cells."""
    cells = np.maximum((~np.isnan(x)).sum(axis=0), 1)
    centred = x - np.nansum(x, axis=0) / cells
    spread = np.sqrt(np.nansum(centred**2, axis=0) / cells)
    return centred / np.where(spread > 0, spread, 1.0)


def summarise(assignments: Int[np.ndarray, "draws rows"], x: Float[np.ndarray, "rows features"], components: int):
    """Counts, sums and sums of squares of the observed cells of each label."""
    draws, rows = assignments.shape
    filled = np.nan_to_num(x)
    columns = np.concatenate([~np.isnan(x), filled, filled**2], axis=1)
    sums = np.empty((draws, components, columns.shape[1]))
    for block in blocks(draws, rows * components):
        sums[block] = np.matmul(one_hot(assignments[block], components).transpose(0, 2, 1), columns)
    features = x.shape[1]
    return Clusters(*np.split(sums, [features, 2 * features], axis=2))


def distances(clusters: Clusters, centre: np.ndarray, variance: np.ndarray) -> Costs:
    """The cost above, for all draws at once."""
    # sum_rows (x - c)^2 / v = (sum x^2 - 2 c sum x + n c^2) / v, summed over features
    return (
        np.einsum("tlj,kj->tlk", clusters.square, 1 / variance)
        - 2 * np.einsum("tlj,kj->tlk", clusters.total, centre / variance)
        + np.einsum("tlj,kj->tlk", clusters.cells, centre**2 / variance)
    )


def running_centres(clusters: Clusters, start: Clusters) -> tuple[np.ndarray, np.ndarray]:
    """The first pass: centres and variances that take in one relabelled draw after the other."""
    pooled = Clusters(*(part[0].copy() for part in start))
    for t in range(len(clusters.cells)):
        draw = Clusters(*(part[t] for part in clusters))
        permutation = solve(distances(Clusters(*(part[None] for part in draw)), *centres(pooled)))[0][0]
        pooled = Clusters(*(sums + part[permutation] for sums, part in zip(pooled, draw, strict=True)))
    return centres(pooled)


def centres(
    pooled: Clusters,
) -> tuple[Float[np.ndarray, "components features"], Float[np.ndarray, "components features"]]:
    """Means and variances of labels. One pseudo-cell at mean 0, variance 1 (x is standardised) keeps an empty or
    single-row cluster's variance positive.
    """
    weight = pooled.cells + 1.0
    mean = pooled.total / weight
    return mean, (pooled.square + 1.0) / weight - mean**2
