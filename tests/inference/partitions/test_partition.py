"""`partition` returns the minimiser with an honest account of its uncertainty."""

import itertools
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from xarray import Dataset, DataTree

from inference.partitions import similarity
from inference.partitions.losses import LOSSES, binder
from inference.partitions.partition import partition, partition_responsibilities
from inference.partitions.summaries import cluster_summary
from mixtures import Observations
from mixtures.errors import ChoiceError, DataError, ModelError, SeedError
from tests.inference.partitions import oracle


@pytest.fixture
def responsibilities():
    return oracle.overlapping(30, 3, 400, seed=0, gap=3.0)


def test_uncertainties_are_means_over_pairs(responsibilities):
    found = partition_responsibilities(responsibilities, seed=1)
    labels, similarity = found.labels, found.similarity
    for row in range(30):
        for k in range(found.clusters):
            others = [j for j in range(30) if labels[j] == k and j != row]
            if others:
                assert found.membership[row, k] == pytest.approx(similarity[row, others].mean(), abs=1e-12)
    for k in range(found.clusters):
        pairs = list(itertools.combinations(np.flatnonzero(labels == k), 2))
        if pairs:
            apart = np.mean([1 - similarity[i, j] for i, j in pairs])
            assert found.cluster_uncertainty[k] == pytest.approx(apart, abs=1e-12)


def test_a_row_of_its_own_is_as_uncertain_as_its_nearest_tie():
    # rows 0 and 1 together for sure; row 2 apart with probability 0.7
    sure, doubt = [1.0, 0.0], [0.3, 0.7]
    found = partition_responsibilities(np.tile([sure, sure, doubt], (20, 1, 1)), seed=0)
    assert found.labels.tolist() == [0, 0, 1]
    np.testing.assert_allclose(found.row_uncertainty, [0.0, 0.0, 0.3], atol=1e-12)


def test_number_of_clusters_by_enumeration():
    partitions = oracle.all_partitions(5)
    few = oracle.overlapping(5, 3, 4, seed=3)
    exact = np.bincount(partitions.max(axis=1) + 1, weights=oracle.posterior_of(few, partitions), minlength=6)
    found = partition_responsibilities(np.tile(few, (2500, 1, 1)), restarts=1, seed=0)
    got = np.pad(found.number_of_clusters, (0, 6 - len(found.number_of_clusters)))
    np.testing.assert_allclose(got, exact, atol=5 * np.sqrt(0.25 / 10_000))


@pytest.mark.parametrize("loss", [*LOSSES, binder(joined=2.0)], ids=[*LOSSES, "unequal binder"])
def test_every_loss_gives_a_whole_result(loss, responsibilities):
    found = partition_responsibilities(responsibilities, loss, chains=4, seed=0)
    assert found.labels[0] == 0
    assert found.cluster_sizes.sum() == 30
    assert found.expected_loss == found.finalists[0] or found.expected_loss == pytest.approx(
        found.finalists[0], abs=1e-9
    )
    assert 0 < found.monte_carlo_error < found.expected_loss
    assert found.ball.mass >= 0.95
    text = str(found)
    assert f"into {found.clusters} cluster" in text
    assert "credible ball" in text
    assert "clusters in a draw, posterior" in text
    with pytest.raises(FrozenInstanceError):
        found.labels = None


def test_the_verb_takes_chains_and_rows_from_the_tree(monkeypatch, responsibilities):
    asked = []
    monkeypatch.setattr(similarity, "draw_responsibilities", lambda tree, rows: asked.append(rows) or responsibilities)
    data = Dataset({"obs": ("rows", np.zeros(30))})
    tree = DataTree.from_dict(
        {"posterior": Dataset({"loc": (("chain", "draw"), np.zeros((4, 100)))}), "observed_data": data}
    )
    found = partition(tree, loss="binder", rows=range(3), seed=5)
    assert asked[0].tolist() == [0, 1, 2]
    same = partition_responsibilities(responsibilities, "binder", seed=5, chains=4)
    np.testing.assert_array_equal(found.labels, same.labels)
    assert found.monte_carlo_error == same.monte_carlo_error


def test_bad_arguments_are_errors(responsibilities):
    for error, bad in [
        (ChoiceError, {"loss": "variation"}),
        (SeedError, {"seed": -1}),
        (ModelError, {"restarts": 0}),
        (ModelError, {"max_clusters": 0}),
        (ModelError, {"level": 1.5}),
    ]:
        with pytest.raises(error, match="expected"):
            partition_responsibilities(responsibilities, **{"seed": 0, **bad})


def test_cluster_summary_equals_numpy_per_cluster(responsibilities):
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(30, 2)), np.append(rng.integers(0, 2, 29), 2)
    summary = cluster_summary(x, labels)
    for k in range(2):
        np.testing.assert_allclose(summary.mean[k], x[labels == k].mean(axis=0), atol=1e-14)
        np.testing.assert_allclose(summary.covariance[k], np.cov(x[labels == k].T), atol=1e-14)
        np.testing.assert_allclose(summary.sd[k], x[labels == k].std(axis=0, ddof=1), atol=1e-14)
    assert summary.sizes.tolist() == np.bincount(labels).tolist()
    assert np.isnan(summary.sd[2]).all()
    assert np.isfinite(summary.mean[2]).all()
    np.testing.assert_array_equal(summary.to_frame()["mean 1"], summary.mean[:, 1])
    assert len(str(summary).splitlines()) == 5
    found = partition_responsibilities(responsibilities, seed=0)
    assert cluster_summary(x[:, 0], found).mean.shape == (found.clusters, 1)
    with pytest.raises(DataError, match="30 rows"):
        cluster_summary(x[:7], labels)


def test_cluster_summary_of_missing_cells_equals_pandas_per_cluster():
    rng = np.random.default_rng(3)
    x = rng.normal(1e3, 1.0, size=(40, 3))
    x[rng.uniform(size=x.shape) < 0.3] = np.nan
    x[30:, 2] = np.nan  # the third cluster has no cell of this feature
    labels = np.repeat([0, 1, 2], [15, 15, 10])
    summary = cluster_summary(Observations(x, missing="allow"), labels)
    for k in range(3):
        members = pd.DataFrame(x[labels == k])
        np.testing.assert_allclose(summary.mean[k], members.mean(), rtol=1e-12)
        np.testing.assert_allclose(summary.sd[k], members.std(), rtol=1e-9)
        np.testing.assert_allclose(summary.covariance[k], members.cov(), rtol=1e-8, atol=1e-10)
    assert np.isnan(summary.mean).sum() == 1
