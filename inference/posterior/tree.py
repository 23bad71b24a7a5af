"""Draws as an xarray.DataTree in ArviZ's schema: named dims and coords, and everything that says where the draws come from."""

import contextlib
import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from inference.assignment.responsibilities import likelihood_blocks
from inference.axis_names import names_along, places
from inference.backends import Bound
from inference.backends.sites import Site, Sites
from inference.draws import NAMED, flat
from inference.factors import readable
from inference.posterior.afterwards import Steps
from inference.posterior.circle import unrolled
from inference.results import versions
from inference.samplers.protocol import Draws
from mixtures import Observations, Program
from mixtures.among import OUTCOMES
from mixtures.observations import CELLS
from mixtures.priors import Prior
from mixtures.specification import kept, to_json

POINTWISE_BYTES = 2**30
"""Log likelihoods of every row at every draw take the place of everything else in a large tree: beyond this they must be asked for."""


def build_tree(
    bound: Bound,
    draws: Draws,
    attrs: Mapping[str, Any],
    pointwise: bool | None = None,
    steps: Steps | None = None,
    has_prior: bool = True,
) -> xr.DataTree:
    """The tree of a sampler's draws.

    Groups: `posterior`, `factors` (Cholesky factors, whose correlations `posterior` has), `sample_stats`,
    `log_likelihood` (of each row, assignments summed out), `log_prior` (one number a draw: what
    `arviz_stats.psense` scales), `observed_data`, `constant_data` (the hyperparameters, covariates, known labels).

    Args:
        bound: program, data and the backend that sampled.
        draws: what the sampler gave.
        attrs: what to say of the run, beside program, data and versions.
        pointwise: whether to keep `log_likelihood`; None keeps it up to `POINTWISE_BYTES`.
        steps: where steps that fail are noted, whose caller warns of them; None warns here.
        has_prior: whether draws have a prior density: not where the number of components is random.
    """
    own = Steps() if steps is None else steps
    shape = draws.stats["lp"].shape
    program, x, sites = bound.numbered, bound.x, bound.sites
    coords, groups = coords_of(x, sites), {}
    with own.step("directions on one turn"):
        draws = unrolled(program, draws)
    if pointwise is None:
        pointwise = 8 * draws.stats["lp"].size * len(x) <= POINTWISE_BYTES
    parameters = {name: flat(value) for name, value in draws.parameters.items()}
    stats, likelihood = dict(draws.stats), None
    if pointwise:
        with own.step("log_likelihood"):
            likelihood = _log_likelihood(bound, draws)
    if likelihood is not None:
        of = "groups" if sites.is_of_groups else "rows"
        groups["log_likelihood"] = dataset({"obs": likelihood}, {"obs": (of,)}, coords)
        groups["log_likelihood"]["obs"].attrs["given"] = _given(sites)
    if has_prior:
        with own.step("log_prior"):
            marginal, prior = (values.reshape(shape) for values in bound.log_densities(parameters))
            groups["log_prior"] = dataset({"log_prior": prior}, {}, coords)
            stats["log_posterior"] = marginal + prior
    with own.step("constant_data"):
        groups["constant_data"] = _constants(program, x)
    derived: dict[str, np.ndarray] = {}
    with own.step("deterministic values in posterior"):
        found = bound.deterministic(parameters) if sites.deterministic else {}
        derived = {name: value.reshape(*shape, *value.shape[1:]) for name, value in found.items()}
    dims = {site.name: site.dims for site in (*sites.parameters, *sites.deterministic)}
    made = {
        "posterior": dataset({**draws.parameters, **derived}, dims, coords),
        "sample_stats": dataset(stats, {}, coords),
        "observed_data": _data(x),
    }
    order = ("posterior", "sample_stats", "log_prior", "observed_data", "constant_data", "log_likelihood")
    tree = xr.DataTree.from_dict({name: {**made, **groups}[name] for name in order if name in made or name in groups})
    tree.attrs.update(
        program=to_json(program),
        program_token=kept(program),
        model=str(program),
        parameters=",".join(site.name for site in sites.parameters),
        deterministic=",".join(derived),
        free_parameters=sites.coordinates,  # under a prior all of them vary
        backend=bound.backend,
        data_fingerprint=x.fingerprint,
        **({"feature_name": x.feature_names[0]} if x.features is None and x.feature_names else {}),
        has_feature_names=int(x.feature_names is not None),
        has_covariate_names=int(x.covariate_names is not None),
        **({} if x.categories is None else {"categories": json.dumps(x.categories)}),
        versions=json.dumps(versions(bound.backend)),
        **attrs,
        **own.attrs,
    )
    if steps is None:
        own.warn()
    return readable(tree)


def _log_likelihood(bound: Bound, draws: Draws) -> np.ndarray | None:
    """log p(x_i | draw), (chains, draws, rows), or (chains, draws, groups) of groups that are independent; None for programs whose rows are
    not independent."""
    if not bound.sites.has_hub:
        return None
    parameters = {name: flat(value) for name, value in draws.parameters.items()}
    rows = list(likelihood_blocks(bound, parameters))
    return np.concatenate(rows).reshape(*draws.stats["lp"].shape, -1)


def _given(sites: Sites) -> str:
    """What the log likelihood of a row is given, in words; a warning where leave-one-out would be misled."""
    if sites.is_of_groups:
        return "the parameters, the group's assignments summed out: leave-one-out (loo) leaves a group out"
    if not sites.is_row_wise:
        return "the parameters and the rows before, the assignments summed out: prediction one step ahead, not leave-one-out (loo)"
    if not sites.latent:
        return "the parameters, the row's assignment summed out"
    names = ", ".join(sites.latent)
    with contextlib.suppress(UserWarning):  # where the caller makes errors of warnings: it would take the draws along
        warnings.warn(
            f"log_likelihood is conditional on {names}, of which rows have their own: it is not what leave-one-out (loo) needs, because "
            "nothing is known of a left-out row's. Sum them out in the program, or compare models by sample_smc's evidence.",
            UserWarning,
            stacklevel=2,
        )
    return f"conditional on {names}, the row's assignment summed out"


def coords_of(x: Observations, sites: Sites) -> dict[str, Any]:
    """Coordinates by dim: the data's own, the names of categories, and the components' numbers."""
    coords = x.coords()
    if x.group_names is not None:
        coords["groups"] = x.group_names
    if "features" in coords:
        coords["features_bis"] = coords["features"]
    sizes = {dim: size for site in sites.all for dim, size in zip(site.dims, site.shape, strict=True)}
    named = {
        dim: places(x, dim, size)
        for dim, size in sizes.items()
        if dim.endswith(OUTCOMES) or (dim not in coords and names_along(x, dim))
    }
    return coords | named | ({dim: np.arange(sizes[dim]) for dim in ("components", "classes") if dim in sizes})


def dims_of(site: Site, x: Observations) -> tuple[str, ...]:
    """The names of a site's axes; what has the shape of the data has the data's."""
    return ("rows", "features")[: x.x.ndim] if site.kind == "observed" and site.shape == x.shape else site.dims


def dataset(
    variables: Mapping[str, np.ndarray], dims: Mapping[str, tuple[str, ...]], coords: dict[str, Any]
) -> xr.Dataset:
    """Variables of shape (chain, draw, ...) with their coordinates."""
    arrays = {name: (("chain", "draw", *dims.get(name, ())), value) for name, value in variables.items()}
    used = {dim for names, _ in arrays.values() for dim in names}
    chains, draws = next(iter(variables.values())).shape[:2]
    known = {"chain": np.arange(chains), "draw": np.arange(draws), **{dim: coords[dim] for dim in used & set(coords)}}
    return xr.Dataset(arrays, coords=known)


def _data(x: Observations) -> xr.Dataset:
    return xr.Dataset({"obs": (("rows", "features")[: x.x.ndim], np.array(x.x))}, coords=x.coords())


def _constants(program: Program, x: Observations) -> xr.Dataset:
    """The hyperparameters, and all that was given beside the data: covariates, known labels, row weights, series, named arrays."""
    constants = _numbers(program)
    of_rows = {"labels_of_rows": x.labels, "weights_of_rows": x.row_weights, "sequence_of_rows": x.sequence}
    of_rows |= {"group_of_rows": x.names_of_groups}
    for name, values in of_rows.items():
        if values is not None:
            constants = constants.assign_coords(rows=x.coords()["rows"])
            constants[name] = (("rows",), np.array(values))
    for name in CELLS:
        if getattr(x, name) is not None:
            known = {dim: value for dim, value in x.coords().items() if dim != "covariates"}
            constants = constants.assign_coords(known)
            values = np.array(getattr(x, name))
            constants[f"{name}_of_rows"] = (("rows", "features", "features_bis")[: values.ndim], values)
    for name, values in (x.data or {}).items():
        dims = [f"{NAMED}{name}_dim_{axis}" for axis in range(values.ndim)]
        constants[f"{NAMED}{name}"] = (dims, np.array(values))
    if x.covariates is not None:
        coords = {dim: x.coords()[dim] for dim in ("rows", "covariates")}
        constants = constants.assign_coords(coords)
        constants["covariates_of_rows"] = (("rows", "covariates"), np.array(x.covariates))
    return constants


def _numbers(program: Program) -> xr.Dataset:
    if program.mixture is None:
        return xr.Dataset()
    numbers = {
        f"prior_{site}_{key}": np.asarray(value)
        for site, prior in program.mixture.priors.items()
        for key, value in prior.parameters
        if not isinstance(value, Prior)
    }
    return xr.Dataset(
        {name: ([f"{name}_dim_{axis}" for axis in range(value.ndim)], value) for name, value in numbers.items()}
    )
