"""Years, incomes and seconds are as good covariates as standardised ones: fits and draws do not depend on origin and unit."""

import numpy as np
import pytest

import inference
from inference.backends import engine
from mixtures import Mixture, Observations, families, weights

UNITS = {"year": (2000.0, 10.0), "unix": (1.6e9, 1e6), "tiny": (0.0, 1e-12), "huge": (0.0, 1e12)}


@pytest.fixture(scope="module")
def covariate():
    return np.random.default_rng(1).normal(size=120)


@pytest.fixture(scope="module")
def responses(covariate):
    """Two overlapping lines, and a component that the covariate makes more probable."""
    rng = np.random.default_rng(2)
    z = rng.random(120) < 1 / (1 + np.exp(-2 * covariate))
    lines = np.where(z, 1 + 2 * covariate, -1 - covariate) + rng.normal(size=120)
    return {"lines": lines, "gate": np.where(z, 0, 2) + rng.normal(size=120)}


MODELS = {"lines": Mixture(2, families.Regression()), "gate": Mixture(2, families.Gaussian(), weights.Gating())}
SITES = {"lines": ("intercept", "slope"), "gate": ("gating_intercept", "gating_slope")}


@pytest.mark.quick("fit_em-*", "fit_map-lines-*", reason="each path of the change of coordinates")
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("verb", ["fit_em", "fit_map", "fit_mle"])
def test_fits_do_not_depend_on_units(covariate, responses, verb, name, unit):
    origin, width = UNITS[unit]
    plain, scaled = (
        getattr(inference, verb)(MODELS[name], Observations(responses[name], covariates=c), restarts=3, seed=0)
        for c in (covariate, origin + width * covariate)
    )
    assert scaled.status is plain.status
    # the prior of an intercept at covariates 0 is wider away from them, and so the posterior's mode is another one with another origin
    assert scaled.log_likelihood == pytest.approx(plain.log_likelihood, abs=0.3 if verb == "fit_map" else 1e-6)
    slope = SITES[name][1]
    if verb != "fit_map":
        order = np.argsort(plain.parameters["scale"]), np.argsort(scaled.parameters["scale"])
        change = [np.diff(fit.parameters[slope][o, 0]) for fit, o in zip((plain, scaled), order, strict=True)]
        np.testing.assert_allclose(change[1] * width, change[0], rtol=1e-3)


@pytest.mark.parametrize("verb", ["fit_map", "fit_mle"])
def test_nor_in_pyro(covariate, responses, verb):
    fits = [
        getattr(inference, verb)(
            MODELS["lines"],
            Observations(responses["lines"], covariates=2000 + 10 * covariate),
            restarts=3,
            seed=0,
            backend=backend,
        )
        for backend in ("numpyro", "pyro")
    ]
    assert fits[0].log_likelihood == pytest.approx(fits[1].log_likelihood, abs=1e-4)
    assert all(fit.status.is_sound for fit in fits)


@pytest.mark.quick("pyro-*", reason="one code serves both backends")
@pytest.mark.parametrize("name", MODELS)
def test_the_change_of_coordinates_is_counted(covariate, responses, name, backend):
    """log |d values / d coordinates| against the determinant of finite differences; simplexes and scales are left out of both."""
    model, x = MODELS[name], Observations(responses[name], covariates=2000 + 10 * covariate)
    hub = engine(backend)
    density, plain = (hub.bind(model, x).log_density(jacobian=jacobian) for jacobian in (True, False))
    start = model.start(x, np.random.default_rng(0))
    u = density.unconstrain(start)
    for site, value in density.constrain(u).items():
        np.testing.assert_allclose(value, start[site], rtol=1e-6, atol=1e-9)
    sites = [site.name for site in hub.sites(model, x).parameters]
    own = np.concatenate([np.flatnonzero(density.units({site: np.zeros(())}) == 0) for site in SITES[name]])

    def values(v: np.ndarray) -> np.ndarray:
        found = density.constrain(v)
        return np.concatenate([found[site].ravel() for site in SITES[name]])

    steps = 1e-3 * np.eye(density.size)[own]
    # the map is linear: differences are exact but for rounding
    determinant = np.linalg.slogdet(np.stack([(values(u + step) - values(u - step)) / 2e-3 for step in steps]))[1]
    others = 0.0
    if "weights" in sites:  # two weights w, 1 - w by stick breaking: log w + log (1 - w)
        others += np.log(start["weights"]).sum()
    others += np.log(start["scale"]).sum()  # scale = exp(coordinate)
    jacobian = density.value_and_gradient(u)[0] - plain.value_and_gradient(u)[0]
    assert jacobian == pytest.approx(determinant + others, abs=1e-5)


@pytest.mark.statistical
def test_trajectories_stay_short(covariate, responses):
    """Without these coordinates a trajectory took some 500 steps, and half the draws stopped at the greatest depth."""
    steps = []
    for c in (covariate, 2000 + 10 * covariate):
        x = Observations(responses["lines"], covariates=c)
        fit = inference.fit_em(MODELS["lines"], x, restarts=3, seed=0)
        post = inference.sample_nuts(
            MODELS["lines"], x, init=fit, draws=100, tune=200, chains=2, seed=0, progress=False
        )
        steps.append(float(post["sample_stats"]["n_steps"].mean()))
        slope = post["posterior"]["slope"]
        assert abs(float(slope.std() / np.abs(slope).mean())) < 2
    assert steps[1] < 2 * steps[0]
