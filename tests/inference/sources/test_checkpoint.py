"""A fit that is killed goes on where it stood, to the same digits; a checkpoint of something else is refused."""

import errno
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from inference import fit_em
from mixtures import gaussian_mixture, source
from mixtures.errors import ModelError, StoredFileError

FIT = """
import sys, time
import numpy as np
from inference import fit_em
from inference.point.em import checkpoint
from mixtures import gaussian_mixture, source

checkpoint.SECONDS = 0.0

def chunks():
    time.sleep(0.05)  # passes take long enough to be killed among them
    yield from np.array_split(x, 3)

x = np.load(sys.argv[1])
fit_em(gaussian_mixture(3), source(chunks), restarts=3, max_steps=30, tolerance=0.0, seed=0, checkpoint=sys.argv[2])
"""

OPTIONS = {"restarts": 3, "max_steps": 30, "tolerance": 0.0, "seed": 0}


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(0)
    return rng.normal(size=(900, 2)) + np.array([[0, 0], [3, 1], [-2, 3]])[rng.integers(3, size=900)]


def test_a_fit_that_was_killed_goes_on_where_it_stood(x, tmp_path):
    data, path = tmp_path / "x.npy", tmp_path / "fit.checkpoint"
    np.save(data, x)
    process = subprocess.Popen([sys.executable, "-c", FIT, data, path])
    sizes = set()
    while len(sizes) < 5 and process.poll() is None:  # several passes have been written down
        sizes.add(path.stat().st_mtime_ns if path.exists() else 0)
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    passes = [0]

    def counted():
        passes[0] += 1
        yield x

    resumed = fit_em(gaussian_mixture(3), source(counted), **OPTIONS, checkpoint=path)
    after_kill, passes[0] = passes[0], 0
    whole = fit_em(gaussian_mixture(3), source(counted), **OPTIONS)
    assert after_kill < passes[0]
    for name, value in whole.parameters.items():
        np.testing.assert_array_equal(resumed.parameters[name], value)
    np.testing.assert_array_equal(resumed.losses, whole.losses)
    passes[0] = 0
    fit_em(gaussian_mixture(3), source(counted), **OPTIONS, checkpoint=path)  # all is written down
    assert passes[0] < 15


def test_a_checkpoint_of_another_call_or_an_altered_one_is_refused(x, tmp_path):
    path, options = tmp_path / "fit.checkpoint", {**OPTIONS, "restarts": 1, "max_steps": 2}
    fit_em(gaussian_mixture(2), source(x), **options, checkpoint=path)
    with pytest.raises(StoredFileError, match="another call, whose data and declaration differ"):
        fit_em(gaussian_mixture(2), source(x[:-1]), **options, checkpoint=path)
    with pytest.raises(StoredFileError, match="whose declaration differ"):
        fit_em(gaussian_mixture(2, "diag"), source(x), **options, checkpoint=path)
    with pytest.raises(StoredFileError, match="whose settings differ"):
        fit_em(gaussian_mixture(2), source(x), **{**options, "seed": 1}, checkpoint=path)
    content = path.read_bytes()
    for bad in (content[:-100], content[:2000] + b"?" + content[2001:], b""):
        path.write_bytes(bad)
        with pytest.raises(StoredFileError, match="does not match its checksum"):
            fit_em(gaussian_mixture(2), source(x), **options, checkpoint=path)
    with pytest.raises(StoredFileError, match="a place that cannot be read"):
        fit_em(gaussian_mixture(2), source(x), **options, checkpoint=tmp_path)
    with pytest.raises(StoredFileError, match="no folder"):
        fit_em(gaussian_mixture(2), source(x), **options, checkpoint=tmp_path / "no" / "fit")
    with pytest.raises(ModelError, match=r"mixtures.source\(x\)"):
        fit_em(gaussian_mixture(2), x, **options, checkpoint=path)


def test_a_disk_that_fills_up_leaves_the_last_checkpoint_from_which_the_fit_goes_on(x, tmp_path, monkeypatch):
    monkeypatch.setattr("inference.point.em.checkpoint.SECONDS", 0.0)
    path, left = tmp_path / "fit.checkpoint", [20]
    passes = [0]

    def counted():
        passes[0] += 1
        yield x

    def full(number):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoredFileError, match=r"fit.checkpoint: got a place .*No space left on device.*Make room"):
            fit_em(gaussian_mixture(3), source(counted), **OPTIONS, checkpoint=path)
    assert list(tmp_path.iterdir()) == [path]
    passes[0] = 0
    resumed = fit_em(gaussian_mixture(3), source(counted), **OPTIONS, checkpoint=path)
    after_room, passes[0] = passes[0], 0
    whole = fit_em(gaussian_mixture(3), source(counted), **OPTIONS)
    assert after_room <= passes[0] - 15
    for name, value in whole.parameters.items():
        np.testing.assert_array_equal(resumed.parameters[name], value)
    np.testing.assert_array_equal(resumed.losses, whole.losses)


def test_a_fit_whose_data_went_away_goes_on_when_they_are_back(x, tmp_path, backend, monkeypatch):
    monkeypatch.setattr("inference.point.em.checkpoint.SECONDS", 0.0)
    options = {**OPTIONS, "max_steps": 10, "restarts": 2, "backend": backend}
    left = [25]

    def chunks():
        left[0] -= 1
        if left[0] < 0:
            raise OSError("the share is gone")
        yield x

    path = tmp_path / "fit.checkpoint"
    with pytest.raises(OSError, match="the share is gone"):
        fit_em(gaussian_mixture(3, "diag"), source(chunks), **options, checkpoint=path)
    left[0] = 1000
    resumed = fit_em(gaussian_mixture(3, "diag"), source(chunks), **options, checkpoint=path)
    whole = fit_em(gaussian_mixture(3, "diag"), source(x), **options)
    for name, value in whole.parameters.items():
        np.testing.assert_array_equal(resumed.parameters[name], value)
    np.testing.assert_array_equal(resumed.losses, whole.losses)
