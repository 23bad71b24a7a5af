"""A run's folder holds what was found and repeats it; what is missing is done, what is there is kept."""

import io
import shutil
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import inference
from inference.desk import run as runs
from inference.desk import stages
from inference.desk.run import Run
from inference.desk.settings import DataSettings, FitSettings, ModelSettings, Settings, from_toml, to_toml
from inference.desk.text_tables import TextOptions
from inference.samplers import choice
from mixtures import Mixture, Observations, families, gaussian_mixture
from mixtures.errors import BackendError, ModelError, StoredFileError


@pytest.fixture
def copy(run, tmp_path):
    """The run in a folder that a test may spoil."""
    shutil.copytree(run.path, tmp_path / "copy")
    return Run.open(tmp_path / "copy")


def test_everything_is_in_the_folder(run, plants):
    names = {path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file()}
    pictures = {
        f"figures/{name}.{kind}" for name in ("overview", "labels", "predictive", "model") for kind in ("svg", "png")
    }
    tables = {"run.toml", "fit.json", "posterior.nc", "summary.csv", "assignments.csv", "report.html", "log.txt"}
    assert names == pictures | tables
    kept = from_toml((run.path / "run.toml").read_text())
    assert kept.data.source == str(plants) and "decimal mark ','" in kept.read
    assert "NUTS: 2 chains of 80 + 60 draws" in (run.path / "log.txt").read_text()


def test_the_tables_are_what_the_verbs_find(run):
    posterior, x = run.posterior, run.x
    table = pd.read_csv(run.path / "assignments.csv")
    averaged = inference.responsibilities(posterior, x)
    np.testing.assert_allclose(table[["probability_0", "probability_1"]], averaged, rtol=1e-5)
    assert np.array_equal(table["component"], averaged.argmax(axis=1))
    np.testing.assert_allclose(table["probability"] + table["uncertainty"], 1, atol=1e-5)
    summary = pd.read_csv(run.path / "summary.csv").set_index("parameter")
    weight = posterior["posterior"]["weights"].mean(["chain", "draw"]).values
    np.testing.assert_allclose(summary.loc[["weights[0]", "weights[1]"], "mean"], weight, rtol=1e-5)


def test_a_run_again_has_the_same_numbers_to_the_last_bit(run, settings, tmp_path):
    again = Run.begin(settings, tmp_path)
    for stage in stages.missing(again):
        stage(again)
    assert again.settings == run.settings
    for name, value in run.fit.parameters.items():
        assert np.array_equal(again.fit.parameters[name], value)
    assert run.posterior["posterior"].to_dataset().equals(again.posterior["posterior"].to_dataset())


def test_what_is_missing_is_done_and_what_is_there_is_kept(copy, monkeypatch):
    fit = (copy.path / runs.FIT).read_bytes()
    (copy.path / runs.REPORT).unlink()
    (copy.path / runs.SUMMARY).unlink()
    raw = copy.posterior
    raw["posterior"] = raw["posterior_raw"]
    raw["factors"] = raw["factors_raw"]
    del raw["posterior_raw"], raw["factors_raw"], raw["relabelling"]
    inference.save(raw, copy.path / runs.POSTERIOR, overwrite=True)
    monkeypatch.setattr(inference, "fit_map", None)  # must not be asked for again
    monkeypatch.setattr(inference, "sample_nuts", None)
    copy.complete(pictures=False)
    assert (copy.path / runs.FIT).read_bytes() == fit
    assert copy.is_sampled and copy.has(runs.REPORT) and copy.has(runs.SUMMARY)


def test_a_sampler_that_is_cut_short_goes_on(copy, run, monkeypatch):
    """Its draws are in the folder; what `resume` is asked for is the store."""
    (copy.path / runs.POSTERIOR).unlink()
    asked = []

    def cut(*args, store, **kwargs):
        store.mkdir()
        (store / "block").write_text("draws")
        raise KeyboardInterrupt

    def resumed(path, x, program=None):
        asked.append(path)
        return inference.load(run.path / runs.POSTERIOR)

    monkeypatch.setattr(inference, "sample_nuts", cut)
    with pytest.raises(KeyboardInterrupt):
        copy.complete()
    assert (copy.path / "draws" / "block").read_text() == "draws"
    monkeypatch.setattr(inference, "resume", resumed)
    copy.complete(pictures=False)
    assert asked == [copy.path / "draws"] and not asked[0].exists() and copy.is_sampled


def test_other_data_are_noticed(copy, plants, tmp_path):
    text = (copy.path / "run.toml").read_text()
    changed = tmp_path / "plants.csv"
    changed.write_text(plants.read_text().replace("5", "6"))
    (copy.path / "run.toml").write_text(text.replace(str(plants), str(changed)))
    with pytest.raises(StoredFileError, match="other data than those that the run began with"):
        _ = Run.open(copy.path).x


def test_what_is_no_run_is_refused(tmp_path, copy):
    with pytest.raises(StoredFileError, match=r"no run\.toml"):
        Run.open(tmp_path)
    (copy.path / runs.FIT).unlink()
    with pytest.raises(StoredFileError, match=r"no fit\.json.*mixtures resume"):
        _ = copy.fit


def test_a_declaration_and_data_from_python_are_kept_with_all_that_belongs_to_them(tmp_path):
    rng = np.random.default_rng(1)
    age = rng.uniform(0, 1, 30)
    values = np.where(np.arange(30) % 2, 2 * age, 1 - age) + rng.normal(0, 0.1, 30)
    y = pd.Series(values, index=[f"p{i}" for i in range(30)], name="y")
    x = Observations(
        y, covariates=pd.DataFrame({"age": age}, index=y.index), labels=[0, 1, *[None] * 28], row_weights=np.arange(30.0) + 1
    )  # fmt: skip
    model = Mixture(2, families.Regression())
    begun = Run.of(model, x, parent=tmp_path, fit=FitSettings("em", 3)).complete(pictures=False)
    back = Run.open(begun.path)
    assert back.x.weighted_fingerprint == x.weighted_fingerprint
    assert (
        back.x.row_names is not None
        and back.x.row_names.tolist() == y.index.tolist()
        and back.x.covariate_names == ("age",)
    )
    right = inference.fit_em(model, x, restarts=3, seed=0)
    assert back.fit.log_likelihood == pytest.approx(right.log_likelihood, abs=1e-9)


def test_of_several_numbers_of_components_the_best_by_bic_is_taken(tmp_path, plants):
    settings = Settings(DataSettings(str(plants)), ModelSettings((1, 2, 3), ("Gaussian('EII')",)), FitSettings("em", 3))
    chosen = Run.begin(settings, tmp_path)
    for stage in stages.missing(chosen):
        stage(chosen)
    bics = {k: inference.fit_em(gaussian_mixture(k, "EII"), chosen.x, restarts=5, seed=1).bic for k in (1, 2, 3)}
    assert chosen.components == min(bics, key=bics.get) == len(chosen.fit.components)
    assert chosen.fit.bic == pytest.approx(min(bics.values()), abs=1e-3)


def test_more_components_than_rows_make_no_folder(tmp_path, plants):
    settings = Settings(DataSettings(str(plants)), ModelSettings((71,)))
    with pytest.raises(ModelError, match="at most the 70 rows"):
        Run.begin(settings, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_tables_that_somebody_removed_are_written_again(copy):
    tables = {name: (copy.path / name).read_bytes() for name in (runs.ASSIGNMENTS, runs.SUMMARY)}
    for name in tables:
        (copy.path / name).unlink()
    stages.finish(copy, pictures=False)
    assert {name: (copy.path / name).read_bytes() for name in tables} == tables


def test_a_stage_that_is_cut_short_is_done_again(copy, monkeypatch):
    """The tables of the labels are there before the draws say so."""
    raw = copy.posterior
    raw["posterior"], raw["factors"] = raw["posterior_raw"], raw["factors_raw"]
    del raw["posterior_raw"], raw["factors_raw"], raw["relabelling"]
    inference.save(raw, copy.path / runs.POSTERIOR, overwrite=True)
    right = (copy.path / runs.SUMMARY).read_bytes()
    (copy.path / runs.SUMMARY).unlink()

    def cut(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stages.RunFolder, "save", cut)
        with pytest.raises(KeyboardInterrupt):
            copy.complete(pictures=False)
    assert not copy.is_sampled and (copy.path / runs.SUMMARY).read_bytes() == right
    assert copy.complete(pictures=False).is_sampled


def test_a_run_without_its_draws_says_so(copy, tmp_path, plants):
    (copy.path / runs.POSTERIOR).unlink()
    stages.finish(copy, pictures=False)
    assert f"there are none yet: mixtures resume {copy.path.name}" in (copy.path / runs.REPORT).read_text()
    begun = Run.begin(Settings(DataSettings(str(plants)), ModelSettings((2,))), tmp_path)
    assert "Nothing is fitted yet" in str(begun)
    with pytest.raises(StoredFileError, match="a run of a point fit.*mixtures sample"):
        _ = begun.posterior


def test_of_a_frame_the_columns_of_the_draws_are_taken_by_name(run):
    frame = run.table.frame
    wide = frame[["width", "height"]].assign(city="Rome")
    pd.testing.assert_series_equal(inference.classify(run.posterior, wide), inference.classify(run.posterior, frame))


def test_a_run_prints_its_answer(run):
    assert str(run).splitlines()[1] == run.answer.found
    assert "<p>" in run._repr_html_()


@pytest.mark.parametrize(
    ("sampler", "is_stored"), [("auto", True), ("numpyro", True), ("nutpie", False), ("pyro", False)]
)
def test_draws_are_kept_while_they_are_made_where_the_sampler_can(copy, settings, monkeypatch, sampler, is_stored):
    asked = {}

    def sampled(*args, **options):
        asked.update(options)
        raise KeyboardInterrupt

    (copy.path / runs.POSTERIOR).unlink()
    wanted = replace(copy.settings, sample=replace(settings.sample, sampler=sampler))
    (copy.path / runs.SETTINGS).write_text(to_toml(wanted))
    monkeypatch.setattr(inference, "sample_nuts", sampled)
    with pytest.raises(KeyboardInterrupt):
        stages.sample(Run.open(copy.path))
    assert asked["sampler"] == sampler and asked["progress"] is False
    assert asked["store"] == (copy.path / runs.DRAWS if is_stored else None)


def test_a_sampler_that_is_not_installed_makes_no_folder(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    wanted = replace(settings, sample=replace(settings.sample, sampler="nutpie"))
    with pytest.raises(BackendError, match="pip install"):
        Run.begin(wanted, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "x",
    [
        pd.DataFrame({0: [1.5, 2.5, 4.0], 1: [0.0, 1.0, 3.0]}),  # names that are numbers
        pd.DataFrame({"a;b": [1.234, 2.345, 4.125], "c,d": [0.1, 0.2, 0.30000000000000004]}),
        Observations([1.0, 2.5, np.nan, 4.0, np.nan], missing="allow"),  # ends with an empty cell
        pd.DataFrame({"a": [1.0, np.nan, 2.0]}, index=["r", "s", "t"]).pipe(Observations, missing="allow"),
    ],
)
def test_data_from_python_come_back_to_the_last_bit(tmp_path, x):
    x = Observations.of(x)
    begun = Run.of(gaussian_mixture(1), x, parent=tmp_path)
    for back in (Run.open(begun.path), Run.open(begun.again(tmp_path).path)):
        np.testing.assert_array_equal(back.x.x.reshape(x.x.shape), x.x)
        assert back.x.weighted_fingerprint == begun.x.weighted_fingerprint


def test_what_came_on_the_standard_input_is_kept_whatever_separated_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a|b\n1,5|2\n2,5|?\n3,5|1\n")))
    options = TextOptions("|", ",", missing=("?",))
    settings = Settings(DataSettings("-", missing="allow", text=options), ModelSettings((1,)))
    begun = Run.begin(settings, tmp_path)
    np.testing.assert_array_equal(Run.open(begun.path).x.x, [[1.5, 2], [2.5, np.nan], [3.5, 1]])
