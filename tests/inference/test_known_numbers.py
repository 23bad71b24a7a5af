"""Trials and exposures of rows, under the verbs, against scipy, closed forms and published numbers."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from scipy.special import expit, logsumexp

import inference
from inference.backends import engine
from inference.draws import observations_of
from mixtures import (
    Mixture,
    Observations,
    binomial_mixture,
    families,
    gaussian_mixture,
    poisson_mixture,
    priors,
    regression_mixture,
    simulate,
)
from mixtures.errors import DataError

NAN = float("nan")
WEIGHTS = np.array([0.4, 0.6])
TRIALS = np.array([5.0, 9.0, 3.0, 20.0, 0.0])
SUCCESSES = np.array([1.0, 4.0, 3.0, 15.0, 0.0])
EXPOSURE = np.array([0.5, 2.0, 1.0, 3.7, 0.1])
COUNTS = np.array([0.0, 4.0, 3.0, 15.0, 1.0])
COVARIATE = np.array([-1.0, 0.3, 0.8, 0.1, -0.4])

CASES = {
    "binomial": (
        families.Binomial(),
        {"probs": [0.3, 0.6]},
        lambda probs: stats.binom(TRIALS, probs).logpmf(SUCCESSES),
        Observations(SUCCESSES, trials=TRIALS),
    ),
    "poisson": (
        families.Poisson(),
        {"rate": [0.7, 4.0]},
        lambda rate: stats.poisson(rate * EXPOSURE).logpmf(COUNTS),
        Observations(COUNTS, exposure=EXPOSURE),
    ),
    "negative binomial": (
        families.NegativeBinomial(),
        {"concentration": [0.7, 4.0], "rate": [0.5, 1.0]},
        lambda concentration, rate: stats.nbinom(concentration, rate / EXPOSURE / (1 + rate / EXPOSURE)).logpmf(COUNTS),
        Observations(COUNTS, exposure=EXPOSURE),
    ),
    "zero-inflated": (
        families.ZeroInflatedPoisson(),
        {"gate": [0.2, 0.4], "rate": [0.7, 4.0]},
        lambda gate, rate: np.log((COUNTS == 0) * gate + (1 - gate) * stats.poisson(rate * EXPOSURE).pmf(COUNTS)),
        Observations(COUNTS, exposure=EXPOSURE),
    ),
    "poisson regression": (
        families.Regression("poisson"),
        {"intercept": [0.2, 1.0], "slope": [[0.5], [-0.7]]},
        lambda intercept, slope: stats.poisson(EXPOSURE * np.exp(intercept + slope[0] * COVARIATE)).logpmf(COUNTS),
        Observations(COUNTS, exposure=EXPOSURE, covariates=COVARIATE),
    ),
    "negative binomial regression": (
        families.Regression("negative_binomial"),
        {"intercept": [0.2, 1.0], "slope": [[0.5], [-0.7]], "concentration": [0.8, 3.0]},
        lambda intercept, slope, concentration: stats.nbinom(
            concentration, concentration / (concentration + EXPOSURE * np.exp(intercept + slope[0] * COVARIATE))
        ).logpmf(COUNTS),
        Observations(COUNTS, exposure=EXPOSURE, covariates=COVARIATE),
    ),
    "binomial regression": (
        families.Regression("binomial"),
        {"intercept": [0.2, 1.0], "slope": [[0.5], [-0.7]]},
        lambda intercept, slope: stats.binom(TRIALS, expit(intercept + slope[0] * COVARIATE)).logpmf(SUCCESSES),
        Observations(SUCCESSES, trials=TRIALS, covariates=COVARIATE),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_density_of_a_row_with_numbers_of_its_own(name, backend):
    family, parameters, log_density, x = CASES[name]
    values = {site: np.array(value) for site, value in parameters.items()}
    table = engine(backend).log_joint(Mixture(2, family), {"weights": WEIGHTS, **values}, x)
    for k in (0, 1):
        exact = log_density(**{site: value[k] for site, value in values.items()})
        np.testing.assert_allclose(table[:, k] - np.log(WEIGHTS[k]), exact, rtol=1e-9, atol=1e-12)


@pytest.mark.quick("pyro", reason="the densities of both backends have tests of their own")
def test_rates_are_events_by_exposure(backend):
    """Closed form: total events / total exposure, with a gamma prior's added; shares are successes / trials."""
    x = Observations(COUNTS, exposure=EXPOSURE)
    model = poisson_mixture(1, priors={"rate": priors.Gamma(3.0, 2.0)})
    for fit in (inference.fit_em, inference.fit_mle):
        found = fit(model, x, restarts=1, seed=0, backend=backend)
        np.testing.assert_allclose(found.parameters["rate"], [COUNTS.sum() / EXPOSURE.sum()], rtol=1e-6)
    found = inference.fit_map(model, x, restarts=1, seed=0, backend=backend)
    np.testing.assert_allclose(found.parameters["rate"], [(COUNTS.sum() + 2) / (EXPOSURE.sum() + 2)], rtol=1e-6)
    found = inference.fit_em(
        binomial_mixture(1), Observations(SUCCESSES, trials=TRIALS), restarts=1, seed=0, backend=backend
    )
    np.testing.assert_allclose(found.parameters["probs"], [SUCCESSES.sum() / TRIALS.sum()], rtol=1e-6)


def test_default_priors_are_of_one_unit_of_exposure():
    """The rate's prior is scaled to counts by exposure; where all exposures are 1 nothing changes."""
    ones = Observations(COUNTS, exposure=np.ones(5))
    assert poisson_mixture(2).scaled_to(ones) == poisson_mixture(2).scaled_to(COUNTS)
    scaled = poisson_mixture(2).scaled_to(Observations(COUNTS, exposure=EXPOSURE))
    assert dict(scaled.priors["rate"].parameters)["rate"] == pytest.approx(1 / np.mean(COUNTS / EXPOSURE))


@pytest.mark.quick("pyro", reason="the densities of both backends have tests of their own")
def test_a_binomial_regression_at_its_maximum(backend):
    """Two lines, by scipy's optimiser from where EM ended."""
    rng = np.random.default_rng(2)
    trials, c = rng.integers(5, 40, 80), rng.normal(size=80)
    z = rng.random(80) < 0.4
    y = rng.binomial(trials, expit(np.where(z, 1.0 + 0.8 * c, -1.0 - 0.3 * c)))
    x = Observations(y, covariates=c, trials=trials)

    def log_likelihood(u):
        each = [stats.binom(trials, expit(u[1 + 2 * k] + u[2 + 2 * k] * c)).logpmf(y) for k in (0, 1)]
        return logsumexp([each[0] - np.logaddexp(0, -u[0]), each[1] - np.logaddexp(0, u[0])], axis=0).sum()

    found = inference.fit_em(regression_mixture(2, "binomial"), x, restarts=6, seed=0, backend=backend)
    w, a, b = (found.parameters[name] for name in ("weights", "intercept", "slope"))
    u = np.array([np.log(w[0] / w[1]), a[0], b[0, 0], a[1], b[1, 0]])
    np.testing.assert_allclose(found.log_likelihood, log_likelihood(u), rtol=1e-9)
    assert -optimize.minimize(lambda u: -log_likelihood(u), u).fun < found.log_likelihood + 1e-5


def test_columns_that_take_numbers_and_columns_that_do_not(backend):
    """A product of binomial, Poisson and Gaussian columns; the Gaussian's priors and density know nothing of trials."""
    table = np.column_stack([SUCCESSES, COUNTS, COVARIATE])
    x = Observations(table, feature_names=["a", "b", "c"], trials=TRIALS, exposure=EXPOSURE)
    model = Mixture(1, families.Product({"a": families.Binomial(), "b": families.Poisson(), "c": families.Gaussian()}))
    values = {"weights": [1.0], "a_probs": [0.3], "b_rate": [2.0], "c_loc": [0.1], "c_scale": [0.7]}
    table = engine(backend).log_joint(model, {name: np.array(value) for name, value in values.items()}, x)[:, 0]
    exact = stats.binom(TRIALS, 0.3).logpmf(SUCCESSES) + stats.poisson(2 * EXPOSURE).logpmf(COUNTS)
    np.testing.assert_allclose(table, exact + stats.norm(0.1, 0.7).logpdf(COVARIATE), rtol=1e-9)
    alone = gaussian_mixture(1).scaled_to(COVARIATE).priors["loc"]
    assert model.scaled_to(x).priors["c_loc"].parameters == alone.parameters


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.statistical
def test_rows_are_drawn_with_their_own_numbers(backend):
    """Means are trials x probability, and rate x exposure."""
    trials = np.tile([2.0, 50.0], 500)
    drawn = simulate(binomial_mixture(1), 1000, 0, {"weights": [1.0], "probs": [0.3]}, backend, trials=trials)["obs"]
    for count in (2, 50):
        own = drawn[trials == count]
        assert own.max() <= count
        assert abs(own.mean() - 0.3 * count) < 5 * np.sqrt(0.21 * count / 500)
    exposure = np.tile([0.2, 9.0], 500)
    drawn = simulate(poisson_mixture(1), 1000, 0, {"weights": [1.0], "rate": [2.0]}, backend, exposure=exposure)["obs"]
    for span in (0.2, 9.0):
        assert abs(drawn[exposure == span].mean() - 2 * span) < 5 * np.sqrt(2 * span / 500)


@pytest.mark.slow  # the density of such rows is scipy's below, and draws are drawn from densities by one code
@pytest.mark.statistical
def test_draws_of_a_rate(backend):
    """Gamma(2 + events, 2 + exposure); the tree gives trials and exposures back; predictions have the rows' exposures."""
    x = Observations(COUNTS, exposure=EXPOSURE)
    model = poisson_mixture(1, priors={"rate": priors.Gamma(2.0, 2.0)})
    draws = inference.sample_nuts(model, x, draws=500, tune=300, chains=2, seed=0, backend=backend, predictive=True)
    exact = stats.gamma(2 + COUNTS.sum(), scale=1 / (2 + EXPOSURE.sum()))
    rate = draws["posterior"]["rate"].values.ravel()
    assert abs(rate.mean() - exact.mean()) < 5 * exact.std() / np.sqrt(len(rate) / 4)
    assert observations_of(draws).fingerprint == x.fingerprint
    predicted = draws["posterior_predictive"]["obs"].mean(("chain", "draw")).values
    spread = np.sqrt(exact.mean() * EXPOSURE + exact.var() * EXPOSURE**2) / np.sqrt(len(rate) / 4)
    assert np.all(np.abs(predicted - exact.mean() * EXPOSURE) < 5 * spread)


def test_counts_of_few_with_bounds_and_exposure(backend):
    """A censored count over its exposure."""
    x = Observations([NAN, 2.0], lower=[3.0, NAN], exposure=[2.0, 0.5])
    values = {"weights": np.ones(1), "rate": np.array([1.3])}
    table = engine(backend).log_joint(poisson_mixture(1), values, x)[:, 0]
    np.testing.assert_allclose(table, [stats.poisson(2.6).logsf(2), stats.poisson(0.65).logpmf(2)], rtol=1e-10)


def test_numbers_in_words():
    with pytest.raises(DataError, match=r"trials: got none; expected trials of each row"):
        inference.fit_map(binomial_mixture(2), SUCCESSES, seed=0)
    with pytest.raises(DataError, match="at most as many successes as trials"):
        inference.fit_map(binomial_mixture(1), Observations(SUCCESSES + 1, trials=TRIALS), seed=0)
    with pytest.raises(DataError, match="trials: got trials beside"):
        inference.fit_map(gaussian_mixture(1), Observations(SUCCESSES, trials=TRIALS), seed=0)
    with pytest.raises(DataError, match="trials: got 1.5 at row 0"):
        Observations([1.0], trials=[1.5])
    with pytest.raises(DataError, match="exposure: got 0.0 at row 1"):
        Observations([1.0, 2.0], exposure=[1.0, 0.0])
    with pytest.raises(DataError, match="exposure: got shape"):
        Observations([1.0, 2.0], exposure=[1.0])
    x = Observations([[1.0, 2.0], [3.0, 4.0]], exposure=[1.0, 2.0])
    assert x.exposure.tolist() == [[1.0, 1.0], [2.0, 2.0]]
    assert x.take([1]).exposure.tolist() == [[2.0, 2.0]] and x.column(1).exposure.tolist() == [1.0, 2.0]


def test_a_formula_keeps_what_is_known_of_the_response():
    """Exposures of a table go along with the column that is the response; of a response that is made they are refused."""
    pytest.importorskip("formulaic")
    frame = pd.DataFrame({"c": COVARIATE, "y": COUNTS})
    x = Observations(frame, exposure=EXPOSURE)
    read = regression_mixture(1, "y ~ c", kind="poisson", data=frame).read(x)
    assert read.exposure.tolist() == EXPOSURE.tolist() and read.covariates[:, 0].tolist() == COVARIATE.tolist()
    with pytest.raises(DataError, match="a response that is a column of the data"):
        regression_mixture(1, "np.log(y + 1) ~ c", data=frame).read(x)


@pytest.mark.parametrize("kind", ["fit", "saved", "posterior"])
def test_new_rows_must_bring_what_the_rows_of_the_fit_had(kind, tmp_path):
    """Without their exposure they would be other rows."""
    x = Observations([1.0, 4.0, 9.0, 12.0], exposure=[1.0, 2.0, 3.0, 3.0])
    model = poisson_mixture(1)
    made = inference.fit_map(model, x, restarts=1, seed=0)
    if kind == "saved":
        inference.save(made, tmp_path / "fit.json")
        made = inference.load(tmp_path / "fit.json")
    if kind == "posterior":
        made = inference.fit_laplace(model, x, draws=20, seed=0)
    with pytest.raises(DataError, match="exposure of each row, as the data of the fit had"):
        inference.log_likelihood(made, [1.0, 4.0])
    assert np.isfinite(np.asarray(inference.log_likelihood(made, x))).all()


def test_what_is_known_of_a_missing_cell_may_be_missing_too():
    x = Observations([1.0, np.nan, 2.0], trials=[3.0, np.nan, 4.0], missing="allow")
    fit = inference.fit_em(binomial_mixture(1), x, restarts=1, seed=0)
    np.testing.assert_allclose(np.ravel(fit.parameters["probs"]), 3 / 7, rtol=1e-3)
