"""Fits and draws of rows that are sharded over devices are those of the same rows in one place: of one process, and of two."""

import json
import os
import subprocess
import sys

import pytest

from tests.two_processes import printed_by_two

FITS = """
import json, sys
import jax
import numpy as np

if len(sys.argv) > 1:
    jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", 2, int(sys.argv[2]))

import inference
from inference.backends.numpyro import sharded as densities
from inference.point.em.numpyro import mesh_passes
from mixtures import Observations, gaussian_mixture, poisson_mixture

rng = np.random.default_rng(0)
z = rng.integers(3, size=601)  # no multiple of 2
x = np.array([[0, 0], [2, 1], [-1, 2]])[z] + rng.normal(size=(601, 2))
labels, weights = np.where(rng.random(601) < 0.1, z, -1), rng.integers(0, 3, 601)
known = Observations(x, labels=labels, row_weights=weights)
calls = {
    "full": (gaussian_mixture(3), x, {}),
    "diagonal, with labels and weights": (gaussian_mixture(3, "diag"), known, {}),
    "counts, hard": (poisson_mixture(2), rng.poisson(1 + 4 * z).astype(float), {"hard": True}),
}
mesh = jax.make_mesh((2,), ("rows",))
found = {}
for name, (model, data, more) in calls.items():
    options = {"restarts": 2, "max_steps": 5, "tolerance": 0.0, "seed": 0, **more}
    whole = inference.fit_em(model, data, **options)
    with inference.cluster(mesh) as own:
        assert own is mesh
        sharded = inference.fit_em(model, data, **options)
    apart = [np.abs(sharded.parameters[site] - value).max() for site, value in whole.parameters.items()]
    found[name] = [max(apart), np.abs(sharded.losses / whole.losses - 1).max(), sharded.losses.tolist()]
whole = inference.fit_map(gaussian_mixture(3, "diag"), known, restarts=2, seed=0)
with inference.cluster(mesh):
    highest = inference.fit_map(gaussian_mixture(3, "diag"), known, restarts=2, seed=0)
# none of them was computed in one place
assert mesh_passes._compiled.cache_info().currsize >= len(calls) and densities._compiled.cache_info().currsize == 1
apart = [np.abs(highest.parameters[site] - value).max() for site, value in whole.parameters.items()]
found["mode"] = [max(apart) / 100, highest.log_posterior / whole.log_posterior - 1, highest.losses.tolist()]  # 1e-8
# rounding grows from step to step: the first draws are the same
options = {"draws": 5, "tune": 15, "chains": 2, "sampler": "nutpie", "progress": False, "seed": 0}
whole = inference.sample_nuts(gaussian_mixture(3, "diag"), known, init=highest, **options)
with inference.cluster(mesh):
    posterior = inference.sample_nuts(gaussian_mixture(3, "diag"), known, init=highest, **options)
draws = posterior.sample_stats.lp.values
apart = np.abs(posterior.posterior.loc.values - whole.posterior.loc.values).max()
found["draws"] = [apart / 1e4, np.abs(draws / whole.sample_stats.lp.values - 1).max() / 1e4, draws.ravel().tolist()]
print(json.dumps(found))
"""


def checked(printed):
    found = json.loads(printed.splitlines()[-1])
    for apart, losses, series in found.values():
        assert apart < 1e-10 and losses < 1e-12 and len(series) > 2
    return found


def test_two_devices_of_one_process():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run([sys.executable, "-c", FITS], env=os.environ | flags, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    checked(done.stdout)


@pytest.mark.slow
def test_two_processes():
    first, second = printed_by_two(FITS)
    assert checked(first) == checked(second)
