"""Chains that are shared out among the processes of a mesh are those that one process draws."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest

import inference
from inference.samplers import processes
from inference.samplers.processes import by_processes, shares_of
from inference.samplers.protocol import Draws, Frame, Starts
from mixtures.errors import FitError, ModelError
from tests.two_processes import printed_by_two


@pytest.mark.parametrize(("chains", "processes"), [(4, 2), (3, 2), (1, 3), (5, 4), (8, 3)])
def test_every_chain_is_somebodys_and_shares_are_alike(chains, processes):
    shares = shares_of(chains, processes)
    assert len(shares) == processes and len({len(share) for share in shares}) == 1
    assert set().union(*shares) == set(range(chains))


STARTS = Starts(np.arange(6.0).reshape(3, 2), Frame(np.zeros(2), np.ones(2)))


def test_one_process_draws_them_all():
    drawn = by_processes(lambda own: Draws({"loc": own.vectors[:, None]}, {"lp": own.vectors[:, :1]}), STARTS)
    np.testing.assert_array_equal(drawn.parameters["loc"][:, 0], STARTS.vectors)
    with pytest.raises(FitError, match="mesh that drew none"):
        by_processes(lambda own: Draws({}, {"lp": own.vectors[:, :0]}), STARTS)


def test_what_a_stopped_process_lacks_is_taken_from_no_other(monkeypatch):
    """The second of two processes, threads here, has stopped after one of its chains and two draws of that."""
    every, meeting, told = [None, None], threading.Barrier(2), threading.local()

    def gathered(own):
        every[told.number] = own
        meeting.wait(10)
        found = jax.tree.map(lambda *parts: np.stack(parts), *every)
        meeting.wait(10)
        return found

    monkeypatch.setattr(processes, "process_allgather", gathered)
    monkeypatch.setattr(processes.jax, "process_count", lambda: 2)
    monkeypatch.setattr(processes.jax, "process_index", lambda: told.number)

    def drawn(number):
        told.number = number
        chains, draws = ((2, 3), (1, 2))[number]
        lp = 10.0 * np.arange(4)[:, None] + np.arange(3)
        return by_processes(lambda own: Draws({}, {"lp": lp[list(own.numbers)[:chains], :draws]}), four)

    four = Starts(np.zeros((4, 1)), Frame(np.zeros(1), np.ones(1)))
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(drawn, range(2)):
            np.testing.assert_array_equal(found.stats["lp"], [[0.0, 1.0], [20.0, 21.0]])


def test_a_mesh_is_for_chains_or_for_rows():
    mesh = jax.make_mesh((1, 1), ("chains", "rows"))
    with pytest.raises(ModelError, match='one axis, "chains"; or axes of other names'), inference.cluster(mesh):
        pass


DRAWN = """
import json, sys
import jax
import numpy as np

jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", 2, int(sys.argv[2]))

import inference
from inference.samplers import numpyro_nuts
from mixtures import gaussian_mixture
from mixtures.errors import FitError

x = np.random.default_rng(0).normal(size=60) + np.repeat([0.0, 3.0], 30)
model, mesh = gaussian_mixture(2, "tied"), jax.make_mesh((2,), ("chains",))
options = {"draws": 20, "tune": 20, "chains": 3, "seed": 0, "progress": False}
drawn = []
sample = numpyro_nuts.sample


def counted(target, starts, *others, **more):
    drawn.append(len(starts.vectors))
    return sample(target, starts, *others, **more)


numpyro_nuts.sample = counted
found = {}
for sampler in ("numpyro", "nutpie"):
    whole = inference.sample_nuts(model, x, sampler=sampler, **options)
    with inference.cluster(mesh):
        shared = inference.sample_nuts(model, x, sampler=sampler, **options)
    for group in ("posterior", "sample_stats"):
        for name, values in whole[group].items():
            found[f"{sampler} {name}"] = bool((shared[group][name] == values).all())


def failed(*others, **more):
    if jax.process_index() == 0:
        raise FitError("here", got="nothing", expected="draws")
    return sample(*others, **more)


numpyro_nuts.sample = failed
try:
    with inference.cluster(mesh):
        inference.sample_nuts(model, x, sampler="numpyro", **options)
except FitError as error:
    print(json.dumps([found, drawn, str(error)]))
"""


@pytest.mark.slow
def test_two_processes_draw_the_chains_of_one():
    (first, drawn, failure), (second, _, told) = (
        json.loads(printed.splitlines()[-1]) for printed in printed_by_two(DRAWN)
    )
    assert all(first.values()) and first == second and len(first) > 10
    assert drawn == [3, 2]  # of the second call each draws two, one of them both
    assert failure.startswith("here: got nothing") and "mesh that drew none" in told
