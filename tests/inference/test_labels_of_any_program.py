"""Labels and partitions need only the tree: of either backend, and of a program that a user declared."""

import numpy as np
import pytest
import xarray as xr

import inference
from inference.assignment.responsibilities import draw_responsibilities
from inference.labels.methods import METHODS
from tests.oracles import FIVE_POINTS
from tests.programs import shared_rate

COUNTS = np.array([0.0, 1.0, 0.0, 2.0, 1.0, 14.0, 19.0, 16.0, 15.0])
"""Two rates, far apart."""


@pytest.fixture(scope="module")
def pyro_posterior(tutorial) -> xr.DataTree:
    """Ten draws a chain of Pyro's own NUTS, its labels turned in every other draw."""
    tree = inference.sample_nuts(
        tutorial, FIVE_POINTS, draws=10, tune=20, chains=2, seed=0, backend="pyro", progress=False
    )
    return turned(tree)


@pytest.fixture(scope="module")
def declared_posterior() -> xr.DataTree:
    tree = inference.sample_nuts(shared_rate, COUNTS, draws=50, tune=100, chains=2, seed=0, progress=False)
    return turned(tree)


def turned(tree: xr.DataTree) -> xr.DataTree:
    """The same posterior with the two labels exchanged in every other draw."""
    posterior = tree["posterior"].to_dataset()
    is_turned = xr.DataArray(np.arange(posterior.sizes["draw"]) % 2 == 1, dims="draw")
    exchanged = {
        name: xr.where(is_turned, values.isel(components=[1, 0]).drop_vars("components", errors="ignore"), values)
        .transpose(*values.dims)
        .assign_attrs(values.attrs)
        for name, values in posterior.drop_vars("components", errors="ignore").data_vars.items()
        if "components" in values.dims
    }
    other = tree.copy(deep=False)
    other["posterior"] = xr.DataTree(posterior.assign(exchanged))
    return other


def check_relabelled(posterior: xr.DataTree, method: str, shared: str) -> None:
    after = inference.relabel(posterior, method)
    raw, new = after["posterior_raw"].to_dataset(), after["posterior"].to_dataset()
    permutations = after["relabelling"]["permutation"].values
    assert np.array_equal(np.sort(permutations, axis=2), np.broadcast_to([0, 1], permutations.shape))
    assert np.array_equal(
        new["weights"].transpose("chain", "draw", "components"),
        np.take_along_axis(raw["weights"].transpose("chain", "draw", "components").values, permutations, axis=2),
    )
    assert np.array_equal(new[shared], raw[shared])  # what components share has no labels
    # responsibilities follow the labels through the program itself
    p = draw_responsibilities(posterior)
    expected = np.take_along_axis(p, permutations.reshape(-1, 1, 2), axis=2)
    np.testing.assert_allclose(draw_responsibilities(after), expected, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_a_posterior_of_pyro_is_relabelled(pyro_posterior, method):
    check_relabelled(pyro_posterior, method, shared="scale")


@pytest.mark.parametrize("method", METHODS)
def test_a_posterior_of_a_users_program_is_relabelled(declared_posterior, method):
    check_relabelled(declared_posterior, method, shared="base")


def test_a_posterior_of_pyro_is_diagnosed_and_partitioned(pyro_posterior):
    report = inference.diagnose_labels(pyro_posterior)
    assert report.switching.visited == 2
    assert report.switching.rates.min() == 1.0  # every step turns the labels
    assert report.verdict.value in str(report)
    best = inference.partition(pyro_posterior, restarts=4, seed=0)
    p = draw_responsibilities(pyro_posterior)
    together = np.einsum("tik,tjk->ij", p, p) / len(p)
    np.testing.assert_allclose(best.similarity, np.where(np.eye(5) == 1, 1.0, together), atol=1e-12)


def test_two_rates_of_a_users_program_are_told_apart(declared_posterior):
    report = inference.diagnose_labels(declared_posterior)
    assert report.switching.visited == 2
    assert report.switching.rates.min() == 1.0  # every step turns the labels
    best = inference.partition(declared_posterior, restarts=4, seed=0)
    assert isinstance(best, inference.Partition)
    assert best.labels.tolist() == [0] * 5 + [1] * 4
    after = inference.relabel(declared_posterior)
    rates = (after["posterior"]["base"] * after["posterior"]["factor"]).transpose(..., "components").values
    assert (np.sign(rates[..., 1] - rates[..., 0]) == np.sign(rates[0, 0, 1] - rates[0, 0, 0])).all()
    assert np.array_equal(inference.match(after, to=after).permutations, [[0, 1]])
