"""Logarithms of probabilities that may be 0, as laws use them, by scipy; and their gradients, however a program is compiled."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from array_api_compat import torch as torch_namespace
from scipy import special

from mixtures.assignments.logarithms import log_of, log_softmax, logsumexp

TABLE = 300 * np.random.default_rng(0).normal(size=(40, 3))
TABLE[3, 1] = -np.inf
TABLE[7, 0] = TABLE[7, 2]


def test_they_are_scipys():
    np.testing.assert_array_equal(log_of(np, np.array([0.0, 0.25, 1.0, 3.0])), [-np.inf, *np.log([0.25, 1.0, 3.0])])
    np.testing.assert_allclose(logsumexp(np, TABLE, 1), special.logsumexp(TABLE, axis=1), rtol=1e-14)
    np.testing.assert_allclose(log_softmax(np, TABLE), special.log_softmax(TABLE, axis=1), rtol=1e-14, atol=1e-12)
    assert logsumexp(np, np.full((1, 2), -np.inf), 1) == -np.inf


def test_the_gradient_is_the_probabilities_and_none_where_nothing_is_possible():
    values = np.vstack([TABLE, np.full((1, 3), -np.inf)])
    with jax.enable_x64(True):
        in_jax = jax.grad(lambda table: logsumexp(jnp, table, 1).sum())(jnp.asarray(values))
    table = torch.tensor(values, requires_grad=True)
    logsumexp(torch_namespace, table, 1).sum().backward()
    right = np.vstack([special.softmax(TABLE, axis=1), np.zeros((1, 3))])
    for gradient in (in_jax, table.grad):
        np.testing.assert_allclose(gradient, right, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("function", [lambda v: logsumexp(jnp, v, 1).sum(), lambda v: log_softmax(jnp, v)[:, 0].sum()])
def test_a_gradient_looks_for_no_number_that_equals_another(function):
    """XLA may compute a number twice and round it otherwise: then none equals the largest, and a gradient through the largest is 0 / 0."""
    program = jax.jit(jax.grad(function)).lower(jnp.ones((4, 2))).compile().as_text()
    assert "exponential" in program
    assert "direction=EQ" not in program


def test_tables_of_three_dimensions_are_summed_along_the_axis_that_is_said():
    table = TABLE[:39].reshape(13, 3, 3)
    for axis in (0, 1, 2):
        np.testing.assert_allclose(logsumexp(np, table, axis), special.logsumexp(table, axis=axis), rtol=1e-14)
    np.testing.assert_allclose(log_softmax(np, table), special.log_softmax(table, axis=-1), rtol=1e-14, atol=1e-12)
