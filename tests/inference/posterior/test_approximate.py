"""Laplace and variational posteriors are right where the posterior is near normal, and say so themselves; where it is not, they say that.

Oracles: a conjugate normal model, whose posterior and evidence are known in closed form and which every family contains; second
derivatives by finite differences of gradients.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import inference
import mixtures
from inference.backends import engine
from inference.posterior.approximate import judged
from mixtures import Observations
from mixtures.errors import BackendError, ChoiceError, FitError, ModelError
from tests.oracles import FIVE_POINTS, exact_tutorial_posterior

X = np.array([-1.0, 0.5, 2.0, 2.5, 4.0])
DRAWS = 2000
QUANTILES = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)


@mixtures.declare
def conjugate(ppl, x):
    """Two unknowns: x ~ Normal(loc, 1), loc ~ Normal(0, 3); spare ~ Normal(1, 2). All rows are of one kind."""
    loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
    ppl.sample("spare", ppl.dist.Normal(1.0, 2.0))
    with ppl.plate("rows", len(x)):
        ppl.assign("assignment", ppl.xp.ones(2) / 2)
        ppl.sample("obs", ppl.dist.Normal(loc, 1.0), obs=x)


PRECISION = len(X) + 1 / 9
MEAN, SD = X.sum() / PRECISION, PRECISION**-0.5
LOG_EVIDENCE = stats.multivariate_normal(np.zeros(5), np.eye(5) + 9.0).logpdf(X)


def check_exact(tree, slack):
    """Means and standard deviations within Monte Carlo error, and `slack` of a standard deviation for a fit by noisy gradients."""
    for name, mean, sd in [("loc", MEAN, SD), ("spare", 1.0, 2.0)]:
        values = tree["posterior"][name].values
        draws = values.size
        assert values.shape == (1, draws)
        assert abs(values.mean() - mean) < (4.5 / np.sqrt(draws) + slack) * sd
        assert abs(values.std() / sd - 1) < 4.5 / np.sqrt(2 * draws) + slack
    assert tree.attrs["effective_draws"] > 0.95 * draws
    np.testing.assert_allclose(np.exp(tree["sample_stats"]["log_weight"].values).sum(), 1.0, rtol=1e-6)


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.statistical
def test_laplace_is_exact_for_a_normal_posterior(backend):
    fit = inference.fit_map(conjugate, X, restarts=2, steps=100, seed=0, backend=backend)
    draws = DRAWS if backend == "numpyro" else 100  # Pyro evaluates them one by one
    tree = inference.fit_laplace(conjugate, X, init=fit, draws=draws, seed=0, backend=backend)
    check_exact(tree, slack=0.0)
    assert tree.attrs["k_hat"] < 0.7 and tree.attrs["is_trustworthy"] == 1
    assert abs(tree.attrs["log_evidence"] - LOG_EVIDENCE) < 1e-8


@pytest.mark.quick(but=["multivariate"], reason="it contains one wherever the posterior is, in test_frame.py")
@pytest.mark.statistical
@pytest.mark.parametrize("family", ["normal", "multivariate", "flow"])
def test_variational_families_contain_a_normal_posterior(family):
    fit = inference.fit_map(conjugate, X, restarts=2, steps=100, seed=0)
    tree = inference.fit_vi(conjugate, X, family=family, init=fit, draws=DRAWS, seed=0)
    check_exact(tree, slack=0.1)
    assert abs(tree.attrs["elbo"] - LOG_EVIDENCE) < 0.05
    # a flow is no normal far out, where nothing holds it: k-hat, which is of the tail, is above or below 0.7 as its noise has it
    if family != "flow":
        assert tree.attrs["k_hat"] < 0.7 and tree.attrs["is_trustworthy"] == 1


@pytest.mark.slow  # a flow contains a normal posterior in the next test
@pytest.mark.statistical
def test_a_flow_comes_nearer_than_a_normal_and_not_too_near(tutorial):
    """The five points' posterior is skew, and its other labelling is near: the ELBO rises, and stays below the exact evidence."""
    fit = inference.fit_map(tutorial, FIVE_POINTS, seed=0)
    normal, flow = (
        inference.fit_vi(tutorial, FIVE_POINTS, family=family, init=fit, draws=DRAWS, seed=0)
        for family in ("multivariate", "flow")
    )
    stats = flow["sample_stats"]
    error = float((stats["lp"] - stats["log_proposal"]).std()) / np.sqrt(DRAWS)
    assert normal.attrs["elbo"] + 0.1 < flow.attrs["elbo"] < exact_tutorial_posterior().log_evidence + 4.5 * error


def test_a_flow_of_one_parameter_is_refused_in_words():
    with pytest.raises(ModelError, match="family='normal'"):
        inference.fit_vi(mixtures.poisson_mixture(1), np.array([1, 2, 3]), family="flow", seed=0)


def test_the_hessian_is_the_gradients_derivative(tutorial, backend):
    density = engine(backend).bind(tutorial, Observations(FIVE_POINTS)).log_density(jacobian=True)
    u, step = np.linspace(-0.5, 1.0, density.size), 1e-5
    columns = [
        (density.value_and_gradient(u + step * e)[1] - density.value_and_gradient(u - step * e)[1]) / (2 * step)
        for e in np.eye(density.size)
    ]
    np.testing.assert_allclose(density.hessian(u), np.array(columns), rtol=1e-6, atol=1e-6)


@pytest.mark.statistical
@pytest.mark.parametrize("k", [0.2, 0.5, 1.0, 1.5])
def test_k_hat_is_the_shape_of_the_ratios_upper_tail(k):
    """Ratios p / q of a Pareto distribution have its shape; their inverses have no tail at all. Weights go with the ratios."""
    log_ratios = k * stats.expon.rvs(size=20_000, random_state=np.random.default_rng(0))
    weights, said = judged(log_ratios, is_at_rest=True)
    # the tail of 3 sqrt(S) draws: a standard error of (1 + k) / sqrt(424), Smith (1987)
    assert abs(said["k_hat"] - k) < 4.5 * (1 + k) / np.sqrt(424)
    body = log_ratios < np.quantile(log_ratios, 0.97)
    np.testing.assert_allclose(np.ptp((weights - log_ratios)[body]), 0.0, atol=1e-9)


def test_weights_that_are_all_but_even_need_no_thin_tail():
    """Ratios 1 + e, where e is a thousandth of a distribution without a mean, cut off at a half: k-hat sees its tail, which holds no weight.
    Not cut off, the same tail holds a third of it."""
    noise = 1e-3 * np.abs(stats.t.rvs(0.9, size=2000, random_state=np.random.default_rng(0)))
    _, said = judged(np.log1p(noise.clip(max=0.5)), is_at_rest=True)
    assert said["k_hat"] > 0.7 and said["effective_draws"] > 0.99 * 2000 and said["is_trustworthy"]
    assert not judged(np.log1p(noise.clip(max=0.5)), is_at_rest=False)[1]["is_trustworthy"]
    _, said = judged(np.log1p(noise), is_at_rest=True)
    assert said["k_hat"] > 0.7 and said["effective_draws"] < 0.99 * 2000 and not said["is_trustworthy"]


def test_ratios_whose_largest_are_alike_have_no_tail():
    """Half of them 1, half 1/2: weights are as they are, of which (3 / 2)^2 / (5 / 4) / 2, nine tenths, are effective."""
    weights, said = judged(np.log(np.repeat([1.0, 0.5], 500)), is_at_rest=True)
    np.testing.assert_allclose(np.exp(weights), np.repeat([1.0, 0.5], 500) / 750, rtol=1e-12)
    assert said["k_hat"] == -np.inf and said["is_trustworthy"]
    assert said["effective_draws"] == pytest.approx(900)


def test_a_draw_that_towers_above_all_others_has_no_k_hat():
    log_ratios = np.r_[np.random.default_rng(0).normal(size=999), 1e6]
    weights, said = judged(log_ratios, is_at_rest=True)
    assert np.isnan(said["k_hat"]) and not said["is_trustworthy"]
    np.testing.assert_array_equal(weights, log_ratios - 1e6)


def test_too_few_draws_have_their_own_weights_and_no_k_hat():
    weights, said = judged(np.log(np.r_[np.ones(28), 4.0]), is_at_rest=True)
    np.testing.assert_allclose(np.exp(weights), np.r_[np.ones(28), 4.0] / 32, rtol=1e-12)
    # (28 + 4)^2 / (28 + 16)
    assert said["effective_draws"] == pytest.approx(1024 / 44, rel=1e-12)
    assert np.isnan(said["k_hat"]) and not said["is_trustworthy"]


def test_even_ratios_have_no_tail():
    weights, said = judged(np.r_[np.full(29, 7.0), 7.0 + 1e-9], is_at_rest=True)
    np.testing.assert_allclose(weights, -np.log(30), atol=1e-9)  # by which one ratio is larger
    assert said["k_hat"] == -np.inf and said["is_trustworthy"] == 1
    assert judged(np.full(30, 7.0), is_at_rest=False)[1]["is_trustworthy"] == 0


@pytest.mark.parametrize(
    ("log_ratios", "has_tail", "is_effective"),
    [
        (1.8 * QUANTILES, False, True),  # log normal ratios: a share of exp(-sd^2) of their draws is effective
        (2.0 * QUANTILES, False, False),
        (2.5 * QUANTILES, True, False),
        (-1.3 * np.log1p(-np.arange(100) / 100), True, True),  # a Pareto distribution's
    ],
)
def test_a_posterior_is_trusted_for_a_short_tail_and_many_effective_draws(log_ratios, has_tail, is_effective):
    said = judged(log_ratios, is_at_rest=True)[1]
    ratios = np.exp(log_ratios)
    assert said["effective_draws"] == pytest.approx(ratios.sum() ** 2 / (ratios**2).sum(), rel=1e-10)
    assert (said["k_hat"] >= 0.7) == has_tail
    assert (said["effective_draws"] >= 0.05 * len(ratios)) == is_effective
    assert said["is_trustworthy"] == (is_effective and not has_tail)


@pytest.mark.statistical
def test_a_posterior_far_from_normal_is_not_trusted(tutorial):
    """Five points, two labellings, heavy tails: a normal distribution about one mode misses most of it."""
    tree = inference.fit_laplace(tutorial, FIVE_POINTS, draws=1000, seed=0)
    assert tree.attrs["k_hat"] > 0.7 and tree.attrs["is_trustworthy"] == 0


def test_bad_choices_are_refused_in_words(tutorial):
    with pytest.raises(ChoiceError, match="'normal', 'multivariate'"):
        inference.fit_vi(tutorial, FIVE_POINTS, family="cauchy", seed=0)
    with pytest.raises(BackendError, match="backend='numpyro'"):
        inference.fit_vi(tutorial, FIVE_POINTS, steps=10, seed=0, backend="pyro")


@pytest.mark.parametrize("draws", [1, 2, 5, 29, 30])
def test_few_draws_have_no_k_hat(draws):
    found = inference.fit_laplace(mixtures.gaussian_mixture(1), [0.0, 1.0, 2.5, 4.0], draws=draws, seed=0)
    assert np.isnan(found.attrs["k_hat"]) == (draws < 30)
    assert draws == 30 or not found.attrs["is_trustworthy"]
    assert abs(np.logaddexp.reduce(found["sample_stats"]["log_weight"].values.ravel())) < 1e-9


def test_steps_that_diverge_are_an_error(tutorial):
    with pytest.raises(FitError, match="Lower learning_rate"):
        inference.fit_vi(tutorial, FIVE_POINTS, family="normal", learning_rate=1e6, steps=100, draws=50, seed=0)


def test_laplace_at_a_saddle_says_that_it_has_no_normal_neighbourhood():
    """Two components that are one and the same are at rest, but apart they are better: the density is curved upwards there."""
    mode = inference.fit_map(mixtures.gaussian_mixture(2, "tied"), FIVE_POINTS, restarts=3, seed=0)
    same = {"weights": np.full(2, 0.5), "loc": np.full(2, FIVE_POINTS.mean()), "scale": FIVE_POINTS.std()}
    with pytest.raises(FitError, match="not curved downwards.*sample_nuts"):
        inference.fit_laplace(mode.program, FIVE_POINTS, init=replace(mode, parameters=mode.parameters | same), seed=0)


@pytest.mark.parametrize("fit", [inference.fit_laplace, inference.fit_vi])
def test_starts_of_another_program_are_refused_in_words(tutorial, fit):
    other = inference.fit_map(mixtures.gaussian_mixture(3), FIVE_POINTS, restarts=2, seed=0)
    for init in (other, "map", {"loc": 0.0}):
        with pytest.raises(ModelError, match="init"):
            fit(tutorial, FIVE_POINTS, init=init, seed=0)


@pytest.mark.statistical
def test_batches_of_rows_find_the_exact_posterior():
    """Counts under a gamma prior: the rate's posterior is gamma, known in closed form."""
    x = np.random.default_rng(0).poisson(3.0, 300)
    model = mixtures.Mixture(1, mixtures.families.Poisson(priors={"rate": mixtures.priors.Gamma(2.0, 0.5)}))
    tree = inference.fit_vi(model, x, family="normal", batch=50, steps=1500, draws=DRAWS, seed=0)
    exact, rate = stats.gamma(2.0 + x.sum(), scale=1 / (0.5 + len(x))), tree["posterior"]["rate"].values
    # the logarithm of a gamma variable is a little skew: weights are even, but their tail is no normal's, and k-hat of any size
    assert tree.attrs["effective_draws"] > 0.95 * DRAWS
    assert abs(rate.mean() - exact.mean()) < 0.2 * exact.std()
    assert abs(rate.std() / exact.std() - 1) < 0.2


@pytest.mark.statistical
def test_batches_are_right_on_average():
    """The mean of many estimates of the log density from four rows each, beside the density of all rows by SciPy."""
    x = np.array([-1.0, 0.3, 0.9, 1.4, 2.2, 3.0, 4.1])
    model = mixtures.Mixture(2, mixtures.families.Poisson(priors={"rate": mixtures.priors.Gamma(2.0, 1.0)}))
    counts, rates = np.abs(np.round(2 * x)), np.array([1.5, 4.0])
    weights = np.array([0.5, 0.5])
    found, error = estimates(model, counts, {"rate": rates, "weights": weights})
    likelihood = np.log(stats.poisson(rates).pmf(counts[:, None]) @ weights).sum()
    # Dirichlet(1, 1) has density 1; the logs of the rates and the log odds of the weights have their Jacobians
    prior = stats.gamma(2.0).logpdf(rates).sum() + np.log(rates).sum() + np.log(weights).sum()
    assert abs(found - likelihood - prior) < 4.5 * error


@pytest.mark.statistical
def test_batches_of_lines_are_right_on_average():
    """Whatever the covariates of its rows, a batch has the lines that all rows have: by SciPy, of one line and its prior."""
    c = np.array([50.0, 51.0, 53.0, 54.0, 57.0, 61.0])
    y = 1.0 + 0.5 * (c - 54.0) + np.array([0.3, -0.4, 0.2, 0.5, -0.1, -0.3])
    normal, at = (
        mixtures.priors.Normal(0.0, 30.0),
        {"intercept": [-26.0], "slope": [[0.5]], "scale": [0.7], "weights": [1.0]},
    )
    given = {"intercept": normal, "slope": normal, "scale": mixtures.priors.LogNormal(0.0, 1.0)}
    model = mixtures.Mixture(1, mixtures.families.Regression(priors=given))
    found, error = estimates(
        model, Observations(y, covariates=c[:, None]), {name: np.array(value) for name, value in at.items()}
    )
    likelihood = stats.norm(-26.0 + 0.5 * c, 0.7).logpdf(y).sum()
    prior = stats.norm(0.0, 30.0).logpdf([-26.0, 0.5]).sum() + stats.lognorm(1.0).logpdf(0.7)
    # coordinates are the line's level at the mean of the covariate, its slope in units of their spread, and the scale's logarithm
    jacobian = -np.log(c.std()) + np.log(0.7)
    assert abs(found - likelihood - prior - jacobian) < 4.5 * error


def estimates(model, x, at, batch=4, draws=4000):
    """The mean of estimates at these parameters, and its standard error."""
    import jax
    import jax.numpy as jnp

    from inference.backends import bind
    from inference.samplers.variational import _Problem

    bound = bind(model, Observations.of(x), "numpyro")
    target = bound.target()
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, target.data)
        u = jnp.asarray(bound.log_density(jacobian=True).unconstrain(at))
        about = u, jnp.eye(len(u)), jax.random.PRNGKey(0), jnp.asarray(0.01)

        @jax.jit
        def some(keys, data):
            made = _Problem(target.density, "normal", 10, batch, about, data)
            return jax.vmap(lambda key: made.estimate(jnp.zeros(len(u)), data, batch, key))(keys)

        values = np.asarray(some(jax.random.split(jax.random.PRNGKey(1), draws), data))
    return values.mean(), values.std() / np.sqrt(draws)


def test_a_batch_needs_independent_rows():
    with pytest.raises(ModelError, match="independent"):
        inference.fit_vi(conjugate, X, batch=2, seed=0)
    chain = mixtures.Mixture(2, mixtures.families.Gaussian(), mixtures.assignments.Markov())
    with pytest.raises(ModelError, match="independent"):
        inference.fit_vi(chain, X, batch=2, seed=0)
