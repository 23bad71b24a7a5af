"""Pictures of a partition: the similarity matrix in its order, and how sure each row is."""

from typing import TYPE_CHECKING

import numpy as np

from inference.partitions.partition import Partition

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = "tab10"


def plot_similarity(partition: Partition, *, ax: "Axes | None" = None) -> "Axes":
    """Posterior similarity matrix, rows in the order of the partition: surest clusters are dark squares.

    Args:
        partition: what `partition` returned.
        ax: where to draw; a new figure by default.
    """
    import matplotlib.pyplot as plt

    ax = ax if ax is not None else plt.subplots(figsize=(5.5, 4.8), layout="constrained")[1]
    order = _order(partition)
    rows = len(order)
    image = ax.imshow(
        partition.similarity[np.ix_(order, order)],
        cmap="Blues",
        vmin=0,
        vmax=1,
        extent=(0, rows, rows, 0),
        interpolation="nearest" if rows <= 400 else "antialiased",
    )
    ends = np.cumsum(partition.cluster_sizes)
    for k, (start, end) in enumerate(zip(ends - partition.cluster_sizes, ends, strict=True)):
        ax.add_patch(plt.Rectangle((start, start), end - start, end - start, fill=False, ec=_colour(k), lw=1.5))
    large = partition.cluster_sizes >= 0.03 * rows  # labels of tiny clusters would lie on one another
    ax.set_yticks((ends - partition.cluster_sizes / 2)[large], [str(k) for k in np.flatnonzero(large)])
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.set(ylabel="cluster", xlabel="rows, in the order of the partition", title="Posterior similarity")
    ax.figure.colorbar(image, ax=ax, label="P(same component | data)", shrink=0.9)
    return ax


def plot_row_uncertainty(partition: Partition, *, ax: "Axes | None" = None) -> "Axes":
    """Uncertainty of each row, sorted within its cluster; a line marks each cluster's mean.

    Args:
        partition: what `partition` returned.
        ax: where to draw; a new figure by default.
    """
    import matplotlib.pyplot as plt

    ax = ax if ax is not None else plt.subplots(figsize=(7, 3.2), layout="constrained")[1]
    order = _order(partition)
    ends = np.cumsum(partition.cluster_sizes)
    for k, (start, end) in enumerate(zip(ends - partition.cluster_sizes, ends, strict=True)):
        height = partition.row_uncertainty[order[start:end]]
        ax.fill_between(
            np.arange(start, end + 1), np.append(height, height[-1]), step="post", color=_colour(k), alpha=0.6, lw=0
        )
        ax.hlines(partition.cluster_uncertainty[k], start, end, color=_colour(k), lw=1.5)
    middle = ends - partition.cluster_sizes / 2
    large = partition.cluster_sizes >= 0.03 * len(order)
    ax.set_xticks(middle[large], [f"{k}\n({partition.cluster_sizes[k]} rows)" for k in np.flatnonzero(large)])
    ax.tick_params(axis="x", length=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set(xlim=(0, len(order)), ylim=(0, None), xlabel="cluster", ylabel="P(apart from its cluster | data)")
    ax.set_title("Uncertainty of each row; lines: of each cluster")
    return ax


def _order(partition: Partition) -> np.ndarray:
    """Rows by cluster, the surest of each cluster first."""
    return np.lexsort((partition.row_uncertainty, partition.labels))


def _colour(k: int) -> tuple[float, float, float, float]:
    import matplotlib

    return matplotlib.colormaps[COLOURS](k % 10)
