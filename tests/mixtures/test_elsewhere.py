"""Data of other libraries are taken as what they say, names and missing cells too, or refused with what to do about just that."""

from datetime import date

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
import xarray as xr
from scipy import sparse

import inference
from mixtures import Observations, gaussian_mixture
from mixtures.as_fitted import check_as_fitted
from mixtures.errors import DataError

X = np.array([[0.0, 1.0], [0.5, 2.0], [5.0, 1.5], [5.5, 2.5], [4.5, 0.5], [0.2, 1.1]])


class Polars:
    """A frame with what polars' has, and without what it lacks: an index, pandas' dtypes, conversions by dtype."""

    def __init__(self, columns):
        self._columns = columns

    columns = property(lambda self: list(self._columns))
    dtypes = property(lambda self: [str(np.asarray(values).dtype) for values in self._columns.values()])
    shape = property(lambda self: (len(next(iter(self._columns.values()))), len(self._columns)))

    def __getitem__(self, name):
        return self._columns[name]

    def __len__(self):
        return self.shape[0]

    def to_dict(self, *, as_series=True):
        return dict(self._columns)

    def to_numpy(self):
        return np.column_stack(list(self._columns.values()))


class Lazy:
    """A frame that is still to be computed, as polars' lazy ones are."""

    columns = property(lambda self: pytest.fail("nothing is to be computed"))

    def collect(self):
        return pytest.fail("nothing is to be computed")


READ = {
    "xarray": lambda x: xr.DataArray(x, dims=("rows", "features")),
    "xarray, transposed": lambda x: xr.DataArray(x.T, dims=("features", "rows")),
    "xarray variable": lambda x: xr.Variable(("rows", "features"), x),
    "torch": torch.tensor,
    "torch in single precision": lambda x: torch.tensor(x, dtype=torch.float32),
    "jax": jnp.asarray,
    "memory": memoryview,
    "integers": lambda x: (2 * x).astype(int).astype(object).astype(np.int8),
    "masked": np.ma.masked_array,
    "rows of arrays": list,
    "tuples": lambda x: tuple(map(tuple, x)),
    "order of Fortran": np.asfortranarray,
    "every other": lambda x: np.repeat(x, 2, axis=0)[::2],
    "other byte order": lambda x: x.astype(">f8"),
    "frame": pd.DataFrame,
    "nullable": lambda x: pd.DataFrame(x, dtype="Float64"),
    "arrow's types": lambda x: pd.DataFrame(x).astype("double[pyarrow]"),
    "sparse columns": lambda x: pd.DataFrame(x).astype(pd.SparseDtype(float)),
    "arrow": lambda x: pa.table({"0": x[:, 0], "1": x[:, 1]}),
    "polars": lambda x: Polars({"0": x[:, 0], "1": x[:, 1]}),
}


@pytest.mark.parametrize("make", READ.values(), ids=READ)
def test_numbers_are_read_wherever_they_come_from(make):
    x = X if make is not READ["integers"] else (2 * X).astype(int)
    tolerance = 1e-7 if make in (READ["torch in single precision"], READ["jax"]) else 0
    np.testing.assert_allclose(Observations(make(X)).x, x, rtol=tolerance)


REFUSED = {
    "generator": (lambda: (row for row in X), ["a generator", "list(x)"]),
    "map": (lambda: map(float, [1, 2]), ["a map", "list(x)"]),
    "dict": (lambda: {"a": [1.0], "b": [2.0]}, ["a dict", "pandas.DataFrame(x)"]),
    "set": (lambda: {1.0, 2.0}, ["no order", "list(x)"]),
    "sparse matrix": (lambda: sparse.csr_matrix(X), ["a sparse matrix", "x.toarray()"]),
    "sparse array": (lambda: sparse.coo_array(X), ["a sparse matrix", "x.toarray()"]),
    "tensor with gradient": (lambda: torch.tensor(X, requires_grad=True), ["a Tensor", "x.detach().cpu().double().numpy()"]),
    "bfloat16 of torch": (lambda: torch.tensor(X, dtype=torch.bfloat16), ["a Tensor", "x.detach()"]),
    "bfloat16 of jax": (lambda: jnp.asarray(X, dtype=jnp.bfloat16), ["dtype bfloat16", "x.astype(np.float64)"]),
    "text": (lambda: ["1", "2"], ["dtype <U1", "float(...)"]),
    "dates": (lambda: pd.Series(pd.to_datetime(["2024-01-01"])), ["dates, dtype datetime64", "np.timedelta64(1, 's')"]),
    "dates one by one": (lambda: pd.Series([date(2024, 1, 1), None]), ["dates, dtype object", "pandas.to_datetime"]),
    "times with a zone": (lambda: pd.Series(pd.to_datetime(["2024-01-01"]).tz_localize("UTC")), ["dates", "UTC", "np.timedelta64(1, 's')"]),
    "frame of dates": (lambda: pd.DataFrame({"day": pd.to_datetime(["2024-01-01"])}), ["columns ['day'] that hold dates", "np.timedelta64"]),
    "None": (lambda: [1.0, None], ["None at row 1", 'missing="allow"']),
    "NA": (lambda: [1.0, pd.NA], ["<NA> at row 1", 'missing="allow"']),
    "one text among numbers": (lambda: np.array([[1, 2], [3, "x"]], dtype=object), ["'x' at row 1", "float(...)"]),
    "xarray dataset": (lambda: xr.Dataset({"a": ("rows", [1.0])}), ["a Dataset", "pandas.DataFrame(x)"]),
    "three axes": (lambda: xr.DataArray(np.zeros((2, 2, 2))), ["(2, 2, 2)", "(rows, features)"]),
    "lazy frame": (Lazy, ["a Lazy, which is still to be computed", "x.collect()"]),
    "scalar": (lambda: 5.0, ["shape ()", "(rows,)"]),
    "infinite": (lambda: [1.0, np.inf], ["inf at row 1", "put NaN"]),
    "infinite and missing": (lambda: Observations([1.0, np.nan, -np.inf], missing="allow"), ["-inf at row 2", "put NaN"]),
    "beyond squares": (lambda: [1.0, 1e155], ["1e+155 at row 1", "up to 1e+154", "unit"]),
    "named rows": (lambda: pd.Series([1.0, np.nan], index=[7, 9]), ["nan at row 1 (9)"]),
}  # fmt: skip


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused_with_what_to_do(make, words):
    with pytest.raises(DataError) as caught:
        Observations(make())
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_names_come_along():
    array = xr.DataArray(X, dims=("i", "j"), coords={"i": list("uvwxyz"), "j": ["a", "b"]})
    for x in (array, array.to_pandas()):
        assert Observations(x).feature_names == ("a", "b")
        assert Observations(x).row_names.tolist() == list("uvwxyz")
    assert Observations(pa.table({"a": X[:, 0], "b": X[:, 1]})).feature_names == ("a", "b")
    assert Observations(Polars({"a": X[:, 0], "b": X[:, 1]})).feature_names == ("a", "b")
    numbered = xr.DataArray(X, dims=("rows", "features"), coords={"features": [0, 1]})
    assert Observations(numbered).feature_names is None


def test_missing_cells_come_along():
    for x in (
        pa.table({"a": [1.0, None], "b": [1, 2]}),
        pd.DataFrame({"a": [1.0, None], "b": [1, 2]}).astype({"b": "Int64"}),
        Polars({"a": np.array([1.0, np.nan]), "b": np.array([1, 2])}),
        xr.DataArray([[1.0, 1.0], [np.nan, 2.0]]),
    ):
        np.testing.assert_array_equal(Observations(x, missing="allow").x, [[1.0, 1.0], [np.nan, 2.0]])


def test_covariates_and_labels_are_read_alike():
    given = xr.DataArray([0.0, 1.0], dims="rows")
    assert Observations([1.0, 2.0], covariates=given).covariates.tolist() == [[0.0], [1.0]]
    assert Observations([1.0, 2.0], labels=torch.tensor([1, 0])).labels.tolist() == [1, 0]
    for what, bad in {"covariates": sparse.eye_array(2), "labels": (label for label in [0, 1])}.items():
        with pytest.raises(DataError, match=f"{what}: got a"):
            Observations([1.0, 2.0], **{what: bad})


@pytest.mark.parametrize(
    "labels", [["0", "1"], [True, False], [0, 0.5], [0, -2], [0, np.inf], [0, 10**30], ["a", None]]
)
def test_labels_that_are_none_are_refused(labels):
    with pytest.raises(DataError, match="labels: got .* at row [01]"):
        Observations([1.0, 2.0], labels=labels)


@pytest.fixture(scope="module")
def fit():
    return inference.fit_em(gaussian_mixture(2, "diag"), X, restarts=2, seed=0)


@pytest.mark.parametrize("verb", [inference.responsibilities, inference.classify, inference.log_likelihood])
def test_prediction_reads_what_fitting_reads(fit, verb):
    expected = verb(fit, X)
    for name in ("xarray", "torch", "frame", "arrow", "polars", "masked"):
        np.testing.assert_allclose(verb(fit, READ[name](X)), expected, atol=1e-12)
    for name in ("generator", "sparse matrix"):
        with pytest.raises(DataError, match="x: got a"):
            verb(fit, REFUSED[name][0]())


@pytest.mark.parametrize(
    ("fitted", "given", "advice"),
    [
        ((2, ("a", "b")), pd.DataFrame({"b": [1.0], "c": [2.0], "a": [3.0]}), "x[['a', 'b']]"),
        ((2, None), [1.0, 2.0], "np.reshape(x, (1, -1))"),
        ((2, ("a", "b")), pd.Series([1.0, 2.0], index=["a", "b"]), "x.iloc[[0]]"),
        ((None, None), np.ones((3, 1)), "x[:, 0]"),
        ((1, None), [1.0, 2.0, 3.0], "np.reshape(x, (-1, 1))"),
        ((1, None), pd.DataFrame({"a": [1.0, 2.0]}), "np.reshape(x, (-1, 1))"),
        ((2, None), np.ones((3, 3)), "Pass the same columns"),
    ],
)
def test_the_advice_on_columns_fits_the_case(fitted, given, advice):
    with pytest.raises(DataError) as caught:
        check_as_fitted(Observations(given), *fitted)
    assert advice in str(caught.value)
