"""Gradient ascent on the likelihood finds EM's optimum with every optimiser, in both backends, for declared programs of any kind."""

import numpy as np
import pytest

from inference.point.em.fit import fit_em
from inference.point.mle import fit_mle
from mixtures import declare, gaussian_mixture, load_dataset
from mixtures.errors import ChoiceError, ModelError

FAITHFUL = load_dataset("faithful").x


@declare
def two_rates(ppl, x):
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 0.2))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Poisson(rate[z]), obs=x)


@pytest.mark.quick("*-numpyro-*", "lbfgs-pyro-*", reason="each optimiser, and each backend")
@pytest.mark.parametrize(
    ("optimizer", "backend", "epochs"),
    [
        ("adam", "numpyro", 400),
        ("sgd", "numpyro", 400),
        ("lbfgs", "numpyro", 200),
        ("adam", "pyro", 100),
        ("lbfgs", "pyro", 200),
    ],
)
def test_every_optimiser_agrees_with_em(optimizer, backend, epochs):
    program = gaussian_mixture(2)
    em = fit_em(program, FAITHFUL, restarts=2, tolerance=1e-13, seed=0)
    fit = fit_mle(program, FAITHFUL, optimizer=optimizer, epochs=epochs, restarts=3, seed=0, backend=backend)
    assert fit.log_likelihood == pytest.approx(em.log_likelihood, abs=1e-4)
    np.testing.assert_allclose(fit.parameters["loc"], em.parameters["loc"], rtol=1e-3)


@pytest.mark.quick("numpyro", reason="one code serves both backends")
@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_gradient_norms_are_told_by_site_whatever_the_optimiser(backend):
    options = {"restarts": 1, "epochs": 3, "seed": 0, "backend": backend}
    adam, lbfgs = (fit_mle(gaussian_mixture(2), FAITHFUL, optimizer=name, **options) for name in ("adam", "lbfgs"))
    assert set(lbfgs.gradient_norms) == set(adam.gradient_norms)
    for site, norms in lbfgs.gradient_norms.items():
        assert len(norms) == len(lbfgs.losses) == 4
        assert norms[0] == pytest.approx(adam.gradient_norms[site][0], rel=1e-8)


def test_one_gaussian_has_the_closed_form():
    x = np.random.default_rng(0).normal(5, 2, size=200)
    fit = fit_mle(gaussian_mixture(1), x, optimizer="sgd", learning_rate=0.1, epochs=200, restarts=1, seed=0)
    assert fit.parameters["loc"][0] == pytest.approx(x.mean(), rel=1e-6)
    assert fit.parameters["scale"][0] == pytest.approx(x.std(), rel=1e-6)


@pytest.mark.quick("numpyro", reason="batches are cut by one code")
@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_minibatches_come_near(backend):
    x = np.random.default_rng(0).normal(5, 2, size=400)
    fit = fit_mle(
        gaussian_mixture(1),
        x,
        optimizer="sgd",
        learning_rate=0.05,
        batch_size=20,
        epochs=20,
        restarts=1,
        seed=0,
        backend=backend,
    )
    standard_error = x.std() / np.sqrt(len(x))
    assert fit.parameters["loc"][0] == pytest.approx(x.mean(), abs=standard_error)
    assert fit.parameters["scale"][0] == pytest.approx(x.std(), abs=standard_error)
    assert len(fit.losses) == 20 * 20


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_a_users_own_program_is_fitted(backend):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.poisson(3.0, 120), rng.poisson(9.0, 80)]).astype(float)
    fit = fit_mle(two_rates, x, restarts=3, epochs=150, seed=0, backend=backend)
    # EM for two Poisson components, written out
    weights, rates = np.array([0.5, 0.5]), np.array([9.0, 3.0])
    for _ in range(3000):
        log_joint = np.log(weights) + x[:, None] * np.log(rates) - rates
        shares = np.exp(log_joint - np.logaddexp(*log_joint.T)[:, None])
        weights, rates = shares.mean(axis=0), shares.T @ x / shares.sum(axis=0)
    order = np.argsort(-weights)
    np.testing.assert_allclose(fit.parameters["weights"], weights[order], rtol=1e-3)
    np.testing.assert_allclose(fit.parameters["rate"], rates[order], rtol=1e-3)


def test_bad_arguments_say_what_is_wrong():
    with pytest.raises(ChoiceError, match="optimizer"):
        fit_mle(gaussian_mixture(2), FAITHFUL, optimizer="newton", seed=0)
    with pytest.raises(ModelError, match="L-BFGS needs exact gradients"):
        fit_mle(gaussian_mixture(2), FAITHFUL, optimizer="lbfgs", batch_size=10, seed=0)
