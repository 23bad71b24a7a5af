"""A declaration that makes no sense is refused where it is made, in words."""

import numpy as np
import pytest

from inference.checks import check_positive
from mixtures import Mixture, families, gaussian_mixture, poisson_mixture, priors, weights
from mixtures.errors import ModelError


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: weights.Dirichlet(-1), ["Dirichlet(concentration=)", "-1.0", "positive"]),
        (lambda: weights.Dirichlet((1.0, 0.0)), ["Dirichlet(concentration=)", "positive"]),
        (lambda: priors.Normal(0.0, -1.0), ["Normal(scale=)", "-1.0", "positive"]),
        (lambda: priors.Gamma(2.0, 0.0), ["Gamma(rate=)", "positive"]),
        (lambda: priors.Uniform(1.0, 0.0), ["Uniform", "low < high"]),
        (lambda: gaussian_mixture(2, priors={"scale": priors.Normal()}), ["'scale'", "Normal(0, 1)", "LogNormal"]),
        (lambda: poisson_mixture(2, priors={"rate": priors.StudentT(3.0)}), ["'rate'", "Gamma"]),
        (
            lambda: Mixture(2, families.Bernoulli(priors={"probs": priors.Gamma(2.0)})),
            ["'probs'", "Gamma(2, 1)", "Beta"],
        ),
        (
            lambda: gaussian_mixture(2, priors={"correlation_cholesky": priors.Normal()}),
            ["'correlation_cholesky'", "LKJCholesky"],
        ),
        (lambda: gaussian_mixture(2, weights=weights.Dirichlet((1, 1, 1))), ["weights", "[1, 1, 1]", "2 of them"]),
        (lambda: Mixture(2, families.Gaussian), ["family", "the class Gaussian", "Gaussian(...)"]),
        (lambda: Mixture(2, "gaussian"), ["family", "'gaussian'", "families.Gaussian()"]),
        (lambda: poisson_mixture(2, weights=[0.5, 0.5]), ["weights", "[0.5, 0.5]", "weights.Dirichlet(1.0)"]),
        (lambda: families.WithNoise(families.Gaussian(), -np.inf, np.inf), ["low, high", "-inf, inf", "finite"]),
        (lambda: families.WithNoise(families.Gaussian(), np.nan, 1.0), ["low, high", "finite"]),
    ],
)
def test_nonsense_is_refused_in_words(make, words):
    with pytest.raises(ModelError) as caught:
        make()
    for word in words:
        assert word in str(caught.value)


def test_other_priors_of_the_same_values_are_taken():
    for prior in (priors.HalfNormal(2.0), priors.Uniform(0.1, 3.0), priors.Exponential()):
        assert gaussian_mixture(2, priors={"scale": prior}).priors["scale"] == prior
    prior = priors.Gamma(2.0)  # locations that are known to be positive
    assert gaussian_mixture(2, priors={"loc": prior}).priors["loc"] == prior
    assert gaussian_mixture(2, weights=weights.Dirichlet((1, 2))).components == 2


@pytest.mark.parametrize("number", [np.float32(1e-6), np.float64(2.0), np.int64(3), 1, 0.5])
def test_numpy_numbers_are_numbers(number):
    assert check_positive("tolerance", number) == float(number)


@pytest.mark.parametrize("number", [np.float32(-1.0), np.float64("nan"), np.bool_(True), "1", None])
def test_what_is_not_positive_is_refused(number):
    with pytest.raises(ModelError, match="tolerance"):
        check_positive("tolerance", number)
