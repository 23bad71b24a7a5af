"""A declaration that makes no sense is refused where it is made, in words."""

import numpy as np
import pytest

from inference.checks import check_positive
from mixtures import (
    Mixture,
    Observations,
    declare,
    families,
    gaussian_mixture,
    latent_class,
    poisson_mixture,
    priors,
    regression_mixture,
    weights,
)
from mixtures.errors import MixturesError, ModelError

TABLE = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 0.0]])
WITH_COVARIATES = Observations(TABLE[:, 0], covariates=TABLE)


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


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: priors.Normal("2", 1.0), ["Normal(loc=)", "'2'", "a number or an array"]),
        (lambda: priors.Normal(0.0, True), ["Normal(scale=)", "True"]),
        (lambda: priors.Normal([], 1.0), ["Normal(loc=)", "[]"]),
        (lambda: priors.Normal(10**400, 1.0), ["Normal(loc=)"]),
        (lambda: priors.Normal(0.0, 1.0, scale=2.0), ["Normal(0.0, 1.0, scale=2.0)"]),
        (lambda: gaussian_mixture(2, priors=[("loc", priors.Normal())]), ["priors: got", "{site: prior}"]),
        (lambda: gaussian_mixture(2, priors={"loc": priors.Normal}), ["priors['loc']", "Call it: priors.Normal(...)"]),
        (lambda: gaussian_mixture(2, priors={"loc": priors.Dirichlet(1.0)}), ["priors['loc']", "Dirichlet", "Normal"]),
        (lambda: gaussian_mixture(2, priors={"loc": priors.LKJCholesky()}), ["priors['loc']", "LKJCholesky"]),
        (lambda: gaussian_mixture(2, priors={"scale": priors.Uniform(-1.0, 1.0)}), ["priors['scale']", "not negative"]),
        (
            lambda: Mixture(2, families.Bernoulli(priors={"probs": priors.Uniform(0.0, 2.0)})),
            ["'probs'", "from 0 to 1"],
        ),
        (lambda: gaussian_mixture(2, weights=weights.Dirichlet([[1.0, 2.0], [2.0, 1.0]])), ["weights", "2 of them"]),
        (lambda: gaussian_mixture(10**30), ["components", "2147483647"]),
        (lambda: latent_class(2, np.array(3)), ["categories", "array(3)"]),
        (lambda: families.PointMass(priors={"value": priors.Normal()}), ["priors: site", "'value'"]),
        (lambda: declare(lambda ppl: None), ["function", "(ppl)", "f(ppl, x)"]),
        (lambda: declare(int), ["function", "the class int"]),
        (lambda: declare(gaussian_mixture(2)), ["function", "a declaration already"]),
        (lambda: declare(None), ["function", "None"]),
    ],
)
def test_other_nonsense_is_refused_in_words(make, words):
    with pytest.raises(MixturesError) as caught:
        make()
    for word in words:
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("mixture", "x", "words"),
    [
        (gaussian_mixture(2, priors={"loc": priors.Normal([0.0, 1.0, 2.0], 1.0)}), TABLE, ["priors['loc']: loc", "(3,)", "(2, 2) or (2,)"]),
        (gaussian_mixture(2, priors={"loc": priors.Normal(np.zeros((3, 2)), 1.0)}), TABLE, ["(3, 2)"]),
        (gaussian_mixture(2, priors={"loc": priors.Normal(0.0, [1.0, 2.0, 3.0])}), TABLE[:, 0], ["priors['loc']: scale", "(3,)", "(2,)"]),
        (gaussian_mixture(2, "EII", priors={"scale": priors.HalfNormal([1.0, 2.0])}), TABLE, ["priors['scale']", "one number"]),
        (Mixture(2, families.Categorical(3, priors={"probs": priors.Dirichlet([1.0, 1.0])})), TABLE, ["priors['probs']", "(2,)", "(2, 2, 3)"]),
        (regression_mixture(2, priors={"slope": priors.Normal(np.zeros(3), 1.0)}), WITH_COVARIATES, ["priors['slope']"]),
        (gaussian_mixture(2, priors={"correlation_cholesky": priors.LKJCholesky([1.0, 2.0, 3.0])}), TABLE, ["priors['correlation_cholesky']"]),
    ],
)  # fmt: skip
def test_numbers_of_priors_go_with_the_axes_of_their_sites(mixture, x, words):
    with pytest.raises(ModelError) as caught:
        mixture.check(Observations.of(x))
    for word in words:
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("mixture", "x"),
    [
        (gaussian_mixture(3, priors={"loc": priors.Normal([0.0, 1.0], 1.0)}), TABLE),  # one for each feature
        (
            gaussian_mixture(3, priors={"loc": priors.Normal(np.zeros((3, 2)), 1.0)}),
            TABLE,
        ),  # and one for each component
        (gaussian_mixture(3, priors={"loc": priors.Normal(np.zeros((3, 1)), 1.0)}), TABLE),
        (gaussian_mixture(3, priors={"loc": priors.Normal([0.0, 1.0, 2.0], 1.0)}), TABLE[:, 0]),
        (Mixture(2, families.Categorical(3, priors={"probs": priors.Dirichlet([1.0, 1.0, 2.0])})), TABLE),
        (gaussian_mixture(2, weights=weights.Dirichlet([1.0, 2.0])), TABLE),
    ],
)
def test_numbers_of_the_right_shape_are_taken(mixture, x):
    mixture.check(Observations(x))


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


@pytest.mark.parametrize(
    "model",
    [
        Mixture(2, families.Binomial()),
        Mixture(2, families.Multinomial()),
        regression_mixture(2, kind="binomial"),
    ],
)
def test_known_numbers_of_rows_have_a_symbol(model):
    assert "trials[i]" in str(model)
