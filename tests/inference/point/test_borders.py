"""Point fits where the objective has no numbers, no maximum or no curvature: what is said is right, and nothing is said besides."""

import numpy as np
import pytest
from scipy import optimize, stats

from inference import Status, fit_em, fit_map, fit_mle
from mixtures import (
    Observations,
    families,
    gamma_mixture,
    gaussian_mixture,
    priors,
    student_t_mixture,
    zero_inflated_poisson_mixture,
)
from mixtures.errors import ModelError
from mixtures.mixture import Mixture

X = np.r_[np.random.default_rng(0).normal(size=20), np.random.default_rng(1).normal(4.0, 1.0, 20)]


@pytest.mark.quick("t", "one value, tied", "rows of weight 0", reason="each kind of family")
@pytest.mark.parametrize(
    "fit",
    [
        lambda: fit_mle(gaussian_mixture(1), Observations([2.0, 2.0, 2.0, 5.0], row_weights=[1, 1, 1, 0]), seed=0),
        lambda: fit_mle(gaussian_mixture(2), np.ones(6), seed=0),
        lambda: fit_mle(gaussian_mixture(2, "tied"), np.ones((6, 2)), seed=0),
        lambda: fit_em(student_t_mixture(2), np.ones(6), restarts=3, seed=0),
        lambda: fit_em(student_t_mixture(2), np.ones((6, 2)), restarts=3, seed=0),
    ],
    ids=["rows of weight 0", "one value", "one value, tied", "t", "t, two columns"],
)
def test_a_component_on_a_point_has_collapsed_though_its_likelihood_is_a_line(fit):
    """In the logarithm of a scale the log likelihood of equal rows is linear."""
    assert fit().status is Status.COLLAPSED


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_a_learned_scale_that_runs_to_zero_is_said(backend):
    """p(loc | scale) p(scale) has no bound where all loc are equal and the scale is none; the data do not hold them apart."""
    model = gaussian_mixture(2, "tied", priors={"loc": priors.Normal(priors.Normal(0.0, 10.0), priors.Gamma(1.0, 1.0))})
    fit = fit_map(model, X[:20], restarts=2, seed=0, backend=backend)
    assert fit.status is Status.POOLED


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_a_learned_scale_with_a_maximum_is_not(backend):
    """An inverse gamma keeps away from zero: given the means, its joint density has the maximum that scipy finds."""
    model = gaussian_mixture(2, "tied", priors={"loc": priors.Normal(2.0, priors.InverseGamma(2.0, 2.0))})
    fit = fit_map(model, X, restarts=4, seed=0, backend=backend)
    assert fit.status is Status.CONVERGED
    loc = fit.parameters["loc"]
    best = optimize.minimize_scalar(
        lambda scale: -stats.norm(2.0, scale).logpdf(loc).sum() - stats.invgamma(2.0, scale=2.0).logpdf(scale),
        bounds=(0.01, 20.0),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert fit.parameters["loc_scale"] == pytest.approx(best.x, rel=1e-4)


@pytest.mark.quick("pyro-fit_map-*", "numpyro-fit_mle-*", reason="each verb, and each backend")
@pytest.mark.parametrize(("verb", "steps"), [(fit_map, {"steps": 20}), (fit_mle, {"epochs": 20})])
def test_starts_on_the_border_are_taken_without_a_warning(verb, steps, backend):
    fit = verb(gaussian_mixture(3), X, init={"weights": [0.0, 0.5, 0.5]}, restarts=2, seed=0, backend=backend, **steps)
    assert np.isfinite(fit.log_likelihood)


def test_more_starts_than_restarts():
    start = {"weights": [0.5, 0.5], "concentration": [2.0, 3.0], "rate": [1.0, 2.0]}
    assert len(fit_em(gamma_mixture(2), np.abs(X) + 0.1, restarts=3, init=[start] * 4, seed=0).restarts) == 3


def test_a_row_is_not_known_to_be_of_a_component_of_weight_0():
    with pytest.raises(ModelError, match="weight 0 of component 1, which row 0"):
        fit_em(gaussian_mixture(2), X, labels=[1] + [-1] * 39, fixed={"weights": [1.0, 0.0]}, seed=0)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_hard_assignments_end_at_the_maximum_of_their_own_partition(backend):
    """Against scipy's fit of each class: an M-step that stops short is never made up for, once assignments repeat."""
    rng = np.random.default_rng(1)
    x = np.abs(np.round(np.r_[rng.normal(-3, 1, 12), rng.normal(3, 2.0, 12)], 3))
    fit = fit_em(gamma_mixture(2), x, hard=True, restarts=1, seed=0, backend=backend)
    log_density = np.log(fit.parameters["weights"]) + stats.gamma(
        fit.parameters["concentration"], scale=1 / fit.parameters["rate"]
    ).logpdf(x[:, None])
    classes = log_density.argmax(axis=1)
    for k in (0, 1):
        own = x[classes == k]

        def loss(v, own=own):
            return -stats.gamma(np.exp(v[0]), scale=np.exp(-v[1])).logpdf(own).sum()

        begin = np.log([fit.parameters["concentration"][k], fit.parameters["rate"][k]])
        best = optimize.minimize(loss, begin, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12}).fun
        assert loss(begin) <= best + 1e-7


def test_a_point_mass_is_no_duplicate_of_what_has_the_same_density_at_the_point():
    x = [0, 0, 0, 0, 1, 2, 3, 2, 10, 12, 15, 9, 0, 8]
    fit = fit_em(zero_inflated_poisson_mixture(2), x, fixed={"gate": [1.0, 0.0]}, restarts=3, seed=0)
    same = fit_em(
        Mixture(2, families.PerComponent([families.PointMass(0.0), families.Poisson()])), x, restarts=3, seed=0
    )
    assert fit.status is Status.CONVERGED
    np.testing.assert_allclose(fit.log_likelihood, same.log_likelihood, rtol=1e-8)
