"""What a move is said to cost is what it costs: each sum kept up to date equals the sum computed afresh."""

import numpy as np
import pytest

from inference.partitions.allocation import Allocation
from inference.partitions.evidence import gather
from inference.partitions.losses import LOSSES
from tests.inference.partitions import oracle

EVIDENCE = gather(oracle.overlapping(12, 3, 40, seed=0), 0)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_costs_of_moves_are_the_expected_losses_after_them(loss):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 12)
    allocation = Allocation(EVIDENCE, loss, labels, 12)
    costs = allocation.costs(np.arange(12))
    for row, cluster in np.ndindex(12, 5):
        moved = labels.copy()
        moved[row] = cluster
        assert costs[row, cluster] == pytest.approx(Allocation(EVIDENCE, loss, moved, 12).expected_loss(), abs=1e-12)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_costs_of_placing_a_row_are_the_expected_losses_after_it(loss):
    labels = np.array([0, 1, 2, 1, 0, -1, 2, 0, -1, -1, 1, -1])
    allocation = Allocation(EVIDENCE, loss, labels, 12)
    for row in np.flatnonzero(labels < 0):
        costs = allocation.costs(np.array([row]))[0]
        for cluster in range(4):
            placed = labels.copy()
            placed[row] = cluster
            assert costs[cluster] == pytest.approx(Allocation(EVIDENCE, loss, placed, 12).expected_loss(), abs=1e-12)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_sums_survive_many_moves(loss):
    rng = np.random.default_rng(2)
    allocation = Allocation(EVIDENCE, loss, np.full(12, -1), 12)
    for row in rng.permutation(12).tolist():
        allocation.put(row, int(rng.integers(len(allocation.sizes))))
    for _ in range(100):
        row = int(rng.integers(12))
        allocation.take(row)
        allocation.put(row, int(rng.integers(len(allocation.sizes))))
    afresh = Allocation(EVIDENCE, loss, np.unique(allocation.labels, return_inverse=True)[1], 12)
    assert allocation.expected_loss() == pytest.approx(afresh.expected_loss(), abs=1e-11)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_copy_is_changed_on_its_own(loss):
    allocation = Allocation(EVIDENCE, loss, np.zeros(12, dtype=int), 12)
    before = allocation.expected_loss()
    twin = allocation.copy()
    twin.take(0)
    twin.put(0, 1)
    assert allocation.labels.tolist() == [0] * 12
    assert allocation.expected_loss() == before
    assert twin.expected_loss() != before
