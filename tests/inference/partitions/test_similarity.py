"""The similarity matrix is P(z_i = z_j | data), as summing over all assignments gives it."""

from functools import partial

import numpy as np
import pytest
from xarray import Dataset, DataTree

from inference.partitions import similarity as module
from inference.partitions.partition import partition
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


def test_the_upper_triangle_is_mirrored_in_squares():
    full = np.random.default_rng(0).normal(size=(10, 10))
    upper = np.triu(full)
    module._mirror(upper, size=4)
    np.testing.assert_array_equal(upper, np.triu(full) + np.triu(full, 1).T)


def test_switching_labels_change_nothing():
    responsibilities = oracle.overlapping(9, 4, 50, seed=2)
    switched = np.random.default_rng(0).permuted(np.tile(np.arange(4), (50, 1)), axis=1)
    permuted = np.take_along_axis(responsibilities, switched[:, None, :], axis=2)
    np.testing.assert_allclose(similarity_matrix(permuted), similarity_matrix(responsibilities), atol=1e-14)


def test_similarity_of_a_posterior_is_that_of_its_responsibilities(monkeypatch):
    responsibilities = oracle.overlapping(5, 2, 20, seed=3)
    asked = []
    blocks = np.array_split(responsibilities, 3)
    monkeypatch.setattr(module, "responsibility_blocks", lambda tree, rows: asked.append(rows) or iter(blocks))
    tree = DataTree.from_dict({"posterior": Dataset(), "observed_data": Dataset({"obs": ("rows", np.zeros(5))})})
    for rows in ([0, 2], [-5, 2], [True, False, True, False, False]):
        np.testing.assert_array_equal(similarity(tree, rows=rows), similarity_matrix(responsibilities))
        assert np.arange(5)[asked.pop()].tolist() == [0, 2]


@pytest.mark.parametrize("verb", [similarity, partial(partition, seed=0)], ids=["similarity", "partition"])
@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], "rows: got no row; expected indices of 5 rows, 0 to 4"),
        ([999], r"rows: got indices \[999\]"),
        ([0, -6], r"rows: got indices \[-6\]"),
        ([0.5], r"rows: got \[0.5\]"),
        (["a"], r"rows: got \['a'\]"),
        ([[0, 1]], r"rows: got \[\[0, 1\]\]"),
    ],
)
def test_indices_that_no_row_has_are_refused(verb, rows, text):
    tree = DataTree.from_dict({"posterior": Dataset(), "observed_data": Dataset({"obs": ("rows", np.zeros(5))})})
    with pytest.raises(DataError, match=text):
        verb(tree, rows=rows)


@pytest.mark.parametrize("verb", [similarity, partial(partition, seed=0)], ids=["similarity", "partition"])
@pytest.mark.parametrize("given", [None, np.zeros((3, 2)), "draws.nc", Dataset(), DataTree()])
def test_what_is_no_tree_of_draws_is_refused(verb, given):
    with pytest.raises(DataError, match=r"posterior: got .*; expected an xarray\.DataTree"):
        verb(given)


@pytest.mark.parametrize(
    "bad",
    [
        np.ones((3, 2)),
        np.full((2, 3, 2), 0.6),
        np.full((2, 3, 2), np.nan),
        np.array([[[1.5, -0.5]]]),
        np.array([[[0.5, 0.5], [0.5, 0.4]]]),
        np.ones((0, 2, 1)),
    ],
)
def test_numbers_that_are_no_probabilities_are_an_error(bad):
    with pytest.raises(DataError, match="responsibilities: got"):
        similarity_matrix(bad)
