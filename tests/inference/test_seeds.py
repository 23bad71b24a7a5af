"""No random stream of one seed, verb, chain or restart is a stream of another: whoever repeats a run with another seed repeats nothing of it.

All doors to random numbers are watched (NumPy's generators, JAX's keys, torch's and nutpie's seeds) while every verb with chance in it runs
with several seeds, neighbours among them.
"""

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
import torch

import inference
import mixtures
from inference.backends import engine
from inference.labels.relabel import relabel
from inference.samplers.choice import Sampler
from inference.samplers.options import NutsOptions
from inference.samplers.protocol import Frame, Starts
from mixtures import Observations, families, gaussian_mixture
from tests.telescope_run import telescoped

SEEDS = (1, 2, 3)
X = np.random.default_rng(8).normal(size=40) + np.repeat([0.0, 2.5], 20)
HOLES = np.where(np.arange(40) % 7 == 0, np.nan, X)
MODEL = gaussian_mixture(2, "tied")
SHORT = {"draws": 10, "tune": 20, "chains": 3, "progress": False}


@mixtures.declare
def two_rates(ppl, x):
    """A program of a user's own, whose starts are draws from its prior."""
    with ppl.plate("components", 2):
        loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
        ppl.sample("obs", ppl.dist.Normal(loc[z], 1.0), obs=x)


@pytest.fixture(scope="module")
def fit() -> inference.PointFit:
    return inference.fit_map(MODEL, X, restarts=3, steps=50, seed=0)


@pytest.fixture(scope="module")
def posterior(fit):
    return inference.sample_nuts(MODEL, X, draws=20, tune=100, chains=2, seed=0, init=fit, progress=False)


def verbs(fit: Any, posterior: Any) -> dict[str, Callable[[int], Any]]:
    """Every verb with chance in it, as a function of the seed."""
    pyro_fit = inference.fit_map(MODEL, X, restarts=1, steps=1, seed=0, backend="pyro")
    own = {"restarts": 4, "steps": 2}
    regression = mixtures.Mixture(2, families.Regression("gaussian"))
    lines = Observations(X, covariates=np.arange(40.0))

    def nuts(sampler: str, **options: Any) -> Callable[[int], Any]:
        return lambda seed: inference.sample_nuts(MODEL, X, **SHORT, sampler=sampler, seed=seed, **options)

    return {
        "fit_map": lambda seed: inference.fit_map(MODEL, X, **own, seed=seed),
        "fit_map, rule of the user's": lambda seed: inference.fit_map(
            MODEL, X, **own, seed=seed, init=lambda x, rng: {"loc": rng.normal(size=2)}
        ),
        "fit_map, pyro": lambda seed: inference.fit_map(two_rates, X, **own, seed=seed, backend="pyro"),
        "fit_map, program": lambda seed: inference.fit_map(two_rates, X, **own, seed=seed),
        "fit_mle": lambda seed: inference.fit_mle(MODEL, X, restarts=3, batch_size=10, epochs=2, seed=seed),
        "fit_em": lambda seed: inference.fit_em(gaussian_mixture(3), X, restarts=14, max_steps=3, seed=seed),
        "fit_em, missing": lambda seed: inference.fit_em(
            MODEL, Observations(HOLES, missing="allow"), restarts=6, max_steps=3, seed=seed
        ),
        "fit_em, gradients": lambda seed: inference.fit_em(regression, lines, restarts=3, max_steps=2, seed=seed),
        "select_components": lambda seed: inference.select_components(X, 3, "E", restarts=9, max_steps=3, seed=seed),
        "classify": lambda seed: inference.classify(fit, X, temperature=1, seed=seed),
        "classify, warm": lambda seed: inference.classify(fit, X, temperature=2, seed=seed),
        "classify, pyro": lambda seed: inference.classify(pyro_fit, X, temperature=1, seed=seed),
        "fit_guide": lambda seed: inference.fit_guide(fit, X, steps=2, seed=seed),
        "fit_guide, pyro": lambda seed: inference.fit_guide(pyro_fit, X, steps=2, seed=seed),
        "numpyro": nuts("numpyro"),
        "numpyro, init": nuts("numpyro", init=fit, predictive=True, assignments=True),
        "nutpie": nuts("nutpie"),
        "pyro": nuts("pyro", backend="pyro"),
        "sample_smc": lambda seed: inference.sample_smc(MODEL, X, particles=10, runs=2, seed=seed, progress=False),
        "sample_telescope": lambda seed: telescoped(seed, draws=3, tune=3),
        "fit_laplace": lambda seed: inference.fit_laplace(MODEL, X, draws=3, seed=seed),
        "fit_vi": lambda seed: inference.fit_vi(MODEL, X, steps=3, draws=3, seed=seed),
        "simulate": lambda seed: mixtures.simulate(MODEL, 5, seed=seed),
        "simulate, pyro": lambda seed: mixtures.simulate(MODEL, 5, seed=seed, backend="pyro"),
        "partition": lambda seed: inference.partition(posterior, restarts=2, seed=seed),
        "relabel": lambda seed: relabel(posterior, "stephens", max_rows=10, seed=seed),
    }


class Doors:
    """What random generators were seeded with, while a verb ran."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.seen: list[Any] = []
        for module, name in ((np.random, "default_rng"), (jax.random, "PRNGKey"), (torch, "manual_seed")):
            monkeypatch.setattr(module, name, self._watched(getattr(module, name), name))
        seeded = self._watched(torch.default_generator.manual_seed, "manual_seed")
        monkeypatch.setattr(torch, "default_generator", SimpleNamespace(manual_seed=seeded))

    def _watched(self, real: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
        def call(seed: Any) -> Any:
            if isinstance(seed, np.ndarray | np.random.Generator):
                return real(
                    seed
                )  # noise about rows that were drawn, determined by them; a generator that was there before
            if isinstance(seed, np.random.SeedSequence):
                self.seen.append(("numpy", tuple(seed.generate_state(4))))
            elif int(seed) != 0:  # zero, where nothing is random: a scope, a trace for its shapes
                self.seen.append((name, int(seed)))
            return real(seed)

        return call


FEW = (
    "fit_map",
    "fit_map, pyro",
    "fit_em",
    "select_components",
    "classify",
    "classify, pyro",
    "nutpie",
    "simulate",
    "relabel",
)
"""Verbs of every door to random numbers, of both backends and with starts, draws and rows."""


@pytest.mark.quick("few", reason="each verb derives its seeds by one code")
@pytest.mark.parametrize("names", [FEW, None], ids=["few", "all"])
def test_no_stream_is_met_twice(fit, posterior, monkeypatch, names):
    nutpie = pytest.importorskip("nutpie")
    calls = {name: call for name, call in verbs(fit, posterior).items() if names is None or name in names}
    doors, owners = Doors(monkeypatch), {}
    real = nutpie.sample
    monkeypatch.setattr(
        nutpie,
        "sample",
        lambda *args, **options: (doors.seen.append(("nutpie", options["seed"])), real(*args, **options))[1],
    )
    # several calls of one verb share their starts by design; what they add to a backend's name does not matter
    silent = set(calls)
    for seed, (name, call) in itertools.product(SEEDS, calls.items()):
        doors.seen.clear()
        call(seed)
        if doors.seen:
            silent.discard(name)
        for stream in set(doors.seen):
            owner = owners.setdefault(stream, (verb_of(name), seed))
            assert owner == (verb_of(name), seed), f"{name}, seed {seed}: {stream} is a stream of {owner}"
    assert not silent, f"no random numbers were seen: {silent}"


def verb_of(name: str) -> str:
    """The verb that a case calls."""
    verb = name.split(",")[0]
    return "sample_nuts" if verb in ("numpyro", "nutpie", "pyro") else verb


def test_no_start_is_shared_by_two_seeds_or_two_restarts():
    """Eight of forty rows to begin at: 77 million choices, of which 30 starts meet one twice with a probability below 1 in 100,000."""
    model = gaussian_mixture(8, "tied")
    tables = [inference.fit_map(model, X, restarts=6, steps=1, seed=seed).restarts for seed in range(5)]
    begins = np.sort(np.concatenate([table["initial_objective"] for table in tables]))
    assert (np.diff(begins) > 1e-9 * begins[1:]).all()


@pytest.mark.parametrize("verb", [inference.fit_map, inference.fit_mle, inference.fit_em])
def test_first_restarts_are_the_same_whatever_the_number_of_restarts(verb):
    options = {"max_steps": 2} if verb is inference.fit_em else {"epochs" if verb is inference.fit_mle else "steps": 2}
    few, many = (verb(MODEL, X, restarts=count, seed=5, **options).restarts for count in (4, 9))
    columns = ["seed", "initial_objective"]
    np.testing.assert_array_equal(many[columns][:4], few[columns])
    assert many["seed"].nunique() == 9


@pytest.mark.quick("numpyro", reason="seeds of chains are derived by one code")
def test_chains_from_one_start_know_nothing_of_each_other(backend):
    """Chain c of seed s is no chain of any other seed, although all begin in the same place."""
    own, sampler = engine(backend), Sampler(backend, backend, "asked for")
    start = {"weights": np.full(2, 0.5), "loc": np.array([0.0, 2.5]), "scale": np.array(1.0)}
    vector = own.bind(MODEL, Observations(X)).log_density().unconstrain(start)
    target = own.bind(MODEL, Observations(X)).target()
    starts = Starts(np.tile(vector, (3, 1)), Frame(np.zeros_like(vector), np.ones_like(vector)))
    drawn = [
        sampler.sample(
            target, starts, NutsOptions(5, 5, 0.8, seed), progress=False, store=None, is_stopped=lambda: False
        )
        for seed in (0, 1, 2)
    ]
    first = np.concatenate([draws.parameters["scale"][:, 0] for draws in drawn])
    assert len(np.unique(first.round(12))) == 9
