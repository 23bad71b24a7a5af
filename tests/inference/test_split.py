"""What no row enters is computed once: the two halves are the function, and derivatives go through both."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.backends.numpyro.blocks import block_of
from inference.backends.numpyro.split import apart, split


@pytest.fixture(autouse=True)
def in_double_precision():
    with jax.enable_x64(True):
        yield


def quadratic_forms(factors, rows):
    """|L_k^-1 x_i|^2 - log |L_k|, (rows, components): the solve belongs to no row; and what no row enters, of more numbers than are held."""
    inverse = jax.scipy.linalg.solve_triangular(factors, jnp.broadcast_to(jnp.eye(2), factors.shape), lower=True)
    constants = jnp.log(jnp.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    return jnp.sum((inverse @ rows.T) ** 2, axis=1).T - constants, jnp.sum(jnp.cos(jnp.arange(500) * factors[0, 1, 0]))


FACTORS = np.array([[[1.0, 0.0], [0.5, 2.0]], [[0.3, 0.0], [-0.2, 0.7]], [[2.0, 0.0], [1.0, 1.0]]])
ROWS = np.random.default_rng(0).normal(size=(50, 2))


def test_the_halves_are_the_function_and_its_gradient():
    first, second = split(quadratic_forms, FACTORS, ROWS)
    solved = np.stack([np.linalg.solve(factor, ROWS.T).T for factor in FACTORS], axis=1)
    expected = (solved**2).sum(axis=2) - np.log(np.linalg.det(FACTORS))
    held, rest = first(FACTORS)
    np.testing.assert_allclose(second(held, ROWS), expected, rtol=1e-13)
    np.testing.assert_allclose(second(held, ROWS[::-1]), expected[::-1], rtol=1e-13)
    np.testing.assert_allclose(rest, np.cos(np.arange(500) * 0.5).sum(), rtol=1e-13)

    def through_halves(factors):
        held, rest = first(factors)
        return jnp.sum(jnp.sin(second(held, ROWS))) + rest

    def whole(factors):
        table, rest = quadratic_forms(factors, ROWS)
        return jnp.sum(jnp.sin(table)) + rest

    np.testing.assert_allclose(jax.grad(through_halves)(FACTORS), jax.grad(whole)(FACTORS), rtol=1e-12)


def test_what_no_row_enters_is_in_the_first_half():
    first, second = split(quadratic_forms, FACTORS, ROWS)
    held, _ = first(FACTORS)
    assert "triangular_solve" in str(jax.make_jaxpr(first)(FACTORS))
    of_rows = str(jax.make_jaxpr(second)(held, ROWS))
    assert "triangular_solve" not in of_rows and " log " not in of_rows
    # and nothing as long as the rows is handed over
    assert max(leaf.size for leaf in held) < len(ROWS)


def test_a_table_that_no_row_enters_is_handed_on():
    first, second = split(lambda u, rows: (jnp.exp(u), jnp.sum(u)), np.array([[0.5, -1.0]]), ROWS)
    held, rest = first(np.array([[1.0, 2.0]]))
    np.testing.assert_allclose(second(held, ROWS), np.exp([[1.0, 2.0]]), rtol=1e-15)
    assert rest == 3.0


def test_apart_is_the_function_and_its_derivatives():
    def function(u, numbers):
        return {"a": u[0] * jnp.exp(u[1]), "b": jnp.sin(u) * numbers["scale"], "count": jnp.arange(3)}

    u, numbers = jnp.array([0.3, -1.2]), {"scale": jnp.array(2.5)}
    found = apart(function, u, numbers)
    np.testing.assert_allclose(found["a"], 0.3 * np.exp(-1.2), rtol=1e-15)
    np.testing.assert_allclose(found["b"], 2.5 * np.sin([0.3, -1.2]), rtol=1e-15)
    assert found["count"].tolist() == [0, 1, 2]
    second = jax.hessian(lambda u: apart(function, u, numbers)["a"])(u)
    np.testing.assert_allclose(second, np.exp(-1.2) * np.array([[0.0, 1.0], [1.0, 0.3]]), rtol=1e-14)
    several = jax.vmap(lambda u: apart(function, u, numbers)["a"])(jnp.stack([u, 2 * u]))
    np.testing.assert_allclose(several, [0.3 * np.exp(-1.2), 0.6 * np.exp(-2.4)], rtol=1e-14)


def test_apart_says_nothing_of_what_is_not_finite():
    assert np.isnan(apart(lambda u: jnp.sum(u), jnp.array([1.0, np.inf])))


@pytest.mark.parametrize(
    ("rows", "cells", "even"), [(5000, 6, True), (100_000, 12, True), (4999, 6, False), (40, 6, True)]
)
def test_blocks_share_the_rows_evenly_if_they_can(rows, cells, even):
    block = block_of(rows, cells)
    assert (rows % block == 0) == even
    assert block <= rows and block * cells <= max(4_000, 64 * cells)
