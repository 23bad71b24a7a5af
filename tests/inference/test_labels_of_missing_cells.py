"""Cells that were not observed are no obstacle to any method of relabelling, nor to the report."""

import numpy as np
import pytest
import xarray as xr

from inference import Verdict, diagnose_labels, relabel
from inference.backends import engine
from inference.labels.methods import METHODS
from inference.posterior.tree import build_tree
from inference.samplers.protocol import Draws
from mixtures import Observations, gaussian_mixture

DRAWS = 50
TRUTH = np.repeat([0, 1], 30)


@pytest.fixture(scope="module")
def turned() -> xr.DataTree:
    """Made-up draws of two components five apart, exchanged in every other draw."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2)) + 5.0 * TRUTH[:, None]
    x[rng.uniform(size=x.shape) < 0.2] = np.nan
    data, backend, program = Observations(x, missing="allow"), engine("numpyro"), gaussian_mixture(2, "diag")
    weights = rng.dirichlet([30.0, 30.0], (2, DRAWS))
    loc = rng.normal([[0.0, 0.0], [5.0, 5.0]], 0.2, (2, DRAWS, 2, 2))
    scale = rng.gamma(100.0, 0.01, (2, DRAWS, 2, 2))
    parameters = {"weights": weights, "loc": loc, "scale": scale}
    parameters = {name: value.copy() for name, value in parameters.items()}
    for value in parameters.values():
        value[:, 1::2] = value[:, 1::2, ::-1].copy()
    program = program.scaled_to(data)
    lp = {"lp": -rng.uniform(size=(2, DRAWS))}
    return build_tree(backend.bind(program, data), Draws(parameters, lp), {})


@pytest.mark.parametrize("method", METHODS)
def test_every_method_undoes_the_turns(turned, method):
    permutations = relabel(turned, method, pivot=0)["relabelling"]["permutation"].values
    expected = np.where(np.arange(DRAWS)[:, None] % 2 == 1, [1, 0], [0, 1])
    assert np.array_equal(permutations, np.broadcast_to(expected, permutations.shape))


def test_the_report_is_made(turned):
    report = diagnose_labels(turned)
    assert report.verdict is Verdict.SWITCHES
    assert float(report.comparison.agreement.min()) == 1.0
