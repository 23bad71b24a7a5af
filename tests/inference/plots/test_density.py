"""Densities, bars and lines over the data are those that scipy's densities confirm, by the kind of the column."""

import numpy as np
import pytest
from scipy import stats

import mixtures
from inference import plots
from mixtures.errors import ChoiceError, DataError
from tests.inference.plots.conftest import point_fit

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
