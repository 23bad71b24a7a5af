"""Hamilton's Markov-switching autoregression has its published probabilities; its parameters are in the published record.

Hamilton (1989), Econometrica 57; `hamilton.csv` has EViews' filtered and smoothed probabilities of the boom, to six digits, from the tests of
statsmodels.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import inference
from mixtures import load_dataset

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("markov_switching", ROOT / "examples" / "10_markov_switching.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_states_have_their_published_probabilities(example):
    x = example.lagged(load_dataset("gnp").x)
    fit = inference.fit_mle(example.MODEL, x, restarts=2, seed=0)
    assert fit.status.is_sound
    low = int(np.argmin(fit.parameters["loc"]))
    published = np.loadtxt(ROOT / "tests" / "published" / "hamilton.csv", skiprows=1, delimiter=",")
    for filtered, right in ((True, published[:, 0]), (False, published[:, 1])):
        found = example.of_state(inference.responsibilities(fit, x, filtered=filtered), 1 - low)
        np.testing.assert_allclose(found, right, atol=1e-4)
