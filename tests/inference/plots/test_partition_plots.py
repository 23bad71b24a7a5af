"""The pictures of a partition show its numbers: the matrix in its order, one height a row, one line a cluster."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from inference.partitions.partition import partition_responsibilities
from inference.plots.partitions import plot_row_uncertainty, plot_similarity
from tests.inference.partitions import oracle


@pytest.fixture
def found():
    return partition_responsibilities(oracle.overlapping(30, 3, 100, seed=0, gap=3.0), seed=0, restarts=4)


def test_similarity_is_drawn_in_the_order_of_the_partition(found):
    ax = plot_similarity(found)
    drawn = np.asarray(ax.images[0].get_array())
    assert [patch.get_width() for patch in ax.patches] == found.cluster_sizes.tolist()
    start = 0
    for k, size in enumerate(found.cluster_sizes):
        here, own = slice(start, start + size), found.labels == k
        # the same rows, in some order: sums over the rows of this cluster and over all others
        for other in (own, ~own):
            shown = drawn[here, here] if other is own else np.delete(drawn[here], np.r_[here], axis=1)
            expected = found.similarity[np.ix_(own, other)]
            np.testing.assert_allclose(np.sort(shown.sum(axis=1)), np.sort(expected.sum(axis=1)))
        start += size


def test_similar_rows_of_a_cluster_stand_side_by_side():
    """A cluster of two groups whose rows alternate in the data: each is one block in the picture."""
    group = np.tile([0, 1], 5)
    similarity = np.where(group[:, None] == group, 0.9, 0.6)
    np.fill_diagonal(similarity, 1.0)
    found = SimpleNamespace(
        labels=np.zeros(10, dtype=int), clusters=1, cluster_sizes=np.array([10]), similarity=similarity
    )
    drawn = np.asarray(plot_similarity(found).images[0].get_array())
    block = np.arange(10) < 5
    expected = np.where(block[:, None] == block, 0.9, 0.6)
    np.testing.assert_array_equal(drawn, expected + np.diag(np.full(10, 0.1)))


def test_each_cluster_has_its_heights_and_its_mean(found):
    figure, axes = plt.subplots()
    ax = plot_row_uncertainty(found, ax=axes)
    assert ax is axes
    assert ax.figure is figure
    lines = [segment for line in ax.collections if hasattr(line, "get_segments") for segment in line.get_segments()]
    np.testing.assert_allclose([line[0, 1] for line in lines], found.cluster_uncertainty)
    tops = [area.get_paths()[0].vertices[:, 1].max() for area in ax.collections if not hasattr(area, "get_segments")]
    np.testing.assert_allclose(tops, [found.row_uncertainty[found.labels == k].max() for k in range(found.clusters)])
