"""Entropy and average probabilities against their definitions, from responsibilities that scipy's densities give."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from scipy.stats import norm

from inference import certainty, fit_em, name_components
from mixtures import Observations, gaussian_mixture

RNG = np.random.default_rng(4)
X = np.concatenate([RNG.normal(0.0, 1.0, 30), RNG.normal(2.5, 1.0, 20)])


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_it_is_what_the_definitions_say(backend):
    times = np.arange(50) % 3 + 0.5
    x = Observations(X, row_weights=times)
    fit = fit_em(gaussian_mixture(2, "tied"), x, restarts=3, seed=0, backend=backend)
    p = fit.parameters
    shares = softmax(np.log(p["weights"]) + norm.logpdf(X[:, None], p["loc"], p["scale"]), axis=1)
    found = certainty(name_components(fit, ["one", "two"]), x)
    entropy = -(times[:, None] * shares * np.log(shares)).sum()
    assert found.relative_entropy == pytest.approx(1 - entropy / (times.sum() * np.log(2)))
    best = shares.argmax(axis=1)
    for k, name in enumerate(["one", "two"]):
        own = best == k
        assert found.table.loc[name, "assigned"] == pytest.approx(times[own].sum())
        assert found.table.loc[name, "probability"] == pytest.approx(np.average(shares[own, k], weights=times[own]))
        expected = np.average(shares[own], axis=0, weights=times[own])
        np.testing.assert_allclose(found.average.loc[name], expected, atol=1e-9)
    assert found.smallest == ["one", "two"][np.argmin(times @ shares)]
    assert f"{found.smallest} is the smallest" in str(found)


def test_one_component_is_sure():
    found = certainty(fit_em(gaussian_mixture(1), X, restarts=1, seed=0), pd.Series(X))
    assert found.relative_entropy == 1.0
    assert found.table["probability"].tolist() == [1.0]
