"""The sum of log-sum-exps that shares logarithms between rows, against SciPy row by row, with its derivatives in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from inference.backends.numpyro.logsumexp import LARGEST_GROUP, summed_logsumexp


def summed(table: np.ndarray) -> np.ndarray:
    with jax.enable_x64(table.dtype == np.float64):
        return np.asarray(summed_logsumexp(jnp.asarray(table)))


@pytest.mark.parametrize("rows", [1, LARGEST_GROUP - 1, LARGEST_GROUP, LARGEST_GROUP + 1, 1000])
@pytest.mark.parametrize("components", [1, 2, 7, 3000])
def test_it_is_scipys_sum_in_double_precision(rows, components):
    table = 300 * np.random.default_rng(rows).normal(size=(rows, components))
    np.testing.assert_allclose(summed(table), logsumexp(table, axis=1).sum(), rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_terms_in_every_row_do_not_overflow(dtype):
    # each sum is as large as it can be: the number of components
    np.testing.assert_allclose(summed(np.zeros((2000, 5000), dtype)), 2000 * np.log(5000), rtol=1e-6)


def test_terms_of_zero_density():
    table = np.array([[0.5, -np.inf], [-np.inf, -3.0], [1.0, 2.0]])
    np.testing.assert_allclose(summed(table), logsumexp(table, axis=1).sum(), rtol=1e-14)
    assert summed(np.array([[0.5, 1.0], [-np.inf, -np.inf]])) == -np.inf


def test_its_first_and_second_derivatives():
    table = 3 * np.random.default_rng(0).normal(size=(40, 3))
    p = softmax(table, axis=1)
    with jax.enable_x64(True):
        gradient, hessian = (
            jax.grad(summed_logsumexp)(jnp.asarray(table)),
            jax.hessian(summed_logsumexp)(jnp.asarray(table)),
        )
        forward = jax.jvp(summed_logsumexp, (jnp.asarray(table),), (jnp.asarray(p),))[1]
    np.testing.assert_allclose(gradient, p, rtol=1e-13)
    np.testing.assert_allclose(forward, (p * p).sum(), rtol=1e-13)
    expected = np.zeros((40, 3, 40, 3))
    for i in range(40):
        expected[i, :, i, :] = np.diag(p[i]) - np.outer(p[i], p[i])
    np.testing.assert_allclose(hessian, expected, atol=1e-15)
