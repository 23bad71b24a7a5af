"""Every loss is what its definition over pairs or entropies says, and what scikit-learn says where it has it."""

import numpy as np
import pytest
from sklearn import metrics

from inference.partitions.evidence import gather
from inference.partitions.losses import LOSSES, binder, distances, loss_of, variation_of_information
from mixtures.errors import ChoiceError
from tests.inference.partitions import oracle

FIVE = oracle.all_partitions(5)


@pytest.mark.parametrize("name", oracle.BETWEEN)
def test_losses_between_all_pairs_of_partitions_of_five_rows(name):
    got = np.array([distances(c, FIVE, loss_of(name)) for c in FIVE])
    expected = np.array([[oracle.BETWEEN[name](c, z) for z in FIVE] for c in FIVE])
    np.testing.assert_allclose(got, expected, atol=1e-13)


def test_there_are_as_many_partitions_as_the_bell_numbers_say():
    assert [len(oracle.all_partitions(n)) for n in range(1, 9)] == [1, 2, 5, 15, 52, 203, 877, 4140]


def test_losses_equal_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    n = 40
    for _ in range(20):
        c, z = rng.integers(0, 5, n), rng.integers(0, 3, n)
        c, z = np.unique(c, return_inverse=True)[1], np.unique(z, return_inverse=True)[1]
        got = {name: distances(c, z[None], loss_of(name))[0] for name in oracle.BETWEEN}
        assert got["binder"] == pytest.approx((1 - metrics.rand_score(c, z)) * (n - 1) / n, abs=1e-13)
        assert got["omari"] == pytest.approx(1 - metrics.adjusted_rand_score(c, z), abs=1e-13)
        assert got["nid"] == pytest.approx(
            1 - metrics.normalized_mutual_info_score(c, z, average_method="max"), abs=1e-12
        )
        shared = metrics.mutual_info_score(c, z) / np.log(2)
        assert got["vi"] == pytest.approx(oracle.entropy(c) + oracle.entropy(z) - 2 * shared, abs=1e-12)


def test_costs_weigh_wrong_joins_and_wrong_splits():
    rng = np.random.default_rng(1)
    c, z = np.array([0, 0, 0, 1, 1, 2]), rng.integers(0, 2, 6)
    got = distances(c, z[None], binder(joined=2.0, split=0.5))[0]
    assert got == pytest.approx(oracle.binder(c, z, 2.0, 0.5), abs=1e-14)
    hc, hz, both = oracle.entropies(c, z)
    # H(z | c) grows with wrong joins, H(c | z) with wrong splits
    expected = 2.0 * (both - hc) + 0.5 * (both - hz)
    assert distances(c, z[None], variation_of_information(2.0, 0.5))[0] == pytest.approx(expected, abs=1e-13)


def test_the_lower_bound_of_the_expected_information_is_a_lower_bound():
    from inference.partitions.allocation import Allocation

    evidence = gather(oracle.overlapping(6, 3, 400, seed=2), 2)
    sampled = evidence.sampled
    for c in oracle.all_partitions(6)[::7]:
        bound = Allocation(evidence, LOSSES["vi-lower-bound"], c, 6).expected_loss()
        series = distances(c, sampled.partitions, LOSSES["vi"])[sampled.index]
        # the bound reads averaged responsibilities, the expectation sampled partitions: they differ by sampling noise
        assert bound <= series.mean() + 4 * series.std() / np.sqrt(len(series))


def test_an_unknown_loss_is_an_error_that_lists_the_choices():
    with pytest.raises(ChoiceError, match=r"'vi'.*'binder'.*'omari'"):
        loss_of("variation")
