"""Skew normal and skew t: no skew is the symmetric family, draws follow their distribution function, and fits find skewness that was put in."""

import numpy as np
import pytest
from scipy import integrate, stats

import inference
from inference.backends import engine
from mixtures import Mixture, Observations, families, simulate


def with_weight(values):
    return {"weights": np.ones(1), **{site: np.array([value]) for site, value in values.items()}}


def test_no_skew_is_the_symmetric_family(backend):
    x = Observations([-30.0, -1.0, 0.2, 4.0])
    values = with_weight({"df": 3.0, "loc": 0.3, "scale": 2.0})
    plain = engine(backend).log_joint(Mixture(1, families.StudentT()), values, x)
    found = engine(backend).log_joint(Mixture(1, families.SkewT()), {**values, "skew": np.zeros(1)}, x)
    np.testing.assert_allclose(found, plain, rtol=1e-12)


def test_many_degrees_of_freedom_make_a_skew_normal(backend):
    x = Observations([-3.0, -1.0, 0.2, 4.0])
    values = with_weight({"df": 1e12, "loc": 0.3, "scale": 2.0, "skew": -2.0})
    found = engine(backend).log_joint(Mixture(1, families.SkewT()), values, x)[:, 0]
    np.testing.assert_allclose(found, stats.skewnorm(-2.0, 0.3, 2.0).logpdf(x.x), rtol=1e-8)


@pytest.mark.quick("pyro", reason="simulated rows of both backends are tested of every family")
def test_draws_follow_the_density(backend):
    """Of the skew t by quadrature of its formula."""
    values = with_weight({"df": 4.0, "loc": 0.3, "scale": 2.0, "skew": -2.0})
    drawn = simulate(Mixture(1, families.SkewT()), 2000, 0, values, backend)["obs"]

    def density(z):
        return 2 * stats.t(4.0).pdf(z) * stats.t(5.0).cdf(-2.0 * z * np.sqrt(5.0 / (4.0 + z**2)))

    at = np.linspace(-12.0, 3.0, 400)
    below = integrate.quad(density, -np.inf, at[0])[0] + integrate.cumulative_simpson(density(at), x=at, initial=0.0)
    assert stats.kstest((drawn - 0.3) / 2.0, lambda z: np.interp(z, at, below)).pvalue > 1e-4
    drawn = simulate(
        Mixture(1, families.SkewNormal()), 2000, 0, {k: v for k, v in values.items() if k != "df"}, backend
    )
    assert stats.kstest(drawn["obs"], stats.skewnorm(-2.0, 0.3, 2.0).cdf).pvalue > 1e-4


@pytest.mark.quick("pyro", reason="the densities of both backends have tests of their own")
def test_one_component_is_at_scipys_maximum(backend):
    x = stats.skewnorm(4.0, 10.0, 3.0).rvs(200, random_state=1)
    fit = inference.fit_em(Mixture(1, families.SkewNormal()), x, restarts=3, seed=0, backend=backend)
    best = stats.skewnorm(*stats.skewnorm.fit(x, 3.0, loc=x.mean(), scale=x.std())).logpdf(x).sum()
    assert fit.log_likelihood == pytest.approx(best, abs=1e-4)
    assert fit.log_likelihood >= best - 1e-6


@pytest.mark.quick("numpyro", reason="one code serves both backends")
def test_skewness_on_either_side_in_any_unit(backend):
    rng = np.random.default_rng(3)
    x = np.where(
        rng.random(300) < 0.5,
        stats.skewnorm(5.0, -2.0, 2.0).rvs(300, random_state=rng),
        stats.skewnorm(-5.0, 4.0, 2.0).rvs(300, random_state=rng),
    )
    fits = [
        inference.fit_map(Mixture(2, families.SkewNormal()), unit * x, restarts=4, seed=0, backend=backend)
        for unit in (1.0, 1e-6)
    ]
    skew = fits[0].parameters["skew"][np.argsort(fits[0].parameters["loc"])]
    assert skew[0] > 1
    assert skew[1] < -1
    np.testing.assert_allclose(fits[0].parameters["skew"], fits[1].parameters["skew"], rtol=1e-3)


def test_the_prior_of_skew_has_no_side_and_nine_tenths_of_the_skewness_there_can_be():
    prior = dict(families.SkewNormal().priors_by_site["skew"].parameters)
    half_normal = stats.halfnorm.stats(moments="s")
    assert prior["loc"] == 0
    assert stats.skewnorm.stats(prior["scale"], moments="s") == pytest.approx(0.855 * half_normal, rel=0.005)


@pytest.mark.parametrize("family", [families.SkewNormal(), families.SkewT()])
def test_starts_are_near_rows_and_skewed(family):
    x, rows = np.random.default_rng(0).gamma(2.0, 0.3, size=(60, 2)), np.array([3, 50, 7, 20])
    x[:, 1] = 4.0
    start = family.start(x, rows, 4)
    np.testing.assert_allclose(start["scale"], np.tile([x[:, 0].std() / 2, 0.5], (4, 1)))
    apart = np.abs(start["loc"] - x[rows]) / start["scale"]
    assert (apart > 0).all() and apart.max() < 0.5 and (start["skew"] != 0).all()
    assert all(value.shape == (4, 2) for value in start.values())
