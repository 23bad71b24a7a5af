"""Memory is asked for before it is taken: what is not there is refused in words, and what is stated is all that is taken."""

import subprocess
import sys

import numpy as np
import pytest

import inference
import mixtures
from inference.partitions.partition import partition_responsibilities
from mixtures import memory
from mixtures.errors import MixturesError, ModelError, TooLargeError
from tests.inference.partitions import oracle


@pytest.fixture(scope="module")
def post():
    x = np.random.default_rng(0).normal(size=200)
    model = mixtures.gaussian_mixture(2)
    return inference.sample_nuts(model, x, draws=20, tune=20, chains=1, seed=0, progress=False)


def test_the_least_of_machine_container_and_limit_is_there(monkeypatch, tmp_path):
    for name, text in {
        "memory.max": "9000\n",
        "memory.current": "4000\n",
        "memory.stat": "inactive_file 500\nx y\n",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable: 6 kB\n")
    monkeypatch.setattr(memory, "CGROUPS", ((tmp_path, "memory.max", "memory.current", "inactive_file"),))
    assert memory.available() == 9000 - 4000 + 500
    monkeypatch.setattr(memory, "PROC", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() == 6 * 1024
    (tmp_path / "meminfo").unlink()
    assert memory.available() > 2**28  # what is built in


@pytest.mark.parametrize(("size", "words"), [(3, "3 bytes"), (3.2e9, "3.2 GB"), (7.5e15, "7.5e+03 TB")])
def test_sizes_are_said_in_words(size, words):
    assert memory.spoken(size) == words


VERBS = {
    "similarity": inference.similarity,
    "partition": lambda post: inference.partition(post, similarity=True, seed=0),
    "log_likelihood": lambda post: inference.log_likelihood(post, np.zeros(10)),
    "stephens": lambda post: inference.relabel(post, "stephens"),
    "sample_nuts": lambda post: inference.sample_nuts(
        mixtures.gaussian_mixture(2), np.arange(9.0), seed=0, log_likelihood=True
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_not_there_is_refused(verb, post, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1000.0)
    monkeypatch.setattr(memory, "LITTLE", 0.0)  # the data here are
    with pytest.raises(TooLargeError, match="got a need of .*B; expected at most the 1 kB there are") as error:
        VERBS[verb](post)
    assert isinstance(error.value, MemoryError) and isinstance(error.value, MixturesError)


PEAK = """
import resource, sys
import numpy as np
from inference.partitions.similarity import similarity_matrix
responsibilities = np.random.default_rng(0).dirichlet([1.0, 1.0, 1.0], (50, {rows}))
similarity_matrix(responsibilities[:, :100])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = similarity_matrix(responsibilities)
assert (table == table.T).all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_a_similarity_matrix_takes_what_is_stated():
    run = subprocess.run(
        [sys.executable, "-c", PEAK.format(rows=6000)], capture_output=True, text=True, timeout=300, check=True
    )
    assert int(run.stdout) * 1024 < 8 * 6000**2 + 200e6  # a second matrix would be 288 MB more


@pytest.mark.parametrize("loss", ["vi", "binder", "omari"])
def test_a_partition_needs_no_matrix(loss):
    """Of partitions sampled from sure-ish rows: the minimum over all partitions, and the same uncertainties."""
    responsibilities = oracle.overlapping(5, 3, 2000, seed=4, gap=4.0)
    found = partition_responsibilities(responsibilities, loss, similarity=False, seed=0)
    partitions = oracle.all_partitions(5)
    share = oracle.posterior_of(responsibilities, partitions)
    expected = [share @ [oracle.BETWEEN[loss](c, z) for z in partitions] for c in partitions]
    assert found.labels.tolist() == partitions[int(np.argmin(expected))].tolist()
    assert found.expected_loss == pytest.approx(min(expected), abs=0.02)
    together = np.einsum("tik,tjk->ij", responsibilities, responsibilities) / len(responsibilities)
    for row in range(5):
        for k in range(found.clusters):
            others = [j for j in range(5) if found.labels[j] == k and j != row]
            if others:
                assert found.membership[row, k] == pytest.approx(together[row, others].mean(), abs=1e-12)
    assert found.similarity is None
    with pytest.raises(ModelError, match="without a similarity matrix"):
        inference.plots.plot_similarity(found)


@pytest.mark.parametrize("loss", ["vi-lower-bound", "omari-approximate"])
def test_losses_that_are_made_of_the_matrix_are_refused_without_it(loss, post):
    with pytest.raises(ModelError, match="without the similarity matrix of 200 rows"):
        inference.partition(post, loss, similarity=False, seed=0)
    with pytest.raises(ModelError, match="True, False or None"):
        inference.partition(post, similarity="no", seed=0)


def test_evenly_spaced_draws_are_used_without_a_matrix(post, monkeypatch):
    monkeypatch.setattr("inference.partitions.partition.SAMPLED_BYTES", 200 * 24 * 5)
    found = inference.partition(post, similarity=False, restarts=1, seed=0)
    some = post.isel(draw=slice(None, None, 4), missing_dims="ignore")
    np.testing.assert_array_equal(found.labels, inference.partition(some, similarity=False, restarts=1, seed=0).labels)
