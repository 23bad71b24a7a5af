"""Data-based relabelling gives each cluster the label whose centre its rows lie closest to."""

from itertools import permutations as all_permutations

import numpy as np

from inference.labels.data_based import (
    Clusters,
    centres,
    data_based,
    distances,
    running_centres,
    standardised,
    summarise,
)


def test_the_cost_is_the_standardised_distance_of_the_rows_themselves():
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(30, 2)), rng.integers(3, size=(5, 30))
    centre, variance = rng.normal(size=(3, 2)), rng.uniform(1, 2, size=(3, 2))
    costs = distances(summarise(z, x, 3), centre, variance)
    for t, old, new in np.ndindex(5, 3, 3):
        direct = ((x[z[t] == old] - centre[new]) ** 2 / variance[new]).sum()
        assert np.isclose(costs[t, old, new], direct)


def test_missing_cells_are_left_out_of_the_cost():
    rng = np.random.default_rng(5)
    x, z = rng.normal(size=(30, 2)), rng.integers(3, size=(5, 30))
    x[rng.uniform(size=x.shape) < 0.3] = np.nan
    centre, variance = rng.normal(size=(3, 2)), rng.uniform(1, 2, size=(3, 2))
    costs = distances(summarise(z, x, 3), centre, variance)
    for t, old, new in np.ndindex(5, 3, 3):
        assert np.isclose(costs[t, old, new], np.nansum((x[z[t] == old] - centre[new]) ** 2 / variance[new]))
    np.testing.assert_allclose(standardised(x), (x - np.nanmean(x, axis=0)) / np.nanstd(x, axis=0), atol=1e-12)


def test_missing_cells_are_no_obstacle():
    rng = np.random.default_rng(6)
    answer = np.argsort(np.array([[0, 1, 2], [1, 2, 0], [2, 1, 0]]), axis=1)
    truth = np.arange(60) % 3
    x = rng.normal(size=(60, 2)) + 6 * truth[:, None]
    x[rng.uniform(size=x.shape) < 0.3] = np.nan
    z = np.array([one[truth] for one in answer])
    assert np.array_equal(data_based(z, x, 3, pivot=truth).permutations, answer)


def test_no_permutation_lies_closer_to_the_first_pass_s_centres():
    rng = np.random.default_rng(1)
    x, z = rng.normal(size=(30, 2)), rng.integers(4, size=(20, 30))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    result = data_based(z, x, 4, pivot=z[0])
    centre, variance = running_centres(summarise(z, x, 4), summarise(z[:1], x, 4))
    for t in range(20):
        totals = []
        for s in all_permutations(range(4)):
            new = np.argsort(s)[z[t]]
            totals.append(((x - centre[new]) ** 2 / variance[new]).sum())
        totals.sort()
        assert np.isclose(result.cost[t], totals[0])
        assert np.isclose(result.margin[t], totals[1] - totals[0])


def test_the_first_pass_takes_in_every_row_once():
    """Identified draws: the running centre of a label is the mean of its rows over all draws, and one pseudo-row."""
    rng = np.random.default_rng(4)
    z = np.tile(np.arange(30) % 3, (5, 1))
    x = rng.normal(size=(30, 1)) + 10 * z[0][:, None]
    centre, variance = running_centres(summarise(z, x, 3), summarise(z[:1], x, 3))
    for label in range(3):
        rows = np.tile(x[z[0] == label, 0], 6)  # the start and five draws
        mean = rows.sum() / (len(rows) + 1)
        assert np.isclose(centre[label, 0], mean)
        # the pseudo-row is at 0, with variance 1
        assert np.isclose(variance[label, 0], (((rows - mean) ** 2).sum() + mean**2 + 1) / (len(rows) + 1))


def test_an_empty_cluster_has_a_finite_centre():
    x, z = np.random.default_rng(2).normal(size=(10, 1)), np.zeros((3, 10), dtype=int)
    centre, variance = centres(Clusters(*(part[0] for part in summarise(z, x, 2))))
    assert np.isfinite(centre).all()
    assert (variance > 0).all()
    assert np.isfinite(data_based(z, x, 2, pivot=z[0]).cost).all()


def test_the_unit_of_the_data_does_not_matter():
    rng = np.random.default_rng(3)
    z = rng.integers(3, size=(20, 60))
    x = rng.normal(size=(60, 2)) + z[0][:, None]
    assert np.array_equal(
        data_based(z, x, 3, pivot=z[0]).permutations, data_based(z, x * [1e12, 1e-12], 3, pivot=z[0]).permutations
    )
