"""The command does the whole job, writes beside earlier runs and never over them, and speaks in one line when it cannot."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import inference
import mixtures
from inference.cli import main, read_table
from inference.status import Status
from mixtures.errors import DataError

TINY = ["--restarts", "3", "--draws", "15", "--tune", "15", "--chains", "2"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One run of the demo: its exit code and its folder."""
    out = tmp_path_factory.mktemp("runs")
    return main(["demo", "--out", str(out), *TINY]), out / "faithful-001"


@pytest.fixture
def table(tmp_path):
    """A file of two columns of numbers and one of words, two clusters far apart."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (20, 2)), rng.normal(8, 1, (10, 2))])
    path = tmp_path / "plants.csv"
    pd.DataFrame(x, columns=["height", "width"]).assign(kind="fern").to_csv(path, index=False)
    return path


def test_the_demo_leaves_results_assignments_and_pictures(demo):
    code, folder = demo
    assert code == 0
    assert {path.name for path in folder.iterdir()} == {
        "assignments.csv", "convergence.png", "ellipses.png", "fit.json", "location_pair.png", "posterior.nc", "traces.png",
    }  # fmt: skip


def test_what_the_demo_saved_is_what_it_found(demo):
    _, folder = demo
    x = mixtures.load_dataset("faithful")
    fit = inference.load(folder / "fit.json", x=x)
    posterior = inference.load(folder / "posterior.nc", x=x)
    assignments = pd.read_csv(folder / "assignments.csv")
    assert np.array_equal(assignments["component"], inference.classify(fit, x))
    shown = assignments[["probability_0", "probability_1"]].to_numpy()
    np.testing.assert_allclose(shown, inference.responsibilities(fit, x), rtol=1e-5)
    averaged = assignments[["posterior_probability_0", "posterior_probability_1"]].to_numpy()
    np.testing.assert_allclose(averaged, inference.responsibilities(posterior, x), rtol=1e-5)
    assert {"posterior", "posterior_raw", "relabelling"} <= set(posterior.children)


def test_a_table_of_the_users_is_fitted_by_column_on_the_other_backend(table, tmp_path, capsys):
    arguments = [
        "fit",
        str(table),
        "--components",
        "2",
        "--columns",
        "height",
        "--covariance",
        "tied",
        "--backend",
        "pyro",
    ]
    assert main([*arguments, "--out", str(tmp_path), "--nuts", *TINY]) == 0
    folder = tmp_path / "plants-001"
    assert {"density.png", "classes.png", "traces.png"} <= {path.name for path in folder.iterdir()}
    assert pd.read_csv(folder / "assignments.csv")["component"].value_counts().to_dict() == {0: 20, 1: 10}
    said = capsys.readouterr()
    assert "30 rows of height" in said.out
    assert "20 rows in component 0, 10 rows in component 1" in said.out
    assert "Verdict:" in said.out
    assert "NUTS: 2 chains of 15 + 15 draws" in said.err


def test_a_run_never_touches_an_earlier_one(table, tmp_path):
    first = tmp_path / "plants-001"
    first.mkdir()
    (tmp_path / "plants-007").mkdir()
    columns = ["--columns", "height,width", "--backend", "pyro"]
    assert main(["fit", str(table), "--components", "2", *columns, "--out", str(tmp_path), *TINY]) == 0
    assert not list(first.iterdir())
    assert (tmp_path / "plants-008" / "ellipses.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "{folder}/none.csv", "--components", "2"], "none.csv"),
        (["fit", "{table}", "--components", "2"], "kind"),
        (["fit", "{table}", "--components", "2", "--columns", "height,depth"], "depth"),
        (["fit", "{table}", "--components", "0", "--columns", "height"], "components: got 0"),
        (["fit", "{table}", "--components", "2", "--columns", "height", "--covariance", "round"], "'spherical'"),
        (["fit", "{table}", "--components", "2", "--columns", "height", "--seed", "-1"], "seed"),
        (["demo", "--out", "{table}"], "plants.csv"),
        (["demo", "--draws", "0"], "draws: got 0"),
        (["demo", "--chains", "1000000000", "--draws", "1000000000"], "chains=1000000000, draws=1000000000"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, words, table, tmp_path, capsys):
    filled = [argument.format(folder=tmp_path, table=table) for argument in arguments]
    out = [] if "--out" in filled else ["--out", str(tmp_path / "runs")]
    assert main([*filled, *out, "--restarts", "2"]) == 1
    said = capsys.readouterr()
    last = said.err.splitlines()[-1]
    assert "mixtures: error: " in last
    assert words != "seed" or not said.out  # found before the table is read
    assert words in last
    assert not list(tmp_path.glob("runs/*"))


def test_a_fit_that_is_not_sound_has_an_exit_code_of_its_own(demo, table, tmp_path, monkeypatch, capsys):
    collapsed = replace(inference.load(demo[1] / "fit.json"), status=Status.COLLAPSED)
    monkeypatch.setattr(inference, "fit_map", lambda *args, **kwargs: collapsed)
    columns = ["--columns", "height,width"]
    monkeypatch.setattr("inference.cli.read_table", lambda *args: mixtures.load_dataset("faithful"))
    assert main(["fit", str(table), "--components", "2", *columns, "--out", str(tmp_path)]) == 3
    assert "collapsed: a component shrank" in capsys.readouterr().out


def test_an_interrupt_ends_the_command_quietly(monkeypatch, tmp_path, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(inference, "fit_map", interrupted)
    assert main(["demo", "--out", str(tmp_path)]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.fixture
def old_faithful(demo, table, tmp_path, monkeypatch):
    """The command `fit` with a fit of Old Faithful that is there already; its arguments."""
    fit = inference.load(demo[1] / "fit.json")
    monkeypatch.setattr(inference, "fit_map", lambda *args, **kwargs: fit)
    monkeypatch.setattr("inference.cli.read_table", lambda *args: mixtures.load_dataset("faithful"))
    return ["fit", str(table), "--components", "2", "--out", str(tmp_path), "--nuts", *TINY]


def test_what_interrupts_the_sampler_costs_no_assignments_and_no_draws(old_faithful, tmp_path, monkeypatch, capsys):
    def interrupted(*args, store, **kwargs):
        store.mkdir()
        (store / "block").write_text("draws")
        raise KeyboardInterrupt

    monkeypatch.setattr(inference, "sample_nuts", interrupted)
    assert main(old_faithful) == 130
    folder = tmp_path / "plants-001"
    assert len(pd.read_csv(folder / "assignments.csv")) == 272
    assert (folder / "draws" / "block").read_text() == "draws"
    assert f"Draws are kept in {folder / 'draws'}" in capsys.readouterr().err


def test_a_full_disk_costs_no_draws_and_the_error_names_the_file(old_faithful, demo, tmp_path, monkeypatch, capsys):
    posterior = inference.load(demo[1] / "posterior.nc")

    def sampled(*args, store, **kwargs):
        store.mkdir()
        return posterior

    def full(source, path, replace=os.replace):
        if Path(path).name == "posterior.nc":
            raise OSError(28, "No space left on device")
        return replace(source, path)

    monkeypatch.setattr(inference, "sample_nuts", sampled)
    monkeypatch.setattr(os, "replace", full)
    assert main(old_faithful) == 1
    folder = tmp_path / "plants-001"
    assert {"draws", "assignments.csv", "fit.json"} <= {path.name for path in folder.iterdir()}
    last = capsys.readouterr().err.splitlines()[-1]
    assert "posterior.nc" in last
    assert "No space left on device" in last


def test_a_first_column_without_a_name_holds_the_names_of_rows(tmp_path):
    path = tmp_path / "table.csv"
    pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"]).to_csv(path)
    table = read_table(path)
    assert table.row_names.tolist() == ["x", "y"]
    assert table.x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n1,2,3,4\n", "a,b\n"])
def test_a_file_that_is_no_table_is_refused(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DataError):
        read_table(path)


def test_bad_use_of_the_command_shows_its_usage(capsys):
    with pytest.raises(SystemExit) as error:
        main(["fit"])
    assert error.value.code == 2
    assert "usage: mixtures fit" in capsys.readouterr().err
