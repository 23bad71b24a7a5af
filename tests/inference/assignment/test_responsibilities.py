"""The tables of all draws are those of scipy, whatever the size of the blocks in which the program computes them."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import softmax

from inference.assignment import responsibilities as module
from inference.assignment.log_likelihood import log_likelihood
from inference.backends import engine
from inference.posterior.tree import build_tree
from inference.samplers.protocol import Draws
from mixtures import Observations, gaussian_mixture
from mixtures.errors import DataError

X = np.array([-1.0, 0.0, 0.5, 2.0, 4.0])


def sampled() -> xr.DataTree:
    """Seven draws in one chain: blocks of two leave one over."""
    rng, x, program, backend = np.random.default_rng(0), Observations(X), gaussian_mixture(3), engine("numpyro")
    parameters = {
        "weights": rng.dirichlet(np.ones(3), (1, 7)),
        "loc": rng.normal(1.0, 2.0, (1, 7, 3)),
        "scale": rng.gamma(5.0, 0.2, (1, 7, 3)),
    }
    draws = Draws(parameters, {"lp": np.zeros((1, 7))})
    return build_tree(backend.bind(program, x), draws, {})


@pytest.fixture(scope="module")
def posterior() -> xr.DataTree:
    return sampled()


@pytest.fixture(scope="module")
def table(posterior) -> np.ndarray:
    weights, loc, scale = (posterior["posterior"][name].values[0][:, None] for name in ("weights", "loc", "scale"))
    return np.log(weights) + stats.norm.logpdf(X[:, None], loc, scale)


@pytest.mark.parametrize("draws_at_once", [1, 2, 7, 100])
def test_blocks_change_nothing(posterior, table, draws_at_once, monkeypatch):
    whole = module.draw_responsibilities(posterior), module.draw_log_joint(posterior)
    monkeypatch.setattr(module, "CELLS_AT_ONCE", draws_at_once * X.size * 3)
    p, joint = module.draw_responsibilities(posterior), module.draw_log_joint(posterior)
    np.testing.assert_array_equal(p, whole[0])
    np.testing.assert_array_equal(joint, whole[1])
    np.testing.assert_allclose(joint, table, rtol=1e-12)
    np.testing.assert_allclose(p, softmax(table, axis=2), rtol=1e-10)
    np.testing.assert_allclose(module.responsibilities(posterior, X), softmax(table, axis=2).mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(log_likelihood(posterior, X)[0], np.log(np.exp(table).sum(axis=2)), rtol=1e-10)


def test_some_rows_are_those_of_all(posterior):
    np.testing.assert_array_equal(
        module.draw_responsibilities(posterior, rows=np.array([3, 0])),
        module.draw_responsibilities(posterior)[:, [3, 0]],
    )


def test_the_trees_own_log_likelihood_is_the_same_in_blocks(table, monkeypatch):
    monkeypatch.setattr(module, "CELLS_AT_ONCE", 2 * X.size * 3)
    np.testing.assert_allclose(sampled()["log_likelihood"]["obs"][0], np.log(np.exp(table).sum(axis=2)), rtol=1e-10)


@pytest.mark.parametrize("cells", [1, 50, 10**9])
def test_intervals_do_not_depend_on_how_many_rows_are_taken_at_once(posterior, table, monkeypatch, cells):
    monkeypatch.setattr(module, "CELLS_OF_ALL_DRAWS", cells)
    shares = softmax(table, axis=2)
    mean, low, high = module.responsibilities(posterior, X, interval=0.8)
    np.testing.assert_allclose(mean, shares.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose([low, high], np.quantile(shares, [0.1, 0.9], axis=0), rtol=1e-10)


def test_rows_unlike_the_sampled_ones_have_no_likelihood(posterior):
    with pytest.raises(DataError, match="x: got 2 columns"):
        log_likelihood(posterior, np.zeros((4, 2)))
