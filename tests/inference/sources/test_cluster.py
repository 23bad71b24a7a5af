"""Dask's workers give the digits that this process gives, however many they are, and whichever of them are killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import dask.array
import dask.dataframe
import distributed
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from inference import classify, cluster, fit_em, log_likelihood, responsibilities
from inference.point.em import checkpoint
from inference.workers import working
from mixtures import gaussian_mixture, poisson_mixture, source
from mixtures.errors import BackendError, DataError, ModelError
from mixtures.sources.parquet import ParquetSource
from mixtures.sources.tree import Tree
from tests.dask_clients import clients
from tests.stored_rows import in_npy, in_zarr, written

OPTIONS = {"restarts": 1, "max_steps": 2, "tolerance": 0.0, "seed": 0}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Many blocks of few rows."""
    monkeypatch.setattr("mixtures.blocks.BLOCK", 100)


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(0)
    return rng.normal(size=(1000, 2)) + np.array([[0, 0], [2, 1], [-1, 2]])[rng.integers(3, size=1000)]


@pytest.fixture(scope="module")
def two():
    with clients(2) as client:
        yield client


def same(one, other):
    for name, value in one.parameters.items():
        assert_array_equal(other.parameters[name], value)
    assert_array_equal(other.losses, one.losses)
    assert other.log_likelihood == one.log_likelihood


@pytest.mark.parametrize("workers", [1, 4])
def test_the_number_of_workers_changes_no_digit(x, workers, backend):
    options = {**OPTIONS, "backend": backend}
    serial, memory = (fit_em(gaussian_mixture(3), rows, **options) for rows in (source(x), x))
    with clients(workers) as client, cluster(client):
        spread_out = fit_em(gaussian_mixture(3), source(x), **options)
    same(serial, spread_out)
    assert_allclose(spread_out.parameters["loc"], memory.parameters["loc"], rtol=1e-10, atol=1e-10)


def files(x, folder):
    return written(pd.DataFrame(x, columns=["a", "b"]), folder, (0, 333, 334, 1000), row_group_size=150)


def frames(x, folder):
    return dask.dataframe.from_pandas(pd.DataFrame(x, columns=["a", "b"]), npartitions=4)


SOURCES = {
    "files": files,
    "npy": in_npy,
    "zarr": in_zarr,
    "chunks": lambda x, folder: np.array_split(x, 7),
    "dask array": lambda x, folder: dask.array.from_array(x, chunks=(300, 2)),
    "dask frame": frames,
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_workers_read_every_kind_of_source(make, x, tmp_path, two):
    serial = fit_em(gaussian_mixture(3, "diag"), source(x), **OPTIONS)
    with cluster(two):
        same(serial, fit_em(gaussian_mixture(3, "diag"), source(make(x, tmp_path)), **OPTIONS))


def test_partitions_that_lie_on_workers_are_read_there(x, two):
    serial = fit_em(gaussian_mixture(3, "diag"), source(x), **OPTIONS)
    held = two.persist(dask.array.from_array(x, chunks=(300, 2)))
    with two.as_current(), cluster(two):
        same(serial, fit_em(gaussian_mixture(3, "diag"), source(held), **OPTIONS))


def test_weights_and_missing_cells_are_the_same_there(x, two):
    counts = pd.DataFrame(np.floor(abs(x)), columns=["a", "b"]).assign(n=2.0)
    counts.iloc[::9, 1] = np.nan
    rows = source([counts.iloc[:199], counts.iloc[199:]], weights="n", missing="allow")
    serial = fit_em(poisson_mixture(2), rows, **OPTIONS)
    with cluster(two):
        same(serial, fit_em(poisson_mixture(2), rows, **OPTIONS))


def is_worker():
    try:
        return bool(distributed.get_worker())
    except ValueError:
        return False


@pytest.fixture
def read(monkeypatch):
    """Rows of files that were read, by whether a worker did it."""
    rows, real = Counter(), ParquetSource.chunks

    def chunks(self, begin=0):
        for chunk in real(self, begin):
            rows[is_worker()] += len(chunk.values)
            yield chunk

    monkeypatch.setattr(ParquetSource, "chunks", chunks)
    return rows


def test_workers_answer_about_rows_in_their_order_and_they_alone_read_them(x, tmp_path, two, read):
    rows = source(files(x, tmp_path))
    with cluster(two):
        fit = fit_em(gaussian_mixture(3, "diag"), rows, **OPTIONS)
        found = [log_likelihood(fit, rows), classify(fit, rows, temperature=1, seed=2)]
        responsibilities(fit, rows, to=tmp_path / "r.parquet")
    first = 150  # the first rows are looked at when the source is made, and as a number near the means
    assert 0 < read[False] <= 2 * first and read[True] > 6 * len(x)
    frame = pd.DataFrame(x, columns=["a", "b"])
    assert_array_equal(found[0], log_likelihood(fit, source(frame)))
    assert_array_equal(found[1], classify(fit, source(frame), temperature=1, seed=2))
    assert_array_equal(pd.read_parquet(tmp_path / "r.parquet"), responsibilities(fit, source(frame)))


def test_a_bad_row_has_its_place_where_a_worker_finds_it(x, tmp_path, two):
    fit = fit_em(gaussian_mixture(3, "diag"), pd.DataFrame(x, columns=["a", "b"]), **OPTIONS)
    bad = x.copy()
    bad[777, 1] = np.nan
    rows = source(files(bad, tmp_path))
    with cluster(two):
        for verb in (lambda: fit_em(gaussian_mixture(3), rows, **OPTIONS), lambda: classify(fit, rows)):
            with pytest.raises(DataError, match="nan at row 443 of part-2.parquet, column 'b'"):
                verb()


@pytest.mark.parametrize("height", [0, 1, 3])
def test_groups_are_branches_of_the_tree_of_all_blocks(height):
    for blocks in range(1, 40):
        whole, of_groups = Tree(lambda a, b: f"({a}{b})"), Tree(lambda a, b: f"({a}{b})")
        for block in range(blocks):
            whole.push(f"{block},")
        for first in range(0, blocks, 2**height):
            group = Tree(lambda a, b: f"({a}{b})")
            for block in range(first, min(first + 2**height, blocks)):
                group.push(f"{block},")
            of_groups.push(group.total())
        assert of_groups.total() == whole.total()


def test_nothing_is_left_of_it(two):
    assert working() is None
    with cluster(two) as client:
        assert working() is client is two
    with pytest.raises(ZeroDivisionError), cluster(two):
        _ = 1 / 0
    assert working() is None and two.status == "running"


def test_a_cluster_that_is_none_is_said(monkeypatch):
    monkeypatch.setattr("inference.workers.SECONDS", 0.2)
    with (
        pytest.raises(
            ModelError,
            match=r'cluster: got 3; expected "tcp://...", a distributed.Client, a jax.sharding.Mesh, or None',
        ),
        cluster(3),
    ):
        pass
    with (
        pytest.raises(BackendError, match="cluster: got no scheduler at 'tcp://127.0.0.1:9'"),
        cluster("tcp://127.0.0.1:9"),
    ):
        pass


def test_what_cannot_be_sent_to_workers_is_said(x, two):
    lock = threading.Lock()

    def chunks():
        with lock:
            yield x

    with (
        pytest.raises(BackendError, match="cannot be sent to workers .*lock.*open within the function what it reads"),
        cluster(two),
    ):
        fit_em(gaussian_mixture(3, "diag"), source(chunks), **OPTIONS)


def test_a_scheduler_without_workers_is_said(monkeypatch):
    monkeypatch.setattr("inference.workers.SECONDS", 0.1)
    with clients(0) as client, pytest.raises(BackendError, match="a scheduler without workers"), cluster(client):
        pass


def started(*command):
    return subprocess.Popen([sys.executable, "-m", *command], stderr=subprocess.DEVNULL)


def killed_while_working(client, process, is_busy):
    """A thread that ends a process at once when tasks run."""

    def kill():
        while not is_busy():
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_worker_and_the_scheduler_are_killed(x, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    path, options = in_npy(x, tmp_path), {**OPTIONS, "restarts": 2, "max_steps": 40}
    serial = fit_em(gaussian_mixture(3), source(path), **options)
    address = tmp_path / "scheduler.json"
    quiet = ["--no-dashboard"]
    scheduler = started("distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(address), *quiet)
    worker = ["distributed.cli.dask_worker", "--scheduler-file", str(address), "--no-nanny", "--nthreads", "1", *quiet]
    workers = [started(*worker, "--name", name) for name in "ab"]
    try:
        while not address.exists():
            time.sleep(0.05)
        with distributed.Client(scheduler_file=str(address), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            doomed = next(name for name, known in client.scheduler_info()["workers"].items() if known["name"] == "a")
            with cluster(client):
                thread = killed_while_working(client, workers[0], lambda: bool(client.processing().get(doomed)))
                found = fit_em(gaussian_mixture(3), source(path), **options)
            thread.join()
            assert workers[0].wait() == -signal.SIGKILL
            same(serial, found)
            kept = tmp_path / "fit.checkpoint"
            size = []

            def has_moved():
                size.append(kept.stat().st_size if kept.exists() else 0)
                return len(set(size)) > 5

            thread = killed_while_working(client, scheduler, has_moved)
            with pytest.raises(BackendError, match="a scheduler that was lost"), cluster(client):
                fit_em(gaussian_mixture(3), source(path), **options, checkpoint=kept)
            thread.join()
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
    same(serial, fit_em(gaussian_mixture(3), source(path), **options, checkpoint=kept))
