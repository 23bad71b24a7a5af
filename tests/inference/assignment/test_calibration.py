"""The calibration table finds true probabilities calibrated and sharpened ones not; its intervals are scipy's."""

import numpy as np
import pytest
from scipy import stats

from inference.assignment.calibration import calibration_table
from mixtures.errors import DataError, ModelError

ROWS, BINS, LEVEL = 100_000, 10, 1e-6
NOISE = 0.5 * np.sqrt(stats.chi2(BINS).isf(LEVEL) / ROWS)
"""How far the calibration error may be off. A bin's share d_b has a variance of 1 / (4 rows in it) at most, so that 4 rows sum_b w_b d_b^2,
where w_b is the bin's share of the rows, is at most a chi-square of as many degrees as bins; and sum_b w_b |d_b| <= (sum_b w_b d_b^2)^(1/2)."""


@pytest.fixture(scope="module")
def simulated():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1.0, 1.0, 1.0], ROWS)
    truth = (rng.random(ROWS)[:, None] >= probabilities[:, :-1].cumsum(axis=1)).sum(axis=1)
    return probabilities, truth


@pytest.mark.statistical
@pytest.mark.parametrize("component", [None, 0, 2])
def test_true_probabilities_are_calibrated(simulated, component):
    table = calibration_table(*simulated, component=component, level=1 - LEVEL / BINS)
    some = table.counts > 0
    assert table.counts.sum() == ROWS
    assert ((table.lower <= table.predicted) & (table.predicted <= table.upper))[some].all()
    assert table.expected_calibration_error < NOISE


@pytest.mark.statistical
def test_probabilities_that_are_too_sure_are_found_out(simulated):
    probabilities, truth = simulated
    sharper = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    table = calibration_table(sharper, truth)
    assert table.upper[-1] < table.predicted[-1]
    # too sure in every bin, so the error is the mean of what each row's probability has too much
    too_much = (sharper.max(axis=1) - probabilities.max(axis=1)).mean()
    assert table.expected_calibration_error == pytest.approx(too_much, abs=NOISE)


def test_bins_and_intervals_by_definition(simulated):
    probabilities, truth = simulated[0][:300], simulated[1][:300]
    table = calibration_table(probabilities, truth, component=1, bins=4, level=0.9)
    for k in range(4):
        inside = (probabilities[:, 1] >= k / 4) & (probabilities[:, 1] < (k + 1) / 4)
        hits = int((truth[inside] == 1).sum())
        assert table.counts[k] == inside.sum()
        assert table.predicted[k] == pytest.approx(probabilities[inside, 1].mean())
        assert table.observed[k] == pytest.approx(hits / inside.sum())
        interval = stats.binomtest(hits, int(inside.sum())).proportion_ci(0.9, method="exact")
        assert (table.lower[k], table.upper[k]) == pytest.approx(tuple(interval))


def test_certain_predictions_are_in_the_last_bin_and_empty_bins_are_nan():
    table = calibration_table(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1]), bins=2)
    assert table.counts.tolist() == [0, 2]
    assert np.isnan(table.observed[0])
    assert np.isnan(table.lower[0])
    assert table.observed[1] == table.upper[1] == 1.0
    assert table.expected_calibration_error == 0
    assert "0.50 - 1.00" in str(table)


@pytest.mark.parametrize("hits", [0, 1, 4, 5])
def test_intervals_are_exact_where_nothing_or_all_came_true(hits):
    truth = np.repeat([0, 1], [hits, 5 - hits])
    table = calibration_table(np.tile([0.75, 0.25], (5, 1)), truth, component=0, bins=2, level=0.9)
    exact = stats.binomtest(hits, 5).proportion_ci(0.9, method="exact")
    assert (table.lower[1], table.upper[1]) == (
        pytest.approx(exact.low, abs=1e-12),
        pytest.approx(exact.high, abs=1e-12),
    )


def test_bad_arguments_are_errors():
    probabilities, truth = np.full((3, 2), 0.5), np.array([0, 1, 1])
    for error, bad in [
        (DataError, {"truth": np.array([0, 1, 2])}),
        (DataError, {"truth": np.array([0, 1])}),
        (DataError, {"truth": np.array([0.0, 1.0, 1.0])}),
        (ModelError, {"bins": 0}),
        (ModelError, {"level": 1.0}),
        (ModelError, {"component": 2}),
    ]:
        with pytest.raises(error, match="expected"):
            calibration_table(probabilities, **({"truth": truth} | bad))
