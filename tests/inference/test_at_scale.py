"""The log density of 100,000 overlapping rows, and its gradient, agree with extended precision to 1e-9, in blocks or in one piece."""

import numpy as np
import pytest

from inference.backends import engine
from inference.backends.numpyro import blocks as numpyro_blocks
from inference.backends.numpyro import hub as numpyro_hub
from inference.backends.numpyro import vector as numpyro_vector
from mixtures import Observations, gaussian_mixture

ROWS, FEATURES, COMPONENTS = 100_000, 4, 3
LONG = np.longdouble
PI = LONG(np.pi) + LONG(1.2246467991473532e-16)  # what the double lacks


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(COMPONENTS, FEATURES))
    roots = np.eye(FEATURES) + 0.4 * rng.normal(size=(COMPONENTS, FEATURES, FEATURES))
    z = rng.choice(COMPONENTS, ROWS, p=[0.5, 0.3, 0.2])
    return centres[z] + np.einsum("nij,nj->ni", roots[z], rng.normal(size=(ROWS, FEATURES)))


@pytest.fixture(scope="module")
def density(rows):
    return (
        engine("numpyro")
        .bind(gaussian_mixture(COMPONENTS).scaled_to(rows), Observations(rows))
        .log_density(prior=False)
    )


def natural(density, u: np.ndarray) -> np.ndarray:
    """Weights, means and the covariances' Cholesky factors, in one vector."""
    values = density.constrain(u)
    roots = values["scale"][..., None] * values["correlation_cholesky"]
    return np.concatenate([values["weights"], values["loc"].ravel(), roots.ravel()])


def in_extended_precision(x: np.ndarray, theta: np.ndarray) -> tuple[LONG, np.ndarray]:
    """The log likelihood, and its gradient in the weights, means and Cholesky factors, from the formulas."""
    x, theta = x.astype(LONG), theta.astype(LONG)
    weights, loc, roots = np.split(theta, [COMPONENTS, COMPONENTS * (1 + FEATURES)])
    loc, roots = loc.reshape(COMPONENTS, FEATURES), roots.reshape(COMPONENTS, FEATURES, FEATURES)
    whitened = np.empty((COMPONENTS, ROWS, FEATURES), LONG)
    inverses = np.empty_like(roots)
    for k, root in enumerate(roots):
        inverses[k] = inverse_of_triangular(root)
        whitened[k] = (x - loc[k]) @ inverses[k].T
    half_log_det = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    constant = LONG(FEATURES) / 2 * np.log(2 * LONG(np.pi) + LONG(1.2246467991473531772e-16) * 2)
    table = np.log(weights)[:, None] - (whitened**2).sum(axis=2) / 2 - half_log_det[:, None] - constant
    peak = table.max(axis=0)
    total = peak + np.log(np.exp(table - peak).sum(axis=0))
    shares = np.exp(table - total)
    to_loc, to_roots = np.empty_like(loc), np.empty_like(roots)
    for k in range(COMPONENTS):
        to_loc[k] = inverses[k].T @ (shares[k] @ whitened[k])
        scatter = (shares[k][:, None] * whitened[k]).T @ whitened[k]
        to_roots[k] = np.tril(inverses[k].T @ scatter) - np.diag(shares[k].sum() / np.diagonal(roots[k]))
    return total.sum(), np.concatenate([shares.sum(axis=1) / weights, to_loc.ravel(), to_roots.ravel()])


def inverse_of_triangular(root: np.ndarray) -> np.ndarray:
    """By forward substitution: NumPy's own works in double precision."""
    inverse = np.zeros_like(root)
    for column in range(FEATURES):
        for row in range(column, FEATURES):
            unit = LONG(row == column)
            inverse[row, column] = (unit - root[row, :row] @ inverse[:row, column]) / root[row, row]
    return inverse


def derivative(density, u: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Of `natural`, by five points a coordinate: its error, step^4 / 30 of the fifth derivative, is below 1e-12."""
    columns = []
    for unit in np.eye(len(u)) * step:
        near = natural(density, u + unit) - natural(density, u - unit)
        far = natural(density, u + 2 * unit) - natural(density, u - 2 * unit)
        columns.append((8 * near - far) / (12 * step))
    return np.stack(columns, axis=1)


def test_value_and_gradient_agree_with_extended_precision(rows, density):
    assert numpyro_blocks.block_of(ROWS, rows[0].size * COMPONENTS) < ROWS  # several blocks
    u = 0.3 * np.random.default_rng(0).normal(size=density.size)
    value, gradient = density.value_and_gradient(u)
    expected, slope = in_extended_precision(rows, natural(density, u))
    assert abs(float((LONG(value) - expected) / expected)) < 1e-9
    expected_gradient = (slope @ derivative(density, u).astype(LONG)).astype(float)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-9, atol=1e-9 * np.abs(expected_gradient).max())


def test_blocks_change_nothing_to_second_order(rows, monkeypatch):
    # a prime number of rows: blocks do not divide it, and those left over are counted in one more
    some, model = Observations(rows[:1109, :2]), gaussian_mixture(2).scaled_to(rows[:, :2])
    found = []
    for cells in (800, 10**9):
        monkeypatch.setattr(numpyro_blocks, "BLOCK_CELLS", cells)
        cached = (
            numpyro_vector.vector_functions,
            numpyro_vector.compiled_vector_density,
            numpyro_vector.compiled_hessian,
        )
        for function in (numpyro_hub.log_densities, *cached):
            function.cache_clear()
        density = engine("numpyro").bind(model, some).log_density()
        u = 0.3 * np.random.default_rng(1).normal(size=density.size)
        found.append((*density.value_and_gradient(u), density.hessian(u)))
    for blocked, whole in zip(*found, strict=True):
        np.testing.assert_allclose(blocked, whole, rtol=1e-11, atol=1e-9)
