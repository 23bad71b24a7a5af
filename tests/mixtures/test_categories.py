"""Columns of names become numbers, by pandas' own codes, and keep their names."""

import numpy as np
import pandas as pd
import pytest

from mixtures import Mixture, Observations, gaussian_mixture, latent_class
from mixtures.errors import DataError
from mixtures.families import Bernoulli, Categorical, Gaussian, PerComponent, Poisson, Product

FRAME = pd.DataFrame(
    {
        "city": ["Rome", "Oslo", None, "Rome"],
        "age": [31, 42, 53, 64],
        "smokes": [True, False, True, True],
        "size": pd.Categorical(["s", "l", "s", "m"], ["s", "m", "l", "xl"], ordered=True),
    },
    index=["a", "b", "c", "d"],
)
NAMES = (("Oslo", "Rome"), None, ("False", "True"), ("s", "m", "l", "xl"))


def observed(frame=FRAME, **more):
    return Observations(frame, missing="allow", **more)


def test_names_are_numbered_as_pandas_numbers_them():
    x = observed()
    assert x.categories == NAMES and x.feature_names == ("city", "age", "smokes", "size")
    for place, name in enumerate(("city", "smokes", "size")):
        codes = FRAME[name].astype("category").cat.codes.to_numpy(dtype=float)
        np.testing.assert_array_equal(x.x[:, [0, 2, 3][place]], np.where(codes < 0, np.nan, codes))
    np.testing.assert_array_equal(x.x[:, 1], FRAME["age"])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["u", "v", None, "u"], dtype=object),
        pd.Series(["u", "v", None, "u"], dtype="string"),
        pd.Series(["u", "v", None, "u"]),
        pd.Series(pd.Categorical(["u", "v", None, "u"])),
        pd.Series(["u", "v", None, "u"], dtype="category").to_frame("letter"),
    ],
    ids=["object", "string", "str", "categorical", "frame"],
)
def test_text_of_any_type_is_named(column):
    x = observed(column)
    assert x.categories == (("u", "v"),) and x.shape == (4,)
    np.testing.assert_array_equal(x.x, [0, 1, np.nan, 0])


@pytest.mark.parametrize("values", [[True, None, False], [True, False, False]])
@pytest.mark.parametrize("dtype", [object, "boolean"])
def test_truth_values_are_named_and_are_numbers(values, dtype):
    x = observed(pd.Series(values, dtype=dtype))
    assert x.categories == (("False", "True"),)
    np.testing.assert_array_equal(x.x, [np.nan if value is None else float(value) for value in values])


def test_names_go_wherever_rows_go_and_back_to_a_table():
    x = observed()
    assert (
        x.take([3, 0]).categories == NAMES and x.column(3).categories == (NAMES[3],) and x.column(1).categories is None
    )
    assert (
        x.with_labels([0, 1, -1, -1]).categories == NAMES
        and Observations(x, row_weights=[1, 2, 3, 4]).categories == NAMES
    )
    back = x.to_frame()
    for name in ("city", "size"):
        assert back[name].astype(object).equals(FRAME[name].astype(object).where(FRAME[name].notna(), np.nan))
    assert Observations(x.x, x.feature_names, "allow", categories=x.categories).fingerprint == x.fingerprint
    assert Observations(x.x, x.feature_names, "allow").fingerprint != x.fingerprint


def test_a_new_frame_is_numbered_by_the_names_that_are_known():
    other = FRAME.assign(size=pd.Categorical(["s", "l", "s", "m"], ["xl", "l", "m", "s"]), city=["Rome"] * 4)
    x = observed(other)
    assert x.x[:, 3].tolist() == [3, 1, 3, 2] and x.x[0, 0] == 0
    again = x.in_categories(NAMES)
    assert again.categories == NAMES and again.x[:, 3].tolist() == [0, 2, 0, 1] and again.x[0, 0] == 1
    assert again.row_names.tolist() == list("abcd")
    assert observed(other, categories={"size": NAMES[3]}).x[:, 3].tolist() == [0, 2, 0, 1]
    numbers = Observations(again.x, missing="allow").in_categories(NAMES)
    assert numbers.categories == NAMES and (numbers.x == again.x).all()


REFUSED = {
    "an unknown name": (
        lambda: observed(FRAME.assign(city="Bonn")).in_categories(NAMES), ["'Bonn' at row 0 ('a'), column 'city'", "'Oslo', 'Rome'"],
    ),
    "names in place of numbers": (lambda: observed(FRAME.assign(age="old")).in_categories(NAMES), ["names in column 'age': 'old'", "numbers"]),
    "a number without a name": (lambda: Observations([0.0, 2.0], ["kind"], categories={"kind": ["a", "b"]}), ["2 at row 1", "'kind'", "0 to 1"]),
    "names of no column": (lambda: Observations([0.0, 1.0], ["kind"], categories={"sort": ["a", "b"]}), ["'sort'", "['kind']"]),
    "too few names": (lambda: Observations(np.eye(2), categories=[["a", "b"]]), ["names for 1 of the columns", "2"]),
    "names that are none": (lambda: Observations([0.0], categories="ab"), ["'ab'", "{column: [names"]),
    "two that read the same": (lambda: observed(pd.Series(pd.Categorical([1, "1"]), name="n")), ["several categories of column 'n'", "'1'"]),
    "numbers among texts": (lambda: observed(pd.DataFrame({"a": ["x", 1.5]}, dtype=object)), ["columns ['a'] that are not numbers"]),
    "no family of names": (lambda: gaussian_mixture(2).check(observed()), ["columns ['city', 'size'] that are not numbers", "Categorical(n)"]),
    "a column's family is of numbers": (
        lambda: Mixture(2, Product({"city": Poisson(), "age": Gaussian(), "smokes": Bernoulli(), "size": Categorical(4)})).check(observed()),
        ["columns ['city'] that are not numbers"],
    ),
    "more names than categories": (
        lambda: Mixture(2, PerComponent([Categorical(3), Categorical(3)])).check(observed(FRAME[["size"]])),
        ["4 categories in column 'size'", "Categorical(4)"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_names_cannot_be_is_refused(make, words):
    with pytest.raises(DataError) as caught:
        make()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_families_of_categories_take_names_and_those_of_numbers_truth_values():
    columns = {"city": Categorical(2), "age": Gaussian(), "smokes": Bernoulli(), "size": Categorical(5)}
    Mixture(2, Product(columns)).check(observed())
    gaussian_mixture(2).check(observed(FRAME[["age", "smokes"]]))


def test_latent_class_counts_the_names_of_a_table():
    family = latent_class(2, FRAME[["city", "smokes", "size"]]).family
    assert family.columns == (("city", Categorical(2)), ("smokes", Categorical(2)), ("size", Categorical(4)))
    alike = pd.DataFrame({"a": ["yes", "no", "yes"], "b": ["no", "no", "yes"]})
    assert latent_class(2, alike).family == Categorical(2)
    assert latent_class(2, pd.DataFrame({"a": [0, 1, 2], "b": [0, 0, 1]})).family.columns == (
        ("a", Categorical(3)),
        ("b", Categorical(2)),
    )
