"""How sure a partition is of rows and clusters, pair by pair; and what clusters look like, by pandas."""

import numpy as np
import pandas as pd
import pytest

from inference.partitions.sampled import SampledPartitions
from inference.partitions.summaries import cluster_summary
from inference.partitions.uncertainty import cluster_uncertainty, membership, number_of_clusters, row_uncertainty
from mixtures import Observations
from tests.inference.partitions import oracle

LABELS = np.array([0, 1, 0, 2, 1, 1, 0, 3])
"""Rows 3 and 7 are alone."""


def test_membership_is_a_mean_over_pairs():
    responsibilities = oracle.overlapping(8, 3, 25, seed=0)
    together = np.mean([r @ r.T for r in responsibilities], axis=0)
    found = membership(LABELS, responsibilities)
    for row, k in np.ndindex(8, 4):
        others = [j for j in range(8) if LABELS[j] == k and j != row]
        alone = 1 - max(together[row, j] for j in range(8) if j != row)
        right = np.mean([together[row, j] for j in others]) if others else alone
        assert found[row, k] == pytest.approx(right, abs=1e-12)
    uncertainty = row_uncertainty(LABELS, found)
    np.testing.assert_allclose(uncertainty, [1 - found[row, k] for row, k in enumerate(LABELS)], rtol=1e-12)
    right = [np.mean([u for u, own in zip(uncertainty, LABELS, strict=True) if own == k]) for k in range(4)]
    np.testing.assert_allclose(cluster_uncertainty(LABELS, uncertainty), right, rtol=1e-12)


def test_how_probable_numbers_of_clusters_are():
    sampled = SampledPartitions.of(np.array([[0, 0, 1], [0, 0, 0], [1, 1, 0], [0, 1, 2], [2, 2, 2]]))
    np.testing.assert_allclose(number_of_clusters(sampled), [0.0, 0.4, 0.4, 0.2], rtol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_summaries_are_those_of_pandas(share):
    rng = np.random.default_rng(1)
    labels, x = np.r_[np.arange(3), rng.integers(3, size=27)], rng.normal(size=(30, 3)) * [1.0, 10.0, 100.0]
    x[rng.random(x.shape) < share] = np.nan
    found, frame = cluster_summary(Observations(x, missing="allow"), labels), pd.DataFrame(x)
    groups = frame.groupby(labels)
    np.testing.assert_array_equal(found.sizes, groups.size())
    np.testing.assert_allclose(found.shares, groups.size() / 30)
    np.testing.assert_allclose(found.mean, groups.mean(), rtol=1e-12)
    np.testing.assert_allclose(found.sd, groups.std(), rtol=1e-12)
    for k, group in groups:
        np.testing.assert_allclose(found.covariance[k], group.cov(), rtol=1e-10)
    lone = cluster_summary([1.0, 2.0, 5.0], np.array([0, 0, 1]))
    assert np.isnan(lone.sd[1, 0]) and lone.sd[0, 0] == pytest.approx(np.sqrt(0.5))
    assert lone.mean.tolist() == [[1.5], [5.0]]
