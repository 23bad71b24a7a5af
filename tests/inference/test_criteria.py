"""Information criteria are what their papers say, computed by hand from round numbers."""

import pytest

from inference.criteria import Criteria
from mixtures.errors import ModelError

# log 100 = 4.605170186, log(102 / 24) = 1.446918983
CRITERIA = Criteria(-50.0, -60.0, free_parameters=5, sample_size=100.0, rows=120)


@pytest.mark.parametrize(
    ("name", "right"),
    [("aic", 110.0), ("bic", 123.02585093), ("sabic", 107.234594915), ("caic", 128.02585093), ("icl", 143.02585093)],
)
def test_criteria_by_hand(name, right):
    assert getattr(CRITERIA, name) == pytest.approx(right, abs=1e-8)


def test_weights_that_sum_to_one_count_no_rows_but_one_row_is_one():
    assert Criteria(-3.0, -3.0, free_parameters=2, sample_size=1.0, rows=1).bic == 6.0
    assert Criteria(-3.0, -3.0, free_parameters=2, sample_size=1.001, rows=2).aic == 10.0
    for size in (0.5, 1.0, 1.0 + 1e-12):
        with pytest.raises(ModelError, match="row_weights: got weights that sum to .* for 2 rows"):
            _ = Criteria(-3.0, -3.0, free_parameters=2, sample_size=size, rows=2).bic
