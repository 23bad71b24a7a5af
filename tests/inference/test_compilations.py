"""How many programs JAX compiles for a verb: a bound for the first call, and none for another seed or other data of the same shape, or of
about as many rows; but for the telescoping sampler, whose state has an assignment for each.

Counted by JAX's own monitoring events in a process of its own, without any cache on disk. The bounds are what was counted, not what is wanted:
lower them when something is mended.
"""

import json
import os
import subprocess
import sys

import pytest

COUNT = """
import json, warnings
import jax
import numpy as np
warnings.simplefilter("ignore")
count = [0]
def listen(event, seconds, **_):
    count[0] += event == "/jax/core/compile/backend_compile_duration"
jax.monitoring.register_event_duration_secs_listener(listen)
import inference
from mixtures import gaussian_mixture, load_dataset, simulate
x, model = np.array(load_dataset("faithful").x), gaussian_mixture(2)
other = x[::-1] * [1.0, 1.02]
fit = {}
def laplace(x, seed):
    return inference.fit_laplace(model, x, seed=seed, init=fit["map"], draws=50)
def nuts(x, seed):
    return inference.sample_nuts(model, x, seed=seed, init=fit["map"], draws=20, tune=20, chains=2, progress=False)
def telescope(x, seed):
    counts = {"draws": 60, "tune": 60, "chains": 2, "log_likelihood": False, "progress": False}
    return inference.sample_telescope(model, x, seed=seed, **counts)
def keep(x, seed):
    fit["map"] = inference.fit_map(model, x, seed=seed)
verbs = {
    "fit_em": lambda x, seed: inference.fit_em(model, x, seed=seed, restarts=20),
    "fit_map": keep,
    "fit_mle": lambda x, seed: inference.fit_mle(model, x, seed=seed),
    "fit_laplace": laplace,
    "sample_nuts": nuts,
    "sample_telescope": telescope,
    "fit_vi": lambda x, seed: inference.fit_vi(model, x, seed=seed, init=fit["map"], steps=20, draws=50),
    "simulate": lambda x, seed: simulate(model, (50, 2), seed=seed),
}
found = {}
for name, verb in verbs.items():
    found[name] = []
    for data, seed in ((x, 0), (x, 1), (other, 0)):
        before = count[0]
        verb(data, seed)
        found[name].append(count[0] - before)
    before = count[0]
    verb(x[:-3], 0)
    found[name].append(count[0] - before)
print(json.dumps(found))
"""

FIRST = {
    "fit_em": 3,
    "fit_map": 6,
    "fit_mle": 4,
    "fit_laplace": 5,
    "sample_nuts": 6,
    "sample_telescope": 7,
    "fit_vi": 8,
    "simulate": 2,
}
"""Programs compiled by the first call, in this order in one process; a few more than were counted, since versions of JAX differ by some."""


@pytest.fixture(scope="module")
def counted():
    plain = {name: value for name, value in os.environ.items() if "COMPILATION_CACHE" not in name}
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, env=plain)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("verb", list(FIRST))
def test_a_verb_compiles_few_programs_and_once(verb, counted):
    first, *again, _ = counted[verb]
    assert 0 < first <= FIRST[verb]
    assert again == [0, 0]


@pytest.mark.parametrize("verb", [verb for verb in FIRST if verb != "sample_telescope"])
def test_a_few_rows_fewer_compile_nothing(verb, counted):
    assert counted[verb][-1] == 0
