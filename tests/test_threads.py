"""Every verb gives in four threads at once, in a fresh process, what it gives alone: handler stacks and random states are no thread's own."""

import subprocess
import sys

import pytest

VERBS = """
import sys, threading
import numpy as np
import inference, mixtures

backend, threads = sys.argv[1], 4
x = np.array([0.0, 1.0, 10.0, 11.0, 12.0, 3.0])
model = mixtures.gaussian_mixture(2, "tied")
small = {"draws": 10, "tune": 10, "chains": 2, "progress": False}

def fit(seed):
    return inference.fit_map(model, x, restarts=2, steps=20, seed=seed, backend=backend)

def mean(tree):
    return float(tree["posterior"]["loc"].mean())

verbs = {
    "simulate": lambda seed: float(mixtures.simulate(model, 6, seed=seed, backend=backend)["obs"].sum()),
    "fit_map": lambda seed: fit(seed).log_posterior,
    "fit_em": lambda seed: inference.fit_em(model, x, restarts=2, seed=seed, backend=backend).log_likelihood,
    "fit_mle": lambda seed: inference.fit_mle(model, x, restarts=2, epochs=9, seed=seed, backend=backend).log_likelihood,
    "classify": lambda seed: inference.classify(fit(seed), x, temperature=1, seed=seed).tolist(),
    "responsibilities": lambda seed: inference.responsibilities(fit(seed), x).tolist(),
    "fit_guide": lambda seed: inference.fit_guide(fit(seed), x, steps=5, seed=seed).losses.tolist(),
    "sample_nuts": lambda seed: mean(inference.sample_nuts(model, x, seed=seed, backend=backend, predictive=True, **small)),
    "fit_laplace": lambda seed: mean(inference.fit_laplace(model, x, draws=9, seed=seed, backend=backend, init=fit(seed))),
}
if backend == "numpyro":
    verbs |= {
        "NumPyro's": lambda seed: mean(inference.sample_nuts(model, x, seed=seed, sampler="numpyro", **small)),
        "fit_vi": lambda seed: mean(inference.fit_vi(model, x, steps=5, draws=9, seed=seed, init=fit(seed))),
        "sample_smc": lambda seed: mean(inference.sample_smc(model, x, particles=20, runs=2, seed=seed, progress=False)),
    }

def attempt(verb, seed):
    try:
        return verbs[verb](seed)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"

names, found, ready = sys.argv[2:] or list(verbs), {}, threading.Barrier(threads)

def work(seed):
    for turn in range(len(names)):  # each verb beside others: the threads begin at different ones
        verb = names[(turn + seed * len(names) // threads) % len(names)]
        if turn == 0:
            ready.wait()
        found[verb, seed] = attempt(verb, seed)

workers = [threading.Thread(target=work, args=(seed,)) for seed in range(threads)]
for worker in workers: worker.start()
for worker in workers: worker.join()
alone = {job: attempt(*job) for job in found}
print(len(found), {job: (got, alone[job]) for job, got in found.items() if got != alone[job]})
"""


FEW = ("simulate", "fit_map", "classify")
"""What draws, climbs and enumerates."""


@pytest.mark.quick("*few", reason="all verbs hold one lock where they trace")
@pytest.mark.parametrize("names", [FEW, ()], ids=["few", "all"])
def test_every_verb_in_four_threads_at_once_gives_what_it_gives_alone(backend, names):
    command = [sys.executable, "-W", "ignore", "-c", VERBS, backend, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    jobs = 4 * (len(names) or {"numpyro": 12, "pyro": 9}[backend])
    assert done.stdout.strip() == f"{jobs} {{}}"
