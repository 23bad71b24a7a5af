"""Laws of observations: whatever is handed in becomes finite numbers in known shapes, or is refused in words."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, complex_number_dtypes, datetime64_dtypes, scalar_dtypes

from mixtures import Observations
from mixtures.errors import MixturesError

NUMBERS = st.one_of(
    st.floats(width=64), st.integers(-(10**40), 10**40), st.booleans(), st.sampled_from([0, 1, 2, -1, 0.5, np.nan])
)
CELLS = st.one_of(
    NUMBERS, st.none(), st.text(max_size=3), st.complex_numbers(), st.binary(max_size=2), st.just(pd.NA), st.just({})
)
SHAPES = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
ARRAYS = st.one_of(scalar_dtypes(), complex_number_dtypes(), datetime64_dtypes()).flatmap(lambda d: arrays(d, SHAPES))
ROWS = st.integers(1, 5)


def lists(cells: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(cells, st.lists(cells, max_size=5), st.lists(st.lists(cells, max_size=3), max_size=5))


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Columns of several types under names that may be anything, twice too."""
    rows = draw(ROWS)
    kinds = [NUMBERS, CELLS, st.text(max_size=2), st.booleans(), st.floats(-5, 5)]
    columns = [draw(st.lists(draw(st.sampled_from(kinds)), min_size=rows, max_size=rows)) for _ in range(draw(ROWS))]
    names = draw(st.lists(CELLS.filter(lambda cell: cell != {}), min_size=len(columns), max_size=len(columns)))
    frame = pd.concat([pd.Series(column, dtype=object) for column in columns], axis=1)
    frame.columns = pd.Index(names, dtype=object)
    return draw(st.sampled_from([frame, frame.infer_objects(), frame.iloc[:, 0], frame.iloc[::-1]]))


@st.composite
def masked(draw: st.DrawFn) -> np.ma.MaskedArray:
    x = draw(arrays(float, array_shapes(min_dims=1, max_dims=2, max_side=4)))
    return np.ma.masked_array(x, draw(arrays(bool, x.shape)))


ANYTHING = st.one_of(lists(NUMBERS), lists(CELLS), ARRAYS, frames(), masked(), st.text(max_size=4), st.none())
BESIDE = ("covariates", "labels", "row_weights", "sequence", "group", "lower", "upper", "trials", "exposure", "errors")


def is_whole(x: Observations) -> bool:
    """Whether all that observations promise of themselves holds."""
    cells = x.x[x.observed] if x.missing == "allow" else x.x
    return (
        x.x.dtype == np.float64
        and x.x.ndim in (1, 2)
        and x.x.size > 0
        and not x.x.flags.writeable
        and bool(np.isfinite(cells).all() or x.lower is not None)
        and all(value is None or len(value) == len(x) for value in (getattr(x, name) for name in BESIDE))
        and (x.feature_names is None or len(x.feature_names) == (1 if x.x.ndim == 1 else x.x.shape[1]))
    )


@given(ANYTHING, st.sampled_from(["raise", "allow"]))
@settings(deadline=None, max_examples=100)
def test_data_are_whole_or_refused_in_words(x, missing):
    try:
        found = Observations(x, missing=missing)
    except MixturesError:
        return
    assert is_whole(found) and repr(found)
    again = Observations(found)
    assert again.fingerprint == found.fingerprint and is_whole(again)


@given(st.dictionaries(st.sampled_from(BESIDE), ANYTHING, min_size=1, max_size=2))
@settings(deadline=None, max_examples=100)
def test_what_is_beside_the_data_is_whole_or_refused_in_words(beside):
    try:
        found = Observations([0.0, 1.0, 3.0, 4.0], **beside)
    except MixturesError:
        return
    assert is_whole(found)
    assert Observations(found).fingerprint == found.fingerprint


@given(st.integers(1, 4).flatmap(lambda columns: arrays(float, (3, columns), elements=st.floats(-1e100, 1e100))))
@settings(deadline=None, max_examples=60)
def test_numbers_come_back_as_they_were(x):
    for handed in (x, x.tolist(), np.asfortranarray(x)):
        np.testing.assert_array_equal(Observations(handed).x, x)
    np.testing.assert_array_equal(Observations(pd.DataFrame(x)).x, x[:, 0] if x.shape[1] == 1 else x)
