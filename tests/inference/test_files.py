"""A saved result comes back as it was, or an error says why not; an existing file is never touched."""

import os
import stat
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import inference
import mixtures
from inference.backends import engine
from inference.posterior.tree import build_tree
from inference.samplers.protocol import Draws
from mixtures.errors import ModelError, StoredFileError
from tests.oracles import FIVE_POINTS


@pytest.mark.quick("numpyro", reason="files do not know of backends")
def test_a_fit_comes_back_as_it_was(tutorial_fit, tmp_path):
    back = inference.load(inference.save(tutorial_fit, tmp_path / "fit.json"), x=FIVE_POINTS)
    for site, value in tutorial_fit.parameters.items():
        np.testing.assert_array_equal(back.parameters[site], value)
    assert back.program == tutorial_fit.program
    assert back.status is tutorial_fit.status
    assert (back.restarts["status"] == tutorial_fit.restarts["status"]).all()
    np.testing.assert_array_equal(back.losses, tutorial_fit.losses)
    assert back.bic == tutorial_fit.bic
    np.testing.assert_array_equal(inference.classify(back, FIVE_POINTS), [1, 1, 0, 0, 0])


def test_names_of_covariates_and_row_weights_come_back(tmp_path):
    frame = pd.DataFrame({"dose": np.linspace(0.0, 1.0, 12)})
    x = mixtures.Observations(np.cos(np.arange(12.0)), covariates=frame)
    program = mixtures.regression_mixture(1)
    fit = inference.fit_em(program, x, restarts=1, max_steps=3, row_weights=np.arange(12.0), seed=0)
    back = inference.load(inference.save(fit, tmp_path / "fit.json"), x=x)
    assert back.sample_size == 66.0
    assert back.bic == fit.bic
    np.testing.assert_array_equal(inference.responsibilities(back, x), 1.0)


def test_a_guide_fit_comes_back_as_it_was(tutorial_fit, tmp_path):
    guide = inference.fit_guide(tutorial_fit, FIVE_POINTS, steps=5, seed=0)
    back = inference.load(inference.save(guide, tmp_path / "guide.json"))
    np.testing.assert_array_equal(back.assignment_probs, guide.assignment_probs)
    assert back.status is guide.status


def test_a_tree_comes_back_as_it_was_and_still_works(faithful, faithful_posterior, tmp_path):
    back = inference.load(inference.save(faithful_posterior, tmp_path / "posterior.nc"), x=faithful)
    for group in faithful_posterior.children:
        xr.testing.assert_identical(back[group].to_dataset(), faithful_posterior[group].to_dataset())
    r = inference.responsibilities(faithful_posterior, faithful)
    np.testing.assert_array_equal(inference.responsibilities(back, faithful), r)


INDICES = [
    pd.MultiIndex.from_product([["a", "b"], [1, 2, 3, 4]]),
    pd.period_range("2020-01", periods=8, freq="M"),
    pd.Index(["a", "a", 3, None, 2.5, (1, 2), True, "h"], dtype=object),
    pd.interval_range(0, 8),
    pd.date_range("2020-01-01", periods=8, tz="UTC"),
    pd.CategoricalIndex(list("abcdefgh")),
    pd.Index([*"abcdefg", None], dtype="str"),
]
OWN_TYPE = [pd.date_range("2020-01-01 10:00:00.000123", periods=8), pd.timedelta_range("1D", periods=8)]


def drawn(index: pd.Index) -> tuple[pd.Series, xr.DataTree]:
    """Three draws of a model of eight rows with these names, covariates' and labels' among them."""
    y = pd.Series(np.array([0.0, 1.0, 2.0, 1.0, 7.0, 8.0, 9.0, 8.0]), index=index)
    x = mixtures.Observations(y, labels=[0, *[-1] * 7])
    program, backend, rng = mixtures.gaussian_mixture(2), engine("numpyro"), np.random.default_rng(0)
    parameters = {
        "weights": rng.dirichlet(np.ones(2), (1, 3)),
        "loc": rng.normal(4.0, 3.0, (1, 3, 2)),
        "scale": rng.gamma(5.0, 0.2, (1, 3, 2)),
    }
    draws = Draws(parameters, {"lp": np.zeros((1, 3))})
    return y, build_tree(backend.bind(program, x), draws, {})


@pytest.mark.parametrize("index", [*INDICES, *OWN_TYPE], ids=lambda index: str(index.dtype))
def test_rows_may_be_called_anything(index, tmp_path):
    y, tree = drawn(index)
    names = np.asarray(index)
    back = inference.load(
        inference.save(tree, tmp_path / "draws.nc"), x=mixtures.Observations(y, labels=[0, *[-1] * 7])
    )
    for group in ("observed_data", "log_likelihood", "constant_data"):
        rows = back[group]["rows"].values
        if names.dtype == object:  # netCDF has no type for them: text
            assert rows.tolist() == [str(name) for name in names]
        else:
            np.testing.assert_array_equal(rows, names)
    assert tree["observed_data"]["rows"].dtype == names.dtype  # what is saved is not changed
    np.testing.assert_array_equal(inference.responsibilities(back, y), inference.responsibilities(tree, y))
    again = inference.load(inference.save(back, tmp_path / "again.nc"))
    xr.testing.assert_identical(again["observed_data"].to_dataset(), back["observed_data"].to_dataset())


def test_a_stored_run_over_such_rows_is_continued(tmp_path):
    index = pd.MultiIndex.from_product([["a", "b"], range(10)])
    y = pd.Series(np.random.default_rng(0).normal(np.repeat([0.0, 3.0], 10)), index=index)
    inference.sample_nuts(
        mixtures.gaussian_mixture(2), y, draws=20, tune=20, chains=1, seed=0, store=tmp_path / "run", progress=False
    )
    tree = inference.resume(tmp_path / "run", y, progress=False)
    back = inference.load(inference.save(tree, tmp_path / "draws.nc"), x=y)
    assert back["observed_data"]["rows"].values.tolist() == [str(name) for name in index]
    np.testing.assert_array_equal(back["posterior"]["loc"].values, tree["posterior"]["loc"].values)


@pytest.fixture
def saved(request, tutorial_fit, faithful_posterior, tmp_path):
    result = {"fit": tutorial_fit, "tree": faithful_posterior}[request.param]
    return inference.save(result, tmp_path / "result")


BOTH = pytest.mark.parametrize("saved", ["fit", "tree"], indirect=True)


@BOTH
def test_truncated_files_are_refused(saved):
    saved.write_bytes(saved.read_bytes()[: saved.stat().st_size // 2])
    with pytest.raises(StoredFileError, match="cannot be read"):
        inference.load(saved)


@BOTH
def test_altered_numbers_are_found(saved):
    content = bytearray(saved.read_bytes())
    if content[:1] == b"{":
        content = bytearray(content.replace(b"0.625", b"0.626"))
    else:
        import h5py

        with h5py.File(saved, "r+") as stored:
            stored["posterior/loc"][0, 0, 0, 0] += 1e-9
        content = bytearray(saved.read_bytes())
    saved.write_bytes(bytes(content))
    with pytest.raises(StoredFileError, match=r"checksum|cannot be read"):
        inference.load(saved)


@BOTH
def test_other_data_are_refused(saved):
    with pytest.raises(StoredFileError, match="fingerprint"):
        inference.load(saved, x=FIVE_POINTS + 1e-9)


@BOTH
def test_existing_files_are_not_overwritten(saved, tutorial_fit):
    before = saved.read_bytes()
    with pytest.raises(StoredFileError, match="overwrite=True"):
        inference.save(tutorial_fit, saved)
    assert saved.read_bytes() == before
    inference.save(tutorial_fit, saved, overwrite=True)
    assert inference.load(saved).seed == tutorial_fit.seed


def test_a_failed_write_leaves_nothing_behind(tutorial_fit, tmp_path, monkeypatch):
    inference.save(tutorial_fit, tmp_path / "good.json")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        inference.save(tutorial_fit, tmp_path / "good.json", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["good.json"]
    assert inference.load(tmp_path / "good.json").seed == tutorial_fit.seed


def test_saved_files_have_ordinary_permissions(tutorial_fit, tmp_path):
    (tmp_path / "other").touch()
    path = inference.save(tutorial_fit, tmp_path / "fit.json")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_what_is_no_result_is_refused(tutorial_fit, tmp_path):
    with pytest.raises(ModelError, match="a PointFit"):
        inference.save({"loc": 1.0}, tmp_path / "x")
    with pytest.raises(StoredFileError, match="no file"):
        inference.load(tmp_path / "missing.json")
    with pytest.raises(StoredFileError, match="no folder"):
        inference.save(tutorial_fit, tmp_path / "a" / "b")


FULL = """
import resource, signal, sys
import numpy as np, xarray as xr
import inference
from mixtures.errors import StoredFileError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"loc": (("chain", "draw"), np.ones((4, 9999)))})})
for size in (0, 20_000, 300_000, 322_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        inference.save(tree, sys.argv[1])
    except StoredFileError as error:
        print(error)
print(float(tree["posterior"]["loc"].mean()))
"""


def test_a_disk_that_fills_up_is_said_and_the_draws_live(tmp_path):
    pytest.importorskip("resource")
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "draws.nc")], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    *told, mean = run.stdout.splitlines()
    assert len(told) == 4 and mean == "1.0"
    assert all("draws.nc: got a place that cannot be written (File too large)" in line for line in told)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [PermissionError(1, "Operation not permitted"), OSError(95, "Not supported")])
def test_nothing_is_overwritten_where_there_are_no_hard_links(error, tutorial_fit, tmp_path, monkeypatch):
    def no_links(*_):
        raise error

    monkeypatch.setattr(os, "link", no_links)
    path = inference.save(tutorial_fit, tmp_path / "fit.json")
    before = path.read_bytes()
    assert inference.load(path).seed == tutorial_fit.seed
    monkeypatch.setattr(os.path, "lexists", lambda path: False)  # as if the file had appeared after the look
    with pytest.raises(StoredFileError, match="an existing file"):
        inference.save(tutorial_fit, path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("path", [None, 3, b"x", "a\0b", [], object()])
def test_what_is_no_path_is_refused(path, tutorial_fit):
    for verb in (lambda: inference.save(tutorial_fit, path), lambda: inference.load(path)):
        with pytest.raises(ModelError, match="expected a path: text, or a pathlib.Path"):
            verb()


def test_a_tree_that_xarray_wrote_is_read_by_xarray(faithful, faithful_posterior, tmp_path):
    faithful_posterior.to_netcdf(tmp_path / "draws.nc")
    with pytest.raises(StoredFileError, match=r"seal.*xarray\.open_datatree\(path\)"):
        inference.load(tmp_path / "draws.nc")
    with xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf") as back:
        found = inference.responsibilities(back, faithful)
    np.testing.assert_array_equal(found, inference.responsibilities(faithful_posterior, faithful))


def test_a_family_without_an_import_path_is_passed(tmp_path):
    @dataclass(frozen=True)
    class Own(mixtures.families.Poisson):
        """Lives inside a function."""

    model = mixtures.Mixture(2, Own())
    x = [0.0, 1.0, 1.0, 9.0, 12.0]
    fit = inference.fit_em(model, x, restarts=2, seed=0)
    path = inference.save(fit, tmp_path / "fit.json")
    with pytest.raises(StoredFileError, match=r"Own, which cannot be imported.*program="):
        inference.load(path)
    back = inference.load(path, program=model)
    assert type(back.program.family) is Own and back.program == fit.program
    np.testing.assert_array_equal(inference.responsibilities(back, x), inference.responsibilities(fit, x))
    with pytest.raises(StoredFileError, match="another program"):
        inference.load(path, program=mixtures.Mixture(3, Own()))
    with pytest.raises(ModelError, match="program"):
        inference.load(path, program=Own())
    tree = inference.sample_nuts(model, x, draws=20, tune=20, chains=1, seed=0, progress=False)
    tree.attrs.pop("program_token")  # as in another process
    path = inference.save(tree, tmp_path / "draws.nc")
    with pytest.raises(StoredFileError, match=r"Own, which cannot be imported.*program="):
        inference.responsibilities(inference.load(path), x)
    found = inference.responsibilities(inference.load(path, program=model), x)
    assert found.shape == (5, 2)


@pytest.mark.parametrize("kept", [[], [".starts.npz.0a.tmp"], ["starts.npz", ".run.json.ff.tmp"]])
def test_a_run_that_was_killed_before_it_had_begun_is_begun_again(kept, tmp_path):
    (tmp_path / "run").mkdir()
    for name in kept:
        (tmp_path / "run" / name).write_bytes(b"half")
    with pytest.raises(StoredFileError, match=r"no stored run.*Begin it again with store=path"):
        inference.resume(tmp_path / "run", FIVE_POINTS)
    options = {"draws": 10, "tune": 10, "chains": 1, "seed": 0, "store": tmp_path / "run", "progress": False}
    inference.sample_nuts(mixtures.gaussian_mixture(2, "tied"), FIVE_POINTS, **options)
    assert inference.resume(tmp_path / "run", FIVE_POINTS)["posterior"].sizes["draw"] == 10
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(StoredFileError, match="an existing file or folder.*Choose another name"):
        inference.sample_nuts(
            mixtures.gaussian_mixture(2, "tied"), FIVE_POINTS, **options | {"store": tmp_path / "mine"}
        )
