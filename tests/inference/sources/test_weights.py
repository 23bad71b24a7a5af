"""A row of weight 2 is a row that is there twice, of a source as in memory."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from inference import fit_em, responsibilities, select_components
from mixtures import Observations, bernoulli_mixture, gaussian_mixture, poisson_mixture, source
from mixtures.errors import DataError, StoredFileError

OPTIONS = {"restarts": 2, "max_steps": 6, "tolerance": 0.0, "seed": 0}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Several blocks of few rows."""
    monkeypatch.setattr("mixtures.blocks.BLOCK", 64)


def table(rows=300):
    rng = np.random.default_rng(2)
    second = rng.random(rows) < 0.4
    frame = pd.DataFrame(rng.normal(size=(rows, 2)) + 1.8 * second[:, None], columns=["a", "b"])
    return frame.assign(n=rng.integers(1, 4, rows).astype(float))[["a", "n", "b"]]


def chunks(frame):
    return [frame.iloc[:7], frame.iloc[7:180], frame.iloc[180:]]


@pytest.mark.quick("numpyro-diag", "pyro-full", reason="each backend, and each structure")
@pytest.mark.parametrize("structure", ["full", "diag"])
def test_em_takes_the_steps_that_it_takes_in_memory(structure, backend):
    frame = table()
    model, options = gaussian_mixture(2, structure), {**OPTIONS, "backend": backend}
    whole = fit_em(model, Observations(frame[["a", "b"]], row_weights=frame["n"]), **options)
    streamed = fit_em(model, source(chunks(frame), weights="n"), **options)
    for name, value in whole.parameters.items():
        assert_allclose(streamed.parameters[name], value, rtol=1e-10, atol=1e-10)
    assert_allclose([streamed.log_likelihood, streamed.bic], [whole.log_likelihood, whole.bic], rtol=1e-11)
    assert streamed.origin.total_weight == whole.origin.total_weight == frame["n"].sum()
    assert streamed.origin.fingerprint == whole.origin.fingerprint and streamed.origin.rows == 300


def test_whole_weights_are_rows_that_are_there_several_times():
    frame = table()
    several = frame.loc[frame.index.repeat(frame["n"].astype(int)), ["a", "b"]]
    init = {"weights": [0.5, 0.5], "loc": [[0.0, 0.0], [2.0, 2.0]], "scale": [[1.0, 1.0]] * 2}
    options = {"restarts": 1, "seed": 0, "init": init}
    one = fit_em(gaussian_mixture(2, "diag"), source(chunks(frame), weights="n"), **options)
    other = fit_em(gaussian_mixture(2, "diag"), source(several), **options)
    assert_allclose(one.parameters["loc"], other.parameters["loc"], rtol=1e-6)
    assert_allclose([one.log_likelihood, one.bic, one.icl], [other.log_likelihood, other.bic, other.icl], rtol=1e-6)


def test_one_variable_of_a_file_with_rows_that_do_not_count(tmp_path):
    frame = table()[["n", "a"]]
    frame.loc[64:150, "n"] = 0.0  # a block among them
    frame.to_parquet(tmp_path / "x.parquet")
    rows = source(tmp_path / "x.parquet", weights="n")
    assert rows.shape == (300,) and rows.feature_names == ("a",)
    fit = fit_em(gaussian_mixture(1), rows, restarts=1, seed=0)
    mean = np.average(frame["a"], weights=frame["n"])
    assert_allclose(fit.parameters["loc"], mean, rtol=1e-12)
    assert_allclose(fit.parameters["scale"], np.sqrt(np.average((frame["a"] - mean) ** 2, weights=frame["n"])))
    assert fit.origin.total_weight == frame["n"].sum()
    assert_array_equal(responsibilities(fit, rows), 1.0)


def test_columns_and_missing_cells_go_with_weights():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.integers(0, 2, size=(200, 4)).astype(float), columns=list("abcd")).assign(n=2.0)
    frame.loc[::9, "b"] = np.nan
    rows = source(chunks(frame), columns=["c", "b", "a"], weights="n", missing="allow")
    assert rows.feature_names == ("c", "b", "a")
    x = Observations(frame[["c", "b", "a"]], missing="allow", row_weights=frame["n"])
    whole, streamed = (fit_em(bernoulli_mixture(2), data, **OPTIONS) for data in (x, rows))
    assert_allclose(streamed.parameters["probs"], whole.parameters["probs"], rtol=1e-9)
    assert rows.select(("a",)).feature_names == ("a",)


def test_criteria_count_weights():
    frame = table()[["a", "n"]]
    found = select_components(source(chunks(frame), weights="n"), 1, "V", seed=0)
    line = found.table.iloc[0]
    assert_allclose(line["bic"], -2 * line["log_likelihood"] + 2 * np.log(frame["n"].sum()), rtol=1e-12)


def test_a_checkpoint_is_of_its_weights(tmp_path):
    frame = table()
    model = gaussian_mixture(2)
    fit_em(model, source(frame, weights="n"), restarts=1, seed=0, checkpoint=tmp_path / "c")
    frame.loc[299, "n"] += 1
    with pytest.raises(StoredFileError, match="whose data and settings differ"):
        fit_em(model, source(frame, weights="n"), restarts=1, seed=0, checkpoint=tmp_path / "c")


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_a_bad_weight_is_named_with_its_place(bad):
    frame = table()
    frame.loc[200, "n"] = bad
    with pytest.raises(DataError, match=f"{bad} at row 20 of chunk 2, column 'n'"):
        fit_em(poisson_mixture(2), source(chunks(frame), weights="n"), restarts=1, seed=0)
    if np.isnan(bad):
        with pytest.raises(
            DataError, match="nan at row 20 of chunk 2, column 'n'; expected weights, finite numbers >= 0"
        ):
            list(source(chunks(frame), weights="n", missing="allow").blocks())


def test_what_has_no_weights_is_said(tmp_path):
    frame = table()
    for data, name in ((frame, "m"), (frame[["n"]], "n"), (source(frame, weights="n"), "a"), (frame, 1)):
        with pytest.raises(DataError, match="weights: got .* expected the name of one of several columns"):
            source(data, weights=name)
    with pytest.raises(DataError, match="weights: got 'n', and columns without names"):
        source([frame.to_numpy()], weights="n")
    frame.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"data: got no column 'm' in the files; expected some of \['a', 'n', 'b'"):
        source(tmp_path / "x.parquet", columns=["a", "b"], weights="m")
    with pytest.raises(DataError, match="only zeros among the 300 rows"):
        fit_em(gaussian_mixture(2), source(frame.assign(n=0.0), weights="n"), restarts=1, seed=0)
    with pytest.raises(DataError, match=r"row_weights: got some.*weights='column'"):
        fit_em(gaussian_mixture(2), source(frame), restarts=1, seed=0, row_weights=np.ones(300))
