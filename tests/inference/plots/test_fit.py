"""Pictures of a fit show its losses and gradients as they are, and densities and ellipses that closed forms confirm."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy import stats

import mixtures
from inference import plots
from mixtures.errors import ChoiceError, DataError, ModelError
from tests.inference.plots.conftest import point_fit

LABELS = ["component 0", "component 1", "mixture"]


def curves(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def test_losses_are_shown_step_by_step(five, guide):
    fit, _ = five
    for result in (fit, guide):
        ax = plots.plot_losses(result)
        assert np.array_equal(ax.lines[0].get_ydata(), result.losses)
        assert ax.get_yscale() == "linear"
        assert ax.get_xlabel() == "step"


@pytest.mark.parametrize(
    ("losses", "scale"), [([500.0, 2.0], "log"), ([500.0, -2.0], "linear"), ([np.nan, np.nan], "linear")]
)
def test_losses_are_on_a_log_scale_only_if_positive_and_decades_apart(guide, losses, scale):
    object.__setattr__(guide, "losses", np.array(losses))
    assert plots.plot_losses(guide).get_yscale() == scale
    plt.gcf().canvas.draw()  # ticks and all


def test_every_site_has_its_gradient_norms(five):
    fit, _ = five
    ax = plots.plot_gradient_norms(fit)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(fit.gradient_norms)
    shown = ax.lines[0].get_ydata()
    assert np.array_equal(shown[:3], fit.gradient_norms["loc"][:3])
    assert np.isnan(shown[3])  # zero, on a log scale
    assert ax.get_yscale() == "log"


def test_a_fit_without_gradients_has_no_picture_of_them(five):
    fit, _ = five
    with pytest.raises(ModelError, match="a fit that climbed by gradient"):
        plots.plot_gradient_norms(replace(fit, gradient_norms={}))


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
    mixture = curves(ax)["mixture"]
    assert np.array_equal(mixture[:, 0], np.arange(5))
    np.testing.assert_allclose(mixture[:, 1], expected, rtol=1e-9)
    assert {bar.get_center()[0]: bar.get_height() for bar in ax.patches} == {0.0: 0.25, 1.0: 0.5, 4.0: 0.25}


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


def test_a_density_that_depends_on_covariates_is_no_one_picture():
    x = mixtures.Observations(np.arange(6.0), covariates=np.arange(6.0))
    with pytest.raises(ModelError, match=r"depends on each row's covariates.*over a covariate.*classify\(fit, x\)"):
        plots.plot_density(point_fit(mixtures.regression_mixture(2), x, {}), x)


def test_density_refuses_columns_and_unknown_words(five):
    fit, x = five
    with pytest.raises(DataError, match="plot_ellipses"):
        plots.plot_density(fit, np.zeros((3, 2)))
    with pytest.raises(ChoiceError, match="rug"):
        plots.plot_density(fit, x, data="dots")


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.6])
def test_an_ellipse_is_where_the_mahalanobis_distance_is_the_radius(correlation):
    mean, covariance = np.array([3.0, -50.0]), np.array([[4.0, 20 * correlation], [20 * correlation, 100.0]])
    ellipse = plots.confidence_ellipse(mean, covariance, plt.subplots()[1], 2.0)
    vertices = ellipse.get_patch_transform().transform(ellipse.get_path().vertices[::3])  # ends of its Bezier curves
    away = vertices - mean
    distances = np.sqrt(np.einsum("ni,ij,nj->n", away, np.linalg.inv(covariance), away))
    np.testing.assert_allclose(distances, 2.0, rtol=1e-6)


@pytest.fixture
def plane():
    """Twenty rows in three named columns, and a fit with diagonal covariances."""
    import pandas as pd

    x = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=["a", "b", "c"])
    parameters = {
        "weights": [0.5, 0.5],
        "loc": [[0.0, 0.0, 1.0], [2.0, 2.0, 5.0]],
        "scale": [[1.0, 2.0, 3.0], [1, 1, 1]],
    }
    return point_fit(mixtures.gaussian_mixture(2, "diag"), x, parameters), x


def test_ellipses_lie_at_one_two_and_three_standard_deviations_of_the_chosen_columns(plane):
    fit, x = plane
    classes = np.arange(20) % 2
    ax = plots.plot_ellipses(fit, x, classes=classes, features=(0, 2))
    spans = [sorted([ellipse.width, ellipse.height]) for ellipse in ax.patches]
    np.testing.assert_allclose(spans, [[2, 6], [4, 12], [6, 18], [2, 2], [4, 4], [6, 6]])
    assert [tuple(ellipse.center) for ellipse in ax.patches[::3]] == [(0.0, 1.0), (2.0, 5.0)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "c")
    rows, other = ax.lines[:2]
    assert np.array_equal(rows.get_xydata(), x[["a", "c"]].to_numpy()[classes == 0])
    colours = [to_hex(line.get_color()).upper() for line in (rows, other)]
    assert colours == [plots.colour(0), plots.colour(1)]


def test_ellipses_refuse_one_variable_and_families_without_covariances(five, plane):
    fit, x = five
    with pytest.raises(DataError, match="plot_density"):
        plots.plot_ellipses(fit, x)
    _, frame = plane
    with pytest.raises(ModelError, match="covariances"):
        plots.plot_ellipses(point_fit(mixtures.declare(lambda ppl, x: None), frame, {}), frame)


def test_given_axes_are_drawn_on_and_no_figure_is_opened(five):
    fit, x = five
    figure, (above, middle, below) = plt.subplots(3)
    assert plots.plot_losses(fit, above) is above
    assert plots.plot_gradient_norms(fit, middle) is middle
    assert plots.plot_density(fit, x, below) is below
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("df", [None, 3.0])
def test_ellipses_of_students_t_are_those_of_its_covariance(df):
    """Half axes are the standard deviations of draws of scipy's multivariate t; without a covariance there is none to draw."""
    x = np.random.default_rng(1).normal(size=(20, 2))
    own = {"loc": [[0.0, 0.0], [5.0, 5.0]], "scale": [[1.0, 2.0], [3.0, 0.5]]}
    known = {"weights": [0.5, 0.5], **own, **({} if df else {"df": [3.0, 1.5]})}
    fit = point_fit(mixtures.student_t_mixture(2, df=df, covariance="diag"), x, known)
    ax = plots.plot_ellipses(fit, x, standard_deviations=[1.0])
    variances = stats.t(3.0).var() * np.array(own["scale"]) ** 2
    drawn = [sorted((ellipse.width / 2, ellipse.height / 2)) for ellipse in ax.patches]
    np.testing.assert_allclose(drawn, np.sort(np.sqrt(variances))[: 2 if df else 1], rtol=1e-12)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert ("component 1: df <= 2, no covariance" in labels) == (df is None)
