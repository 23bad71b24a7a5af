"""Hamilton's Markov-switching autoregression has its published maximum and probabilities.

Hamilton (1989), Econometrica 57; the numbers are EViews', in the tests of statsmodels: log likelihood -181.26339, transition probabilities
.754673 and .095915, means -.358811 and 1.163516, log standard deviation -.262658, autoregression .013486, -.057521, -.246983, -.212923;
`hamilton.csv` has the filtered and smoothed probabilities of the first of its states, the boom, to six digits.
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
def test_hamiltons_model_is_found_as_published(example):
    x = example.lagged(load_dataset("gnp").x)
    fit = inference.fit_mle(example.MODEL, x, restarts=2, seed=0)
    assert fit.status.is_sound
    assert fit.log_likelihood == pytest.approx(-181.26339, abs=1e-5)
    low = int(np.argmin(fit.parameters["loc"]))
    moves = fit.parameters["transition"]
    np.testing.assert_allclose([moves[low, low], moves[1 - low, low]], [0.754673, 0.095915], atol=2e-5)
    np.testing.assert_allclose(np.sort(fit.parameters["loc"]), [-0.358811, 1.163516], atol=2e-5)
    np.testing.assert_allclose(np.log(fit.parameters["scale"]), -0.262658, atol=2e-5)
    np.testing.assert_allclose(fit.parameters["lag"], [0.013486, -0.057521, -0.246983, -0.212923], atol=2e-5)
    published = np.loadtxt(ROOT / "tests" / "published" / "hamilton.csv", skiprows=1, delimiter=",")
    for filtered, right in ((True, published[:, 0]), (False, published[:, 1])):
        found = example.of_state(inference.responsibilities(fit, x, filtered=filtered), 1 - low)
        np.testing.assert_allclose(found, right, atol=1e-4)
