"""Clusters of draws as points, by scipy's standard scores, and the groups that they fall into, by planted permutations."""

import numpy as np
from scipy import stats

from inference.labels.identify import _grouped, _permuted, _points

RNG = np.random.default_rng(0)


def test_points_are_standard_scores_of_parameters_and_of_logarithms_of_positive_ones():
    loc, scale = RNG.normal(size=(6, 3, 2)) * [1.0, 50.0] + [0.0, 7.0], RNG.gamma(2.0, size=(6, 3)) * 1e4
    found = _points({"loc": loc, "scale": scale, "constant": np.full((6, 3), -2.0)})
    right = [stats.zscore(one, axis=None) for one in (loc[..., 0], loc[..., 1], np.log(scale))]
    np.testing.assert_allclose(found, np.stack([*right, np.zeros((6, 3))], axis=2), atol=1e-12)


def test_groups_are_the_clusters_that_were_permuted_wherever_k_means_begins():
    centres = np.array([[-4.0, 0.0], [0.0, 3.0], [4.0, 0.0]])
    order = np.stack([RNG.permutation(3) for _ in range(40)])
    points = centres[order] + 0.3 * RNG.normal(size=(40, 3, 2))
    points[7] = [4.0, 0.0]  # all clusters of this draw in one place: a start that has no groups
    others = np.delete(np.arange(40), 7)
    for best in (0, 7):
        labels = _grouped(points, best, seed=1)
        names = np.array([labels[others][order[others] == k][0] for k in range(3)])
        assert sorted(names) == [0, 1, 2]
        np.testing.assert_array_equal(labels[others], names[order[others]])
        assert (labels[7] == names[2]).all()


def test_values_follow_their_clusters():
    order, values = np.array([[2, 0, 1], [0, 2, 1]]), RNG.normal(size=(2, 3, 2, 2))
    right = np.stack([value[one] for value, one in zip(values, order, strict=True)])
    np.testing.assert_array_equal(_permuted(values, order), right)
