"""Inverse Gaussian and generalised Pareto components: draws follow scipy's distribution functions, fits stand at scipy's maxima."""

import numpy as np
import pytest
from scipy import stats

import inference
from mixtures import Mixture, families, simulate

CASES = {
    "inverse Gaussian": (
        families.InverseGaussian(),
        {"loc": 2.0, "concentration": 1.5},
        stats.invgauss(2.0 / 1.5, scale=1.5),
    ),
    "generalised Pareto": (
        families.GeneralizedPareto(),
        {"scale": 2.0, "concentration": 0.7},
        stats.genpareto(0.7, scale=2.0),
    ),
}


@pytest.mark.statistical
@pytest.mark.parametrize("name", CASES)
def test_draws_follow_the_distribution_function(name, backend):
    family, values, law = CASES[name]
    given = {"weights": np.ones(1), **{site: np.array([value]) for site, value in values.items()}}
    drawn = simulate(Mixture(1, family), 2000, 0, given, backend)["obs"]
    assert stats.kstest(drawn, law.cdf).pvalue > 1e-4


def test_one_inverse_gaussian_is_at_its_maximum():
    """The mean, and one over the mean of 1/x - 1/mean (Tweedie 1957)."""
    x = stats.invgauss(1.2, scale=2.0).rvs(60, random_state=1)
    found = inference.fit_em(Mixture(1, families.InverseGaussian()), x, restarts=1, seed=0).parameters
    np.testing.assert_allclose(found["loc"], x.mean(), rtol=1e-5)
    np.testing.assert_allclose(found["concentration"], 1 / np.mean(1 / x - 1 / x.mean()), rtol=1e-5)


def test_one_generalised_pareto_is_at_scipys_maximum():
    x = stats.genpareto(0.4, scale=3.0).rvs(80, random_state=1)
    fit = inference.fit_em(Mixture(1, families.GeneralizedPareto()), x, restarts=1, seed=0)
    shape, _, scale = stats.genpareto.fit(x, 0.3, floc=0.0, scale=2.0)
    assert fit.log_likelihood == pytest.approx(stats.genpareto(shape, scale=scale).logpdf(x).sum(), abs=1e-4)
