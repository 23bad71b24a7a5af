"""Methods are compared whatever each calls the components, and the reasons for disputes are counted."""

import numpy as np
import pytest

from inference.labels.comparison import TRUSTED, agreement, compare_methods
from inference.labels.permutations import compose
from tests.inference.labels.planted import scrambles


@pytest.mark.parametrize("components", [1, 2, 5])
def test_methods_that_differ_by_a_fixed_relabelling_agree(components):
    one = scrambles(50, components)
    other = compose(one, np.tile(np.random.default_rng(1).permutation(components), (50, 1)))
    share, same = agreement(one, other)
    assert share == 1.0
    assert same.all()


def test_disagreement_is_counted_by_component():
    one = np.tile(np.arange(4), (10, 1))
    other = one.copy()
    other[:3] = [0, 2, 1, 3]
    renamed = compose(other, np.tile([2, 3, 0, 1], (10, 1)))
    share, same = agreement(one, renamed)
    assert share == 0.7
    assert (1 - same.mean(axis=0)).round(10).tolist() == [0.0, 0.3, 0.3, 0.0]


def test_a_draw_is_disputed_if_one_trusted_method_differs_and_its_reason_is_counted():
    found = {name: scrambles(10, 3) for name in TRUSTED}
    found["pra"] = found["pra"].copy()
    found["pra"][2:4] = found["pra"][2:4][:, [1, 0, 2]]
    found["ordering"] = scrambles(10, 3, seed=1)  # not trusted
    has_empty, is_close = np.zeros((2, 10), dtype=bool)
    has_empty[[2, 7]], is_close[[2, 3]] = True, True
    comparison = compare_methods(found, has_empty, is_close)
    assert comparison.disputed == 0.2
    assert comparison.by_component.round(10).tolist() == [0.2, 0.2, 0.0]
    assert (comparison.empty, comparison.close) == (0.5, 1.0)
    assert float(comparison.agreement.sel(one="ecr", other="pra")) == 0.8
    assert float(comparison.agreement.sel(one="ecr", other="stephens")) == 1.0


def test_without_a_dispute_there_is_no_reason():
    found = {name: scrambles(10, 3) for name in TRUSTED}
    comparison = compare_methods(found, np.ones(10, dtype=bool), np.ones(10, dtype=bool))
    assert comparison.disputed == 0
    assert np.isnan(comparison.empty)
