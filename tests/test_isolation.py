"""Nothing global changes: flags, dtypes, random states and parameter stores are the same before and after every verb."""

import itertools
import random
import signal
import threading
import warnings

import jax
import numpy as np
import numpyro
import pyro
import pytest
import sympy  # noqa: F401 (torch imports it late, and it adds a filter of warnings)
import torch

import inference
import mixtures
from mixtures.errors import ModelError
from tests.oracles import FIVE_POINTS


def _state():
    return {
        "x64": jax.config.jax_enable_x64,
        "platform": jax.config.jax_platforms,
        "torch dtype": torch.get_default_dtype(),
        "torch random": torch.random.get_rng_state().tolist(),
        "numpy random": np.random.get_state()[1].tolist(),  # noqa: NPY002 (it is the caller's global state that must not change),
        "python random": random.getstate(),
        "store": sorted(pyro.get_param_store().keys()),
        "store value": pyro.param("mine").item(),
        "validation": pyro.distributions.is_validation_enabled(),
        "grad": torch.is_grad_enabled(),
        "handlers": (list(numpyro.primitives._PYRO_STACK), list(pyro.poutine.runtime._PYRO_STACK)),
        "signal": signal.getsignal(signal.SIGINT),
        "warnings": list(warnings.filters),
        "floating point": np.geterr(),
    }


def _verbs(model, backend):
    """Every verb once, small."""
    fit = inference.fit_map(model, FIVE_POINTS, restarts=2, steps=5, seed=0, backend=backend)
    yield "fit_map"
    inference.classify(fit, FIVE_POINTS)
    inference.classify(fit, FIVE_POINTS, temperature=1, seed=3)
    yield "classify"
    inference.responsibilities(fit, FIVE_POINTS)
    inference.log_likelihood(fit, FIVE_POINTS)
    yield "responsibilities"
    inference.fit_guide(fit, FIVE_POINTS, steps=5, seed=0)
    yield "fit_guide"
    post = inference.sample_nuts(
        model, FIVE_POINTS, draws=10, tune=10, chains=2, seed=0, backend=backend, progress=False
    )
    yield "sample_nuts"
    inference.relabel(post)
    inference.diagnose_labels(post)
    yield "labels"
    inference.partition(post, seed=0)
    yield "partition"
    mixtures.simulate(model, 4, seed=0, backend=backend)
    yield "simulate"


def test_every_verb_leaves_the_caller_alone(tutorial, backend):
    with pyro.get_param_store().scope():
        pyro.param("mine", torch.tensor(3.0))
        before = _state()
        for verb in _verbs(tutorial, backend):
            assert _state() == before, f"{verb} changed something global"


def test_an_error_inside_a_verb_leaves_the_caller_alone(tutorial):
    from inference.backends import engine

    with pyro.get_param_store().scope():
        pyro.param("mine", torch.tensor(3.0))
        before = _state()
        with pytest.raises(RuntimeError):  # two of three parameters are missing
            engine("pyro").log_joint(tutorial, {"weights": np.array([0.5, 0.5])}, mixtures.Observations(FIVE_POINTS))
        assert _state() == before


VERBS_THAT_RUN_PROGRAMS = {
    "fit_map": lambda program, backend: inference.fit_map(
        program, FIVE_POINTS, restarts=2, steps=3, seed=0, backend=backend
    ),
    "sample_nuts": lambda program, backend: inference.sample_nuts(
        program, FIVE_POINTS, draws=3, tune=3, chains=1, seed=0, backend=backend, progress=False
    ),
    "simulate": lambda program, backend: mixtures.simulate(program, 5, seed=0, backend=backend),
}


NUMBERS = itertools.count()
"""Programs that compute the same are one program: what was compiled of the first would be run, and raise what that one does."""


@pytest.mark.quick(
    "pyro-*",
    "numpyro-ZeroDivisionError-fit_map-*",
    "numpyro-KeyboardInterrupt-sample_nuts-*",
    "numpyro-*-simulate-*",
    reason="each error, and each verb",
)
@pytest.mark.parametrize(
    ("verb", "runs"), [("simulate", 0), *((verb, runs) for verb in ("fit_map", "sample_nuts") for runs in (0, 1, 3))]
)
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_program_that_raises_leaves_the_caller_alone(backend, verb, error, runs):
    """In the first run of the program, or in a later one, inside another scope of the verb's; in the main thread and in another."""
    left, number = [runs], next(NUMBERS)

    @mixtures.declare
    def broken(ppl, x=None, size=5):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
        with ppl.plate("components", 2):
            loc = ppl.sample("loc", ppl.dist.Normal(0.0, 10.0 + number))
        with ppl.plate("rows", size if x is None else len(x)):
            z = ppl.assign("assignment", weights)
            left[0] -= 1
            if left[0] < 0:
                raise error
            ppl.sample("obs", ppl.dist.Normal(loc[z], 1.0), obs=x)

    def attempt():
        with pytest.raises((error, ModelError)):  # what a program raises is told of as the program's
            VERBS_THAT_RUN_PROGRAMS[verb](broken, backend)

    with pyro.get_param_store().scope():
        pyro.param("mine", torch.tensor(3.0))
        before = _state()
        attempt()
        assert _state() == before
        left[0] = 0
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
        assert _state() == before
