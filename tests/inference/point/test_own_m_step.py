"""A family of the user's own that brings its M-step: EM is in closed form, and the optimum is scipy's."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import optimize, special, stats

import inference
from inference.point.em import fit as em
from inference.point.em.m_steps.exponential_family import ExponentialFamily, ExponentialFamilyEM
from mixtures import Mixture, Observations, priors
from mixtures.errors import ModelError
from mixtures.families import Family, Parts, Poisson, Product, WithNoise
from mixtures.families.support import POSITIVE


@dataclass(frozen=True)
class RayleighStatistics(ExponentialFamily):
    """log p = log x - 2 log s - x^2 / (2 s^2), of which x^2 and 1 are the columns."""

    site = "scale"

    def columns(self, x):
        seen = ~np.isnan(x)
        return np.hstack([np.where(seen, x**2, 0.0), seen])

    def width(self, features):
        return 2 * features

    def log_base(self, x):
        return np.nansum(np.log(x), axis=1)

    def log_density(self, coefficients, x):
        squares, seen = np.split(x, 2)
        return coefficients @ x + np.sum(0.5 * np.log(np.where(seen > 0, squares, 1.0)), axis=0)

    def best(self, xp, sums):
        features = sums.shape[-1] // 2
        variance = sums[..., :features] / sums[..., features:] / 2
        return xp.concat([-0.5 / variance, -xp.log(variance)], axis=-1)

    def encode(self, value):
        return np.hstack([-0.5 / value**2, -2 * np.log(value)])

    def decode(self, coefficients):
        return np.exp(-0.5 * coefficients[:, coefficients.shape[1] // 2 :])


@dataclass(frozen=True)
class Rayleigh(Family):
    """The length of a normal vector in the plane; one site, `scale`."""

    priors: tuple = (("scale", priors.LogNormal(priors.LOG_HALF_SD, 1.0)),)

    @property
    def priors_by_site(self):
        return dict(self.priors)

    def shared(self, ppl, draw, features):
        return {}

    def per_component(self, ppl, draw, features):
        return {"scale": draw("scale")}

    def emission(self, ppl, parameters, features):
        cell = ppl.dist.Weibull(parameters["scale"] * np.sqrt(2.0), 2.0)
        return cell.mask(parameters["observed"]) if "observed" in parameters else cell

    def start(self, x, rows, components):
        return {"scale": x[rows] / np.sqrt(2.0)}

    def check(self, x):
        POSITIVE.check(x)

    def parts(self):
        return Parts(support=POSITIVE, closed_form=ExponentialFamilyEM(RayleighStatistics()))


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.rayleigh(1.0, 150), rng.rayleigh(2.5, 100)])


def log_likelihood(x, weights, scale):
    return special.logsumexp(np.log(weights) + stats.rayleigh(scale=scale).logpdf(x[:, None]), axis=1).sum()


@pytest.fixture
def closed(monkeypatch):
    """Climbing by gradient is no closed form."""

    def refuse(*_):
        raise AssertionError("the M-step went by gradient")

    monkeypatch.setattr(em, "generalised_em", refuse)


def test_one_component_is_the_maximum_likelihood_estimate(x, closed, backend):
    fit = inference.fit_em(Mixture(1, Rayleigh()), x, restarts=1, seed=0, backend=backend)
    np.testing.assert_allclose(fit.parameters["scale"], [np.sqrt(np.mean(x**2) / 2)], rtol=1e-10)


def test_em_finds_the_maximum_that_scipy_finds(x, closed, backend):
    fit = inference.fit_em(Mixture(2, Rayleigh()), x, restarts=4, tolerance=1e-13, seed=0, backend=backend)
    np.testing.assert_allclose(fit.log_likelihood, log_likelihood(x, **fit.parameters), rtol=1e-12)

    def loss(u):
        weights = special.softmax([u[0], 0.0])
        return -log_likelihood(x, weights, np.exp(u[1:]))

    best = optimize.minimize(loss, [0.0, 0.0, 1.0], tol=1e-12)
    np.testing.assert_allclose(fit.log_likelihood, -best.fun, rtol=1e-9)
    np.testing.assert_allclose(np.sort(fit.parameters["scale"]), np.sort(np.exp(best.x[1:])), rtol=1e-4)


def test_it_is_closed_as_one_column_of_a_table_with_missing_cells(x, closed):
    table = np.column_stack([x, np.random.default_rng(1).normal(x, 1.0)])
    table[::9, 0] = np.nan
    table[::7, 1] = np.nan
    waits = Product({"length": Rayleigh(), "count": Poisson()})
    table[:, 1] = np.round(np.abs(table[:, 1]))
    fit = inference.fit_em(Mixture(1, waits), Observations(table, missing="allow"), restarts=1, seed=0)
    np.testing.assert_allclose(fit.parameters["length_scale"], [np.sqrt(np.nanmean(table[:, 0] ** 2) / 2)], rtol=1e-10)
    np.testing.assert_allclose(fit.parameters["count_rate"], [np.nanmean(table[:, 1])], rtol=1e-10)


def test_beside_noise_it_is_not_what_it_was(x):
    """A closed form is that of the family alone: with noise the M-step goes by gradient, and the likelihood is as right."""
    fit = inference.fit_em(Mixture(2, WithNoise(Rayleigh(), 0.0, 12.0)), x, restarts=1, seed=0)
    each = np.column_stack([np.full(len(x), -np.log(12.0)), stats.rayleigh(scale=fit.parameters["scale"][1]).logpdf(x)])
    expected = special.logsumexp(np.log(fit.parameters["weights"]) + each, axis=1).sum()
    np.testing.assert_allclose(fit.log_likelihood, expected, rtol=1e-10)


class WithoutConstant(RayleighStatistics):
    """A density without its log x."""

    def log_density(self, coefficients, x):
        return coefficients @ x


class Doubled(RayleighStatistics):
    """An M-step that is no maximum."""

    def best(self, xp, sums):
        features = sums.shape[-1] // 2
        return super().best(xp, xp.concat([2.5 * sums[..., :features], sums[..., features:]], axis=-1))


@pytest.mark.parametrize(
    ("closed_form", "said"),
    [
        (ExponentialFamilyEM(WithoutConstant()), "a log likelihood of .* where the family's emission has"),
        (ExponentialFamilyEM(Doubled()), "an M-step after which the log likelihood is"),
        (RayleighStatistics(), "ExponentialFamilyEM"),
    ],
)
def test_a_closed_form_that_is_wrong_is_found_out(closed_form, said, x):
    class Wrong(Rayleigh):
        def parts(self):
            return Parts(support=POSITIVE, closed_form=closed_form)

    with pytest.raises(ModelError, match=said):
        inference.fit_em(Mixture(2, Wrong()), x, restarts=2, seed=0)
