"""Laws of densities, of any parameters and rows: what order, names, units, weights and empty rows mean, and what a mixture is a case of."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import inference
from inference.backends import bind
from mixtures import Observations, gaussian_mixture, hidden_markov

ROWS, COLUMNS, COMPONENTS = 8, 3, 3
SEEDS = st.integers(0, 2**32 - 1)
laws = settings(deadline=None, max_examples=15)
"""Shapes are the same in all examples: one program is compiled for each law."""


class Truth(NamedTuple):
    """Rows and parameters: the components overlap, since locations are as far apart as the rows of one component are."""

    x: np.ndarray
    values: dict[str, np.ndarray]


def drawn(seed: int, components: int = COMPONENTS) -> Truth:
    rng = np.random.default_rng(seed)
    # a random positive definite matrix has a correlation matrix of any sign and strength
    wishart = (
        stats.wishart(COLUMNS + 2, np.eye(COLUMNS), seed=rng).rvs(components).reshape(components, COLUMNS, COLUMNS)
    )
    scale = np.sqrt(np.diagonal(wishart, axis1=1, axis2=2))
    values = {
        "weights": rng.dirichlet(np.full(components, 2.0)),
        "loc": rng.normal(size=(components, COLUMNS)),
        "scale": scale,
        "correlation_cholesky": np.linalg.cholesky(wishart) / scale[..., None],
    }
    return Truth(rng.normal(0.0, 2.0, (ROWS, COLUMNS)), values)


def table(x, values: dict[str, np.ndarray], **options) -> np.ndarray:
    """log p(x_i, assignment_i = k), (rows, components)."""
    return bind(gaussian_mixture(len(values["weights"])), Observations(x, **options), "numpyro").log_joint(values)


def log_likelihood(x, values: dict[str, np.ndarray], **options) -> float:
    bound = bind(gaussian_mixture(len(values["weights"])), Observations(x, **options), "numpyro")
    return float(bound.log_likelihoods({site: value[None] for site, value in values.items()})[0])


def equal(found, right) -> None:
    """To the digits that sums of a few hundred float64 numbers of some hundreds have."""
    np.testing.assert_allclose(found, right, rtol=1e-10, atol=1e-10)


@given(SEEDS)
@laws
def test_of_one_component_the_mixture_is_the_family(seed):
    x, values = drawn(seed, components=1)
    root = values["scale"][0][:, None] * values["correlation_cholesky"][0]
    equal(log_likelihood(x, values), stats.multivariate_normal(values["loc"][0], root @ root.T).logpdf(x).sum())


@given(SEEDS, st.permutations(range(ROWS)))
@laws
def test_rows_in_another_order_have_the_same_densities(seed, order):
    x, values = drawn(seed)
    equal(table(x[list(order)], values), table(x, values)[list(order)])


@given(SEEDS, st.permutations(range(COMPONENTS)))
@laws
def test_components_under_other_names_have_the_same_densities(seed, order):
    x, values = drawn(seed)
    equal(table(x, {site: value[list(order)] for site, value in values.items()}), table(x, values)[:, list(order)])


@given(SEEDS, st.permutations(range(COLUMNS)))
@laws
def test_columns_in_another_order_have_the_same_densities(seed, order):
    x, values = drawn(seed)
    by = list(order)
    correlation = values["correlation_cholesky"] @ np.swapaxes(values["correlation_cholesky"], 1, 2)
    other = values | {site: values[site][:, by] for site in ("loc", "scale")}
    other["correlation_cholesky"] = np.linalg.cholesky(correlation[:, by][:, :, by])
    equal(table(x[:, by], other), table(x, values))


@given(SEEDS, st.floats(1e-3, 1e3), st.floats(-100.0, 100.0))
@laws
def test_other_units_and_origins_change_densities_by_the_units_alone(seed, unit, origin):
    x, values = drawn(seed)
    units = unit ** np.arange(COLUMNS)  # each column has its own
    other = values | {"loc": values["loc"] * units + origin * units, "scale": values["scale"] * units}
    equal(table(x * units + origin * units, other), table(x, values) - np.log(units).sum())


@given(SEEDS, st.integers(0, ROWS - 1))
@laws
def test_a_weight_of_two_is_a_row_that_is_there_twice(seed, row):
    x, values = drawn(seed)
    twice = np.ones(ROWS)
    twice[row] = 2.0
    equal(log_likelihood(x, values, row_weights=twice), log_likelihood(np.vstack([x, x[row]]), values))


@given(SEEDS, st.integers(0, ROWS - 1))
@laws
def test_a_row_of_which_nothing_is_known_is_no_row(seed, row):
    x, values = drawn(seed)
    blank = np.where(np.arange(ROWS)[:, None] == row, np.nan, x)
    equal(log_likelihood(blank, values, missing="allow"), log_likelihood(np.delete(x, row, axis=0), values))


@given(SEEDS)
@laws
def test_a_chain_that_forgets_where_it_was_is_the_mixture(seed):
    """All rows of its transition matrix are the weights."""
    x, values = drawn(seed)
    as_chain = {site: value for site, value in values.items() if site != "weights"}
    as_chain |= {"initial": values["weights"], "transition": np.tile(values["weights"], (COMPONENTS, 1))}
    chain = bind(hidden_markov(COMPONENTS), Observations(x), "numpyro")
    found = chain.log_likelihoods({site: value[None] for site, value in as_chain.items()})[0]
    equal(found, log_likelihood(x, values))


@pytest.mark.quick("VEI", reason="one loop climbs for all structures")
@pytest.mark.parametrize("structure", ["full", "tied", "VEI"])
@given(seed=SEEDS)
@laws
def test_em_never_falls(structure, seed):
    """From any start, towards any end: a component on few rows is no reason to fall."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 2)) + rng.choice([0.0, 1.5], size=(30, 1))
    fit = inference.fit_em(gaussian_mixture(2, structure), x, restarts=1, max_steps=12, seed=seed)
    losses = fit.losses[np.isfinite(fit.losses)]
    assert len(losses) > 1
    assert np.diff(losses).max() <= 1e-9 * abs(losses[-1])
