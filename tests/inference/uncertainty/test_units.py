"""Each unit's score is the slope of its own log likelihood: against central differences of scipy's densities, and of the units taken alone."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from inference.backends import bind
from inference.uncertainty.units import units_at
from mixtures import Mixture, Observations, declare, families, gaussian_mixture, regression_mixture
from mixtures.assignments import Dirichlet, Gating, Markov, PerGroup
from mixtures.errors import ModelError
from tests.programs.latent import EFFECTS, INTERCEPTS, WHO

X = np.array([0.0, 0.7, 1.1, 1.9, 2.4, 3.0])
PLANE = np.column_stack([X, X[[2, 0, 1, 4, 3, 5]]])
STEP = 1e-5


def differences(function, u):
    """Central differences of a function of a vector, (..., size)."""
    steps = STEP * np.eye(len(u))
    return np.stack([(function(u + step) - function(u - step)) / (2 * STEP) for step in steps], axis=-1)


def at(bound, seed=3):
    """A vector that is no optimum."""
    return bound.log_density().unconstrain(bound.prior_draw(seed))


def test_rows_have_the_slopes_of_scipys_densities(backend):
    weight = np.array([1.0, 2.0, 0.5, 1.0, 0.0, 1.0])
    bound = bind(gaussian_mixture(2), Observations(X, row_weights=weight), backend)
    density = bound.log_density(prior=False)
    u = np.linspace(0.8, -0.4, density.size)

    def rows(u):
        values = density.constrain(u)
        return logsumexp(np.log(values["weights"]) + norm.logpdf(X[:, None], values["loc"], values["scale"]), axis=1)

    found, expected = units_at(bound, u), differences(rows, u)
    counted = weight > 0
    np.testing.assert_allclose(found.scores[counted], expected[counted], atol=1e-7)
    np.testing.assert_allclose(found.information(), (weight[:, None] * expected).T @ expected, atol=1e-6)
    np.testing.assert_allclose(found.times @ found.scores, density.value_and_gradient(u)[1], atol=1e-9)


def test_scores_of_many_rows_are_the_same_each_time(faithful, faithful_fit):
    """Derivatives by several coordinates at once are not: see `inference.backends.numpyro.vector.slopes_of`."""
    bound = bind(faithful_fit.program, faithful, "numpyro")
    density = bound.log_density(prior=False)
    u = density.unconstrain(faithful_fit.parameters)
    first, gradient = bound.scores(u), density.value_and_gradient(u)[1]
    np.testing.assert_allclose(first.sum(axis=0), gradient, atol=1e-9 * np.abs(first).sum())
    for _ in range(5):
        np.testing.assert_array_equal(bound.scores(u), first)


MISSING = np.where(np.arange(12).reshape(6, 2) % 5 == 4, np.nan, PLANE)
CASES = {
    "groups": (Mixture(2, families.Gaussian(), PerGroup()), Observations(X, group=list("abacbb")), list("abc")),
    "series": (Mixture(2, families.Gaussian(), Markov()), Observations(X, sequence=list("aabbbc")), list("abc")),
    "one series": (Mixture(2, families.Poisson(), Markov()), Observations([1, 0, 4, 2, 5, 0]), ["0"]),
    "missing cells": (gaussian_mixture(2), Observations(MISSING, missing="allow"), list("012345")),
    "labels": (gaussian_mixture(2), Observations(X, labels=[0, -1, 1, -1, -1, 0]), list("012345")),
    "covariates": (Mixture(2, families.Gaussian(), Gating()), Observations(X, covariates=X[::-1, None]), None),
}  # fmt: skip


@pytest.mark.quick("pyro-*", "numpyro-groups", reason="one code serves both backends")
@pytest.mark.parametrize("case", CASES)
def test_units_have_the_slopes_of_their_data_alone(case, backend):
    program, x, names = CASES[case]
    bound = bind(program, x, backend)
    u = at(bound)
    found = units_at(bound, u)
    gradient = bound.log_density(prior=False).value_and_gradient(u)[1]
    np.testing.assert_allclose(found.times @ found.scores, gradient, atol=1e-8)
    assert np.ptp(found.scores, axis=0).max() > 0.01 or case == "one series"
    if names is None:  # coordinates of slopes depend on all rows' covariates
        return
    for unit, _ in enumerate(names):
        alone = bind(bound.numbered, x.take(np.flatnonzero(found.of_rows == unit)), backend).log_density(prior=False)
        expected = differences(lambda u, alone=alone: np.array(alone.value_and_gradient(u)[0]), u)
        np.testing.assert_allclose(found.scores[unit], expected, atol=1e-6)


PROGRAMS = {
    "full": (gaussian_mixture(2), Observations(PLANE)),
    "turned": (gaussian_mixture(2, "VEV"), Observations(PLANE)),
    "predictors": (regression_mixture(2), Observations(X, covariates=X[::-1, None] ** 2)),
    "chain": (Mixture(3, families.Gaussian(), Markov()), Observations(X)),
    "sticks": (Mixture(3, families.Gaussian(), Dirichlet(0.5)), Observations(X)),
}  # fmt: skip


@pytest.mark.quick("pyro-*", "numpyro-full", reason="one code serves both backends")
@pytest.mark.parametrize("case", PROGRAMS)
def test_slopes_of_values_are_their_differences(case, backend):
    bound = bind(*PROGRAMS[case], backend)
    u, density = at(bound), bound.log_density()
    found = bound.slopes(u)
    values = density.constrain(u)
    assert set(found) == set(values)
    for name in values:
        expected = differences(lambda u, name=name: density.constrain(u)[name], u)
        np.testing.assert_allclose(found[name], expected, atol=1e-6 * max(1, np.abs(expected).max()))


@declare
def kept(ppl, x):
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 1.0))
    ppl.deterministic("mean", ppl.xp.sum(weights * rate))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.deterministic("own", rate[z])
        ppl.sample("obs", ppl.dist.Poisson(rate[z]), obs=x)


def test_what_a_program_keeps_of_its_parameters_has_slopes(backend):
    bound = bind(kept, Observations([1, 0, 4, 2, 5, 0]), backend)
    u, density = at(bound), bound.log_density()

    def mean(u):
        values = density.constrain(u)
        return np.array(values["weights"] @ values["rate"])

    found = bound.slopes(u)
    assert set(found) == {"weights", "rate", "mean"}
    np.testing.assert_allclose(found["mean"], differences(mean, u), atol=1e-8)


@declare
def paired(ppl, x):
    rate = ppl.sample("rate", ppl.dist.Gamma(ppl.xp.ones(2), 1.0).to_event(1))
    z = ppl.assign("assignment", ppl.xp.ones(2) / 2)
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Poisson(rate[z]), obs=x)


def test_rows_that_hang_together_have_no_scores(backend):
    bound = bind(paired, Observations([1, 0, 4]), backend)
    with pytest.raises(ModelError, match="independent"):
        units_at(bound, at(bound))


def test_rows_that_have_unknowns_of_their_own_have_no_scores(backend):
    bound = bind(INTERCEPTS.program, Observations(INTERCEPTS.x), backend)
    with pytest.raises(
        ModelError, match="rows that have unknowns of their own: level; expected rows whose only unknown"
    ):
        units_at(bound, at(bound))


def test_rows_whose_groups_have_unknowns_have_scores(backend):
    bound = bind(EFFECTS.program, Observations.of(EFFECTS.x), backend)
    u, density = at(bound), bound.log_density(prior=False)

    def rows(u):
        values = density.constrain(u)
        means = values["centre"] + values["effect"][WHO][:, None]
        return logsumexp(np.log(values["weights"]) + norm.logpdf(EFFECTS.x.x[:, None], means), axis=1)

    np.testing.assert_allclose(units_at(bound, u).scores, differences(rows, u), atol=1e-7)


def test_a_row_that_counts_for_nothing_needs_no_slope():
    sites = SimpleNamespace(check_hub=lambda _: None, has_prior_in_rows=False, is_of_groups=False, is_chain=False)
    scores = np.array([[1.0, 2.0], [np.nan, np.inf], [-3.0, 4.0]])
    x = Observations(X[:3], row_weights=[0.5, 0.0, 2.0])
    found = units_at(SimpleNamespace(sites=sites, x=x, scores=lambda u: scores), np.zeros(2))
    np.testing.assert_array_equal(found.scores, [[1.0, 2.0], [0.0, 0.0], [-3.0, 4.0]])
    np.testing.assert_array_equal(found.information(), [[18.5, -23.0], [-23.0, 34.0]])
