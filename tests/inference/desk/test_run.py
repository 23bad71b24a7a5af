"""A run's folder holds what was found and repeats it; what is missing is done, what is there is kept."""

import shutil

import numpy as np
import pandas as pd
import pytest

import inference
from inference.desk import run as runs
from inference.desk import stages
from inference.desk.run import Run
from inference.desk.settings import FitSettings, from_toml
from mixtures import Mixture, Observations, families, gaussian_mixture
from mixtures.errors import ModelError, StoredFileError


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
    settings = runs.Settings(
        runs.DataSettings(str(plants)), runs.ModelSettings((1, 2, 3), ("Gaussian('EII')",)), FitSettings("em", 3)
    )
    chosen = Run.begin(settings, tmp_path)
    for stage in stages.missing(chosen):
        stage(chosen)
    bics = {k: inference.fit_em(gaussian_mixture(k, "EII"), chosen.x, restarts=5, seed=1).bic for k in (1, 2, 3)}
    assert chosen.components == min(bics, key=bics.get) == len(chosen.fit.components)
    assert chosen.fit.bic == pytest.approx(min(bics.values()), abs=1e-3)


def test_more_components_than_rows_make_no_folder(tmp_path, plants):
    settings = runs.Settings(runs.DataSettings(str(plants)), runs.ModelSettings((71,)))
    with pytest.raises(ModelError, match="at most the 70 rows"):
        Run.begin(settings, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
