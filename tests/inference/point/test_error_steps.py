"""EM of rows measured with errors: densities are scipy's and statistics Bovy, Hogg & Roweis's (2011), by dense matrices; in NumPy."""

import numpy as np
import pytest
from scipy import stats

from inference.point.em.m_steps.errors import ErrorsGaussianEM, inverse_root
from mixtures import Observations

RNG = np.random.default_rng(0)
N, K = 7, 2
WIDTHS = [1, 3, 9]
"""The last one is wider than what is factored cell after cell."""


def problem(features, is_full):
    """Form, data, errors' covariances, a state, and its locations and covariances in the data's units."""
    unit = 10.0 ** RNG.integers(-2, 3, features)
    x = (RNG.normal(size=(N, features)) + 3) * unit
    factors = RNG.normal(size=(N, features, features)) * unit[:, None] / 2
    deviations = RNG.uniform(0.2, 1.5, (N, features)) * unit
    covariances = factors @ factors.swapaxes(1, 2) if is_full else np.stack([np.diag(d**2) for d in deviations])
    data = Observations(x, errors=covariances if is_full else deviations)
    form = ErrorsGaussianEM("VVV", is_full=is_full)
    frame = form.frame(form.columns(data))
    root = RNG.normal(size=(K, features, features)) + 2 * np.eye(features)
    state = {"loc": RNG.normal(size=(K, features)), "root": root, "whiten": np.linalg.inv(root)}
    state["log_det"] = np.linalg.slogdet(root)[1]
    units, centre = frame.unit[:features], frame.centre[:features]
    own = units[:, None] * root
    return form, data, covariances, frame, state, state["loc"] * units + centre, own


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("features", WIDTHS)
def test_densities_and_statistics(features, is_full):
    form, data, errors, frame, state, loc, roots = problem(features, is_full)
    x, columns = data.x, form.columns(data)
    assert columns.shape[1] == form.width(features)
    at = ((columns - frame.centre) / frame.unit).T
    fast, seen = form.log_density(np, state, at)
    exact = form.exact_log_density(state, columns.T, frame)
    shares = RNG.dirichlet([1.0, 1.0], N).T * RNG.integers(1, 4, N)
    sums = form.statistics(np, shares, at, seen)
    for k in range(K):
        sigma, whiten = roots[k] @ roots[k].T, np.linalg.inv(roots[k])
        total, square = np.zeros(features), np.zeros((features, features))
        for i, row in enumerate(x):
            right = stats.multivariate_normal(loc[k], sigma + errors[i]).logpdf(row)
            assert fast[k, i] + form.log_jacobian(frame, columns) == pytest.approx(right, rel=1e-9)
            assert exact[k, i] == pytest.approx(right, rel=1e-9)
            # b = mu + Sigma T^-1 (x - mu), B = Sigma - Sigma T^-1 Sigma; in units of the component
            gain = whiten @ sigma @ np.linalg.inv(sigma + errors[i])
            mean, left = gain @ (row - loc[k]), np.eye(features) - gain @ sigma @ whiten.T
            total += shares[k, i] * mean
            square += shares[k, i] * (np.outer(mean, mean) + left)
        np.testing.assert_allclose(sums["sum"][k], total, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(sums["square"][k], square, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("is_full", [False, True])
def test_errors_have_the_units_of_the_values(is_full):
    form, data, errors, frame, *_ = problem(3, is_full)
    columns = form.columns(data)
    values, found = ((columns - frame.centre) / frame.unit)[:, :3], ((columns - frame.centre) / frame.unit)[:, 3:]
    np.testing.assert_array_equal(values, (data.x - frame.centre[:3]) / frame.unit[:3])
    roots = found.reshape(N, 3, 3) if is_full else np.stack([np.diag(row) for row in found])
    scaled = errors / np.multiply.outer(frame.unit[:3], frame.unit[:3])
    np.testing.assert_allclose(roots @ roots.swapaxes(1, 2), scaled, rtol=1e-9, atol=1e-10 * scaled.max())


@pytest.mark.parametrize("features", [1, 2, 8, 9, 17])
def test_inverses_of_cholesky_factors(features):
    factors = RNG.normal(size=(2, 5, features, features))
    matrices = factors @ factors.swapaxes(2, 3) + np.eye(features)
    right = np.linalg.inv(np.linalg.cholesky(matrices))
    found = inverse_root(np, np.moveaxis(matrices, 1, 3))
    np.testing.assert_allclose(np.moveaxis(found, 3, 1), right, rtol=1e-9, atol=1e-12)
