"""For few rows the search returns the exact minimiser of the expected loss over all partitions, for every loss."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from inference.partitions.evidence import gather
from inference.partitions.losses import LOSSES, binder, distances, loss_of, variation_of_information
from inference.partitions.search import candidates, hierarchical_cuts, search
from tests.inference.partitions import oracle


def exact_expected_losses(evidence, loss, partitions):
    """Expected loss of every partition, each loss from its definition; the sampled partitions stand for the posterior."""
    sampled = evidence.sampled
    if loss.name == "omari-approximate":
        return np.array([oracle.omari_approximate(c, evidence.similarity) for c in partitions])
    if loss.name == "vi-lower-bound":
        draws = sampled.partitions[sampled.index]
        theirs = np.mean([np.log2((z[:, None] == z).sum(axis=0)) for z in draws], axis=0)
        bound = []
        for c in partitions:
            same = c[:, None] == c
            bound.append(np.mean(np.log2(same.sum(1)) + theirs - 2 * np.log2((same * evidence.similarity).sum(1))))
        assert bound[7] == pytest.approx(oracle.vi_lower_bound(partitions[7], evidence.similarity, draws), abs=1e-12)
        return np.array(bound)
    if loss.overlap == "pairs":
        joined = partitions[:, :, None] == partitions[:, None, :]
        wrong = np.where(joined, 1.0 * (1 - evidence.similarity), evidence.similarity)
        return wrong.sum(axis=(1, 2)) / evidence.rows**2
    # `distances` is itself checked against the definitions, in test_losses.py.
    return np.array([sampled.weights @ distances(c, sampled.partitions, loss) for c in partitions])


@pytest.mark.quick(but=["8-*"], reason="seven rows are searched as eight are")
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    ("rows", "components", "gap", "seed"), [(6, 2, 1.5, 0), (7, 3, 2.5, 1), (8, 4, 1.0, 2), (8, 3, 4.0, 3)]
)
def test_search_finds_the_minimum_over_all_partitions(name, rows, components, gap, seed):
    evidence = gather(oracle.overlapping(rows, components, 60, seed, gap), seed)
    partitions, loss = oracle.all_partitions(rows), loss_of(name)
    expected = exact_expected_losses(evidence, loss, partitions)
    found = search(evidence, loss, seed=0, restarts=8)
    assert found.expected_loss == pytest.approx(expected.min(), abs=1e-10)
    position = np.flatnonzero((partitions == found.labels).all(axis=1))
    assert expected[position] == pytest.approx(expected.min(), abs=1e-10)


@pytest.mark.parametrize("loss", [binder(2.0, 1.0), binder(1.0, 3.0), variation_of_information(1.0, 2.0)])
def test_search_finds_the_minimum_with_unequal_costs(loss):
    evidence = gather(oracle.overlapping(7, 3, 60, seed=5), 5)
    sampled, partitions = evidence.sampled, oracle.all_partitions(7)
    if loss.name == "binder":
        evidence_losses = [expected_binder(c, evidence.similarity, loss) for c in partitions]
    else:
        evidence_losses = [sampled.weights @ distances(c, sampled.partitions, loss) for c in partitions]
    assert search(evidence, loss, seed=1).expected_loss == pytest.approx(min(evidence_losses), abs=1e-10)


def expected_binder(c, similarity, loss):
    """Costs read off two partitions of two rows: joined wrongly, split wrongly (both ordered pairs, over 2^2)."""
    together, apart = np.array([0, 0]), np.array([0, 1])
    joined = 2 * distances(together, apart[None], loss)[0]
    split = 2 * distances(apart, together[None], loss)[0]
    same = c[:, None] == c
    return np.where(same, joined * (1 - similarity), split * similarity).sum() / len(c) ** 2


def test_at_most_as_many_clusters_as_allowed():
    evidence = gather(oracle.overlapping(7, 3, 60, seed=5, gap=8.0), 5)
    partitions = oracle.all_partitions(7)
    few = partitions[partitions.max(axis=1) < 2]
    loss = loss_of("vi")
    least, of_all = (
        min(evidence.sampled.weights @ distances(c, evidence.sampled.partitions, loss) for c in some)
        for some in (few, partitions)
    )
    assert of_all < least - 0.1
    found = search(evidence, loss, seed=0, max_clusters=2)
    assert found.labels.max() <= 1
    assert found.expected_loss == pytest.approx(least, abs=1e-10)


def test_the_same_seed_gives_the_same_partition():
    evidence = gather(oracle.overlapping(60, 4, 200, seed=7), 7)
    first, second = (search(evidence, loss_of("vi"), seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    assert first.expected_loss == second.expected_loss


def test_one_row_is_one_cluster():
    evidence = gather(oracle.overlapping(1, 2, 10, seed=0), 0)
    for loss in LOSSES.values():
        found = search(evidence, loss, seed=0)
        assert found.labels.tolist() == [0]
        assert found.expected_loss == 0


def test_cuts_are_those_of_scipys_tree():
    similarity = gather(oracle.overlapping(9, 3, 60, seed=8), 8).similarity
    tree = linkage(squareform(1.0 - similarity, checks=False), "average")
    every = [fcluster(tree, clusters, "maxclust") for clusters in range(1, 10)]
    for largest, right in ((4, every[:4]), (20, every)):
        for labels, found in zip(right, hierarchical_cuts(similarity, largest), strict=True):
            np.testing.assert_array_equal(found[:, None] == found, labels[:, None] == labels)
    assert [cut.tolist() for cut in hierarchical_cuts(similarity[:2, :2], 20)] == [[0, 0], [0, 1]]


def test_starts_are_sampled_partitions_of_few_enough_clusters():
    evidence = replace(gather(oracle.overlapping(9, 4, 60, seed=9), 9), similarity=None)
    rng = np.random.default_rng(0)
    sampled = {labels.tobytes() for labels in evidence.sampled.partitions}
    some, few = list(candidates(evidence, 9, rng)), list(candidates(evidence, 3, rng))
    assert len(some) > 5 and {labels.tobytes() for labels in some} <= sampled
    assert few and max(labels.max() for labels in few) == 2
    similar = gather(oracle.overlapping(9, 4, 60, seed=9), 9)
    cuts = hierarchical_cuts(similar.similarity, 3)
    for labels, cut in zip(candidates(similar, 3, rng), cuts, strict=False):
        np.testing.assert_array_equal(labels, cut)
    assert next(cuts, None) is None
