"""The pictures of a partition show its numbers: the matrix in its order, one height a row, one line a cluster."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from inference.partitions.partition import partition_responsibilities
from inference.plots.partitions import plot_row_uncertainty, plot_similarity
from tests.inference.partitions import oracle


@pytest.fixture
def found():
    return partition_responsibilities(oracle.overlapping(30, 3, 100, seed=0, gap=3.0), restarts=4)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_similarity_is_drawn_in_the_order_of_the_partition(found):
    ax = plot_similarity(found)
    drawn = np.asarray(ax.images[0].get_array())
    order = np.lexsort((found.row_uncertainty, found.labels))
    np.testing.assert_allclose(drawn, found.similarity[order][:, order])
    assert (np.diff(found.labels[order]) >= 0).all()
    assert [patch.get_width() for patch in ax.patches] == found.cluster_sizes.tolist()


def test_each_cluster_has_its_heights_and_its_mean(found):
    figure, axes = plt.subplots()
    ax = plot_row_uncertainty(found, ax=axes)
    assert ax is axes
    assert ax.figure is figure
    lines = [segment for line in ax.collections if hasattr(line, "get_segments") for segment in line.get_segments()]
    np.testing.assert_allclose([line[0, 1] for line in lines], found.cluster_uncertainty)
    tops = [area.get_paths()[0].vertices[:, 1].max() for area in ax.collections if not hasattr(area, "get_segments")]
    np.testing.assert_allclose(tops, [found.row_uncertainty[found.labels == k].max() for k in range(found.clusters)])
