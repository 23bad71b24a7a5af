"""Restarts that end at different optima are told apart, counted and kept, and chains may start from each of them."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import inference
from inference.backends import bind, engine
from inference.posterior import chain_starts as starting
from mixtures import Observations, gaussian_mixture, load_dataset
from mixtures.errors import ModelError

X = Observations(load_dataset("galaxies").x / 1000)
MODEL = gaussian_mixture(3)


@pytest.fixture(scope="module", params=["fit_em", "fit_mle", "fit_map"])
def fit(request):
    options = {"optimizer": "lbfgs"} if request.param == "fit_mle" else {}
    return getattr(inference, request.param)(MODEL, X, restarts=12, seed=0, **options)


def log_likelihood(values):
    parts = stats.norm(values["loc"], values["scale"]).logpdf(X.x[:, None]) + np.log(values["weights"])
    return logsumexp(parts, axis=1).sum()


def test_each_optimum_is_what_its_restarts_reached(fit):
    number = fit.restarts["optimum"]
    count = len(fit.optima["loc"])
    assert count > 1  # the galaxies have several
    assert set(number) - {-1} == set(range(count))
    assert number[fit.restarts["status"].map(lambda status: not status.is_sound)].eq(-1).all()
    for row in range(count):
        values = {site: value[row] for site, value in fit.optima.items()}
        objective = log_likelihood(values)
        if fit.log_posterior is not None:
            single = {site: value[None] for site, value in values.items()}
            objective += engine("numpyro").bind(MODEL, X).log_priors(single)[0]
        assert fit.restarts["objective"][number == row].min() == pytest.approx(-objective, rel=1e-5)
    for site, value in fit.parameters.items():
        np.testing.assert_array_equal(fit.optima[site][0], value)


def test_chains_take_the_optima_in_turn(fit, monkeypatch, tmp_path):
    monkeypatch.setattr(starting, "JITTER", 0.0)
    sites = engine("numpyro").sites(MODEL, X)
    back = inference.load(inference.save(fit, tmp_path / "fit.json"))
    fits = starting.fits_of(back, sites, spread=True)
    count = len(fit.optima["loc"])
    vectors = starting.chain_starts(bind(MODEL, X, "numpyro"), count + 1, 0, fits).vectors
    starts = [engine("numpyro").bind(MODEL, X).log_density().constrain(u) for u in vectors]
    for site, value in fit.optima.items():
        np.testing.assert_allclose(
            np.stack([start[site] for start in starts]), np.concatenate([value, value[:1]]), rtol=1e-9
        )
    post = inference.sample_nuts(MODEL, X, init=fit, spread=True, draws=5, tune=20, chains=2, seed=0, progress=False)
    assert np.isfinite(post["sample_stats"]["lp"]).all()


def test_there_must_be_something_to_spread_over():
    with pytest.raises(ModelError, match=r"init: got no sound optimum.*fit_map"):
        inference.sample_nuts(MODEL, X, spread=True, seed=0)
