"""Shared fixtures: compiled programs are expensive, so fits and posteriors that several tests look at are made once a session."""

import gc
import itertools
import os
import sys
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")  # before anything imports matplotlib
# workers share the cores: threads of small matrix products wait for one another by working on, which took a fifth of the processor time
# where tests fit. Workers and child processes load BLAS after this; in a run without workers a plugin of zarr's has loaded NumPy's before
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

import inference
import mixtures
from inference.compiled_programs import keep_compiled_programs
from tests.evidence import Evidence
from tests.oracles import FIVE_POINTS
from tests.other_seeds import shift_seeds
from tests.quick import longest_first, mark_the_others_slow

# before any file beside this one imports JAX; workers and child processes share what they compile. JAX looks at all
# that is kept whenever it keeps another program, and a run of all tests compiles thousands: those of long compilations pay
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "1")
keep_compiled_programs(Path(__file__).parents[1] / ".compiled")
# tests compile longer than they compute: LLVM leaves programs as they are, all in one piece. An XLA_FLAGS that is set, if empty, stays
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1")

BACKENDS = ("numpyro", "pyro")


def pytest_addoption(parser):
    parser.addoption(
        "--seed-shift", type=int, default=0, help="other random numbers in all tests; see tests/other_seeds.py"
    )
    parser.addoption("--evidence", type=Path, help="write what is found to this page; see tests/evidence.py")


def pytest_configure(config):
    if config.getoption("--evidence") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Evidence(config.getoption("--evidence")))
    shift_seeds(config.getoption("--seed-shift"))


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request):
    """Both backends: a missing one fails the tests, it never skips them."""
    return request.param


@pytest.fixture(scope="session")
def tutorial():
    """The model of Pyro's Gaussian mixture tutorial."""
    return mixtures.gaussian_mixture(
        2,
        covariance="tied",
        weights=mixtures.weights.Dirichlet(0.5),
        priors={"loc": mixtures.priors.Normal(0.0, 10.0), "scale": mixtures.priors.LogNormal(0.0, 2.0)},
    )


@pytest.fixture(scope="session")
def five_points():
    return FIVE_POINTS


@pytest.fixture(scope="session")
def tutorial_fit(tutorial, backend):
    """The tutorial's own path: Adam on AutoDelta's ELBO."""
    return inference.fit_map(tutorial, FIVE_POINTS, restarts=100, steps=300, optimizer="adam", seed=0, backend=backend)


@pytest.fixture(scope="session")
def faithful():
    return mixtures.load_dataset("faithful")


@pytest.fixture(scope="session")
def faithful_fit(faithful):
    return inference.fit_map(mixtures.gaussian_mixture(2), faithful, restarts=5, seed=0)


@pytest.fixture(scope="session")
def faithful_posterior(faithful, faithful_fit):
    """A short but healthy posterior of Old Faithful, in two dimensions."""
    return inference.sample_nuts(
        mixtures.gaussian_mixture(2), faithful, draws=250, tune=250, chains=4, seed=1, init=faithful_fit, progress=False
    )


@pytest.fixture(scope="session")
def galaxies():
    return mixtures.load_dataset("galaxies")


@pytest.fixture(scope="session")
def galaxies_fit(galaxies):
    return inference.fit_map(mixtures.gaussian_mixture(3), galaxies, restarts=20, seed=0)


@pytest.fixture(scope="session")
def galaxies_posterior(galaxies, galaxies_fit):
    """Three components of very different sizes, one variable: draws enough that R-hat can be near 1."""
    return inference.sample_nuts(
        mixtures.gaussian_mixture(3),
        galaxies,
        draws=3000,
        tune=500,
        chains=4,
        seed=0,
        init=galaxies_fit,
        progress=False,
    )


MAPS_ALLOWED = 20_000
"""Memory maps of the test process at which compiled programs are dropped: some 5 GB; Linux ends a process that asks for more than 65,530."""

LOOKED_AT_EVERY = 4
"""Tests between two looks at the memory maps, of which the system writes out each."""

_turns = itertools.cycle(range(LOOKED_AT_EVERY))


@pytest.fixture(autouse=True)
def _drop_compiled_programs():
    """XLA keeps several memory maps for each compiled program, and a run of all tests compiles thousands: it would end in a crash."""
    yield
    maps = Path("/proc/self/maps")
    if next(_turns) or "jax" not in sys.modules or not maps.exists():
        return
    if maps.read_bytes().count(b"\n") > MAPS_ALLOWED:
        sys.modules["jax"].clear_caches()
        gc.collect()


_begun: dict[int, dict] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """A file's generator is where the file's import left it: what a test draws of it does not depend on the tests before."""
    for generator in vars(getattr(item, "module", object)).values():
        if isinstance(generator, np.random.Generator):
            generator.bit_generator.state = _begun.setdefault(id(generator), generator.bit_generator.state)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    """Marks before pytest selects by them; the order after it has put tests with one fixture together."""
    mark_the_others_slow(items, config.args)
    yield
    longest_first(items)


def pytest_collection_finish():
    """Programs are traced in thousands of small objects: the collector of garbage comes less often, and looks at no imported module."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
