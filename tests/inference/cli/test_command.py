"""The command does the whole job, writes beside earlier runs and never over them, and speaks in one line when it cannot."""

import io
import json
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import inference
import mixtures
from inference.cli import main
from inference.desk import stages
from inference.desk.run import Run
from inference.status import Status

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
    visits = np.where(np.arange(30) < 20, rng.poisson(1, 30), rng.poisson(12, 30))
    pd.DataFrame(x, columns=["height", "width"]).assign(kind="fern", visits=visits).to_csv(path, index=False)
    return path


def test_the_demo_leaves_results_assignments_and_pictures(demo):
    code, folder = demo
    assert code == 0
    assert {path.name for path in folder.iterdir()} == {
        "assignments.csv", "figures", "fit.json", "log.txt", "posterior.nc", "report.html", "run.toml", "summary.csv",
    }  # fmt: skip


def test_what_the_demo_saved_is_what_it_found(demo):
    _, folder = demo
    x = mixtures.load_dataset("faithful")
    fit = inference.load(folder / "fit.json", x=x)
    posterior = inference.load(folder / "posterior.nc", x=x)
    assignments = pd.read_csv(folder / "assignments.csv")
    right = inference.fit_map(mixtures.gaussian_mixture(2), x, restarts=3, seed=0)
    assert fit.log_posterior == pytest.approx(right.log_posterior, abs=1e-6)
    averaged = inference.responsibilities(posterior, x)
    np.testing.assert_allclose(assignments[["probability_0", "probability_1"]], averaged, rtol=1e-5)
    assert np.array_equal(assignments["component"], inference.classify(posterior, x))
    np.testing.assert_allclose(assignments[["eruptions", "waiting"]], x.x)  # what each row is
    assert {"posterior", "posterior_raw", "relabelling"} <= set(posterior.children)


def test_a_table_of_the_users_is_fitted_by_column_on_the_other_backend(table, tmp_path, capsys):
    """Of a family without locations too, whose draws are drawn by what they have."""
    arguments = [
        "fit",
        str(table),
        "--components",
        "2",
        "--columns",
        "visits",
        "--family",
        "Poisson",
        "--backend",
        "pyro",
    ]
    assert main([*arguments, "--out", str(tmp_path), "--nuts", *TINY]) == 0
    folder = tmp_path / "plants-001"
    visits = pd.read_csv(table)["visits"]
    means = visits.groupby(pd.read_csv(folder / "assignments.csv")["component"]).mean()
    assert means[0] < 4 < 8 < means[1]
    assert {f"{name}.svg" for name in ("overview", "labels", "predictive", "model")} <= {
        path.name for path in (folder / "figures").iterdir()
    }
    said = capsys.readouterr()
    assert "30 rows of visits" in said.out
    assert "Verdict:" in said.out
    assert "NUTS: 2 chains of 15 + 15 draws" in said.err and "left out" not in said.err


def test_a_run_never_touches_an_earlier_one(table, tmp_path):
    first = tmp_path / "plants-001"
    first.mkdir()
    (tmp_path / "plants-007").mkdir()
    columns = ["--columns", "height,width", "--backend", "pyro", "--restarts", "3"]
    assert main(["fit", str(table), "--components", "2", *columns, "--out", str(tmp_path)]) == 0
    assert not list(first.iterdir())
    assert (tmp_path / "plants-008" / "figures" / "overview.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "{folder}/none.csv", "--components", "2"], "none.csv"),
        (["fit", "{table}", "--components", "2"], "--columns height,width,visits"),
        (["fit", "{table}", "--components", "2", "--columns", "height,depth"], "depth"),
        (["fit", "{table}", "--components", "31", "--columns", "height"], "at most the 30 rows"),
        (["fit", "{table}", "--components", "2", "--columns", "height", "--family", "Poisson"], "height"),
        (["demo", "--out", "{table}"], "plants.csv"),
        (["demo", "--chains", "1000000000", "--draws", "1000000000"], "chains=1000000000, draws=1000000000"),
        (["report", "{folder}"], "run.toml"),
        (["classify", "{folder}/none", "{table}"], "run.toml"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_before_any_work(arguments, words, table, tmp_path, capsys):
    filled = [argument.format(folder=tmp_path, table=table) for argument in arguments]
    begins = filled[0] in ("fit", "demo")
    out = [] if "--out" in filled or not begins else ["--out", str(tmp_path / "runs")]
    assert main([*filled, *out]) == 1
    said = capsys.readouterr()
    assert not said.out
    (line,) = said.err.splitlines()
    assert line.startswith("mixtures: error: ") and words in line
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit"], "Missing argument 'DATA'. See mixtures fit --help."),
        (["dance"], "dance"),
        (["fit", "faithful", "--components", "many"], "--components"),
        (["fit", "faithful", "--components", "0:2"], "'0:2'; expected a number from 1"),
        (["fit", "faithful", "--method", "guess"], "guess"),
        (["fit", "faithful", "--depth", "3"], "--depth"),
        (["fit", "faithful"], "--components: got none"),
        (["demo", "--draws", "0"], "draws: got 0"),
        (["fit", "faithful", "--components", "2", "--seed", "-1"], "seed: got -1"),
        (["fit", "faithful", "--components", "2", "--covariance", "round"], "'spherical'"),
        (["fit", "faithful", "--components", "2", "--separator", "x"], "'tab'"),
        (["fit", "faithful", "--components", "2", "--family", "Poison"], "did you mean Poisson?"),
        (["fit", "faithful", "--components", "2", "--family", "Poisson", "--covariance", "VEV"], "a Poisson"),
        (["fit", "faithful", "--components", "2", "--prior", "Normal(0, 1)"], "'loc=Normal(0, 10)'"),
        (["fit", "faithful", "--components", "2", "--prior", "loc=Normal(0, 1)", "--method", "em"], "--method em"),
        (["fit", "faithful", "--components", "2", "--model", "own.py:model"], "and its components"),
        (["sample", "faithful", "--components", "2", "--sampler", "gibbs"], "sampler: got 'gibbs'"),
    ],
)
def test_bad_use_of_the_command_is_said_in_one_line_and_has_an_exit_code_of_its_own(
    arguments, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("mixtures: error: ") and words in line
    assert not said.out and not list(tmp_path.iterdir())


def test_a_fit_that_is_not_sound_has_an_exit_code_of_its_own(demo, tmp_path, monkeypatch, capsys):
    collapsed = replace(inference.load(demo[1] / "fit.json"), status=Status.COLLAPSED)
    monkeypatch.setattr(inference, "fit_map", lambda *args, **kwargs: collapsed)
    assert main(["fit", "faithful", "--components", "2", "--out", str(tmp_path)]) == 3
    assert "collapsed: a component shrank" in capsys.readouterr().out


def test_an_interrupt_ends_the_command_quietly_and_resume_goes_on(monkeypatch, tmp_path, capsys):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(inference, "fit_map", interrupted)
        assert main(["fit", "faithful", "--components", "2", "--restarts", "3", "--out", str(tmp_path)]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert main(["resume", str(tmp_path / "faithful-001")]) == 0
    assert "Two components in 272 rows" in capsys.readouterr().out


def test_a_full_disk_costs_no_draws_and_the_error_names_the_file(demo, tmp_path, monkeypatch, capsys):
    fit, posterior = inference.load(demo[1] / "fit.json"), inference.load(demo[1] / "posterior.nc")
    monkeypatch.setattr(inference, "fit_map", lambda *args, **kwargs: fit)

    def sampled(*args, store, **kwargs):
        store.mkdir()
        return posterior

    def full(source, path, replace=os.replace):
        if Path(path).name == "posterior.nc":
            raise OSError(28, "No space left on device")
        return replace(source, path)

    monkeypatch.setattr(inference, "sample_nuts", sampled)
    monkeypatch.setattr(os, "replace", full)
    assert main(["sample", "faithful", "--components", "2", "--out", str(tmp_path), *TINY]) == 1
    folder = tmp_path / "faithful-001"
    assert {"draws", "assignments.csv", "fit.json"} <= {path.name for path in folder.iterdir()}
    said = capsys.readouterr().err
    assert f"Draws are kept in {folder / 'draws'}" in said
    last = said.splitlines()[-1]
    assert "posterior.nc" in last
    assert "No space left on device" in last


def test_new_rows_are_classified_as_python_does(demo, tmp_path, capsys):
    rows = mixtures.load_dataset("faithful").x[::40] + 0.5
    new = pd.DataFrame(rows, columns=["eruptions", "waiting"], index=[f"r{i}" for i in range(len(rows))])
    new.to_csv(tmp_path / "new.csv", sep=";", decimal=",")
    assert main(["classify", str(demo[1]), str(tmp_path / "new.csv")]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out), index_col="row")
    right = inference.responsibilities(inference.load(demo[1] / "posterior.nc"), new)
    np.testing.assert_allclose(found[["probability_0", "probability_1"]], right, rtol=1e-4, atol=1e-12)
    assert found.index.tolist() == new.index.tolist()
    assert found["component"].tolist() == right.to_numpy().argmax(axis=1).tolist()


def test_what_is_printed_as_json_is_json(demo, capsys):
    assert main(["report", str(demo[1]), "--json", "--quiet"]) == 0
    said = capsys.readouterr()
    found, run = json.loads(said.out), Run.open(demo[1])
    assert found["log_likelihood"] == run.fit.log_likelihood and found["answer"] == run.answer.found
    assert found["posterior"]["weights[0]"]["mean"] == pytest.approx(
        float(run.posterior["posterior"]["weights"][..., 0].mean())
    )
    assert not said.err


def test_a_run_is_compared_partitioned_diagnosed_and_drawn(demo, capsys, tmp_path):
    own = shutil.copytree(demo[1], tmp_path / "run")  # a partition is written beside what the demo left
    folder = str(own)
    assert main(["compare", folder, folder]) == 0
    assert "adjusted Rand" in capsys.readouterr().out
    assert main(["partition", folder, "--loss", "binder"]) == 0
    rows = pd.read_csv(own / "partition.csv")
    right = inference.partition(inference.load(own / "posterior.nc"), loss="binder", seed=0)
    assert rows["cluster"].tolist() == right.labels.tolist()
    assert main(["diagnose", folder]) in (0, 3)
    assert "Draws that two methods label alike" in capsys.readouterr().out
    assert main(["partition", folder, "--loss", "hinge"]) == 1


def test_draws_are_a_table_for_other_programs(demo, capsys):
    assert main(["draws", str(demo[1]), "--quiet"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    draws = inference.load(demo[1] / "posterior.nc")["posterior"]
    assert len(table) == draws.sizes["chain"] * draws.sizes["draw"]
    last = draws.isel(chain=-1, draw=-1)
    np.testing.assert_array_equal(table["loc[1, waiting]"].iloc[-1], last["loc"].sel(components=1, features="waiting"))
    np.testing.assert_array_equal(
        table["correlation[0, eruptions, waiting]"].iloc[-1], last["correlation"].values[0, 0]
    )


def test_pictures_are_of_the_size_that_was_asked_for(demo, tmp_path, capsys):
    sizes = {}
    for size in ([], ["--size", "6x4"]):
        assert main(["plot", str(demo[1]), "--format", "svg", "--quiet", *size]) == 0
        head = (demo[1] / "figures" / "overview.svg").read_text()[:2000]
        sizes[len(size)] = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', head).groups()
    assert sizes[2] == ("432", "288") and sizes[0] != sizes[2]
    for bad in ("6", "6x", "0x4", "axb", "1000x2"):
        assert main(["plot", str(demo[1]), "--size", bad]) == 2


@pytest.mark.parametrize(
    "arguments", [["diagnose"], ["draws"], ["plot", "--format", "png"], ["partition"], ["compare", "{folder}"]]
)
def test_every_command_prints_json_where_it_is_asked_to(demo, arguments, monkeypatch, capsys):
    monkeypatch.setattr(stages, "pictures", lambda run: [])
    command, *options = (argument.format(folder=demo[1]) for argument in arguments)
    assert main([command, str(demo[1]), *options, "--json", "--quiet"]) in (0, 3)
    said = capsys.readouterr()
    assert not said.err
    json.loads(said.out, parse_constant=pytest.fail)


def test_a_run_is_done_again_with_the_same_numbers_and_not_on_other_data(table, tmp_path, capsys):
    fit = ["fit", str(table), "--components", "1", "--columns", "height", "--method", "em", "--restarts", "2"]
    assert main([*fit, "--out", str(tmp_path), "--json", "--quiet"]) == 0
    capsys.readouterr()
    first = str(tmp_path / "plants-001")
    assert main(["rerun", first, "--out", str(tmp_path), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["same"] == "the same numbers, to the last bit"
    table.write_text(table.read_text().replace("fern", "tree").replace("0.", "1."))
    assert main(["rerun", first, "--out", str(tmp_path), "--quiet"]) == 1
    assert "other data than those that the run began with" in capsys.readouterr().err
    assert not (tmp_path / "plants-003").exists()


def test_numbers_of_components_are_compared(capsys):
    assert (
        main(
            [
                "select",
                "faithful",
                "--components",
                "1:2",
                "--covariance",
                "EEE,VVV",
                "--restarts",
                "3",
                "--json",
                "--quiet",
            ]
        )
        == 0
    )
    found = pd.DataFrame(json.loads(capsys.readouterr().out))
    right = inference.select_components(mixtures.load_dataset("faithful"), [1, 2], ["EEE", "VVV"], restarts=3, seed=0)
    assert set(zip(found["structure"], found["components"], strict=True)) == {
        (s, k) for s in ("EEE", "VVV") for k in (1, 2)
    }
    assert found["bic"].min() == pytest.approx(right.best.bic, abs=1e-6)


def test_numbers_of_components_are_compared_by_several_routes(capsys):
    command = ["select", "faithful", "--components", "1:2", "--covariance", "EEE", "--restarts", "3", "--quiet"]
    assert main([*command, "--routes", "criteria,cross-validation", "--json"]) == 0
    found = pd.DataFrame(json.loads(capsys.readouterr().out)).set_index("components")
    right = inference.number_of_components(
        mixtures.gaussian_mixture(1, "EEE"), mixtures.load_dataset("faithful"), [1, 2], restarts=3, seed=0
    )
    np.testing.assert_allclose(found["log_score"], right.table["log_score"])
    np.testing.assert_allclose(found["bic"], right.table["bic"])
    assert main(["select", "faithful", "--covariance", "all", "--routes", "criteria", "--quiet"]) == 2
    assert "name one with --covariance" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "words"),
    [("families", ["StudentT(df", "ZeroInflatedPoisson"]), ("datasets", ["faithful", "earthquakes"])],
)
def test_what_there_is_is_listed(command, words, capsys):
    assert main([command]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in words)


def test_help_imports_nothing_heavy():
    """It must come at once: no array library, no backend, no pictures."""
    import subprocess

    code = (
        "import sys; from inference.cli import main; main(['--help']); main(['fit', '--help']); "
        "print([name for name in ('numpy', 'pandas', 'jax', 'torch', 'matplotlib', 'mixtures') if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"
    assert "--family" in ended.stdout and "Exit codes" in ended.stdout
