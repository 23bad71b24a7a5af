"""Categories without an order that depend on covariates, against the likelihood written out."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from scipy.special import log_softmax, logsumexp

import inference
from mixtures import Mixture, Observations, families, load_dataset, regression_mixture, weights
from mixtures.errors import DataError, ModelError

RNG = np.random.default_rng(2)
ROWS = 150
AGE, Z = RNG.normal(40.0, 8.0, ROWS), RNG.normal(size=ROWS)
FIRST = RNG.random(ROWS) < 0.5
LOGITS = np.column_stack(
    [np.zeros(ROWS), np.where(FIRST, 1.5 * Z, -1.2 * Z), 0.1 * (AGE - 40) + np.where(FIRST, -1.0, 1.0)]
)
NAMES = np.array(["bus", "car", "train"])
Y = np.argmax(LOGITS + RNG.gumbel(size=LOGITS.shape), axis=1)
TABLE = pd.DataFrame({"travels": NAMES[Y], "age": AGE, "z": Z})
X = Observations(TABLE["travels"], covariates=TABLE[["age", "z"]])


def table(weight, intercept, slope):
    """log p(y_i, z_i = k): intercept (K, 2), slope (K, 2, 2)."""
    covariates = np.column_stack([AGE, Z])
    each = []
    for k, log_weight in enumerate(np.log(weight)):
        eta = np.column_stack([np.zeros(ROWS), intercept[k] + covariates @ slope[k].T])
        each.append(log_weight + log_softmax(eta, axis=1)[np.arange(ROWS), Y])
    return np.stack(each, axis=1)


def loss(u):
    """Of coordinates at an age of 40."""
    weight = np.exp(log_softmax([u[0], 0.0])) if len(u) > 6 else np.ones(1)
    lines = u[len(u) % 6 :].reshape(-1, 2, 3) * [1.0, 0.1, 1.0]
    intercept = lines[..., 0] - 40 * lines[..., 1]
    return -logsumexp(table(weight, intercept, lines[..., 1:]), axis=1).sum()


def test_one_component_is_the_multinomial_logit(backend):
    exact = optimize.minimize(loss, np.zeros(6), options={"gtol": 1e-7})
    fit = inference.fit_em(
        regression_mixture(1, "multinomial", categories=3), X, restarts=1, tolerance=1e-12, seed=0, backend=backend
    )
    assert fit.log_likelihood == pytest.approx(-exact.fun, abs=1e-7)
    np.testing.assert_allclose(fit.parameters["slope"][0, :, 1], exact.x.reshape(2, 3)[:, 2], rtol=1e-4)
    assert fit.free_parameters == 6


def test_two_components_are_at_a_maximum(backend):
    model = regression_mixture(2, "multinomial", categories=3)
    fit = inference.fit_em(model, X, restarts=5, tolerance=1e-11, seed=0, backend=backend)
    weight, intercept, slope = (fit.parameters[name] for name in ("weights", "intercept", "slope"))
    hand = table(weight, intercept, slope)
    assert fit.log_likelihood == pytest.approx(logsumexp(hand, axis=1).sum(), abs=1e-8)
    np.testing.assert_allclose(
        inference.responsibilities(fit, X), np.exp(hand - logsumexp(hand, axis=1, keepdims=True)), atol=1e-10
    )
    lines = np.concatenate([(intercept + 40 * slope[..., 0])[..., None], slope / [0.1, 1.0]], axis=-1)
    u = np.array([np.log(weight[0] / weight[1]), *lines.ravel()])
    assert -optimize.minimize(loss, u).fun < fit.log_likelihood + 1e-5


def test_names_of_categories_and_covariates():
    fit = inference.fit_em(regression_mixture(2, "multinomial", categories=3), X, restarts=1, max_steps=20, seed=0)
    for name in ("intercept[car]", "slope[car, age]", "slope[train, z]"):
        assert name in str(fit)
    assert "bus" not in str(fit)
    tree = inference.fit_laplace(fit.program, X, draws=10, seed=0)["posterior"]
    assert tree["slope"].dims[2:] == ("components", "outcomes", "covariates")
    assert tree["slope"].coords["outcomes"].values.tolist() == ["car", "train"]
    unnamed = Observations(Y.astype(float), covariates=AGE)
    model = regression_mixture(2, "multinomial", categories=3)
    plain = inference.fit_em(model, unnamed, restarts=1, max_steps=3, seed=0)
    assert "intercept[1]" in str(plain) and "intercept[2]" in str(plain)


def test_by_a_formula_with_weights_of_their_own():
    pytest.importorskip("formulaic")
    model = regression_mixture(2, "travels ~ z | age", "multinomial", data=TABLE, categories=3)
    fit = inference.fit_em(model, TABLE, restarts=2, seed=0)
    assert "slope[car, z]" in str(fit) and "gating_slope[age]" in str(fit)
    assert inference.classify(fit, TABLE[:4]).shape == (4,)


def test_within_a_product_and_on_paper():
    family = families.Product({"travels": families.Regression("multinomial", 3), "wait": families.Gaussian()})
    x = Observations(pd.DataFrame({"travels": TABLE["travels"], "wait": Z}), covariates=AGE)
    fit = inference.fit_em(Mixture(2, family, weights.Dirichlet()), x, restarts=1, max_steps=5, seed=0)
    assert fit.dims["travels_slope"] == ("components", "travels_outcomes", "covariates")
    assert "travels_intercept[car]" in str(fit)
    assert "cannot be written" not in str(fit.program)


def test_bad_input():
    with pytest.raises(ModelError, match="how many there are"):
        regression_mixture(2, "multinomial")
    with pytest.raises(ModelError, match="all is each component's own"):
        regression_mixture(2, "multinomial", categories=3, common=["intercept"])
    with pytest.raises(DataError, match="whole numbers from 0 to 1"):
        inference.fit_em(regression_mixture(1, "multinomial", categories=2), Observations(Y, covariates=Z), seed=0)
    x = Observations(load_dataset("iris").x, covariates=Z)
    with pytest.raises(DataError, match="response alone"):
        inference.fit_em(regression_mixture(1, "multinomial", categories=3), x, seed=0)


def test_no_number_of_categories_is_asked_for_by_the_kind_that_was_given():
    with pytest.raises(ModelError, match=r'Regression\("multinomial", categories=4\)'):
        families.Regression("multinomial")
    with pytest.raises(ModelError, match="Leave them out"):
        families.Regression("poisson", categories=4)
