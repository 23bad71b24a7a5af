"""A known label removes a row's other components, in every verb and both backends; an unknown one changes nothing."""

import numpy as np
import pytest

from inference import classify, fit_map, responsibilities, sample_nuts
from inference.engines import engine
from inference.point.mle import fit_mle
from mixtures import Observations, gaussian_mixture
from mixtures.errors import DataError

X = np.random.default_rng(0).normal(size=(30, 2)) + np.repeat([[0.0, 0.0], [1.5, 1.0]], 15, axis=0)
LABELS = np.where(np.arange(30) % 3 == 0, np.repeat([0, 1], 15), -1)


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_the_hub_keeps_the_known_component_alone(backend):
    program = gaussian_mixture(2)
    parameters = fit_map(program, X, restarts=2, steps=50, seed=0).parameters
    plain = engine(backend).log_joint(program, parameters, Observations(X))
    known = engine(backend).log_joint(program, parameters, Observations(X, labels=LABELS))
    expected = np.where((LABELS[:, None] >= 0) & (LABELS[:, None] != np.arange(2)), -np.inf, plain)
    np.testing.assert_allclose(known, expected, rtol=1e-12)


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_gradients_are_finite_and_right(backend):
    program, x = gaussian_mixture(2), Observations(X, labels=LABELS)
    density = engine(backend).log_density(program, x)
    parameters = fit_map(program, X, restarts=2, steps=50, seed=0).parameters
    u = density.unconstrain(parameters)
    _, gradient = density.value_and_gradient(u)
    step = 1e-6
    for index in range(0, density.size, 3):
        e = step * np.eye(density.size)[index]
        slope = (density.value_and_gradient(u + e)[0] - density.value_and_gradient(u - e)[0]) / (2 * step)
        assert gradient[index] == pytest.approx(slope, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_point_fits_and_classification_honour_labels(backend):
    x = Observations(X, labels=np.repeat([0, 1], 15))
    program = gaussian_mixture(2)
    for fit in (
        fit_map(program, x, restarts=1, steps=50, seed=0, backend=backend),
        fit_mle(program, x, restarts=1, epochs=50, seed=0, backend=backend),
    ):
        np.testing.assert_array_equal(classify(fit, x), x.labels)
        np.testing.assert_array_equal(responsibilities(fit, x), np.eye(2)[x.labels])
    # all labels known: the likelihood's maximum is each group's own mean
    order = np.argsort(fit.parameters["loc"][:, 0])
    expected = np.stack([X[:15].mean(axis=0), X[15:].mean(axis=0)])
    np.testing.assert_allclose(fit.parameters["loc"][order], expected, rtol=1e-4, atol=1e-4)


def test_anchored_rows_keep_chains_from_switching():
    # the labels say that component 0 is the lower one; without them both labellings are equally probable
    x = Observations(X[:, 0], labels=np.repeat([0, 1], 15))
    posterior = sample_nuts(gaussian_mixture(2), x, draws=100, tune=200, chains=2, seed=0, progress=False)
    loc = posterior["posterior"]["loc"].values
    assert (loc[..., 0] < loc[..., 1]).mean() > 0.95


def test_bad_labels_name_the_row():
    with pytest.raises(DataError, match="labels: got shape"):
        Observations(X, labels=[0, 1])
    with pytest.raises(DataError, match="-2 at row 0"):
        Observations(X, labels=np.full(30, -2))
    assert Observations(X, labels=[None] * 29 + [1]).labels.tolist() == [-1] * 29 + [1]
    assert Observations(X).fingerprint != Observations(X, labels=LABELS).fingerprint
