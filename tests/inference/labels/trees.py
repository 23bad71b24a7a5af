"""Posterior trees of a one-dimensional Gaussian mixture, with the model's answers computed by scipy."""

import numpy as np
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

from tests.inference.labels.planted import Planted


def gaussian_tree(parameters: np.ndarray, x: np.ndarray, z: np.ndarray | None = None) -> xr.DataTree:
    """A tree of draws (chain, draw, components, 3: weight, location, log scale)."""
    dims = ("chain", "draw", "components")
    posterior = xr.Dataset(
        {
            "weights": (dims, parameters[..., 0]),
            "loc": (dims, parameters[..., 1]),
            "scale": (dims, np.exp(parameters[..., 2])),
        },
        coords={name: np.arange(size) for name, size in zip(dims, parameters.shape, strict=False)},
    )
    if z is not None:
        posterior["assignment"] = (("chain", "draw", "rows"), z)
    pointwise = logsumexp(log_joint(posterior, x), axis=2).reshape(*parameters.shape[:2], -1)
    return xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "sample_stats": xr.Dataset({"log_posterior": (("chain", "draw"), pointwise.sum(axis=2))}),
            "log_likelihood": xr.Dataset({"obs": (("chain", "draw", "rows"), pointwise)}),
            "observed_data": xr.Dataset({"obs": (("rows",), x)}),
        }
    )


def planted_tree(draws: Planted, chains: int = 2, sampled: bool = False) -> xr.DataTree:
    """The planted draws as a tree."""
    parameters = draws.parameters.reshape(chains, -1, *draws.parameters.shape[1:])
    return gaussian_tree(parameters, draws.x, draws.z.reshape(chains, -1, len(draws.x)) if sampled else None)


def log_joint(posterior: xr.Dataset, x: np.ndarray) -> np.ndarray:
    """Of every draw, log p(x_row, z_row = k), (draws, rows, components)."""
    weights, loc, scale = (
        posterior[name].values.reshape(-1, 1, posterior.sizes["components"]) for name in ("weights", "loc", "scale")
    )
    return np.log(weights) + norm.logpdf(x[:, None], loc, scale)


def draw_log_joint(posterior: xr.DataTree, rows=None, x=None) -> np.ndarray:
    """What the model would answer."""
    x = posterior["observed_data"]["obs"].values if x is None else np.asarray(x)
    return log_joint(posterior["posterior"].to_dataset(), x if rows is None else x[rows])


def draw_responsibilities(posterior: xr.DataTree, rows=None, x=None) -> np.ndarray:
    """What the model would answer."""
    joint = draw_log_joint(posterior, rows, x)
    return np.exp(joint - logsumexp(joint, axis=2, keepdims=True))


def responsibilities(fit, x) -> np.ndarray:
    """What the model would answer of a fit."""
    weights, loc, scale = (fit.parameters[name] for name in ("weights", "loc", "scale"))
    joint = np.log(weights) + norm.logpdf(x.x[:, None], loc, scale)
    return np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
