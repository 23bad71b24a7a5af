"""Every family, on both backends: the hub is scipy's density, its gradient the finite differences', and every verb works."""

import numpy as np
import pytest
from scipy.special import logsumexp

import inference
from inference.backends import engine
from inference.factors import with_factors
from inference.status import Status
from mixtures import Mixture, Observations, families, weights
from tests.family_cases import CASES, ROWS, covariates
from tests.oracles import brute_force_log_likelihood

EVERY = pytest.mark.parametrize("name", CASES)

FEW = ("categorical columns", "poisson", "student_t full")
"""What the quick run puts through the slow verbs; `make test-all` takes every family."""

MOST = [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in CASES]


@pytest.fixture(scope="module")
def data():
    return {name: case.data() for name, case in CASES.items()}


@EVERY
def test_hub_equals_scipy_and_brute_force(name, backend, data):
    case, x = CASES[name], data[name]
    table = engine(backend).log_joint(case.model, case.parameters, x)
    expected = case.table(x.x)
    shares = np.exp(expected - logsumexp(expected, axis=1, keepdims=True))
    assert np.ptp(shares[:, 0]) > 0.1  # the components differ,
    assert shares.min(axis=1).max() > 0.2  # and overlap
    np.testing.assert_allclose(table, expected, rtol=1e-10, atol=1e-10)
    few = x.take(slice(6))
    likelihood = (
        engine(backend).bind(case.model, few).log_likelihoods({s: v[None] for s, v in case.parameters.items()})[0]
    )
    assert abs(likelihood - brute_force_log_likelihood(expected[:6])) < 1e-9


def test_a_waiting_time_may_be_zero(backend):
    case = CASES["exponential"]
    x = np.array([0.0, 1.0])
    table = engine(backend).log_joint(case.model, case.parameters, Observations(x))
    np.testing.assert_allclose(table, case.table(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("model", "free"),
    [
        # noise and two Gaussians: weights, and a mean and a standard deviation in each column for two components
        (Mixture(3, families.WithNoise(families.Gaussian("diag"), (-4.0, -5.0), (5.0, 6.0))), 2 + 2 * 2 * 2),
        # the volumes of two components are two numbers, though three are declared beside a common one; shapes are diagonal
        (Mixture(3, families.WithNoise(families.Gaussian("VEI"), (-4.0, -5.0), (5.0, 6.0))), 2 + 2 * 2 + 2 + 1),
        (Mixture(1, families.WithNoise(families.Gaussian("diag"), -4.0, 5.0)), 0),
        # noise of one column is spare there alone: weights, two Gaussians, and three lines of two slopes
        (
            Mixture(
                3,
                families.Product(
                    {"a": families.WithNoise(families.Gaussian(), -4.0, 5.0), "b": families.Regression("gaussian")}
                ),
            ),
            2 + 2 * 2 + 3 * (1 + 2 + 1),
        ),
        # multinomial logit of three categories and two covariates; means and standard deviations of two columns
        (Mixture(3, families.Gaussian("diag"), weights.Gating()), 2 * (1 + 2) + 3 * 2 * 2),
    ],
)
def test_what_no_row_depends_on_is_no_free_parameter(model, free, backend):
    x = Observations(np.random.default_rng(0).normal(size=(20, 2)), covariates=covariates(20))
    assert engine(backend).sites(model, x).free_parameters == free


@pytest.mark.quick(
    "pyro-*",
    "numpyro-gaussian*",
    "numpyro-student_t*",
    "numpyro-gating",
    "numpyro-product*",
    "numpyro-with noise",
    "numpyro-von_mises",
    "numpyro-truncated",
    reason="densities of both backends have derivatives by mpmath",
)
@EVERY
def test_gradient_equals_finite_differences(name, backend, data):
    case = CASES[name]
    density = engine(backend).bind(case.model, data[name]).log_density(jacobian=True)
    u = density.unconstrain(case.parameters) + 0.1 * np.random.default_rng(0).normal(size=density.size)
    value, gradient = density.value_and_gradient(u)
    step = 1e-5
    for index in range(density.size):
        offset = step * np.eye(density.size)[index]
        ahead, behind = density.value_and_gradient(u + offset)[0], density.value_and_gradient(u - offset)[0]
        # central differences: a relative error of step^2 and rounding of eps |f| / step
        assert abs((ahead - behind) / (2 * step) - gradient[index]) < 1e-6 * max(1.0, abs(value), abs(gradient[index]))


@EVERY
def test_starts_lie_inside_the_support_and_differ(name, data):
    case, x = CASES[name], data[name]
    sites = {site.name: site for site in engine("numpyro").sites(case.model, x).parameters}
    starts = [case.model.start(x, np.random.default_rng(seed)) for seed in range(5)]
    assert all(start.keys() == sites.keys() for start in starts)
    assert all(np.shape(start[site]) == sites[site].shape for start in starts for site in sites)
    stacked = {site: np.stack([start[site] for start in starts]) for site in sites}
    densities = engine("numpyro").bind(case.model, x).log_likelihoods(stacked)
    assert np.isfinite(densities).all()
    assert len(np.unique(densities)) == len(starts)


def _is_of_one_component(fit):
    """Whether its status says so, and its parameters do: one has next to no rows, or both are the same."""
    if fit.status is Status.EMPTY:
        return fit.parameters["weights"].min() * ROWS < 0.5
    sites = [value for name, value in fit.parameters.items() if name != "weights" and value.ndim]
    return fit.status is Status.DUPLICATE and all(np.allclose(value[0], value[1], rtol=1e-3) for value in sites)


@pytest.mark.quick(
    "numpyro-poisson", "pyro-poisson", "numpyro-categorical columns", reason="each backend, and each shape of rows"
)
@pytest.mark.statistical
@pytest.mark.parametrize("name", MOST)
def test_every_verb_works(name, backend, data):
    case, x = CASES[name], data[name]
    fit = inference.fit_map(case.model, x, restarts=3, steps=60, seed=0, backend=backend)
    # 30 rows that overlap so may be described best by one component: then the fit must say so
    assert fit.status.is_sound or _is_of_one_component(fit)
    assert fit.log_posterior >= _log_posterior(case, x, backend) - 1e-6  # not worse than the truth
    for climbed in (
        inference.fit_em(case.model, x, restarts=1, max_steps=3, seed=0, backend=backend),
        inference.fit_mle(case.model, x, restarts=1, epochs=3, seed=0, backend=backend),
    ):
        assert np.isfinite(climbed.bic)
        assert (
            np.diff(climbed.losses).max() <= 1e-9 * abs(climbed.losses[0]) or climbed.gradient_norms
        )  # EM never falls
    shares = inference.responsibilities(fit, x)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(inference.classify(fit, x), shares.argmax(axis=1))
    assert set(inference.classify(fit, x, temperature=1, seed=0)) <= {0, 1}
    guide = inference.fit_guide(fit, x, steps=200, seed=0)
    np.testing.assert_allclose(guide.assignment_probs, shares, atol=0.02)
    draws, tune, chains = (20, 20, 2) if backend == "numpyro" else (5, 5, 1)
    post = inference.sample_nuts(
        case.model,
        x,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=0,
        init=fit if fit.status.is_sound else None,
        backend=backend,
        progress=False,
    )
    assert post.log_likelihood.obs.shape == (chains, draws, ROWS)
    assert np.isfinite(post.log_likelihood.obs.values).all()
    draws_of = with_factors(post).posterior
    values = {site: draws_of[site].values[0, -1] for site in case.parameters}
    pointwise = logsumexp(engine(backend).log_joint(case.model, values, x), axis=1)
    np.testing.assert_allclose(post.log_likelihood.obs.values[0, -1], pointwise, rtol=1e-10)
    assert inference.responsibilities(post, x).shape == (ROWS, 2)
    relabelled = inference.relabel(post)
    np.testing.assert_allclose(  # what the rows say does not depend on labels
        relabelled.log_likelihood.obs.values, post.log_likelihood.obs.values, rtol=1e-10
    )
    draws_of = with_factors(relabelled).posterior
    parameters = {site: draws_of[site].values[0, -1] for site in case.parameters}
    again = logsumexp(engine(backend).log_joint(case.model, parameters, x), axis=1)
    np.testing.assert_allclose(again, pointwise, rtol=1e-8)


def _log_posterior(case, x, backend):
    single = {site: value[None] for site, value in case.parameters.items()}
    which = engine(backend)
    return which.bind(case.model, x).log_likelihoods(single)[0] + which.bind(case.model, x).log_priors(single)[0]


@pytest.mark.quick(but=["pyro-hurdle"], reason="Pyro draws counts above zero one by one")
@pytest.mark.statistical
@EVERY
def test_simulated_rows_follow_scipys_density(name, backend):
    """Given a row, its assignment is component 0 with the responsibility that scipy's densities say, whatever the row."""
    x, assignment = CASES[name].draw(6000, 5, backend)
    CASES[name].model.check(x)
    table = CASES[name].table(x.x)
    share = np.exp(table[:, 0] - logsumexp(table, axis=1))
    error = (assignment == 0) - share
    for weigh in (np.ones(len(share)), share):
        assert abs(np.mean(error * weigh)) < 5 * np.std(error * weigh) / np.sqrt(len(share))
