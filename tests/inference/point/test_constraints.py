"""Parameters that are known in part, or shared by some components, at the maxima that scipy finds of the likelihood written out."""

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import log_softmax, logsumexp

import inference
from mixtures import Mixture, Observations, families, gaussian_mixture, hidden_markov, poisson_mixture, source, weights
from mixtures.errors import ChoiceError, ModelError

RNG = np.random.default_rng(6)
NAN = float("nan")
PLACES = np.repeat([0.0, 2.5, 6.0], [50, 40, 30])
Y = PLACES + RNG.normal(scale=np.repeat([1.0, 0.7, 1.2], [50, 40, 30]))
PAIRS = RNG.normal(size=(90, 2)) + np.repeat([[0.0, 0.0], [2.0, 1.5]], 45, axis=0)
START = {"weights": [0.4, 0.35, 0.25], "loc": [0.0, 2.5, 6.0], "scale": [1.0, 0.8, 1.1]}


def three(u, loc=None, scales=None):
    """-log likelihood of three normals; u: two log odds, then what is free of locations and log scales."""
    loc, log_scale = (loc or (lambda v: v))(u[2:]), (scales or (lambda v: v))(u[2:])
    parts = log_softmax([u[0], u[1], 0.0]) + stats.norm(loc, np.exp(log_scale)).logpdf(Y[:, None])
    return -logsumexp(parts, axis=1).sum()


def known_place(u):
    return three(u, lambda v: np.array([0.0, v[0], v[1]]), lambda v: v[2:5])


def two_scales(u):
    return three(u, lambda v: v[:3], lambda v: v[[3, 3, 4]])


CASES = {
    "fixed": ({"fixed": {"loc": [0.0, NAN, NAN]}}, known_place, [0.4, 0.3, 2.5, 6.0, 0.0, -0.2, 0.1]),
    "equal": ({"equal": {"scale": [[0, 1]]}}, two_scales, [0.4, 0.3, 0.0, 2.5, 6.0, 0.0, 0.1]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_maximum_under_a_constraint(name, backend):
    given, loss, begin = CASES[name]
    exact = optimize.minimize(loss, begin, options={"gtol": 1e-6})
    fit = inference.fit_mle(gaussian_mixture(3), Y, init=START, restarts=1, seed=0, backend=backend, **given)
    assert fit.log_likelihood == pytest.approx(-exact.fun, abs=1e-6)
    assert fit.free_parameters == len(begin)
    assert fit.status.is_sound
    if name == "fixed":
        assert fit.parameters["loc"][0] == 0.0
    else:
        assert fit.parameters["scale"][0] == pytest.approx(fit.parameters["scale"][1], rel=1e-12)
    information = optimize.approx_fprime(exact.x, lambda u: optimize.approx_fprime(u, loss, 1e-5), 1e-5)
    covariance = np.linalg.inv((information + information.T) / 2)
    errors = inference.standard_errors(fit, Y, **given).table.iloc[:, 1]
    if name == "fixed":
        assert np.isnan(errors[("loc", 0)])
        assert errors[("loc", 1)] == pytest.approx(np.sqrt(covariance[2, 2]), rel=5e-3)
    else:
        own = np.sqrt(covariance[5, 5]) * fit.parameters["scale"][0]
        assert [errors[("scale", 0)], errors[("scale", 1)]] == pytest.approx([own, own], rel=5e-3)
        assert errors[("loc", 0)] == pytest.approx(np.sqrt(covariance[2, 2]), rel=5e-3)


def test_all_scales_equal_is_the_tied_model(backend):
    shared = inference.fit_mle(
        gaussian_mixture(3), Y, init=START, restarts=1, seed=0, equal={"scale": [[0, 1, 2]]}, backend=backend
    )
    tied = inference.fit_em(gaussian_mixture(3, "tied"), Y, restarts=5, tolerance=1e-12, seed=0)
    assert shared.log_likelihood == pytest.approx(tied.log_likelihood, abs=1e-5)
    assert shared.free_parameters == tied.free_parameters
    assert shared.bic == pytest.approx(tied.bic, abs=1e-4)


def test_parts_of_a_table_and_whole_matrices(backend):
    """Of one component a place's first coordinate and all correlations are known."""
    given = {"loc": [[0.0, NAN], [NAN, NAN]], "correlation_cholesky": [np.eye(2), np.full((2, 2), NAN)]}

    def loss(u):
        loc = np.array([[0.0, u[1]], [u[2], u[3]]])
        scale = np.exp(u[4:8]).reshape(2, 2)
        covariances = [np.diag(scale[0] ** 2), np.outer(scale[1], scale[1]) * [[1, np.tanh(u[8])], [np.tanh(u[8]), 1]]]
        each = [stats.multivariate_normal(loc[k], covariances[k]).logpdf(PAIRS) for k in (0, 1)]
        return -logsumexp(log_softmax([u[0], 0.0]) + np.stack(each, axis=1), axis=1).sum()

    begin = np.array([0.0, 0.0, 2.0, 1.5, 0.0, 0.0, 0.0, 0.0, 0.0])
    exact = optimize.minimize(loss, begin, options={"gtol": 1e-6})
    start = {"loc": [[0.0, 0.0], [2.0, 1.5]], "scale": np.ones((2, 2))}
    fit = inference.fit_mle(gaussian_mixture(2), PAIRS, init=start, restarts=1, seed=0, fixed=given, backend=backend)
    assert fit.log_likelihood == pytest.approx(-exact.fun, abs=1e-5)
    assert fit.free_parameters == 9
    np.testing.assert_allclose(fit.parameters["correlation_cholesky"][0], np.eye(2), atol=1e-12)


def test_the_mode_under_a_constraint(backend):
    """Adam on the ELBO, and L-BFGS, come to one place, where the free part alone is at rest."""
    counts = RNG.poisson(np.repeat([2.0, 6.0], 40))
    found = [
        inference.fit_map(
            poisson_mixture(2),
            counts,
            fixed={"rate": [2.0, NAN]},
            restarts=3,
            seed=0,
            optimizer=optimizer,
            backend=backend,
        )
        for optimizer in ("lbfgs", "adam")
    ]

    def loss(u):
        log_odds, log_rate = u
        rate = np.array([2.0, np.exp(log_rate)])
        parts = log_softmax([log_odds, 0.0]) + stats.poisson(rate).logpmf(counts[:, None])
        # the default prior, Gamma(2, 1 / mean); weights are uniform
        return -logsumexp(parts, axis=1).sum() - stats.gamma(2, scale=counts.mean()).logpdf(rate).sum()

    exact = optimize.minimize(loss, [0.0, np.log(6.0)])
    for fit in found:
        assert fit.parameters["rate"] == pytest.approx([2.0, np.exp(exact.x[1])], rel=1e-4)
        assert fit.log_posterior == pytest.approx(-exact.fun, abs=1e-6)


def test_whole_rows_of_probabilities():
    x = RNG.integers(0, 3, size=(60, 2)).astype(float)
    model = Mixture(2, families.Categorical(3))
    known = np.full((2, 2, 3), NAN)
    known[0, 1] = [0.2, 0.3, 0.5]
    fit = inference.fit_map(model, x, fixed={"probs": known}, restarts=2, seed=0)
    np.testing.assert_allclose(fit.parameters["probs"][0, 1], [0.2, 0.3, 0.5], rtol=1e-12)
    assert fit.free_parameters == 1 + 8 - 2
    shared = inference.fit_map(model, x, equal={"probs": [[0, 1]]}, restarts=2, seed=0)
    np.testing.assert_allclose(*shared.parameters["probs"], rtol=1e-12)
    assert shared.free_parameters == 1 + 4


GATED = Mixture(2, families.Regression(), weights.Gating())
LINES = Observations(Y, covariates=PLACES)


@pytest.mark.parametrize(
    ("model", "x", "given", "error", "text"),
    [
        (
            gaussian_mixture(3),
            Y,
            {"fixed": {"loc": [0.0, NAN]}},
            ModelError,
            r"got shape \(2,\); expected shape \(3,\)",
        ),
        (gaussian_mixture(3), Y, {"fixed": {"place": [0.0]}}, ChoiceError, "place"),
        (gaussian_mixture(3), Y, {"fixed": [0.0]}, ModelError, "a mapping from sites"),
        (gaussian_mixture(3), Y, {"fixed": {"loc": "a"}}, ModelError, "numbers of shape"),
        (gaussian_mixture(3), Y, {"fixed": {"scale": [-1.0, NAN, NAN]}}, ModelError, "numbers > 0"),
        (gaussian_mixture(3), Y, {"fixed": {"weights": [0.2, NAN, NAN]}}, ModelError, "of each simplex all or nothing"),
        (gaussian_mixture(3), Y, {"fixed": {"weights": [0.0, 0.5, 0.5]}}, ModelError, "values inside it"),
        (gaussian_mixture(3), Y, {"fixed": {"weights": [0.5, 0.5, 0.0]}}, ModelError, "values inside it"),
        (gaussian_mixture(3), Y, {"equal": {"scale": [0, 1]}}, ModelError, "two components or more"),
        (gaussian_mixture(3), Y, {"equal": {"scale": [[0, 3]]}}, ModelError, "equal"),
        (gaussian_mixture(3), Y, {"equal": {"weights": [[0, 1]]}}, ModelError, "each component has its own"),
        (gaussian_mixture(3, "tied"), Y, {"equal": {"scale": [[0, 1]]}}, ModelError, "each component has its own"),
        (
            gaussian_mixture(3),
            Y,
            {"fixed": {"loc": [0.0, NAN, NAN]}, "equal": {"loc": [[0, 1]]}},
            ModelError,
            "that are free",
        ),
        (GATED, LINES, {"fixed": {"intercept": [0.0, NAN]}}, ModelError, "which move with slopes"),
        (GATED, LINES, {"fixed": {"gating_slope": [[0.0], [NAN]]}}, ModelError, "relative to each other"),
    ],
)
def test_bad_constraints(model, x, given, error, text):
    with pytest.raises(error, match=text):
        inference.fit_mle(model, x, restarts=1, seed=0, **given)


def test_em_climbs_by_gradient_where_a_site_is_held_in_part(backend):
    given, loss, begin = CASES["fixed"]
    exact = optimize.minimize(loss, begin, options={"gtol": 1e-6})
    fit = inference.fit_em(gaussian_mixture(3), Y, init=START, restarts=1, seed=0, backend=backend, **given)
    assert fit.log_likelihood == pytest.approx(-exact.fun, abs=1e-6)
    assert fit.status.is_sound
    assert (fit.parameters["loc"][0], fit.free_parameters) == (0.0, len(begin))


def test_sites_held_in_part_are_refused_where_m_steps_must_be_closed():
    for model, x, fixed, text in (
        (hidden_markov(2), Y, {"loc": [0.0, NAN]}, "a hidden Markov chain with sites held in part"),
        (
            gaussian_mixture(2),
            source(Y),
            {"loc": [0.0, NAN]},
            "fixed: got sites held in part of .* expected whole sites",
        ),
        (
            gaussian_mixture(2),
            Y,
            {"loc": [np.inf, NAN]},
            r"fixed\['loc'\]: got \[inf, nan\]; expected finite numbers, NaN",
        ),
        (gaussian_mixture(2), Y, {"loc": NAN}, "expected finite numbers. Leave out a site that is free"),
        (gaussian_mixture(3), Y, {"weights": [0.2, NAN, NAN]}, "of each simplex all or nothing"),
        (gaussian_mixture(3), Y, {"weights": [0.5, 0.5, 0.0], "loc": [0.0, NAN, NAN]}, "values inside it"),
        (gaussian_mixture(2), Y, {"weights": [1.0, 0.0], "loc": [0.0, NAN]}, "values inside it"),
    ):
        with pytest.raises(ModelError, match=text):
            inference.fit_em(model, x, fixed=fixed, restarts=1, seed=0)
