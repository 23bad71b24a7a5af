"""What is given beside x is paired with it row by row, so rows in another order are refused wherever both sides name them."""

import numpy as np
import pandas as pd
import pytest

import inference
from mixtures import Observations, gaussian_mixture
from mixtures.errors import DataError

NAMES = ["a", "b", "c", "d"]
Y = pd.Series([1.0, 2.0, 4.0, 8.0], index=NAMES)
GIVEN = pd.Series([0, 1, 1, 0], index=NAMES)


def given_beside(what: str, x, values) -> None:
    """One of the three things that may be given beside x."""
    if what == "row_weights":
        inference.fit_em(gaussian_mixture(1), x, row_weights=values, restarts=1, max_steps=2, seed=0)
    else:
        Observations(x, **{what: values})


BESIDE = pytest.mark.parametrize("what", ["covariates", "labels", "row_weights"])


@BESIDE
def test_another_order_of_the_same_names_is_refused(what):
    said = rf"{what}: got another index \(first difference at row 0: 'd' and 'a'\); .*same order\. .*{what}\.loc\[x\.index\]"
    with pytest.raises(DataError, match=said):
        given_beside(what, Y, GIVEN[::-1])
    given_beside(what, Y, GIVEN)
    given_beside(what, Y, GIVEN[::-1].loc[Y.index])  # as advised


@BESIDE
def test_other_names_are_refused(what):
    with pytest.raises(DataError, match=r"first difference at row 3: 'e' and 'd'.*to_numpy\(\)"):
        given_beside(what, Y, GIVEN.rename({"d": "e"}))


@BESIDE
@pytest.mark.parametrize("is_x_sorted", [True, False])
def test_plain_numbers_in_another_order_are_refused(what, is_x_sorted):
    plain, shuffled = Y.reset_index(drop=True), GIVEN.reset_index(drop=True).loc[[0, 2, 1, 3]]
    if not is_x_sorted:
        plain, shuffled = plain.loc[[0, 2, 1, 3]], shuffled.sort_index()
    with pytest.raises(DataError, match="first difference at row 1"):
        given_beside(what, plain, shuffled)


@BESIDE
def test_where_one_side_names_no_rows_there_is_nothing_to_compare(what):
    given_beside(what, Y.to_numpy(), GIVEN[::-1])
    given_beside(what, Y, GIVEN.to_numpy())
    given_beside(what, Y, GIVEN.tolist())
    given_beside(what, Y, GIVEN.reset_index(drop=True))
    given_beside(what, Y.reset_index(drop=True), GIVEN)


def test_data_that_are_checked_already_remember_their_rows():
    shuffled = GIVEN.reset_index(drop=True).loc[[0, 2, 1, 3]]
    for x in (Observations(Y), Observations(Y.reset_index(drop=True)), Observations(Observations(Y)).with_labels(None)):
        with pytest.raises(DataError, match="another index"):
            x.with_labels(GIVEN[::-1] if x.row_names is not None else shuffled)
    assert Observations(Y.to_numpy()).with_labels(shuffled).labels.tolist() == [0, 1, 1, 0]
    part = Observations(Y).take([1, 3])
    assert part.with_labels(GIVEN.loc[["b", "d"]]).labels.tolist() == [1, 0]
    with pytest.raises(DataError, match="'d' and 'b'"):
        part.with_labels(GIVEN.loc[["d", "b"]])


@pytest.mark.parametrize(
    "index",
    [
        pd.MultiIndex.from_product([["a", "b"], [1, 2]]),
        pd.period_range("2020-01", periods=4, freq="M"),
        pd.date_range("2020-01-01", periods=4, tz="UTC"),
        pd.Index(["a", None, 3, "a"], dtype=object),
        pd.Index([1.0, np.nan, 3.0, 4.0]),
        pd.Index(["a", pd.NA, "c", "d"], dtype=object),
        pd.DatetimeIndex(["2020-01-01", None, "2020-01-03", "2020-01-04"]),
    ],
    ids=lambda index: type(index).__name__,
)
def test_every_index_equals_itself_and_no_other_order_of_it(index):
    y, c = pd.Series(Y.to_numpy(), index=index), pd.Series(Y.to_numpy(), index=index.copy(deep=True))
    assert Observations(y, covariates=c).covariates.shape == (4, 1)
    with pytest.raises(DataError, match="another index"):
        Observations(y, covariates=c.iloc[[2, 1, 0, 3]])


def test_times_are_equal_whatever_their_unit():
    index = pd.date_range("2020-01-01", periods=4)
    y = pd.Series(Y.to_numpy(), index=index.as_unit("ns"))
    c = pd.Series(Y.to_numpy(), index=index.as_unit("s"))
    assert Observations(y, covariates=c).covariates.shape == (4, 1)
