"""Densities, bars and lines over the data are those that scipy's densities confirm, by the kind of the column."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy import special, stats

import mixtures
from inference import plots
from inference.plots.style import bins
from mixtures.assignments import PerGroup
from mixtures.errors import ChoiceError, DataError
from tests.inference.plots.conftest import point_fit, posterior_around

LABELS = ["component 0", "component 1", "mixture"]


def curves(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_the_density_is_that_of_the_mixture_and_its_components(five, backend):
    fit, x = five
    fit = point_fit(fit.program, x, fit.parameters, backend)
    shown = curves(plots.plot_density(fit, x))
    grid = shown["mixture"][:, 0]
    assert grid[0] == -3
    assert grid[-1] == 15  # a quarter of the range beyond the data
    each = [weight * stats.norm.pdf(grid, loc, 0.8) for weight, loc in ((0.6, 11.0), (0.4, 0.5))]
    for label, density in zip(LABELS, [*each, sum(each)], strict=True):
        np.testing.assert_allclose(shown[label][:, 1], density, rtol=1e-9, atol=1e-300)
    assert np.array_equal(shown["data"][:, 0], x)


def test_counts_are_shown_at_whole_numbers_beside_their_relative_frequencies():
    @mixtures.declare
    def two_rates(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
        with ppl.plate("components", 2):
            rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 1.0))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", weights)
            ppl.sample("obs", ppl.dist.Poisson(rate[z]), obs=x)

    x = np.array([0.0, 1.0, 1.0, 4.0])
    ax = plots.plot_density(point_fit(two_rates, x, {"weights": [0.5, 0.5], "rate": [1.0, 4.0]}), x)
    expected = 0.5 * stats.poisson.pmf(np.arange(5), 1.0) + 0.5 * stats.poisson.pmf(np.arange(5), 4.0)
    data, *components = (list(bars) for bars in ax.containers)
    assert [bar.get_height() for bar in data] == [0.25, 0.5, 0.0, 0.0, 0.25]
    assert [round(bar.get_x() + bar.get_width()) for bar in data] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose([bar.get_y() + bar.get_height() for bar in components[-1]], expected, rtol=1e-9)
    assert all(
        bar.get_x() >= beside.get_x() + beside.get_width() - 1e-9
        for beside, bar in zip(data, components[0], strict=True)
    )


def test_the_density_keeps_to_the_support():
    @mixtures.declare
    def two_waits(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
        with ppl.plate("components", 2):
            rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 1.0))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", weights)
            ppl.sample("obs", ppl.dist.Exponential(rate[z]), obs=x)

    x = np.array([0.1, 0.2, 3.0])
    ax = plots.plot_density(point_fit(two_waits, x, {"weights": [0.5, 0.5], "rate": [1.0, 4.0]}), x)
    grid, density = curves(ax)["mixture"].T
    assert (grid[0], grid[-1]) == (0.1, 3.0)
    np.testing.assert_allclose(density, 0.5 * np.exp(-grid) + 2.0 * np.exp(-4 * grid), rtol=1e-9)


def test_many_rows_are_shown_as_a_histogram_of_area_one(five):
    fit, _ = five
    ax = plots.plot_density(fit, np.random.default_rng(0).normal(size=200))
    assert sum(bar.get_width() * bar.get_height() for bar in ax.patches) == pytest.approx(1.0)
    assert not plots.plot_density(fit, [0.0, 1.0], data="none").patches


@pytest.mark.parametrize("data", ["rug", "histogram"])
def test_the_density_is_drawn_over_what_was_observed(five, data):
    fit, x = five
    missing = mixtures.Observations(np.r_[np.nan, x, np.nan], missing="allow")
    with_gap, without = plots.plot_density(fit, missing, data=data), plots.plot_density(fit, x, data=data)
    for label, points in curves(without).items():
        np.testing.assert_array_equal(curves(with_gap)[label], points)
    heights = [[bar.get_height() for bar in ax.patches] for ax in (with_gap, without)]
    assert heights[0] == heights[1]
    with pytest.raises(DataError, match="missing cells only"):
        plots.plot_density(fit, mixtures.Observations([np.nan], missing="allow"))


def test_density_refuses_columns_and_unknown_words(five):
    fit, x = five
    with pytest.raises(DataError, match="plot_ellipses"):
        plots.plot_density(fit, np.zeros((3, 2)))
    with pytest.raises(ChoiceError, match="rug"):
        plots.plot_density(fit, x, data="dots")


def test_bands_of_a_posterior_are_quantiles_of_the_densities_of_its_draws(five):
    fit, x = five
    posterior = posterior_around(fit, x, draws=40)
    ax = plots.plot_density(posterior, x, points=11)
    grid, mean = curves(ax)["component 1"].T
    group = posterior["posterior"]
    weight, loc, scale = (group[name].values[0] for name in ("weights", "loc", "scale"))
    each = weight[:, [1]] * stats.norm.pdf(grid, loc[:, [1]], scale[:, None])
    np.testing.assert_allclose(mean, each.mean(axis=0), rtol=1e-9)
    low, high = np.quantile(each, [0.055, 0.945], axis=0)
    edge = ax.collections[1].get_paths()[0].vertices
    for value, bound in zip(grid, np.stack([low, high], axis=1), strict=True):
        drawn = edge[np.isclose(edge[:, 0], value), 1]
        assert np.isclose(drawn, bound[0], rtol=1e-9).any() and np.isclose(drawn, bound[1], rtol=1e-9).any()


def test_a_regression_is_drawn_as_lines_over_its_covariate():
    age = np.linspace(20.0, 60.0, 30)
    x = mixtures.Observations(np.arange(30.0), covariates=pd.DataFrame({"age": age}), feature_names=("income",))
    known = {"weights": [0.5, 0.5], "intercept": [0.0, 30.0], "slope": [[0.5], [-0.5]], "scale": [3.0, 3.0]}
    fit = point_fit(mixtures.regression_mixture(2), x, known)
    ax = plots.plot_density(fit, x)
    lines = [line for line in ax.lines if line.get_linestyle() == "-"]
    for line, intercept, slope in zip(lines, known["intercept"], known["slope"], strict=True):
        np.testing.assert_allclose(line.get_ydata(), intercept + slope[0] * line.get_xdata(), atol=1e-6)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("age", "income")


@pytest.mark.parametrize("trials", [[4, 20, 10, 0, 5], [10, 10, 10, 10, 10]])
def test_successes_are_shares_of_their_trials(trials):
    years, known = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), {"intercept": [-0.5, 1.0], "slope": [[0.8], [-0.4]]}
    x = mixtures.Observations(np.array([1.0, 9.0, 5.0, 0.0, 5.0]), covariates=years, trials=trials)
    ax = plots.plot_regression(
        point_fit(mixtures.regression_mixture(2, "binomial"), x, {"weights": [0.5, 0.5]} | known), x
    )
    lines = [line.get_xydata().T for line in ax.lines if line.get_linestyle() == "-"]
    for (at, share), intercept, slope in zip(lines, known["intercept"], known["slope"], strict=True):
        np.testing.assert_allclose(share, special.expit(intercept + slope[0] * at), rtol=1e-6)
    shown = np.concatenate([line.get_xydata() for line in ax.lines if line.get_linestyle() != "-"])
    expected = [(t, y / n) for t, y, n in zip(years, x.x, trials, strict=True) if n]
    np.testing.assert_allclose(sorted(map(tuple, shown[~np.isnan(shown[:, 1])])), expected)
    assert ax.get_ylabel() == "x, share of trials"


def test_rows_of_a_group_are_joined_where_they_are_of_one_component():
    group, age = np.array([0, 1, 0, 2, 1, 0, 1]), np.array([3.0, 1.0, 1.0, 2.0, 3.0, 2.0, 2.0])
    y = np.array([3.0, -1.0, 1.0, np.nan, -3.0, 2.0, -2.0])
    x = mixtures.Observations(y, covariates=age, group=group, missing="allow")
    known = {"weights": [0.5, 0.5], "intercept": [0.0, 0.0], "slope": [[1.0], [-1.0]], "scale": [0.1, 0.1]}
    ax = plots.plot_regression(point_fit(mixtures.regression_mixture(2, weights=PerGroup()), x, known), x)
    (joined,) = ax.collections
    first, second = (np.array(path.vertices) for path in joined.get_paths())
    np.testing.assert_array_equal(first, [[1, 1], [2, 2], [3, 3]])
    np.testing.assert_array_equal(second, [[1, -1], [2, -2], [3, -3]])
    lines = [to_hex(line.get_color()) for line in ax.lines if line.get_linestyle() == "-"]
    assert [to_hex(colour) for colour in joined.get_colors()] == lines
    apart = plots.plot_regression(point_fit(mixtures.regression_mixture(2), x, known), x)
    assert not apart.collections


def test_angles_are_drawn_over_the_whole_circle():
    x = np.array([-0.3, 0.1, 0.4, 1.5, 2.0])
    known = {"weights": [0.5, 0.5], "loc": [0.0, 2.0], "concentration": [2.0, 3.0]}
    model = mixtures.Mixture(2, mixtures.families.VonMises())
    grid, density = curves(plots.plot_density(point_fit(model, x, known), x))["component 1"].T
    assert (grid[0], grid[-1]) == (-np.pi, np.pi)
    np.testing.assert_allclose(density, 0.5 * stats.vonmises.pdf(grid, 3.0, loc=2.0), rtol=1e-9)


def test_histograms_of_rounded_numbers_have_as_many_values_in_each_bar():
    rng = np.random.default_rng(0)
    for unit in (1.0, 0.1):
        edges = bins(np.round(rng.normal(0, 20 * unit, 400), 0 if unit == 1.0 else 1))
        wide = np.diff(edges) / unit
        np.testing.assert_allclose(wide, np.round(wide[0]), atol=1e-6)
        np.testing.assert_allclose(edges[0] / unit % 1.0, 0.5, atol=1e-6)
    with_outlier = np.append(rng.normal(size=1000), 1e9)
    assert len(bins(with_outlier)) <= 101


def test_categories_are_a_map_of_probabilities_beside_their_shares_of_the_data():
    probs = [[[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], [[0.4, 0.1, 0.5], [0.2, 0.4, 0.4]]]
    x = np.array([[0, 1], [0, 2], [1, 0], [2, 2]])
    model = mixtures.Mixture(2, mixtures.families.Categorical(3))
    ax = plots.plot_categories(point_fit(model, x, {"weights": [0.3, 0.7], "probs": probs}), x)
    shares = [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]
    expected = np.stack([np.ravel(probs[0]), np.ravel(probs[1]), np.ravel(shares)], axis=1)
    np.testing.assert_allclose(ax.images[0].get_array(), expected, rtol=1e-9)
    assert [label.get_text() for label in ax.get_yticklabels()][:4] == ["x[0] = 0", "x[0] = 1", "x[0] = 2", "x[1] = 0"]
