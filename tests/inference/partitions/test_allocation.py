"""What a move is said to cost is what it costs: each sum kept up to date equals the sum computed afresh."""

import numpy as np
import pytest

from inference.partitions.allocation import Allocation, allocate, regroup, sweeten, zealous
from inference.partitions.evidence import gather
from inference.partitions.losses import LOSSES
from tests.inference.partitions import oracle

EVIDENCE = gather(oracle.overlapping(12, 3, 40, seed=0), 0)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_costs_of_moves_are_the_expected_losses_after_them(loss):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 12)
    allocation = Allocation(EVIDENCE, loss, labels, 12)
    order = np.argsort(labels, kind="stable")  # a row of the first cluster is asked about first
    costs = np.empty((12, 5))
    costs[order] = allocation.costs(order)
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


def afresh(loss, labels):
    return Allocation(EVIDENCE, loss, labels, 12).expected_loss()


def moves(loss, labels, row):
    """Expected losses with a row in each cluster, or in one of its own."""
    every = [np.where(np.arange(12) == row, cluster, labels) for cluster in range(labels.max() + 2)]
    return [afresh(loss, moved) for moved in every]


@pytest.mark.parametrize("name", ["vi", "nid"])
def test_rows_are_put_where_they_cost_least_given_those_before(name):
    loss, order, labels = LOSSES[name], np.random.default_rng(3).permutation(12), np.full(12, -1)
    allocation = Allocation(EVIDENCE, loss, labels, 12)
    allocate(allocation, order)
    for row in order:
        labels[row] = np.argmin(moves(loss, labels, row))
    assert allocation.labels.tolist() == labels.tolist()


@pytest.mark.parametrize("name", ["binder", "id", "nid"])
@pytest.mark.parametrize("start", [np.zeros(12, dtype=int), np.arange(12) % 4])
def test_sweetened_no_row_is_better_elsewhere(name, start):
    loss, allocation = LOSSES[name], Allocation(EVIDENCE, LOSSES[name], start, 12)
    sweeten(allocation, np.random.default_rng(0))
    labels = np.unique(allocation.labels, return_inverse=True)[1]
    reached = afresh(loss, labels)
    assert reached < afresh(loss, start)
    assert min(min(moves(loss, labels, row)) for row in range(12)) >= reached - 1e-9


def test_a_few_rows_go_together_where_none_goes_alone():
    rng = np.random.default_rng(2)
    allocation = Allocation(EVIDENCE, LOSSES["id"], rng.integers(0, 4, 12), 12)
    sweeten(allocation, rng)
    before = allocation.expected_loss()
    assert zealous(allocation, np.random.default_rng(1)).expected_loss() <= before
    better = regroup(allocation, np.random.default_rng(1))
    labels = np.unique(better.labels, return_inverse=True)[1]
    assert better.expected_loss() == pytest.approx(afresh(LOSSES["id"], labels), abs=1e-11)
    assert better.expected_loss() < before - 0.01
