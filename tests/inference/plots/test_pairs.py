"""Ellipses lie where closed forms say, of the columns that were chosen; every pair of columns has its panel."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy import stats

import mixtures
from inference import plots
from mixtures.errors import DataError, ModelError
from tests.inference.plots.conftest import point_fit


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
    rows, other = [line for line in ax.lines if len(line.get_xdata()) > 1]
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
