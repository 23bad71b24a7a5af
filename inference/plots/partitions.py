"""Pictures of a partition: the similarity matrix in its order, and how sure each row is."""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from inference.checks import check_result
from inference.partitions.partition import Partition
from inference.plots.axes import entitle, given_or_new, legend_beside
from inference.plots.certainty import draw_uncertain
from inference.plots.palette import DENSITY, colour, looks
from mixtures import Observations
from mixtures.errors import DataError, ModelError

LEAST_SHARE = 0.03
"""Clusters with fewer of the rows are not named: their names would lie on one another."""

LEAST_HEIGHT = 0.1
"""Of the axis of uncertainty: rows that are all sure should look sure."""


def plot_similarity(partition: Partition, ax: Axes | None = None) -> Axes:
    """Posterior similarity matrix, rows in the order of the partition: surest clusters are dark squares.

    Within a cluster similar rows stand side by side (average linkage), so that what the partition joins can still be seen.

    Args:
        partition: what `partition` returned.
        ax: where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        ModelError: not a `Partition`, or one without a similarity matrix.
    """
    check_result("partition", partition, "clusters", "Partition", "partition")
    if partition.similarity is None:
        raise ModelError(
            "partition",
            got="a Partition without a similarity matrix",
            expected="a Partition with its similarity matrix",
            advice="Compute it for fewer rows: partition(posterior, rows=...); or pass similarity=True.",
        )
    ax = given_or_new(ax, (5.5, 4.8))
    similarity = partition.similarity
    order = np.concatenate(
        [_side_by_side(np.flatnonzero(partition.labels == k), similarity) for k in range(partition.clusters)]
    )
    rows = len(order)
    image = ax.imshow(
        similarity[np.ix_(order, order)],
        cmap=DENSITY,
        vmin=0,
        vmax=1,
        extent=(0, rows, rows, 0),
        interpolation="nearest" if rows <= 400 else "antialiased",
    )
    ends = np.cumsum(partition.cluster_sizes)
    for k, (start, end) in enumerate(zip(ends - partition.cluster_sizes, ends, strict=True)):
        ax.add_patch(Rectangle((start, start), end - start, end - start, fill=False, ec=colour(k), lw=1.5))
    large = partition.cluster_sizes >= LEAST_SHARE * rows
    ax.set_yticks((ends - partition.cluster_sizes / 2)[large], [str(k) for k in np.flatnonzero(large)])
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.set(ylabel="cluster", xlabel="rows, in the order of the partition")
    entitle(ax, "Posterior similarity")
    ax.figure.colorbar(image, ax=ax, label="P(same component | data)", shrink=0.9)
    return ax


def plot_row_uncertainty(
    partition: Partition, ax: Axes | None = None, *, x: Any = None, features: tuple[int, int] = (0, 1)
) -> Axes:
    """Uncertainty of each row, sorted within its cluster; a line marks each cluster's mean. Or where on the data uncertain rows lie.

    Args:
        partition: what `partition` returned.
        ax: where to draw; None makes a figure.
        x: its rows: they are drawn where they lie, as in `plot_uncertain_rows`. None: in the order of clusters and uncertainty.
        features: which two columns of `x`.

    Returns:
        The axes.

    Raises:
        ModelError: not a `Partition`, or features that are not two of the columns.
        DataError: other rows than the partition's.
    """
    check_result("partition", partition, "clusters", "Partition", "partition")
    if x is not None:
        return _on_data(partition, Observations.of(x), ax, features)
    ax = given_or_new(ax, (7.0, 3.2))
    order = np.lexsort((partition.row_uncertainty, partition.labels))
    ends = np.cumsum(partition.cluster_sizes)
    for k, (start, end) in enumerate(zip(ends - partition.cluster_sizes, ends, strict=True)):
        height = partition.row_uncertainty[order[start:end]]
        ax.fill_between(
            np.arange(start, end + 1), np.append(height, height[-1]), step="post", color=colour(k), alpha=0.6, lw=0
        )
        ax.hlines(partition.cluster_uncertainty[k], start, end, color=colour(k), lw=1.5)
    middle = ends - partition.cluster_sizes / 2
    large = partition.cluster_sizes >= LEAST_SHARE * len(order)
    ax.set_xticks(middle[large], [f"{k}\n({partition.cluster_sizes[k]} rows)" for k in np.flatnonzero(large)])
    ax.tick_params(axis="x", length=0)
    top = max(LEAST_HEIGHT, 1.05 * partition.row_uncertainty.max())
    ax.set(xlim=(0, len(order)), ylim=(0, top), xlabel="cluster", ylabel="P(apart from its cluster | data)")
    entitle(ax, "Uncertainty of each row; lines: of each cluster")
    return ax


def _on_data(partition: Partition, x: Observations, ax: Axes | None, features: tuple[int, int]) -> Axes:
    if len(x) != len(partition.labels):
        raise DataError("x", got=f"{len(x)} rows", expected=f"{len(partition.labels)}, as the partition has")
    ax = given_or_new(ax, (6.5, 4.5))
    clusters = [replace(look, label=f"cluster {k}") for k, look in enumerate(looks(partition.clusters))]
    draw_uncertain(ax, x, partition.labels, partition.row_uncertainty, clusters, features)
    if x.features in (None, 1):
        ax.set_ylabel("P(apart from its cluster | data)")
    entitle(ax, "The larger and darker, the less sure of its cluster")
    legend_beside(ax)
    return ax


def _side_by_side(
    members: Int[np.ndarray, " members"], similarity: Float[np.ndarray, "rows rows"]
) -> Int[np.ndarray, " members"]:
    """The rows of a cluster, similar ones next to one another."""
    if len(members) < 3:
        return members
    apart = squareform(1.0 - similarity[np.ix_(members, members)], checks=False)
    return members[leaves_list(linkage(apart, method="average"))]
