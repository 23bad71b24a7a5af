"""The series of a partition's loss has the expected loss as its mean, and its error is that of repeated posteriors."""

import numpy as np
import pytest

from inference.partitions.allocation import Allocation
from inference.partitions.evidence import gather
from inference.partitions.expectation import loss_series, monte_carlo_error
from inference.partitions.losses import LOSSES
from tests.inference.partitions import oracle

LABELS = np.array([0, 0, 1, 2, 1, 0, 2, 2])


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_the_mean_of_the_series_is_the_expected_loss(loss):
    evidence = gather(oracle.overlapping(8, 3, 60, seed=0), 0)
    expected = Allocation(evidence, loss, LABELS, 8).expected_loss()
    assert loss_series(LABELS, evidence, loss).mean() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("name", ["vi-lower-bound", "binder", "omari-approximate"])
def test_the_series_says_how_much_each_draw_moves_the_expected_loss(name):
    """By differences: the expected loss of the published formula where one draw counts for a little more."""
    evidence, draws, step = gather(oracle.overlapping(8, 3, 15, seed=3), 3), 15, 1e-6
    own = np.array([np.where(np.eye(8) == 1, 1.0, r @ r.T) for r in evidence.responsibilities])
    partitions = evidence.sampled.partitions[evidence.sampled.index]
    together = LABELS[:, None] == LABELS

    def expected(shares):
        similarity = np.tensordot(shares, own, axes=1)
        if name == "binder":
            return np.where(together, 1 - similarity, similarity).mean()
        if name == "omari-approximate":
            return oracle.omari_approximate(LABELS, similarity)
        return shares @ [oracle.vi_lower_bound(LABELS, similarity, [z]) for z in partitions]

    even = np.full(draws, 1 / draws)
    moved = [expected(even + step * (one - even)) - expected(even - step * (one - even)) for one in np.eye(draws)]
    series = loss_series(LABELS, evidence, LOSSES[name])
    np.testing.assert_allclose(series, expected(even) + np.array(moved) / (2 * step), rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_the_error_is_the_spread_over_repeated_posteriors(loss):
    # one long independent run, cut into 120 posteriors of the same data
    replicates = oracle.overlapping(8, 3, 120 * 200, seed=4).reshape(120, 200, 8, 3)
    expected, errors = [], []
    for seed, responsibilities in enumerate(replicates):
        evidence = gather(responsibilities, seed)
        expected.append(Allocation(evidence, loss, LABELS, 8).expected_loss())
        errors.append(monte_carlo_error(loss_series(LABELS, evidence, loss)))
    # the relative error of a standard deviation of 120 numbers is about 1 / sqrt(240) = 6.5 %
    assert np.mean(errors) == pytest.approx(np.std(expected), rel=0.26)


def test_a_sure_posterior_has_no_error_and_a_short_one_no_estimate():
    assert monte_carlo_error(np.full(100, 0.3)) == 0.0
    assert np.isnan(monte_carlo_error(np.array([0.1, 0.2, 0.3])))
