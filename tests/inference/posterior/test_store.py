"""No draw is lost: not to Ctrl-C, not to kill -9, not to a full disk; and a store is continued only by the run it belongs to.

Signals are real, sent to real processes. A continued run must give, bit for bit, the draws of one that was never disturbed.
"""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from jaxlib import xla_client

import inference
import mixtures
from inference.posterior.store import DrawStore
from inference.samplers import numpyro_nuts
from mixtures.errors import BackendError, StoredFileError
from mixtures.interrupts import stop_on_interrupt
from tests.oracles import FIVE_POINTS
from tests.telescope_run import telescoped

OPTIONS = {"draws": 430, "tune": 120, "chains": 2, "seed": 4, "sampler": "numpyro"}

CHILD = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
import inference, mixtures
from inference.posterior.store import DrawStore

write = DrawStore.write
def slowly(*args):  # time for the signal to arrive in mid-run
    write(*args)
    time.sleep(0.5)
DrawStore.write = slowly
x = np.array([0.0, 1.0, 10.0, 11.0, 12.0])
tree = inference.sample_nuts(mixtures.gaussian_mixture(2, "tied"), x, store=sys.argv[1], progress=True, **{options})
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
inference.save(tree, sys.argv[1] + ".nc")
"""


@pytest.fixture(autouse=True)
def interrupts_as_in_a_terminal():
    """A process started in the background may have them ignored."""
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, found)


@pytest.fixture(scope="module")
def model():
    return mixtures.gaussian_mixture(2, "tied")


@pytest.fixture(scope="module")
def undisturbed(model) -> xr.DataTree:
    return inference.sample_nuts(model, FIVE_POINTS, progress=False, **OPTIONS)


def _interrupted(store: Path, number: signal.Signals, after: int) -> str:
    """Run the child until it has written `after` blocks, send it a signal; returns what it wrote to the standard error."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.replace("{options}", repr(OPTIONS)), str(store)], stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 240
    while len(list(store.glob("block-*"))) < after:
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.02)
    child.send_signal(number)
    _, errors = child.communicate(timeout=240)
    assert child.returncode == (-number if number == signal.SIGKILL else 0), errors
    return errors


def _same_draws(one: xr.DataTree, other: xr.DataTree) -> None:
    for group in ("posterior", "sample_stats", "log_likelihood"):
        xr.testing.assert_identical(one[group].to_dataset(), other[group].to_dataset())


def test_a_killed_run_is_continued_as_if_nothing_had_happened(tmp_path, model, undisturbed):
    store = tmp_path / "run"
    _interrupted(store, signal.SIGKILL, after=6)
    last = sorted(store.glob("block-*"))[-1]
    last.write_bytes(last.read_bytes()[:-100])  # as if the power had failed in mid-write
    tree = inference.resume(store, FIVE_POINTS)
    assert tree.attrs["complete"] == 1
    _same_draws(tree, undisturbed)
    _same_draws(inference.resume(store, FIVE_POINTS, program=model), undisturbed)


def test_ctrl_c_returns_what_there_is(tmp_path, undisturbed):
    store = tmp_path / "run"
    errors = _interrupted(store, signal.SIGINT, after=5)
    assert "divergences" in errors and "draw/s" in errors.replace("s/draw", "draw/s")
    tree = inference.load(f"{store}.nc", x=FIVE_POINTS)
    draws = tree["posterior"].sizes["draw"]
    assert tree.attrs["complete"] == 0 and 0 < draws < OPTIONS["draws"]
    assert [w.name for w in inference.check_posterior(tree).warnings if w.name == "incomplete"] == ["incomplete"]
    np.testing.assert_array_equal(tree["posterior"]["loc"], undisturbed["posterior"]["loc"][:, :draws])
    _same_draws(inference.resume(store, FIVE_POINTS), undisturbed)


def test_chains_in_one_program_as_on_accelerators_are_stored_too(tmp_path, model, monkeypatch):
    monkeypatch.setattr(numpyro_nuts.jax, "default_backend", lambda: "gpu")
    whole = inference.sample_nuts(model, FIVE_POINTS, progress=False, store=tmp_path / "a", **OPTIONS)
    assert not list((tmp_path / "a").glob("block-001-*"))
    for block in sorted((tmp_path / "a").glob("block-000-*"))[4:]:
        block.unlink()
    _same_draws(inference.resume(tmp_path / "a", FIVE_POINTS), whole)


@pytest.mark.slow  # chains in one program are stored in the next test
def test_chains_are_shared_out_among_accelerators(tmp_path, model, monkeypatch):
    """Two devices of one or two chains each draw what one device with all of them does."""
    devices = xla_client.make_cpu_client(num_devices=2).devices()
    options = {**OPTIONS, "chains": 3, "draws": 4, "tune": 1}
    monkeypatch.setattr(numpyro_nuts, "_accelerators", lambda: devices[:1])
    alone = inference.sample_nuts(model, FIVE_POINTS, progress=False, **options)
    monkeypatch.setattr(numpyro_nuts, "_accelerators", lambda: devices)
    few = inference.sample_nuts(model, FIVE_POINTS, progress=False, **options)
    # programs of other widths add up in another order, which a few draws do not magnify
    np.testing.assert_allclose(few["posterior"]["loc"], alone["posterior"]["loc"], rtol=1e-6)
    options, store = {**OPTIONS, "chains": 3}, tmp_path / "run"
    together = inference.sample_nuts(model, FIVE_POINTS, progress=False, store=store, **options)
    assert {path.name[:9] for path in store.glob("block-*")} == {"block-000", "block-002"}
    for block in sorted(store.glob("block-*"))[4:]:
        block.unlink()
    _same_draws(inference.resume(store, FIVE_POINTS), together)
    monkeypatch.setattr(numpyro_nuts, "_accelerators", lambda: devices[:1])
    with pytest.raises(StoredFileError, match="another kind or number of devices"):
        inference.resume(store, FIVE_POINTS)


def test_a_full_disk_is_said_and_earlier_blocks_are_intact(tmp_path, model, undisturbed, monkeypatch):
    flush, written = os.fsync, []

    def fills_up(descriptor):
        written.append(descriptor)
        if len(written) > 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fills_up)
        with pytest.raises(StoredFileError, match=r"No space left on device.*make room"):
            inference.sample_nuts(model, FIVE_POINTS, progress=False, store=tmp_path / "run", **OPTIONS)
    assert len(list((tmp_path / "run").glob("block-*"))) == 5  # beside the header and the starts
    assert not list((tmp_path / "run").glob(".*"))
    _same_draws(inference.resume(tmp_path / "run", FIVE_POINTS), undisturbed)


@pytest.fixture(scope="module")
def complete(tmp_path_factory, model):
    path = tmp_path_factory.mktemp("stores") / "run"
    inference.sample_nuts(model, FIVE_POINTS, progress=False, store=path, **OPTIONS)
    return path


def test_a_store_is_continued_by_its_own_run_only(complete, model, monkeypatch):
    with pytest.raises(StoredFileError, match="other data"):
        inference.resume(complete, FIVE_POINTS + 1)
    with pytest.raises(StoredFileError, match="a run with another program") as error:
        inference.resume(complete, FIVE_POINTS, program=mixtures.gaussian_mixture(3, "tied"))
    assert len(str(error.value)) < 400  # not the programs' whole text
    with pytest.raises(StoredFileError, match="an existing file or folder.*resume"):
        inference.sample_nuts(model, FIVE_POINTS, progress=False, store=complete, **OPTIONS)
    with pytest.raises(StoredFileError, match="no stored run"):
        inference.resume(complete.parent, FIVE_POINTS)
    monkeypatch.setattr("inference.posterior.resume.versions", lambda backend: {"bayes-mixtures": "0.0.0"})
    with pytest.raises(StoredFileError, match="other versions.*0.0.0"):
        inference.resume(complete, FIVE_POINTS)


@pytest.mark.slow  # every sampler writes and goes on by one code
@pytest.mark.parametrize("blocks", [1, 4])  # in warm-up, and after it
def test_the_telescoping_sampler_goes_on_too(tmp_path, monkeypatch, blocks):
    """The partition, the number of components and the sampler's tuning go on with the same random numbers."""
    write, options = DrawStore.write, {"draws": 60, "tune": 50, "seed": 3}
    whole = telescoped(**options)

    def killed(store, group, index, block):
        if index == blocks:
            raise MemoryError
        write(store, group, index, block)

    with monkeypatch.context() as patch:
        patch.setattr(DrawStore, "write", killed)
        with pytest.raises(MemoryError):
            telescoped(store=tmp_path / "run", **options)
    assert len(list((tmp_path / "run").glob("block-*"))) == blocks
    tree = inference.resume(tmp_path / "run", FIVE_POINTS)
    assert tree.attrs["complete"] == 1
    _same_draws(tree, whole)
    with pytest.raises(StoredFileError, match="other data"):
        inference.resume(tmp_path / "run", FIVE_POINTS + 1)


def test_samplers_without_blocks_have_no_store(tmp_path, model):
    with pytest.raises(BackendError, match="works in blocks"):
        inference.sample_nuts(model, FIVE_POINTS, seed=0, backend="pyro", store=tmp_path / "run")
    with pytest.raises(BackendError, match="sampler='numpyro'"):
        inference.sample_nuts(model, FIVE_POINTS, seed=0, sampler="nutpie", store=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_second_interrupt_is_not_swallowed():
    with stop_on_interrupt() as is_stopped:
        assert not is_stopped()
        signal.raise_signal(signal.SIGINT)
        assert is_stopped()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_leave_signals_alone():
    seen = []

    def look():
        with stop_on_interrupt() as is_stopped:
            seen.append((signal.getsignal(signal.SIGINT), is_stopped()))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [(signal.getsignal(signal.SIGINT), False)]
