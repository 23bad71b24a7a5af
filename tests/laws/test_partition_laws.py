"""Laws of partitions: names of labels and the order of rows and draws mean nothing; VI and Binder are metrics."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inference.partitions.evidence import Evidence, gather
from inference.partitions.losses import LOSSES, distances, loss_of
from inference.partitions.partition import partition_responsibilities
from inference.partitions.sampled import SampledPartitions, canonical
from inference.partitions.search import search
from inference.partitions.similarity import similarity_matrix
from tests.inference.partitions import oracle

LABELS = arrays(np.int64, 9, elements=st.integers(0, 4))
SEEDS = st.integers(0, 10_000)
NAMES = st.sampled_from(sorted(LOSSES))
METRICS = st.sampled_from(["vi", "binder"])


def loss_between(c, z, name):
    return distances(c, z[None], loss_of(name))[0]


@given(LABELS, LABELS, NAMES, st.permutations(range(5)), st.permutations(range(5)))
@settings(deadline=None, max_examples=60)
def test_losses_do_not_see_the_names_of_labels(c, z, name, p, q):
    np.testing.assert_allclose(loss_between(np.array(p)[c], np.array(q)[z], name), loss_between(c, z, name), atol=1e-12)


@given(LABELS, LABELS, NAMES, st.permutations(range(9)))
@settings(deadline=None, max_examples=60)
def test_losses_do_not_see_the_order_of_rows(c, z, name, order):
    order = np.array(order)
    np.testing.assert_allclose(loss_between(c[order], z[order], name), loss_between(c, z, name), atol=1e-12)


@given(LABELS, LABELS, LABELS, METRICS)
@settings(deadline=None, max_examples=100)
def test_vi_and_binder_are_metrics(a, b, c, name):
    assert loss_between(a, b, name) == np.float64(loss_between(b, a, name))
    assert loss_between(a, c, name) <= loss_between(a, b, name) + loss_between(b, c, name) + 1e-12
    same = (canonical(a) == canonical(b)).all()
    assert (loss_between(a, b, name) <= 1e-12) == same


@given(LABELS, LABELS, NAMES)
@settings(deadline=None, max_examples=60)
def test_losses_are_zero_for_equal_partitions_and_never_negative(c, z, name):
    assert abs(loss_between(c, c, name)) <= 1e-12
    assert loss_between(c, z, name) >= -1e-12


@given(LABELS)
@settings(deadline=None, max_examples=60)
def test_canonical_labels_are_the_same_partition_and_canonical_already(labels):
    once = canonical(labels)
    np.testing.assert_array_equal(canonical(once), once)
    np.testing.assert_array_equal(np.equal.outer(once, once), np.equal.outer(labels, labels))


@given(SEEDS, st.integers(2, 4))
@settings(deadline=None, max_examples=30)
def test_similarity_does_not_see_labels_nor_the_order_of_draws(seed, components):
    rng = np.random.default_rng(seed)
    responsibilities = oracle.overlapping(7, components, 20, seed)
    switched = rng.permuted(np.tile(np.arange(components), (20, 1)), axis=1)
    other = rng.permutation(np.take_along_axis(responsibilities, switched[:, None, :], axis=2))
    matrix = similarity_matrix(responsibilities)
    np.testing.assert_allclose(similarity_matrix(other), matrix, atol=1e-13)
    assert np.linalg.eigvalsh(matrix).min() >= -1e-12


@given(SEEDS, st.sampled_from(["binder", "omari-approximate"]))
@settings(deadline=None, max_examples=10)
def test_the_best_partition_does_not_see_switching_labels(seed, name):
    responsibilities = oracle.overlapping(7, 3, 30, seed)
    switched = np.random.default_rng(seed).permuted(np.tile(np.arange(3), (30, 1)), axis=1)
    other = np.take_along_axis(responsibilities, switched[:, None, :], axis=2)
    first, second = (partition_responsibilities(r, name, restarts=8, seed=0) for r in (responsibilities, other))
    np.testing.assert_allclose(first.expected_loss, second.expected_loss, atol=1e-12)


@given(SEEDS, NAMES)
@settings(deadline=None, max_examples=10)
def test_the_least_expected_loss_does_not_see_the_order_of_rows(seed, name):
    evidence = gather(oracle.overlapping(6, 3, 30, seed), seed)
    order = np.random.default_rng(seed).permutation(6)
    draws = evidence.sampled.partitions[evidence.sampled.index]
    shuffled = Evidence(
        evidence.responsibilities[:, order],
        evidence.similarity[np.ix_(order, order)],
        SampledPartitions.of(draws[:, order]),
    )
    first, second = (search(e, loss_of(name), seed=0) for e in (evidence, shuffled))
    np.testing.assert_allclose(first.expected_loss, second.expected_loss, atol=1e-9)


@given(SEEDS, st.sampled_from(["vi", "omari", "id", "nid", "nvi"]))
@settings(deadline=None, max_examples=10)
def test_no_sampled_partition_is_better_than_the_one_found(seed, name):
    evidence = gather(oracle.overlapping(20, 3, 40, seed), seed)
    loss = loss_of(name)
    found = search(evidence, loss, seed=0, restarts=4)
    sampled = evidence.sampled
    each = [sampled.weights @ distances(z, sampled.partitions, loss) for z in sampled.partitions]
    assert found.expected_loss <= min(each) + 1e-9
