"""Laws with more components than clusters, priors of priors' parameters, and priors on the number of components: by scipy, on both backends."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import inference
from inference.backends import bind
from mixtures import Mixture, Observations, component_counts, families, priors, simulate
from mixtures.assignments import SparseDirichlet, StickBreaking
from mixtures.errors import ModelError
from mixtures.specification import from_json, to_json

X = np.array([0.0, 1.0, 1.0, 2.0, 5.0, 6.0, 9.0])
RATES = np.array([1.0, 4.0, 7.0])
BACKENDS = ["numpyro", "pyro"]


def log_density(law, values, backend):
    model = Mixture(3, families.Poisson(priors={"rate": priors.Gamma(2.0, 0.5)}), law)
    bound = bind(model, Observations(X), backend)
    found = bound.log_densities({name: np.asarray(value)[None] for name, value in values.items()})
    return np.concatenate(found)


def right(weights, of_law):
    table = stats.poisson(RATES).logpmf(X[:, None]) + np.log(weights)
    return [logsumexp(table, axis=1).sum(), of_law + stats.gamma(2.0, scale=2.0).logpdf(RATES).sum()]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("is_shared_out", [True, False])
def test_a_sparse_dirichlet(is_shared_out, backend):
    weights, total = np.array([0.5, 0.2, 0.3]), 0.7
    each = total / 3 if is_shared_out else total
    of_law = stats.gamma(1.0, scale=0.5).logpdf(total) + stats.dirichlet([each] * 3).logpdf(weights)
    values = {"weight_concentration": total, "weights": weights, "rate": RATES}
    found = log_density(SparseDirichlet(priors.Gamma(1.0, 2.0), is_shared_out), values, backend)
    np.testing.assert_allclose(found, right(weights, of_law), rtol=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("concentration", "discount"), [(1.5, 0.0), (0.5, 0.25), (None, 0.25)])
def test_sticks(concentration, discount, backend):
    sticks, total = np.array([0.3, 0.6]), 0.8 if concentration is None else concentration
    weights = np.array([0.3, 0.7 * 0.6, 0.7 * 0.4])
    of_law = sum(stats.beta(1 - discount, total + k * discount).logpdf(v) for k, v in enumerate(sticks, start=1))
    values = {"sticks": sticks, "rate": RATES}
    law = StickBreaking(total, discount)
    if concentration is None:
        law, values = StickBreaking(priors.Gamma(2.0, 4.0), discount), values | {"weight_concentration": total}
        of_law += stats.gamma(2.0, scale=0.25).logpdf(total)
    np.testing.assert_allclose(log_density(law, values, backend), right(weights, of_law), rtol=1e-10)


def test_sticks_and_weights_say_the_same():
    law, weights = StickBreaking(), np.array([0.5, 0.0, 0.2, 0.3, 0.0])
    np.testing.assert_allclose(law.shares(law.weighted(weights, None)), weights, atol=1e-15)
    moved = law.permuted(law.weighted(weights, None), np.array([3, 2, 0, 1, 4]))
    np.testing.assert_allclose(law.shares(moved), [0.3, 0.2, 0.5, 0.0, 0.0], atol=1e-15)


@pytest.mark.quick("*discount=0.3)", reason="of any discount")
@pytest.mark.statistical
@pytest.mark.parametrize("law", [StickBreaking(1.5), StickBreaking(0.5, 0.3)], ids=str)
def test_what_is_cut_off(law):
    """The expected weight of the last component is what the bound has for one row."""
    model = Mixture(6, families.Poisson(priors={"rate": priors.Gamma(2.0, 0.5)}), law)
    drawn = np.stack([law.shares(simulate(model, size=1, seed=seed))[-1] for seed in range(300)])
    error = drawn.std(ddof=1) / np.sqrt(len(drawn))
    assert abs(drawn.mean() - law.truncation_bound(6, rows=1)) < 5 * error


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SparseDirichlet(2.0), "a prior of a positive number"),
        (lambda: SparseDirichlet(priors.Normal(0.0, 1.0)), "a prior of a positive number"),
        (lambda: SparseDirichlet(priors.Gamma(1.0, priors.Gamma(1.0, 2.0))), "its parameters known"),
        (lambda: StickBreaking(priors.Gamma(1.0, priors.Gamma(1.0, 2.0))), "its parameters known"),
        (lambda: StickBreaking(0.0), "a number > 0, or a prior"),
        (lambda: StickBreaking(1.0, 1.0), "0 <= discount < 1"),
        (lambda: Mixture(1, families.Poisson(), StickBreaking()), "2 or more"),
        (lambda: priors.Gamma(1.0, priors.Normal(0.0, 1.0)), "a prior of numbers"),
        (lambda: priors.Uniform(0.0, priors.Gamma(1.0, 1.0)), "expected a number"),
        (lambda: priors.Normal(0.0, priors.Gamma(1.0, [1.0, 2.0])), "a prior of one number"),
        (lambda: component_counts.Geometric(1.0), "between 0 and 1"),
        (lambda: component_counts.Poisson(-1.0), "a number > 0"),
    ],
)
def test_what_is_wrong_is_said(make, text):
    with pytest.raises(ModelError, match=text):
        make()


HIERARCHY = Mixture(
    3,
    families.Gaussian(
        priors={
            "scale": priors.RootInverseGamma(2.0, priors.Gamma(0.5, 3.0)),
            "loc": priors.Normal(3.0, priors.HalfNormal(4.0)),
        }
    ),
)


def test_a_statistic_of_several_columns_is_no_number():
    loc = priors.Normal(priors.Normal(priors.MIDRANGE, priors.RANGE), 1.0)
    with pytest.raises(ModelError, match="a statistic of several columns"):
        inference.fit_map(Mixture(2, families.Gaussian("VVI", priors={"loc": loc})), X.repeat(2).reshape(7, 2), seed=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_priors_of_the_parameters_of_priors(backend):
    values = {
        "scale_rate": np.array(1.3),
        "loc_scale": np.array(2.5),
        "weights": np.array([0.2, 0.3, 0.5]),
        "loc": np.array([0.0, 2.0, 5.0]),
        "scale": np.array([0.5, 1.0, 2.0]),
    }
    found = bind(HIERARCHY, Observations(X), backend).log_priors({name: v[None] for name, v in values.items()})
    expected = (
        stats.gamma(0.5, scale=1 / 3).logpdf(1.3)
        + stats.halfnorm(scale=4.0).logpdf(2.5)
        + stats.dirichlet([1, 1, 1]).logpdf(values["weights"])
        + stats.norm(3.0, 2.5).logpdf(values["loc"]).sum()
        # the density of a root by that of its square, and 2 s
        + (stats.invgamma(2.0, scale=1.3).logpdf(values["scale"] ** 2) + np.log(2 * values["scale"])).sum()
    )
    np.testing.assert_allclose(found, [expected], rtol=1e-10)


@pytest.mark.statistical
@pytest.mark.parametrize("backend", BACKENDS)
def test_draws_of_a_root_of_an_inverse_gamma(backend):
    model = Mixture(1, families.Gaussian(priors={"scale": priors.RootInverseGamma(3.0, 2.0)}))
    bound = bind(model, Observations(X), backend)
    drawn = np.array([float(bound.prior_draw(seed)["scale"][0]) for seed in range(200)])
    assert stats.kstest(drawn**2, stats.invgamma(3.0, scale=2.0).cdf).pvalue > 1e-5


def test_hyperpriors_are_written_and_kept():
    assert "scale_rate    ~ Gamma(0.5, 3)" in str(HIERARCHY)
    assert "RootInverseGamma(2, scale_rate)" in str(HIERARCHY)
    assert from_json(to_json(HIERARCHY)) == HIERARCHY


def test_a_likelihood_knows_no_hyperpriors():
    for fit in (inference.fit_em, inference.fit_mle):
        with pytest.raises(ModelError, match="'loc_scale', 'scale_rate', of which the likelihood knows nothing"):
            fit(HIERARCHY, X, restarts=2, seed=0)


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.parametrize("backend", BACKENDS)
def test_hyperparameters_are_no_free_parameters(backend):
    fit = inference.fit_map(HIERARCHY, X, restarts=2, seed=0, backend=backend)
    assert fit.free_parameters == 2 + 3 + 3
    assert {"scale_rate", "loc_scale"} <= set(fit.parameters)


@pytest.mark.parametrize(
    ("prior", "law"),
    [
        (component_counts.Poisson(1.5), stats.poisson(1.5)),
        (component_counts.Geometric(0.3), stats.geom(0.3, loc=-1)),
        (component_counts.BetaNegativeBinomial(1, 4, 3), stats.betanbinom(1, 4, 3)),
    ],
    ids=["Poisson", "geometric", "beta negative binomial"],
)
def test_priors_on_the_number_of_components(prior, law):
    most = 12
    expected = law.pmf(np.arange(most))
    np.testing.assert_allclose(np.exp(prior.log_probs(most)), expected / expected.sum(), rtol=1e-10)
    np.testing.assert_allclose(prior.left_out(most), law.sf(most - 1), atol=1e-12)


def test_a_uniform_number_of_components():
    np.testing.assert_allclose(np.exp(component_counts.Uniform().log_probs(4)), 0.25)
