"""The density of rows on a mesh is the density of the same rows in one place, whatever the program; where it cannot be, it is not sharded."""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from inference import cluster
from inference.backends import bind
from inference.backends.numpyro import sharded
from mixtures import Mixture, Observations, assignments, families, gaussian_mixture, hidden_markov, regression_mixture
from tests.programs.latent import INTERCEPTS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2)) + RNG.integers(3, size=(40, 1))
COVARIATES = RNG.normal(size=(40, 1))
LABELS = np.where(RNG.random(40) < 0.2, RNG.integers(2, size=40), -1)
MISSING = np.where(RNG.random((40, 2)) < 0.2, np.nan, X)

SHARDED = {
    "full covariances, labels and weights": (
        gaussian_mixture(2),
        Observations(X, labels=LABELS, row_weights=RNG.integers(0, 3, 40)),
    ),
    "heavy tails": (Mixture(2, families.StudentT(df=None)), Observations(X)),
    "gates": (Mixture(2, families.Gaussian("VVI"), assignments.Gating()), Observations(X, covariates=COVARIATES)),
    "lines": (regression_mixture(2), Observations(X[:, 0], covariates=COVARIATES)),
    "missing cells": (gaussian_mixture(2), Observations(MISSING, missing="allow")),
}

WHOLE = {
    "rows that follow one another": (hidden_markov(2), Observations(X[:, 0])),
    "rows by which a matrix is solved": (gaussian_mixture(2, "factor-1"), Observations(X)),
    "rows that have unknowns of their own": (INTERCEPTS.program, Observations(INTERCEPTS.x)),
}


@pytest.fixture(scope="module")
def mesh():
    return jax.make_mesh((1,), ("rows",))


@pytest.mark.parametrize(
    "name", [name if name == "gates" else pytest.param(name, marks=pytest.mark.slow) for name in SHARDED]
)
def test_density_and_gradient_are_those_of_one_place(name, mesh, monkeypatch):
    monkeypatch.setattr(sharded, "_padded", lambda data, devices, own=sharded._padded: own(data, 7))  # 2 more rows
    bound = bind(*SHARDED[name], "numpyro")
    structure, data, sites = bound._native
    assert sharded.over_mesh(structure, sites, True, True, data, mesh) is not None
    whole = bound.log_density(jacobian=True)
    with cluster(mesh):
        density = bound.log_density(jacobian=True)
    points = np.random.default_rng(1).normal(scale=0.3, size=(2, whole.size))
    values, gradients = density.values_and_gradients(points)
    expected = whole.values_and_gradients(points)
    assert_allclose(values, expected[0], rtol=1e-12)
    assert_allclose(gradients, expected[1], rtol=1e-9, atol=1e-9)
    assert density.value_and_gradient(points[0])[0] == values[0]


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE)
def test_what_waits_for_other_rows_or_for_lapack_is_not_sharded(case, mesh):
    structure, data, sites = bind(*case, "numpyro")._native
    assert sharded.over_mesh(structure, sites, True, False, data, mesh) is None
