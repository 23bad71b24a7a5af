"""Fits and posteriors of growth mixtures: by every route the same, and wherever time begins. Published ones are in `tests/published`."""

import numpy as np
import pandas as pd
import pytest

import inference
from mixtures import Mixture, Observations, families, regression_mixture
from mixtures.assignments import PerGroup


def growth(groups=60, seed=0):
    """Two overlapping classes of growth curves, as a frame; and whose each row is."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(groups), rng.integers(3, 6, groups))
    time, z = rng.uniform(0.0, 3.0, len(person)), (np.arange(groups) % 3 == 0)[person]
    level, rise = rng.normal(0.0, 0.6, groups)[person], rng.normal(0.0, 0.3, groups)[person]
    y = rng.normal(np.where(z, 2.0, 0.0) + level + (np.where(z, -0.8, 0.8) + rise) * time, 0.4)
    return pd.DataFrame({"y": y, "time": time}), np.array([f"p{one}" for one in person])


@pytest.fixture(scope="module")
def grown():
    frame, person = growth()
    pytest.importorskip("formulaic")
    alike = ["scale", "random_intercept_scale", "random_slope_scale", "random_correlation_cholesky"]
    model = regression_mixture(2, "y ~ time", data=frame, random="time", common=alike)
    return model, model.formula.observations(frame, group=person)


@pytest.mark.slow
def test_a_formula_names_the_slopes_and_all_routes_lead_to_one_maximum(grown, backend, tmp_path):
    model, x = grown
    assert isinstance(model.assignment, PerGroup) and model.family.random.numbers == (0,)
    fit = inference.fit_mle(model, x, restarts=3, seed=0, backend=backend)
    assert fit.status.is_sound and fit.sample_size == 60
    np.testing.assert_allclose(sorted(fit.parameters["slope"][:, 0]), [-0.8, 0.8], atol=0.3)
    names = {"random_intercept_scale", "random_slope_scale[time]", "random_correlation[intercept, time]"}
    assert names <= set(fit.to_frame().index)
    em = inference.fit_em(model, x, restarts=3, seed=0, backend=backend)
    np.testing.assert_allclose(em.log_likelihood, fit.log_likelihood, atol=1e-5)
    classes = inference.classify(fit, x)
    assert all(len(set(classes[x.group == g])) == 1 for g in range(5))
    inference.save(fit, tmp_path / "fit.json")
    assert inference.load(tmp_path / "fit.json").program == fit.program


@pytest.mark.slow
def test_years_as_covariates_lead_to_the_same_maximum(backend):
    frame, person = growth()
    model = Mixture(1, families.Regression(random=[0]), PerGroup())
    fits = [
        inference.fit_mle(model, Observations(frame["y"], covariates=frame["time"] + year, group=person), restarts=2, seed=0, backend=backend)
        for year in (0.0, 2000.0)
    ]  # fmt: skip
    np.testing.assert_allclose(fits[1].log_likelihood, fits[0].log_likelihood, atol=1e-5)


@pytest.mark.slow
@pytest.mark.statistical
def test_a_posterior_is_where_the_maximum_is(grown):
    model, x = grown
    fit = inference.fit_map(model, x, restarts=4, seed=0)
    options = {"draws": 300, "tune": 300, "chains": 2, "progress": False, "predictive": True}
    posterior = inference.relabel(inference.sample_nuts(model, x, seed=0, init=fit, **options), pivot=fit)
    draws = posterior["posterior"]["slope"]
    assert (np.abs(draws.mean(["chain", "draw"]) - fit.parameters["slope"]) < 2 * draws.std(["chain", "draw"])).all()
    assert posterior["posterior"]["random_correlation"].sizes["pairs"] == 1
    assert posterior["log_likelihood"]["obs"].sizes["groups"] == 60
    # replicated rows vary as the data do, effects drawn anew
    spread = posterior["posterior_predictive"]["obs"].std("rows")
    assert abs(float(spread.mean()) - x.x.std()) < 4 * float(spread.std())
