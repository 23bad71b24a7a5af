"""The similarity matrix is P(z_i = z_j | data), as summing over all assignments gives it."""

import numpy as np
import pytest
from xarray import DataTree

from inference.partitions import similarity as module
from inference.partitions.similarity import similarity, similarity_matrix
from mixtures.errors import DataError
from tests.inference.partitions import oracle


def test_similarity_equals_the_sum_over_all_assignments():
    partitions = oracle.all_partitions(6)
    responsibilities = oracle.overlapping(6, 3, 7, seed=0)
    probability = oracle.posterior_of(responsibilities, partitions)
    together = partitions[:, :, None] == partitions[:, None, :]
    exact = np.tensordot(probability, together, axes=1)
    np.testing.assert_allclose(similarity_matrix(responsibilities), exact, atol=1e-14)


def test_blocks_of_draws_change_nothing(monkeypatch):
    responsibilities = oracle.overlapping(9, 4, 50, seed=1)
    whole = similarity_matrix(responsibilities)
    monkeypatch.setattr(module, "BLOCK_BYTES", 8 * 9 * 4 * 7)
    np.testing.assert_allclose(similarity_matrix(responsibilities), whole, atol=1e-15)


def test_switching_labels_change_nothing():
    responsibilities = oracle.overlapping(9, 4, 50, seed=2)
    switched = np.random.default_rng(0).permuted(np.tile(np.arange(4), (50, 1)), axis=1)
    permuted = np.take_along_axis(responsibilities, switched[:, None, :], axis=2)
    np.testing.assert_allclose(similarity_matrix(permuted), similarity_matrix(responsibilities), atol=1e-14)


def test_similarity_of_a_posterior_is_that_of_its_responsibilities(monkeypatch):
    responsibilities = oracle.overlapping(5, 2, 20, seed=3)
    asked = []
    monkeypatch.setattr(module, "draw_responsibilities", lambda tree, rows: asked.append(rows) or responsibilities)
    np.testing.assert_array_equal(similarity(DataTree(), rows=[0, 2]), similarity_matrix(responsibilities))
    assert asked == [[0, 2]]


@pytest.mark.parametrize(
    "bad",
    [
        np.ones((3, 2)),
        np.full((2, 3, 2), 0.6),
        np.full((2, 3, 2), np.nan),
        np.array([[[1.5, -0.5]]]),
        np.ones((0, 2, 1)),
    ],
)
def test_numbers_that_are_no_probabilities_are_an_error(bad):
    with pytest.raises(DataError, match="responsibilities: got"):
        similarity_matrix(bad)
