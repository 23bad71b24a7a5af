"""Results made by hand, so that pictures are tested against known parameters; and a check that pictures leave matplotlib as it was."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import mixtures
from inference.backends import bind, engine
from inference.posterior.tree import build_tree
from inference.results import GuideFit, Origin, PointFit
from inference.samplers.protocol import Draws
from inference.status import Status
from mixtures import Observations


@pytest.fixture(autouse=True)
def settings_stay():
    """No window opens, and no picture changes the caller's settings."""
    plt.switch_backend("agg")
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
    plt.close("all")


def point_fit(program, x, parameters, backend="numpyro") -> PointFit:
    """A fit at given parameters."""
    parameters = {site: np.asarray(value, dtype=float) for site, value in parameters.items()}
    sites = engine(backend).sites(program, Observations.of(x)).parameters if parameters else ()
    return PointFit(
        parameters=parameters,
        dims={site.name: site.dims for site in sites},
        log_likelihood=-9.0,
        log_posterior=-17.0,
        classification_log_likelihood=-9.0,
        losses=np.array([25.0, 19.0, 17.5, 17.4]),
        gradient_norms={"loc": np.array([3.0, 1.0, 0.1, 0.0]), "scale": np.array([2.0, 0.5, 0.2, 0.1])},
        restarts=pd.DataFrame({"status": [Status.CONVERGED]}),
        status=Status.CONVERGED,
        free_parameters=4,
        origin=Origin.of(program, Observations.of(x), backend, seed=0),
    )


@pytest.fixture
def five():
    """Five points and a fit of two components to them."""
    x = np.array([0.0, 1.0, 10.0, 11.0, 12.0])
    parameters = {"weights": [0.6, 0.4], "loc": [11.0, 0.5], "scale": 0.8}
    return point_fit(mixtures.gaussian_mixture(2, "tied"), x, parameters), x


@pytest.fixture
def guide(five):
    fit, _ = five
    probs = np.array([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3], [0.8, 0.2], [1.0, 0.0]])
    norms = {"assignment": np.array([1.0, 0.1])}
    return GuideFit(probs, np.array([20.0, 18.0, 17.4]), norms, Status.CONVERGED, fit.origin)


@pytest.fixture
def posterior() -> xr.DataTree:
    """Two chains of 50 draws of a location in two columns, labels drawn anew for each draw; and the same relabelled."""
    rng = np.random.default_rng(0)
    dims = ("chain", "draw", "components", "features")
    loc = np.array([[0.0, 1.0], [5.0, 6.0], [9.0, 9.5]]) + rng.normal(size=(2, 50, 3, 2))
    coords = {"features": ["height", "weight"]}
    after = xr.Dataset({"loc": (dims, loc), "scale": (("chain", "draw"), rng.gamma(5, size=(2, 50)))}, coords=coords)
    before = after.assign(loc=(dims, rng.permuted(loc, axis=2)))
    return xr.DataTree.from_dict({"posterior": after, "posterior_raw": before})


def posterior_around(fit: PointFit, x, draws=12, seed=0) -> xr.DataTree:
    """A tree of draws that lie around a fit's parameters, within their supports: no sampler runs."""
    rng = np.random.default_rng(seed)
    varied = {}
    for site, value in fit.parameters.items():
        drawn = np.broadcast_to(value, (1, draws, *value.shape))
        if "cholesky" in site:
            varied[site] = np.array(drawn)
        elif np.all(value > 0):
            moved = drawn * np.exp(rng.normal(0.0, 0.1, drawn.shape))
            is_simplex = value.ndim > 0 and np.allclose(value.sum(axis=-1), 1.0)
            varied[site] = moved / moved.sum(axis=-1, keepdims=True) if is_simplex else moved
        else:
            varied[site] = drawn + rng.normal(0.0, 0.1, drawn.shape)
    bound = bind(fit.program, Observations.of(x), fit.backend)
    return build_tree(bound, Draws(varied, {"lp": np.zeros((1, draws))}), {}, pointwise=False)
