"""Pseudo-residuals: by brute force over the paths of short chains, uniform under the true model, and their pictures."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import inference
from inference import plots
from inference.results import PointFit
from mixtures import Mixture, Observations, families, gaussian_mixture, hidden_markov, simulate
from mixtures.errors import ChoiceError, DataError, ModelError
from tests.inference.plots.conftest import point_fit

INITIAL, MOVE = np.array([0.3, 0.7]), np.array([[0.8, 0.2], [0.4, 0.6]])

NAN = float("nan")


def fitted(model, parameters, x, backend="numpyro") -> PointFit:
    """A fit at known parameters."""
    return point_fit(model.scaled_to(x), x, parameters, backend)


def _weights(table, row, starts, before_only):
    """P(z_row = k | other rows), by the sum over all paths: `table` has log p(x_t | z_t)."""
    rows = len(table)
    found = np.full(2, -np.inf)
    for z in itertools.product((0, 1), repeat=rows):
        log_p = 0.0
        for t in range(rows):
            log_p += np.log(INITIAL[z[t]] if starts[t] else MOVE[z[t - 1], z[t]])
            if t != row and (not before_only or t < row):
                log_p += table[t, z[t]]
        found[z[row]] = np.logaddexp(found[z[row]], log_p)
    return np.exp(found - logsumexp(found))


@pytest.mark.quick("pyro-*", "numpyro-forecast", reason="one code serves both backends")
@pytest.mark.parametrize("kind", ["ordinary", "forecast"])
def test_counts_of_a_short_chain(kind, backend):
    """Two series, a missing row among them: intervals between P(X < x) and P(X <= x), and their middle."""
    x = np.array([1.0, 3.0, NAN, 7.0, 0.0, 4.0])
    starts = [True, False, False, False, True, False]
    rate = np.array([1.0, 4.0])
    laws = [stats.poisson(r) for r in rate]
    table = np.stack([np.where(np.isnan(x), 0.0, law.logpmf(np.nan_to_num(x))) for law in laws], axis=1)
    data = Observations(x, missing="allow", sequence=[0, 0, 0, 0, 1, 1])
    values = {"initial": INITIAL, "transition": MOVE, "rate": rate}
    fit = fitted(hidden_markov(2, families.Poisson()), values, data, backend)
    got = inference.pseudo_residuals(fit, data, kind)
    for t in range(6):
        if np.isnan(x[t]):
            assert np.isnan(got.values[t])
            continue
        w = _weights(table, t, starts, kind == "forecast")
        low, high = (sum(w[k] * laws[k].cdf(x[t] - d) for k in (0, 1)) for d in (1, 0))
        exact = stats.norm.ppf([low, high, (low + high) / 2])
        np.testing.assert_allclose([got.lower[t], got.upper[t], got.values[t]], exact, atol=1e-8)
    drawn = inference.pseudo_residuals(fit, data, kind, randomised=1)
    seen = ~np.isnan(x)
    assert np.all((drawn.values > drawn.lower)[seen] & (drawn.values < drawn.upper)[seen])
    assert not np.allclose(drawn.values[seen], got.values[seen])


@pytest.mark.quick("pyro-*", "numpyro-forecast", reason="one code serves both backends")
@pytest.mark.parametrize("kind", ["ordinary", "forecast"])
def test_a_mixture_has_its_distribution_function(kind, backend):
    """Far out too, where 1 - F has no digits; of a censored row the interval beyond its bound."""
    x = Observations([-30.0, 0.3, 25.0, NAN], lower=[NAN, NAN, NAN, 1.5])
    w, loc, scale = np.array([0.4, 0.6]), np.array([0.0, 2.0]), np.array([1.0, 1.5])
    fit = fitted(gaussian_mixture(2), {"weights": w, "loc": loc, "scale": scale}, x, backend)
    got = inference.pseudo_residuals(fit, x, kind)
    below = [logsumexp(np.log(w) + stats.norm(loc, scale).logcdf(value)) for value in (-30.0, 0.3)]
    above = logsumexp(np.log(w) + stats.norm(loc, scale).logsf(25.0))
    # the quantile of a log probability, by what it was made of
    np.testing.assert_allclose(stats.norm.logcdf(got.values[:2]), below, rtol=1e-9)
    np.testing.assert_allclose(stats.norm.logsf(got.values[2]), above, rtol=1e-9)
    start = w @ stats.norm(loc, scale).cdf(1.5)
    np.testing.assert_allclose([got.lower[3], got.values[3]], stats.norm.ppf([start, (1 + start) / 2]), rtol=1e-9)
    assert got.upper[3] == np.inf
    np.testing.assert_array_equal(got.lower[:3], got.values[:3])


@pytest.mark.quick("forecast", reason="those of a short chain are exact")
@pytest.mark.statistical
@pytest.mark.parametrize("kind", ["ordinary", "forecast"])
def test_residuals_of_the_true_chain_are_standard_normal(kind):
    """Randomised ones of counts; those of forecasts are independent too."""
    model = hidden_markov(2, families.Poisson())
    truth = {"initial": INITIAL, "transition": MOVE, "rate": np.array([2.0, 5.0])}
    x = simulate(model, 2000, 4, truth)["obs"]
    got = inference.pseudo_residuals(fitted(model, truth, x), x, kind, randomised=0)
    if kind == "forecast":
        assert stats.kstest(got.values, "norm").pvalue > 1e-4
        assert abs(np.corrcoef(got.values[1:], got.values[:-1])[0, 1]) < 4.5 / np.sqrt(2000)
    else:  # each is standard normal, all together are not independent: a coarser bound
        assert stats.kstest(got.values[::8], "norm").pvalue > 1e-4
    wrong = {**truth, "rate": np.array([2.0, 9.0])}
    assert (
        stats.kstest(inference.pseudo_residuals(fitted(model, wrong, x), x, kind, randomised=0).values, "norm").pvalue
        < 1e-6
    )


def test_draws_average_the_distribution_function():
    """Of a posterior: the mean over its draws of P(X <= x)."""
    x = np.array([0.1, 0.7, 2.0, 0.4])
    draws = inference.sample_nuts(Mixture(1, families.Exponential()), x, draws=60, tune=60, chains=1, seed=0)
    rate = draws["posterior"]["rate"].values.ravel()
    exact = stats.norm.ppf(np.mean(-np.expm1(-rate[:, None] * x), axis=0))
    np.testing.assert_allclose(inference.pseudo_residuals(draws, x).values, exact, rtol=1e-7)


def test_pictures_and_tables():
    """A quantile plot has sorted residuals; over time each row has its place, and counts their intervals."""
    x = np.array([1.0, 3.0, 0.0, 7.0])
    fit = fitted(Mixture(1, families.Poisson()), {"weights": [1.0], "rate": [2.5]}, x)
    got = inference.pseudo_residuals(fit, x)
    assert "4 rows" in str(got) and got.to_frame()["residual"].tolist() == got.values.tolist()
    ax = plots.plot_pseudo_residuals(got)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), np.sort(got.values))
    np.testing.assert_allclose(ax.lines[1].get_xdata(), stats.norm.ppf((np.arange(4) + 0.5) / 4))
    ax = plots.plot_pseudo_residuals(got, against="time")
    np.testing.assert_array_equal(ax.lines[-1].get_ydata(), got.values)
    segments = [segment[:, 1] for segment in ax.collections[0].get_segments()]
    np.testing.assert_array_equal(segments, np.stack([got.lower, got.upper], axis=1)[np.isfinite(got.lower)])


def test_refusals():
    """Several columns, angles, another kind, something else to draw."""
    table = np.array([[0.0, 1.0], [2.0, 3.0], [0.5, 0.2]])
    fit = inference.fit_em(gaussian_mixture(1, "diag"), table, restarts=1, seed=0)
    with pytest.raises(DataError, match="2 columns"):
        inference.pseudo_residuals(fit, table)
    angles = np.array([0.1, -0.4, 1.2])
    fit = fitted(Mixture(1, families.VonMises()), {"weights": [1.0], "loc": [0.0], "concentration": [1.0]}, angles)
    with pytest.raises(ModelError, match="no distribution function"):
        inference.pseudo_residuals(fit, angles)
    with pytest.raises(ChoiceError, match="kind"):
        inference.pseudo_residuals(fit, angles, "smoothed")
    with pytest.raises(DataError, match="pseudo_residuals returned"):
        plots.plot_pseudo_residuals([0.0, 1.0])
