"""Verbs over a source give what they give of the same rows in memory, however these are cut; what cannot stream says so."""

from collections import deque
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal, norm

import inference
from inference import classify, fit_em, log_likelihood, responsibilities
from inference.point.em import initial_partitions
from inference.point.em.numpyro.passes import compiled
from mixtures import (
    Mixture,
    Observations,
    Source,
    bernoulli_mixture,
    exponential_mixture,
    families,
    gaussian_mixture,
    hidden_markov,
    latent_class,
    lognormal_mixture,
    poisson_mixture,
    regression_mixture,
    simulate,
    source,
    student_t_mixture,
)
from mixtures.errors import DataError, ModelError, StoredFileError

CUT = (1, 1, 150, 151, 577)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Several blocks of few rows."""
    monkeypatch.setattr("mixtures.blocks.BLOCK", 128)


def draws(kind, rows=600):
    rng = np.random.default_rng(3)
    z = rng.integers(3, size=rows)
    centre = np.array([[0.0, 0.0], [2.5, 1.0], [-1.5, 2.5]])[z]
    normal = centre + rng.normal(size=(rows, 2)) * np.array([1.0, 0.5])
    return {
        "normal": normal,
        "positive": np.exp(0.5 * normal),
        "counts": rng.poisson(np.exp(centre[:, 0])).astype(float),
        "yes": (rng.random((rows, 5)) < np.array([[0.2], [0.5], [0.9]])[z]).astype(float),
    }[kind]


MODELS = {
    **{code: (gaussian_mixture(3, code), "normal") for code in ("full", "diag", "EII", "VEV", "tied")},
    "log-normal": (lognormal_mixture(3), "positive"),
    "exponential": (exponential_mixture(2), "positive"),
    "poisson": (poisson_mixture(3), "counts"),
    "bernoulli": (bernoulli_mixture(3), "yes"),
    "latent class": (latent_class(3, categories=2), "yes"),
    "product": (
        Mixture(3, families.Product({"a": families.Gaussian(), "b": families.LogNormal()})),
        "positive",
    ),
}


@pytest.mark.quick(
    "numpyro-full",
    "numpyro-product",
    "numpyro-latent class",
    "pyro-VEV",
    "pyro-diag",
    "pyro-poisson",
    reason="chunks are added up by one code",
)
@pytest.mark.parametrize(("model", "kind"), MODELS.values(), ids=MODELS)
def test_em_takes_the_steps_that_it_takes_in_memory_whatever_the_chunks(model, kind, backend):
    x = draws(kind)
    options = {"restarts": 2, "max_steps": 6, "tolerance": 0.0, "seed": 0, "backend": backend}
    whole = fit_em(model, x, **options)
    one, other = (fit_em(model, rows, **options) for rows in (source(x), source(np.split(x, CUT))))
    for name, value in whole.parameters.items():
        assert_allclose(one.parameters[name], value, rtol=1e-10, atol=1e-10)
        assert_array_equal(other.parameters[name], one.parameters[name])
    assert_array_equal(one.losses, other.losses)
    assert_allclose([one.log_likelihood, one.bic, one.icl], [whole.log_likelihood, whole.bic, whole.icl], rtol=1e-11)
    assert one.origin.fingerprint == whole.origin.fingerprint and one.origin.rows == 600
    assert one.restarts["rule"].tolist() == whole.restarts["rule"].tolist()


def test_sources_of_other_lengths_need_no_other_programs():
    x = draws("normal")
    options = {"restarts": 1, "max_steps": 2, "seed": 0}
    fit_em(gaussian_mixture(3), source(x), **options)
    before = compiled.cache_info().misses
    fit_em(gaussian_mixture(3), source(x[:-15]), **options)
    assert compiled.cache_info().misses == before


def test_starts_are_those_of_the_same_rows_in_memory_where_they_are_a_sample(monkeypatch):
    monkeypatch.setattr(initial_partitions, "ROWS_AT_MOST", 200)
    monkeypatch.setattr("inference.point.em.first_pass.ROWS_AT_MOST", 200)
    x = draws("normal")
    whole, streamed = (fit_em(gaussian_mixture(3), rows, restarts=8, seed=4) for rows in (x, source(x)))
    assert streamed.restarts["rule"].tolist() == whole.restarts["rule"].tolist()
    assert_allclose(streamed.restarts["objective"], whole.restarts["objective"], rtol=1e-7)
    assert streamed.status is whole.status
    assert_allclose(streamed.parameters["loc"], whole.parameters["loc"], rtol=1e-6)


def test_the_posterior_and_hard_assignments_stream_too():
    x = draws("counts")
    for options in ({"objective": "posterior"}, {"hard": True}, {"fixed": {"weights": [0.2, 0.3, 0.5]}}):
        whole, streamed = (fit_em(poisson_mixture(3), rows, restarts=3, seed=0, **options) for rows in (x, source(x)))
        assert_allclose(streamed.parameters["rate"], whole.parameters["rate"], rtol=1e-6)
        assert_allclose(streamed.log_likelihood, whole.log_likelihood, rtol=1e-9)
        assert (streamed.log_posterior is None) == (whole.log_posterior is None)
        if streamed.log_posterior is not None:
            assert_allclose(streamed.log_posterior, whole.log_posterior, rtol=1e-9)


def test_missing_cells_of_counts_stream():
    x = np.column_stack([draws("counts"), draws("counts")[::-1]])
    x[::7, 0] = np.nan
    x[5] = np.nan
    whole = fit_em(poisson_mixture(2), Observations(x, missing="allow"), restarts=2, seed=0)
    streamed = fit_em(poisson_mixture(2), source(x, missing="allow"), restarts=2, seed=0)
    assert_allclose(streamed.parameters["rate"], whole.parameters["rate"], rtol=1e-7)
    assert streamed.origin.total_weight == whole.origin.total_weight == 599
    assert_allclose(streamed.bic, whole.bic, rtol=1e-9)


@pytest.fixture(scope="module")
def fit():
    return fit_em(gaussian_mixture(2), draws("normal"), restarts=3, seed=0)


def densities(fit, x):
    """By scipy: log p(x_i, k)."""
    values = fit.parameters
    found = []
    for weight, loc, scale, root in zip(
        values["weights"], values["loc"], values["scale"], values["correlation_cholesky"], strict=True
    ):
        factor = scale[:, None] * root
        found.append(np.log(weight) + np.atleast_1d(multivariate_normal(loc, factor @ factor.T).logpdf(x)))
    return np.stack(found, axis=1)


def test_answers_about_rows_by_blocks_and_in_a_file(fit, tmp_path):
    x = draws("normal")
    joint = densities(fit, x)
    rows = np.log(np.exp(joint).sum(axis=1))
    stream = source(np.split(x, CUT))
    assert_allclose(log_likelihood(fit, stream), rows, rtol=1e-9)
    assert_allclose(responsibilities(fit, stream), np.exp(joint - rows[:, None]), rtol=1e-7, atol=1e-12)
    assert_array_equal(classify(fit, stream), joint.argmax(axis=1))
    paths = [tmp_path / f"{name}.parquet" for name in "abc"]
    assert log_likelihood(fit, stream, to=paths[0]) == paths[0]
    responsibilities(fit, stream, to=paths[1])
    classify(fit, stream, to=str(paths[2]))
    frames = [pd.read_parquet(path) for path in paths]
    assert [frame.columns.tolist() for frame in frames] == [["log_likelihood"], ["0", "1"], ["component"]]
    assert_allclose(frames[0]["log_likelihood"], rows, rtol=1e-9)
    assert_allclose(frames[1].to_numpy(), np.exp(joint - rows[:, None]), rtol=1e-7, atol=1e-12)
    assert_array_equal(frames[2]["component"], joint.argmax(axis=1))
    with pytest.raises(StoredFileError, match="an existing file.*or delete the file"):
        classify(fit, stream, to=paths[2])


def test_draws_of_assignments_do_not_depend_on_the_chunks_and_follow_the_probabilities(fit):
    x = np.repeat(draws("normal")[:1], 4000, axis=0)
    one, other = (classify(fit, rows, temperature=1, seed=1) for rows in (source(x), source(np.split(x, CUT))))
    assert_array_equal(one, other)
    joint = densities(fit, x[:1])[0]
    share = np.exp(joint[1] - np.logaddexp(*joint))
    assert abs((one == 1).mean() - share) < 5 * np.sqrt(share * (1 - share) / 4000) + 1e-9


def test_columns_of_a_table_are_found_by_their_names(tmp_path):
    frame = pd.DataFrame(draws("positive"), columns=["a", "b"])
    model = MODELS["product"][0]
    whole = fit_em(model, frame, restarts=1, seed=0)
    frame[["b", "a"]].assign(other=1.0).to_parquet(tmp_path / "x.parquet")
    rows = source(tmp_path / "x.parquet")
    streamed = fit_em(model, rows, restarts=1, seed=0)
    assert_allclose(streamed.parameters["a_loc"], whole.parameters["a_loc"], rtol=1e-8)
    assert_allclose(responsibilities(whole, rows), responsibilities(whole, frame.to_numpy()), rtol=1e-9)


def test_a_result_that_ends_early_leaves_no_file(fit, tmp_path):
    x = draws("normal")
    x[-1, 1] = np.nan
    with pytest.raises(DataError, match="nan at row 22 of chunk 5, column 1"):
        responsibilities(fit, source(np.split(x, CUT)), to=tmp_path / "r.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is full")
def test_a_full_disk_leaves_no_file_and_is_said(fit, tmp_path, monkeypatch):
    import mixtures.whole_files

    real = mixtures.whole_files.Path.open

    def full(path, mode="r"):
        return real(type(path)("/dev/full"), "wb") if "x" in mode else real(path, mode)

    monkeypatch.setattr(mixtures.whole_files.Path, "open", full)
    with pytest.raises(StoredFileError, match="No space left on device"):
        responsibilities(fit, source(draws("normal")), to=tmp_path / "r.parquet")
    with pytest.raises(StoredFileError, match="No space left on device"):
        simulate(fit, (1000, 2), seed=0, to=tmp_path / "x.parquet")
    with pytest.raises(StoredFileError, match="No space left on device"):
        fit_em(gaussian_mixture(2), source(draws("normal")), restarts=1, seed=0, checkpoint=tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_errors_of_a_bad_row_name_its_place():
    x = draws("counts")
    x[577] = -1.0
    with pytest.raises(DataError, match="-1.0 at row 0 of chunk 5"):
        fit_em(poisson_mixture(2), source(np.split(x, CUT)), restarts=1, seed=0)


def test_rows_that_are_fewer_in_a_later_pass_are_said(backend):
    x, times = draws("normal"), []

    def chunks():
        times.append(None)
        yield x[:300]
        yield x[300:] if len(times) < 6 else x[300:400]

    with pytest.raises(DataError, match="600 rows before EM, and 400 in one of its passes"):
        fit_em(gaussian_mixture(2), source(chunks), restarts=1, max_steps=9, tolerance=0.0, seed=0, backend=backend)


def test_rows_that_are_fewer_than_were_counted_are_said():
    chunks = deque(np.split(draws("normal"), 2))
    rows = source(chunks)
    assert rows.rows == 600
    chunks.pop()
    with pytest.raises(DataError, match="600 rows when they were counted, and 300 when they were read"):
        fit_em(gaussian_mixture(2), rows, restarts=1, seed=0)


CANNOT = {
    "gradient": (student_t_mixture(2), {}, "M-step is not closed"),
    "chain": (hidden_markov(2), {}, "Markov, under which rows hang together"),
    "covariates": (regression_mixture(2), {}, "covariates, and a source of rows"),
    "labels": (gaussian_mixture(2), {"labels": np.zeros(600)}, "some, and a source of rows"),
    "weights": (gaussian_mixture(2), {"row_weights": np.ones(600)}, "some, and a source of rows"),
    "program": (object(), {}, "expected a Mixture"),
}


@pytest.mark.parametrize(("model", "options", "text"), CANNOT.values(), ids=CANNOT)
def test_what_em_cannot_stream_is_said(model, options, text):
    with pytest.raises((ModelError, DataError), match=text):
        fit_em(model, source(draws("normal")), restarts=1, seed=0, **options)


def test_what_other_verbs_cannot_stream_is_said(fit):
    rows = source(draws("normal"))
    for verb in (inference.fit_map, inference.fit_mle, inference.sample_nuts):
        with pytest.raises(ModelError, match="rows in memory, for this verb"):
            verb(gaussian_mixture(2), rows, seed=0)
    x = draws("normal")
    x[0, 0] = np.nan
    with pytest.raises(ModelError, match="a source of rows with missing cells"):
        fit_em(gaussian_mixture(2), source(x, missing="allow"), restarts=1, seed=0)
    with pytest.raises(
        ModelError, match=r"to: got a file, and rows in memory; expected a source: mixtures.source\(x\)"
    ):
        classify(fit, draws("normal"), to="x.parquet")
    with pytest.raises(ModelError, match="interval"):
        responsibilities(fit, rows, 0.9)
    with pytest.raises(ModelError, match="a point fit, or a tree of draws"):
        classify(3, rows)
    chain = inference.fit_em(hidden_markov(2), draws("counts"), restarts=1, seed=0)
    with pytest.raises(ModelError, match="rows that hang together"):
        classify(chain, source(draws("counts")))


def test_far_from_zero_and_in_one_variable():
    x = 1e6 + draws("normal")[:, 0]
    whole, streamed = (fit_em(gaussian_mixture(2), rows, restarts=2, seed=0) for rows in (x, source(x)))
    assert_allclose(streamed.parameters["scale"], whole.parameters["scale"], rtol=1e-6)
    values = streamed.parameters
    by_scipy = np.log((values["weights"] * norm(values["loc"], values["scale"]).pdf(x[:, None])).sum(axis=1)).sum()
    assert_allclose(streamed.log_likelihood, by_scipy, rtol=1e-9)


def test_data_are_drawn_into_a_file(fit, tmp_path):
    path = tmp_path / "x.parquet"
    parameters = simulate(fit, (1000, 2), seed=0, to=path)
    for name, value in fit.parameters.items():
        assert_array_equal(parameters[name], value)
    frame = pd.read_parquet(path)
    assert frame.columns.tolist() == ["x0", "x1", "assignment"] and len(frame) == 1000
    own = frame[frame["assignment"] == 0][["x0", "x1"]]
    share = fit.parameters["weights"][0]
    assert abs(len(own) / 1000 - share) < 5 * np.sqrt(share * (1 - share) / 1000)
    error = fit.parameters["scale"][0] / np.sqrt(len(own))
    assert (abs(own.mean() - fit.parameters["loc"][0]) < 5 * error).all()
    drawn = simulate(poisson_mixture(2), 300, seed=1, to=tmp_path / "counts.parquet")
    assert_array_equal(drawn["rate"], simulate(poisson_mixture(2), 300, seed=1)["rate"])
    assert len(np.unique(pd.read_parquet(tmp_path / "counts.parquet")["x"].to_numpy().reshape(-1, 100), axis=0)) == 3
    with pytest.raises(StoredFileError, match="an existing file"):
        simulate(fit, (10, 2), seed=0, to=path)
    with pytest.raises(ModelError, match="rows that hang together"):
        simulate(hidden_markov(2), 10, seed=0, to=tmp_path / "chain.parquet")
    with pytest.raises(ModelError, match="a file, and covariates"):
        simulate(regression_mixture(2), 10, seed=0, covariates=np.ones(10), to=tmp_path / "lines.parquet")


@pytest.mark.parametrize("name", ["x.npy", "x.csv", "x.zarr", "x.h5"])
def test_a_name_of_another_format_is_refused(fit, tmp_path, name):
    for write in (
        lambda path: simulate(fit, (10, 2), seed=0, to=path),
        lambda path: classify(fit, source(np.ones((4, 2))), to=path),
    ):
        with pytest.raises(ModelError, match=r"to: got a name that ends in \..*; expected a Parquet file"):
            write(tmp_path / name)


@pytest.mark.parametrize("far", [0.0, 1e4], ids=["near", "far"])
def test_likelihoods_are_of_the_last_pass_where_it_keeps_their_digits(far, monkeypatch, backend):
    x = draws("normal")
    x[::2] += far  # groups that lie thousands of standard deviations from the centre of all
    read, own = [], Source.unchecked
    monkeypatch.setattr(Source, "unchecked", lambda *given: read.append(1) or own(*given))
    whole, streamed = (
        fit_em(gaussian_mixture(2, "diag"), rows, restarts=1, max_steps=3, tolerance=0.0, seed=0, backend=backend)
        for rows in (x, source(x))
    )
    passes = 4 + (far > 0)
    assert len(read) == 3 + passes  # two first blocks are looked at, and all rows before EM
    assert_allclose(
        [streamed.log_likelihood, streamed.icl, streamed.bic], [whole.log_likelihood, whole.icl, whole.bic], rtol=1e-11
    )
