"""Reading a posterior: its program, its data, its parameters with chains and draws in one axis."""

from typing import Any

import numpy as np
import xarray as xr

from mixtures import Observations, Program
from mixtures.errors import ModelError
from mixtures.specification import by_token, from_json


def program_of(posterior: xr.DataTree) -> Program:
    """The declaration that the posterior was sampled from.

    Raises:
        ModelError: the tree was not made by this package.
        StoredFileError: a user's own program cannot be imported again.
    """
    if "program" not in posterior.attrs:
        raise ModelError(
            "posterior", got="a tree that does not name its program", expected="a tree from sample_nuts or load"
        )
    return by_token(str(posterior.attrs.get("program_token", ""))) or from_json(posterior.attrs["program"])


def observations_of(posterior: xr.DataTree) -> Observations:
    """The data that the posterior was sampled with."""
    obs = posterior["observed_data"].to_dataset()["obs"]
    names = (
        tuple(map(str, obs["features"].values))
        if "features" in obs.dims and posterior.attrs.get("has_feature_names")
        else None
    )
    missing = "allow" if np.isnan(obs.values).any() else "raise"
    constants = posterior["constant_data"].to_dataset() if "constant_data" in posterior.children else {}
    covariates: Any = constants.get("covariates_of_rows")
    if covariates is not None:
        covariates = covariates.to_pandas() if posterior.attrs.get("has_covariate_names") else covariates.values
    labels = constants.get("labels_of_rows")
    return Observations(
        obs.values,
        feature_names=names,
        missing=missing,
        covariates=covariates,
        labels=None if labels is None else labels.values,
    )


def parameters_of(posterior: xr.DataTree) -> dict[str, np.ndarray]:
    """Every parameter's draws, (draws, ...): chains one after the other; assignments left out."""
    group = posterior["posterior"].to_dataset()
    names = posterior.attrs["parameters"].split(",") if "parameters" in posterior.attrs else map(str, group.data_vars)
    return {name: flat(group[name].values) for name in names}


def flat(values: np.ndarray) -> np.ndarray:
    """(chain, draw, ...) as (draws, ...)."""
    return values.reshape(-1, *values.shape[2:])
