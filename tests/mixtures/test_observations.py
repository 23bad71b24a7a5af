"""What the user hands in is checked once, and what is wrong with it is said in words: what, got, expected, what to do."""

import numpy as np
import pandas as pd
import pytest

from mixtures import Observations
from mixtures.as_fitted import check_as_fitted
from mixtures.errors import DataError, MixturesError


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([1.0, np.nan, 3.0], ["nan at row 1", "finite"]),
        ([[1.0, 2.0], [3.0, np.inf]], ["inf at row 1, column 1"]),
        (pd.DataFrame({"a": [1.0, 2.0], "b": [np.nan, 1.0]}, index=["u", "v"]), ["nan at row 0 ('u'), column 'b'"]),
        ([], ["no data"]),
        (np.zeros((0, 3)), ["no data", "(0, 3)"]),
        (["1", "2"], ["real numbers", "float(...)"]),
        (np.array([1, "x"], dtype=object), ["object", "real numbers"]),
        ([1 + 2j], ["complex128"]),
        (np.zeros((2, 2, 2)), ["(2, 2, 2)", "(rows, features)"]),
        ([[1.0, 2.0], [3.0]], ["unequal lengths"]),
        (pd.DataFrame({"a": [1.0, 2.0], "name": ["x", 3.0]}), ["columns ['name']"]),
    ],
)
def test_bad_data_are_refused_in_words(x, words):
    with pytest.raises(DataError) as caught:
        Observations(x)
    for word in words:
        assert word in str(caught.value)


def test_many_bad_cells_are_counted_not_listed():
    with pytest.raises(DataError, match="and 7 more"):
        Observations(np.full(12, np.nan))


def test_names_of_a_frame_are_kept():
    frame = pd.DataFrame({"length": [1, 2], "waiting": [3.5, 4.5]}, index=["first", "second"])
    x = Observations(frame)
    assert x.feature_names == ("length", "waiting")
    assert x.coords()["rows"].tolist() == ["first", "second"]
    np.testing.assert_array_equal(x.x, [[1, 3.5], [2, 4.5]])


@pytest.mark.parametrize("dtype", [float, int])
def test_masked_cells_are_missing_cells(dtype):
    x = np.ma.masked_array(np.array([[1, 2], [3, 4]], dtype=dtype), [[0, 1], [0, 0]])
    with pytest.raises(DataError, match="nan at row 0, column 1"):
        Observations(x)
    assert Observations(x, missing="allow").observed.tolist() == [[True, False], [True, True]]
    np.testing.assert_array_equal(Observations(np.ma.masked_array([1, 2])).x, [1, 2])


def test_what_a_mask_hides_is_not_judged():
    x = Observations(np.ma.masked_invalid([1.0, np.inf]), missing="allow")
    np.testing.assert_array_equal(x.x, [1.0, np.nan])


def test_masked_labels_are_unknown_and_masked_covariates_refused():
    hidden = np.ma.masked_array([0, 1], [0, 1])
    assert Observations([1.0, 2.0], labels=hidden).labels.tolist() == [0, -1]
    with pytest.raises(DataError, match="covariates: got nan at row 1"):
        Observations([1.0, 2.0], covariates=hidden)


def test_nullable_columns_are_read_as_a_frame_of_them_is():
    for series in (
        pd.Series([True, None], dtype="boolean"),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1.0, None], dtype="Float64"),
    ):
        for x in (series, series.to_frame("a"), series.array):
            np.testing.assert_array_equal(Observations(x, missing="allow").x, [1.0, np.nan])
            with pytest.raises(DataError, match="nan at row 1"):
                Observations(x)


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series([0, None, 1], dtype="Int64"),
        pd.Series([0, None, 1], dtype="Int64").array,
        [0, pd.NA, 1],
        pd.Series([0.0, np.nan, 1.0]),
        pd.Series([0, None, 1], dtype=object),
    ],
)
def test_labels_that_are_not_available_are_unknown(labels):
    assert Observations([1.0, 2.0, 3.0], labels=labels).labels.tolist() == [0, -1, 1]


def test_columns_of_one_name_are_refused():
    frame = pd.DataFrame(np.ones((3, 3)), columns=["a", "b", "a"])
    for ask in (lambda: Observations(frame), lambda: Observations(frame.to_numpy(), feature_names=("a", "b", "a"))):
        with pytest.raises(DataError, match="x: got several columns called 'a'.*Rename"):
            ask()
    with pytest.raises(DataError, match="covariates: got several columns called 'a'"):
        Observations([1.0, 2.0, 3.0], covariates=frame)


def test_a_frame_of_one_column_is_one_variable():
    assert Observations(pd.DataFrame({"velocity": [1.0, 2.0]})).shape == (2,)
    assert Observations(np.zeros((2, 1))).shape == (2, 1)


def test_the_users_array_is_neither_changed_nor_shared():
    given = np.array([1.0, 2.0])
    x = Observations(given)
    given[0] = 99.0
    assert x.x[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        x.x[0] = 5.0


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (np.zeros((3, 3)), ["3 columns", "2 columns"]),
        (np.zeros(3), ["(rows,)", "2 columns"]),
        (pd.DataFrame({"b": [1.0], "a": [2.0]}), ["['b', 'a']", "['a', 'b']", "in that order"]),
        (pd.DataFrame({"a": [1.0], "c": [2.0]}), ["['a', 'c']"]),
    ],
)
def test_other_columns_at_predict_time_are_refused(new, words):
    with pytest.raises(DataError) as caught:
        check_as_fitted(Observations(new), 2, ("a", "b"))
    for word in words:
        assert word in str(caught.value)


def test_fingerprints_tell_data_apart():
    a, b = Observations([1.0, 2.0]), Observations([1.0, 2.0 + 1e-12])
    assert a.fingerprint == Observations((1.0, 2.0)).fingerprint
    assert a.fingerprint != b.fingerprint


def test_errors_survive_pickling():
    import pickle

    error = DataError("x", got="nan", expected="a number", advice="Mend it.")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, MixturesError)
    assert str(again) == str(error)


@pytest.mark.parametrize("x", [[[1.0, 2.0], [3.0, 4.0]], pd.DataFrame({"a": [1.0], "b": [2.0]})])
def test_there_is_one_name_for_each_column(x):
    with pytest.raises(DataError, match="feature_names: got 3 names; expected 2"):
        Observations(x, feature_names=("u", "v", "w"))
