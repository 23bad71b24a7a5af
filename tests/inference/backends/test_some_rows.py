"""The density of some rows alone, as batches ask for it: at the same parameters as of all rows, so that parts add up."""

import numpy as np
import pytest

from inference.backends import bind
from mixtures import Mixture, Observations, assignments, families

RNG = np.random.default_rng(0)
C = np.sort(RNG.normal(50.0, 5.0, 12))
X = Observations(RNG.normal(0.4 * C, 1.0), covariates=C[:, None])
FIRST = np.arange(12) < 5  # covariates of these lie all below the others'


@pytest.mark.parametrize("law", [assignments.Dirichlet(), assignments.Gating()], ids=["weights", "gating"])
def test_parts_add_up(law, backend):
    density = bind(Mixture(2, families.Regression(), law), X, backend).log_density(prior=False)
    points = RNG.normal(size=(3, density.size))
    whole = density.values_and_gradients(points)
    parts = [density.values_and_gradients(points, np.flatnonzero(which)) for which in (FIRST, ~FIRST)]
    for total, first, second in zip(whole, *parts, strict=True):
        np.testing.assert_allclose(first + second, total, rtol=1e-10)
