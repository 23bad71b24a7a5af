"""EM by gradient M-steps climbs to the same optimum as its closed form, and, with the prior, to the posterior's mode."""

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import logsumexp

from inference.point.em.fit import fit_em
from inference.point.map import fit_map
from inference.status import Status
from mixtures import Mixture, families, gaussian_mixture, load_dataset

FAITHFUL = load_dataset("faithful").x


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_the_posterior_objective_ends_at_the_mode(backend):
    program = gaussian_mixture(2, "diag")
    fit = fit_em(program, FAITHFUL, objective="posterior", restarts=2, max_steps=100, seed=0, backend=backend)
    mode = fit_map(program, FAITHFUL, restarts=3, steps=200, seed=0)
    assert fit.log_posterior == pytest.approx(mode.log_posterior, rel=1e-6)  # both climb until gains vanish in rounding
    assert np.diff(fit.losses).max() <= 1e-9 * abs(fit.losses[-1])


def test_what_is_fixed_in_part_stays():
    # correlations known to be zero, standard deviations not: the diagonal mixture
    free = {"correlation_cholesky": np.stack([np.eye(2)] * 2)}
    fit = fit_em(gaussian_mixture(2), FAITHFUL, fixed=free, restarts=2, max_steps=200, seed=0)
    diagonal = fit_em(gaussian_mixture(2, "diag"), FAITHFUL, restarts=2, seed=0)
    assert fit.log_likelihood == pytest.approx(diagonal.log_likelihood, rel=1e-6)  # both stop at gains of 1e-9
    assert fit.free_parameters == gaussian_parameters(2, 2)


def gaussian_parameters(components, features):
    """Weights, means and standard deviations."""
    return components - 1 + 2 * components * features


def test_it_ends_where_the_likelihood_is_flat():
    """EM alone creeps here, and would stop for small gains some 0.001 short of the optimum; weights count rows."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.gamma(2, 1, 100), rng.gamma(6, 1 / 1.5, 100)])
    counts = rng.integers(0, 3, len(x)).astype(float)
    fit = fit_em(Mixture(2, families.Gamma()), x, restarts=2, seed=0, row_weights=counts)
    assert fit.status is Status.CONVERGED
    assert np.diff(fit.losses).max() <= 1e-9 * abs(fit.losses[-1])

    def log_likelihood(v):
        odds, shape, rate = np.exp(v[:2]), np.exp(v[2:4]), np.exp(v[4:])
        density = stats.gamma(shape, scale=1 / rate).logpdf(x[:, None]) + np.log(odds / odds.sum())
        return counts @ logsumexp(density, axis=1)

    found = fit.parameters
    at = np.log(np.concatenate([found["weights"], found["concentration"], found["rate"]]))
    assert log_likelihood(at) == pytest.approx(fit.log_likelihood, rel=1e-12)
    slope = optimize.approx_fprime(at, log_likelihood, 1e-6)
    # forward differences err by step times curvature, of the order of the number of rows
    assert np.abs(slope).max() < 1e-6 * 2 * counts.sum()
