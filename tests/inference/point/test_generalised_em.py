"""EM by gradient M-steps climbs to the same optimum as its closed form, and, with the prior, to the posterior's mode."""

import numpy as np
import pytest

from inference.point.em import fit_em
from inference.point.map import fit_map
from mixtures import gaussian_mixture, load_dataset

FAITHFUL = load_dataset("faithful").x


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_the_posterior_objective_ends_at_the_mode(backend):
    program = gaussian_mixture(2, "diag")
    fit = fit_em(program, FAITHFUL, objective="posterior", restarts=2, max_steps=100, seed=0, backend=backend)
    mode = fit_map(program, FAITHFUL, restarts=3, steps=200, seed=0)
    assert fit.log_posterior == pytest.approx(mode.log_posterior, abs=1e-3)
    assert np.diff(fit.losses).max() <= 1e-9 * abs(fit.losses[-1])


def test_what_is_fixed_in_part_stays():
    # correlations known to be zero, standard deviations not: the diagonal mixture
    free = {"correlation_cholesky": np.stack([np.eye(2)] * 2)}
    fit = fit_em(gaussian_mixture(2), FAITHFUL, fixed=free, restarts=2, max_steps=200, seed=0)
    diagonal = fit_em(gaussian_mixture(2, "diag"), FAITHFUL, restarts=2, seed=0)
    assert fit.log_likelihood == pytest.approx(diagonal.log_likelihood, abs=1e-3)
    assert fit.free_parameters == gaussian_parameters(2, 2)


def gaussian_parameters(components, features):
    """Weights, means and standard deviations."""
    return components - 1 + 2 * components * features
