"""The abstain rule classifies only clear rows, and its expected error is the error met in simulation."""

import numpy as np
import pytest

from inference.assignment.abstain import ABSTAINED, abstain
from mixtures.errors import DataError, ModelError


def test_rows_under_the_threshold_get_no_class():
    probabilities = np.array([[0.95, 0.05], [0.4, 0.6], [0.1, 0.9], [0.5, 0.5]])
    got = abstain(probabilities, threshold=0.9)
    assert got.labels.tolist() == [0, ABSTAINED, 1, ABSTAINED]
    assert got.kept == 0.5
    assert got.expected_error == pytest.approx((0.05 + 0.1) / 2)
    assert got.expected_error_of_all == pytest.approx((0.05 + 0.4 + 0.1 + 0.5) / 4)
    assert "50.0% of 4 rows" in str(got)


@pytest.mark.statistical
def test_expected_error_is_the_error_met_when_the_truth_is_known():
    rng = np.random.default_rng(0)
    rows = 40_000
    # two overlapping components, one standard deviation and a half apart
    truth = rng.integers(0, 2, rows)
    x = rng.normal(1.5 * truth, 1.0)
    density = np.exp(-0.5 * (x[:, None] - np.array([0.0, 1.5])) ** 2)
    got = abstain(density / density.sum(axis=1, keepdims=True), threshold=0.8)
    kept = got.labels != ABSTAINED
    wrong = got.labels[kept] != truth[kept]
    assert got.expected_error == pytest.approx(wrong.mean(), abs=5 * np.sqrt(0.25 / kept.sum()))
    assert got.expected_error < got.expected_error_of_all


def test_where_nothing_is_clear_the_error_is_unknown():
    got = abstain(np.full((3, 2), 0.5), threshold=0.6)
    assert got.kept == 0
    assert np.isnan(got.expected_error)


@pytest.mark.parametrize("threshold", [0.0, 1.1, float("nan")])
def test_a_threshold_that_is_no_probability_is_an_error(threshold):
    with pytest.raises(ModelError, match="threshold"):
        abstain(np.full((3, 2), 0.5), threshold=threshold)


@pytest.mark.parametrize(
    "bad", [np.full((3, 2), 0.6), np.full(3, 1.0), np.array([[np.nan, 1.0]]), np.array([[1.5, -0.5]])]
)
def test_numbers_that_are_no_probabilities_are_an_error(bad):
    with pytest.raises(DataError, match="probabilities"):
        abstain(bad)
