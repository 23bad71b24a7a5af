"""Ordered categories: any shares have cutpoints, the prior of cutpoints is Dirichlet of the shares, and covariates shift all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest
import torch
from numpyro.distributions.transforms import SimplexToOrderedTransform
from scipy import optimize, stats

import inference
from inference.backends import engine
from mixtures import Mixture, Observations, families, regression_mixture
from mixtures.errors import DataError, ModelError
from mixtures.families.ordinal import cutpoints_of
from mixtures.ppl.numpyro_ppl import WORDS as NUMPYRO
from mixtures.ppl.pyro_ppl import PyroPPL


@pytest.mark.quick("pyro", reason="the densities of both backends have tests of their own")
def test_one_component_has_the_frequencies(backend):
    counts = np.array([3, 11, 1, 5])
    fit = inference.fit_em(
        Mixture(1, families.Ordinal(4)), np.repeat(np.arange(4), counts), restarts=1, seed=0, backend=backend
    )
    below = np.cumsum(counts)[:-1]
    np.testing.assert_allclose(fit.parameters["cutpoints"], [np.log(below / (20 - below))], rtol=1e-5)
    assert fit.log_likelihood == pytest.approx(counts @ np.log(counts / 20), abs=1e-8)


@pytest.mark.quick("pyro-*", "numpyro-1", reason="one code serves both backends")
@pytest.mark.parametrize("columns", [1, 2])
def test_it_is_the_latent_class_model_in_other_coordinates(backend, columns):
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(3), size=(2, columns))
    x = np.array([[rng.choice(3, p=p) for p in shares[k]] for k in rng.integers(0, 2, 40)])
    fit = inference.fit_em(Mixture(2, families.Categorical(3)), x, restarts=5, seed=0)
    same = {"weights": fit.parameters["weights"], "cutpoints": cutpoints_of(np.clip(fit.parameters["probs"], 1e-9, 1))}
    table = engine(backend).log_joint(Mixture(2, families.Ordinal(3)), same, Observations(x))
    other = engine(backend).log_joint(Mixture(2, families.Categorical(3)), fit.parameters, Observations(x))
    is_likely = other > np.log(1e-6)
    np.testing.assert_allclose(table[is_likely], other[is_likely], rtol=1e-5)


def test_the_prior_of_cutpoints_is_dirichlet_of_the_shares():
    """The library's transform of a Dirichlet, where that has digits; and both backends alike."""
    concentration = np.array([0.7, 1.5, 4.0])
    x = np.array([[-1.0, 0.3], [0.0, 5.0], [2.0, 2.1], [-8.0, -7.0]])
    with jax.enable_x64(True):
        transformed = dist.TransformedDistribution(dist.Dirichlet(concentration), SimplexToOrderedTransform(0.0))
        ours, right = NUMPYRO.dist.InducedDirichlet(concentration), np.asarray(transformed.log_prob(jnp.asarray(x)))
        np.testing.assert_allclose(ours.log_prob(jnp.asarray(x)), right, rtol=1e-8)
        drawn = np.asarray(ours.sample(jax.random.PRNGKey(0), (4000,)))
    pyros = PyroPPL(torch.float64).dist.InducedDirichlet(concentration)
    np.testing.assert_allclose(pyros.log_prob(torch.as_tensor(x)), right, rtol=1e-8)
    torch.manual_seed(0)
    for cutpoints in (drawn, pyros.sample(torch.Size([4000])).numpy()):
        below = stats.logistic.cdf(cutpoints)
        shares = np.diff(np.concatenate([np.zeros((4000, 1)), below, np.ones((4000, 1))], axis=1))
        exact = stats.dirichlet(concentration)
        error = np.sqrt(exact.var() / 4000)
        assert (np.abs(shares.mean(axis=0) - exact.mean()) < 5 * error).all()


@pytest.mark.quick("pyro", reason="the densities of both backends have tests of their own")
def test_one_line_is_at_the_maximum_of_the_proportional_odds_likelihood(backend):
    rng = np.random.default_rng(1)
    c = rng.normal([50.0, 0.0], [5.0, 1.0], size=(80, 2))
    latent = 0.1 * (c[:, 0] - 50) - 0.8 * c[:, 1] + rng.logistic(size=80)
    y = np.digitize(latent, [-1.0, 0.5, 1.5])

    def loss(u):
        edges = np.concatenate([[-np.inf, 0.0], np.cumsum(np.exp(u[3:])), [np.inf]])
        eta = u[0] + (c - [50, 0]) @ u[1:3]
        return -np.log(stats.logistic.cdf(edges[y + 1] - eta) - stats.logistic.cdf(edges[y] - eta)).sum()

    best = optimize.minimize(loss, np.zeros(5), options={"gtol": 1e-9})
    model = regression_mixture(1, "ordinal", categories=4)
    fit = inference.fit_em(model, Observations(y, covariates=c), restarts=2, seed=0, backend=backend)
    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    np.testing.assert_allclose(fit.parameters["slope"][0], best.x[1:3], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(fit.parameters["gaps"][0], np.exp(best.x[3:]), rtol=1e-3)


@pytest.mark.quick("pyro", reason="the densities of both backends have tests of their own")
def test_two_ordered_categories_are_a_logistic_regression(backend):
    rng = np.random.default_rng(2)
    c = rng.normal(size=60)
    x = Observations((rng.logistic(size=60) < c).astype(float), covariates=c)
    models = regression_mixture(1, "ordinal", categories=2), regression_mixture(1, "bernoulli")
    one, other = (inference.fit_em(model, x, restarts=1, seed=0, backend=backend) for model in models)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-7)
    assert set(one.parameters) == {"weights", "intercept", "slope"}


def test_names_in_their_order():
    grades = pd.Series(pd.Categorical(["poor", "good", "fair", "poor", "fair", "good"] * 5, ["poor", "fair", "good"]))
    fit = inference.fit_em(Mixture(1, families.Ordinal(3)), grades, restarts=1, seed=0)
    assert stats.logistic.cdf(fit.parameters["cutpoints"][0]) == pytest.approx([1 / 3, 2 / 3], abs=1e-5)
    with pytest.raises(DataError, match="3 categories"):
        inference.fit_map(Mixture(1, families.Ordinal(2)), grades, restarts=1, seed=0)


def test_numbers_of_categories_that_make_no_sense():
    with pytest.raises(ModelError, match="categories"):
        families.Ordinal(1)
    with pytest.raises(ModelError, match="categories: got none; expected how many there are"):
        families.Regression("ordinal")
    with pytest.raises(ModelError, match="the response is no category"):
        families.Regression("poisson", categories=3)
    with pytest.raises(DataError, match="pass x - 1"):
        families.Ordinal(3).check(Observations([1, 2, 3]))
