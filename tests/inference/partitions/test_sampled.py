"""Sampled partitions follow the posterior of partitions; equal ones are merged whatever their labels."""

import numpy as np
import pytest

from inference.partitions.sampled import SampledPartitions, canonical, sample_partitions
from tests.inference.partitions import oracle


def test_canonical_labels_are_restricted_growth_strings():
    partitions = oracle.all_partitions(6)
    rng = np.random.default_rng(0)
    shuffled = np.array([rng.permutation(9)[partition] for partition in partitions])
    np.testing.assert_array_equal(canonical(shuffled), partitions)


@pytest.mark.statistical
def test_samples_follow_the_exact_posterior_of_partitions():
    draws, partitions = 20_000, oracle.all_partitions(4)
    responsibilities = oracle.overlapping(4, 3, 5, seed=1)
    exact = oracle.posterior_of(responsibilities, partitions)
    sampled = SampledPartitions.of(sample_partitions(np.tile(responsibilities, (draws // 5, 1, 1)), seed=0))
    got = np.zeros(len(partitions))
    for partition, weight in zip(sampled.partitions, sampled.weights, strict=True):
        got[(partitions == partition).all(axis=1)] = weight
    np.testing.assert_allclose(got, exact, atol=5 * np.sqrt(0.25 / draws))


def test_index_says_which_partition_each_draw_is():
    labels = np.random.default_rng(2).integers(0, 3, (200, 5))
    sampled = SampledPartitions.of(labels)
    np.testing.assert_array_equal(sampled.partitions[sampled.index], canonical(labels))
    np.testing.assert_allclose(sampled.weights, np.bincount(sampled.index) / 200)
    np.testing.assert_array_equal(sampled.clusters, [len(set(partition)) for partition in sampled.partitions])


def test_thinning_keeps_evenly_spaced_draws():
    labels = np.random.default_rng(3).integers(0, 3, (100, 5))
    thinned = SampledPartitions.of(labels).thinned(10)
    np.testing.assert_array_equal(thinned.partitions[thinned.index], canonical(labels)[::10])
