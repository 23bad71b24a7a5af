"""Rows that fill data up, to a number for which there may be a compiled program, count for nothing, whatever the program and the question."""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from inference.backends import bind
from inference.backends.numpyro.filled import filled_number
from inference.backends.numpyro.vector import compiled_vector_density
from mixtures import Mixture, Observations, assignments, families, gaussian_mixture, hidden_markov, regression_mixture

ROWS = 37
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 2)) + RNG.integers(3, size=(ROWS, 1))
COVARIATES = RNG.normal(size=(ROWS, 1))
LABELS = np.where(RNG.random(ROWS) < 0.2, RNG.integers(2, size=ROWS), -1)
MISSING = np.where(RNG.random((ROWS, 2)) < 0.2, np.nan, X)

FILLED = {
    "full covariances": (gaussian_mixture(2), Observations(X)),
    "labels and weights": (gaussian_mixture(2), Observations(X, labels=LABELS, row_weights=RNG.integers(0, 3, ROWS))),
    "heavy tails": (Mixture(2, families.StudentT(df=None)), Observations(X)),
    "missing cells": (gaussian_mixture(2), Observations(MISSING, missing="allow")),
    "trials": (Mixture(2, families.Binomial(4)), Observations(RNG.integers(0, 5, (ROWS, 2)))),
}

WHOLE = {
    "rows that follow one another": (hidden_markov(2), Observations(X[:, 0])),
    "coordinates by the covariates of all rows": (regression_mixture(2), Observations(X[:, 0], covariates=COVARIATES)),
    "gates": (Mixture(2, families.Gaussian("VVI"), assignments.Gating()), Observations(X, covariates=COVARIATES)),
}


@pytest.fixture(params=FILLED)
def both(request):
    """The bound problem of NumPyro, filled up, and Pyro's of the data as they are."""
    case = FILLED[request.param]
    ours, other = bind(*case, "numpyro"), bind(*case, "pyro")
    assert len(ours._filled[1]["x"]) == 40
    return ours, other


@pytest.fixture
def draws(both):
    density = both[0].log_density()
    points = np.random.default_rng(1).normal(scale=0.3, size=(3, density.size))
    each = [density.constrain(u) for u in points]
    return points, {name: np.stack([one[name] for one in each]) for name in each[0]}


def test_densities_are_those_of_the_data_alone(both, draws):
    ours, other = (bound.log_density() for bound in both)
    theirs = np.stack([other.unconstrain({name: value[i] for name, value in draws[1].items()}) for i in range(3)])
    assert_allclose(ours.values_and_gradients(draws[0])[0], other.values_and_gradients(theirs)[0], rtol=1e-12)
    some = np.array([0, 5, 36])  # what batches of rows ask for
    found, expected = ours.values_and_gradients(draws[0], some)[0], other.values_and_gradients(theirs, some)[0]
    assert_allclose(found, expected, rtol=1e-12)


def test_gradients_are_those_of_the_data_alone(both, draws):
    gradients = both[0].log_density(jacobian=True).values_and_gradients(draws[0])[1]
    expected = [_alone(both[0], u)[1] for u in draws[0]]
    assert_allclose(gradients, expected, rtol=1e-9, atol=1e-9)


def test_what_is_said_of_rows_is_said_of_the_data_s_own(both, draws):
    ours, other = both
    for name in ("tables", "pointwise"):
        found, expected = (getattr(bound, name)(draws[1]) for bound in both)
        assert found.shape[1] == ROWS
        assert_allclose(found, expected, rtol=1e-12)
    assert_allclose(ours.log_densities(draws[1]), other.log_densities(draws[1]), rtol=1e-12)


def test_a_sampler_s_density_is_that_of_the_data_alone(both, draws):
    target = both[0].target()
    of_vector = jax.jit(lambda u, data: sum(target.density.parts(u, data)))
    with jax.enable_x64(True):
        found = [of_vector(u, target.data) for u in draws[0]]
    assert_allclose(found, [_alone(both[0], u)[0] for u in draws[0]], rtol=1e-12)


def _alone(bound, u):
    """The log density and its gradient of the data as they are."""
    structure, data, sites = bound._native
    with jax.enable_x64(True):
        return compiled_vector_density(structure, sites, prior=True, jacobian=True)[0](u, data)


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE)
def test_where_all_rows_matter_none_is_added(case):
    assert len(bind(*case, "numpyro")._filled[1]["x"]) == ROWS


def test_a_sixteenth_is_added_at_most():
    filled = np.array([filled_number(rows) for rows in range(1, 5000)])
    rows = np.arange(1, 5000)
    assert (filled >= rows).all()
    assert (filled - rows <= np.maximum(7, rows / 16)).all()
    assert len(np.unique(filled[512:1024])) == 16
