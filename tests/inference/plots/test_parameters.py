"""Profiles, intervals, weights, certainty and predictive checks show the numbers that NumPy computes from the draws and rows."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import inference
import mixtures
from inference import plots
from mixtures.assignments import PerGroup
from mixtures.errors import ChoiceError, DataError, ModelError
from tests.inference.plots.conftest import point_fit, posterior_around


@pytest.fixture
def plane():
    """Thirty rows of two overlapping components in two named columns of the same scale."""
    rng = np.random.default_rng(0)
    x = mixtures.Observations(rng.normal(size=(30, 2)), feature_names=("height", "weight"))
    known = {"weights": [0.5, 0.5], "loc": [[0.0, 1.0], [1.0, 0.0]], "scale": [[1.0, 1.5], [1.0, 0.7]]}
    return point_fit(mixtures.gaussian_mixture(2, "diag"), x, known), x


def marks(ax, label):
    return next(line.get_xydata() for line in ax.lines if line.get_label() == label)


def segments(collection):
    return np.array([path.vertices for path in collection.get_paths()])


def test_intervals_hold_half_and_89_percent_of_the_draws(plane):
    fit, x = plane
    posterior = posterior_around(fit, x, draws=60)
    ax = plots.plot_intervals(posterior, site="loc")
    draws = posterior["posterior"]["loc"].values[0]
    np.testing.assert_allclose(marks(ax, "component 1")[:, 0], np.median(draws[:, 1], axis=0))
    for collection, tails in zip(ax.collections[2:], ([0.055, 0.945], [0.25, 0.75]), strict=True):
        np.testing.assert_allclose(segments(collection)[..., 0], np.quantile(draws[:, 1], tails, axis=0).T)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["height", "weight"]
    assert plots.plot_intervals(posterior).get_xlabel() == "loc"
    with pytest.raises(ChoiceError, match="loc"):
        plots.plot_intervals(posterior, site="rate")
    with pytest.raises(ModelError, match="a point fit, or a tree of draws"):
        plots.plot_intervals(x)


def test_columns_far_apart_have_scales_of_their_own_with_their_numbers_written():
    x = np.random.default_rng(0).normal(size=(20, 2)) * [1.0, 1000.0]
    known = {"weights": [0.5, 0.5], "loc": [[0.0, 500.0], [1.0, 2000.0]], "scale": [[1.0, 900.0], [1.0, 900.0]]}
    ax = plots.plot_intervals(point_fit(mixtures.gaussian_mixture(2, "diag"), x, known))
    assert "scale of its own" in ax.get_xlabel() and not len(ax.get_xticks())
    assert {text.get_text() for text in ax.texts} == {"0", "500", "1", "2e+03"}
    np.testing.assert_allclose(marks(ax, "component 0")[:, 0], [0.0, 0.0])
    np.testing.assert_allclose(marks(ax, "component 1")[:, 0], [1.0, 1.0])


def test_profiles_are_means_of_the_standardised_rows_by_their_probabilities(plane):
    fit, x = plane
    ax = plots.plot_profiles(fit, x)
    probabilities = inference.responsibilities(fit, x)
    standard = (x.x - x.x.mean(axis=0)) / x.x.std(axis=0)
    for k in (0, 1):
        mean = np.average(standard, axis=0, weights=probabilities[:, k])
        sd = np.sqrt(np.average((standard - mean) ** 2, axis=0, weights=probabilities[:, k]))
        np.testing.assert_allclose(marks(ax, f"component {k}")[:, 1], mean, atol=1e-12)
        np.testing.assert_allclose(
            segments(ax.collections[k])[..., 1], np.stack([mean - sd, mean + sd], axis=1), atol=1e-12
        )
    assert [label.get_text() for label in ax.get_xticklabels()] == ["height", "weight"]


def test_weights_of_groups_are_shares_of_groups():
    x = mixtures.Observations([0.0, 1.0, 4.0], group=[0, 0, 1])
    model = mixtures.Mixture(2, mixtures.families.Gaussian(), PerGroup())
    ax = plots.plot_weights(point_fit(model, x, {"weights": [0.5, 0.5], "loc": [0.5, 4.0], "scale": [1.0, 1.0]}), x)
    assert ax.get_xlabel() == "share of the groups"


def test_weights_are_shares_and_certainty_counts_every_row_once(plane):
    fit, x = plane
    assert [bar.get_width() for bar in plots.plot_weights(fit, x).patches] == [0.5, 0.5]
    ax = plots.plot_certainty(fit, x)
    best = inference.responsibilities(fit, x).max(axis=1)
    assert ax.get_title(loc="left") == f"{np.mean(best > 0.9):.0%} of the rows above 0.9"
    assert sum(bar.get_height() for bar in ax.patches) == 30


def test_the_uncertain_rows_have_the_largest_marks(plane):
    fit, x = plane
    probabilities = inference.responsibilities(fit, x)
    ax = plots.plot_uncertain_rows(x, probabilities)
    for k, drawn in enumerate(ax.collections):
        of_component = probabilities.argmax(axis=1) == k
        order = np.argsort(1 - probabilities.max(axis=1)[of_component], kind="stable")
        assert np.array_equal(drawn.get_offsets(), x.x[of_component][order])
        assert (np.diff(drawn.get_sizes()) >= 0).all()
    with pytest.raises(DataError, match="30, as x has"):
        plots.plot_uncertain_rows(x, probabilities[:4])


def test_the_uncertain_rows_of_a_partition_are_seen_on_the_data(plane):
    _, x = plane
    uncertainty = np.random.default_rng(1).uniform(0, 0.5, 30)
    partition = SimpleNamespace(labels=np.arange(30) % 2, clusters=2, row_uncertainty=uncertainty)
    ax = plots.plot_row_uncertainty(partition, x=x)
    assert [len(drawn.get_offsets()) for drawn in ax.collections] == [15, 15]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("height", "weight")
    with pytest.raises(DataError, match="30, as the partition has"):
        plots.plot_row_uncertainty(partition, x=x.x[:3])


def test_a_predictive_check_shows_the_data_over_quantiles_of_what_the_tree_predicts(plane):
    fit, x = plane
    posterior = posterior_around(fit, x, draws=20)
    predicted = np.random.default_rng(2).normal(size=(1, 20, 30, 2))
    posterior["posterior_predictive"] = xr.DataTree(
        xr.Dataset({"obs": (("chain", "draw", "rows", "features"), predicted)})
    )
    ax = plots.plot_predictive(posterior, x, feature=1)
    band, median, data = (patch.get_data() for patch in ax.patches)
    counts = np.array([np.histogram(drawn[:, 1], band.edges)[0] / 30 for drawn in predicted[0]])
    np.testing.assert_allclose(band.values, np.quantile(counts, 0.945, axis=0))
    np.testing.assert_allclose(band.baseline, np.quantile(counts, 0.055, axis=0))
    np.testing.assert_allclose(median.values, np.median(counts, axis=0))
    np.testing.assert_allclose(data.values, np.histogram(x.x[:, 1], band.edges)[0] / 30)
    assert data.values.sum() == pytest.approx(1.0)


def test_without_predictive_draws_some_are_made(plane):
    fit, x = plane
    assert len(plots.plot_predictive(posterior_around(fit, x, draws=5), x).patches) == 3
    with pytest.raises(DataError, match="sample_nuts"):
        plots.plot_predictive(fit, x)


def test_pairs_refuse_what_they_cannot_show(plane):
    fit, x = plane
    with pytest.raises(ModelError, match="2 to 8 of the columns 0 to 1, each once"):
        plots.plot_pairs(fit, x, features=(0, 2))
    with pytest.raises(ModelError, match="matplotlib Figure"):
        plots.plot_pairs(fit, x, plt.subplots()[1])
    with pytest.raises(ModelError, match="no categories"):
        plots.plot_categories(fit, x)
    with pytest.raises(ModelError, match="depends on no covariates"):
        plots.plot_regression(fit, x)
