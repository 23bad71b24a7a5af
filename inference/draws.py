"""Reading a posterior: its program, its data, its parameters with chains and draws in one axis."""

import json
from typing import Any

import numpy as np
import xarray as xr

from inference.backends import engine
from inference.backends.sites import Sites
from inference.checks import check_tree
from inference.factors import with_factors
from mixtures import Observations, Program
from mixtures.assignments import Assignment
from mixtures.categories import Categories
from mixtures.errors import DataError, ModelError, in_words
from mixtures.specification import by_token, from_json, kept

PER_DRAW = ("posterior", "posterior_raw", "sample_stats", "relabelling", "log_likelihood", "log_prior")
"""Groups with something for each draw."""

NAMED = "named_"
"""What the names of named data begin with in `constant_data`."""


def whole(posterior: Any) -> xr.DataTree:
    """The tree as verbs read it, whatever was done to it since it was made: parameters' dims are chain, draw, and the program's in its order;
    a chain or draw that was picked out is the only one.

    Raises:
        DataError: not a tree of draws; variables, dims, groups or attributes that verbs need are not there, or do not fit the program.
        StoredFileError: a user's own program cannot be found again.
    """
    tree = with_factors(check_tree(posterior))
    for name in PER_DRAW:
        if name in tree.children and tree[name].data_vars:
            tree[name] = xr.DataTree(_by_draw(name, tree[name].to_dataset()))
    _check_lengths(tree)
    if "program" in tree.attrs:
        names = {name: tree[name].to_dataset() for name in ("posterior", "posterior_raw") if name in tree.children}
        sites = engine(backend_of(tree)).sites(program_of(tree), observations_of(tree))
        for name, group in names.items():
            tree[name] = xr.DataTree(_in_order(name, group, sites))
        tree.attrs = {**tree.attrs, "parameters": ",".join(site.name for site in sites.parameters)}
    return tree


def _by_draw(name: str, group: xr.Dataset) -> xr.Dataset:
    """The group with the dims chain and draw, also where one of either was picked out."""
    for dim in ("draw", "chain"):
        if dim in group.coords and group[dim].ndim == 0:
            group = group.expand_dims(dim)
    without = [dim for dim in ("chain", "draw") if dim not in group.dims]
    if without:
        raise _other_tree(
            f"a group {name!r} of dims {', '.join(map(str, group.dims)) or 'none'}", f"its dims {' and '.join(without)}"
        )
    if 0 in (group.sizes["chain"], group.sizes["draw"]):
        raise _other_tree(f"a group {name!r} without a draw", "one at least")
    return group


def _check_lengths(tree: xr.DataTree) -> None:
    sizes = {
        name: (tree[name].sizes.get("chain"), tree[name].sizes.get("draw"))
        for name in ("posterior_raw", "posterior", "sample_stats", "relabelling")
        if name in tree.children and tree[name].data_vars
    }
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{chains} x {draws} in {name!r}" for name, (chains, draws) in sizes.items())
        raise _other_tree(f"other chains or draws in one group than in another: {found}", "the same ones in each")


def _in_order(name: str, group: xr.Dataset, sites: Sites) -> xr.Dataset:
    """The group's parameters with the program's dims in the program's order."""
    ordered = {}
    for site in sites.parameters:
        if site.name not in group:
            raise _other_tree(f"a group {name!r} without {site.name!r}", "every parameter of the program")
        variable = group[site.name]
        if set(variable.dims) != {"chain", "draw", *site.dims}:
            raise _other_tree(
                f"{site.name!r} with dims {', '.join(map(str, variable.dims))}", f"{', '.join(site.dims)}"
            )
        variable = variable.transpose("chain", "draw", *site.dims)
        if variable.shape[2:] != site.shape or variable.dtype.kind not in "fiu":
            raise _other_tree(
                f"{site.name!r} with {variable.shape[2:]} values of type {variable.dtype} a draw",
                f"{site.shape} numbers",
            )
        ordered[site.name] = variable
    return group.assign(ordered)


def _other_tree(got: str, expected: str) -> DataError:
    return DataError(
        "posterior", got=got, expected=expected, advice="Pass the tree as sample_nuts, load or relabel returned it."
    )


def rows_of(posterior: Any) -> int:
    """How many rows the data have.

    Raises:
        DataError: not a tree of draws, or one without its data.
    """
    return _obs_of(check_tree(posterior)).sizes["rows"]


def _obs_of(posterior: xr.DataTree) -> xr.DataArray:
    group = posterior["observed_data"].to_dataset() if "observed_data" in posterior.children else xr.Dataset()
    if "obs" not in group or not {"rows"} <= set(group["obs"].dims) <= {"rows", "features"}:
        raise _other_tree("no observed_data.obs with a dim 'rows'", "the data that the draws are of")
    if group["obs"].dtype.kind not in "fiub":
        raise _other_tree(f"observed_data.obs of type {group['obs'].dtype}", "numbers")
    return group["obs"].transpose("rows", ...)


def backend_of(posterior: xr.DataTree) -> str:
    """The backend that the posterior was sampled by.

    Raises:
        DataError: the tree does not say.
    """
    backend = posterior.attrs.get("backend")
    if not isinstance(backend, str):
        raise _other_tree("a tree without the attribute 'backend'", "the attributes that sample_nuts gave it")
    return backend


def with_program(posterior: Any, program: Program | None) -> Any:
    """The tree with a program that takes the place of one that cannot be imported again; None leaves what was given as it is.

    Raises:
        ModelError: not a program.
        StoredFileError: another one than the draws are of.
        DataError: not a tree of draws.
    """
    if program is None:
        return posterior
    if not isinstance(program, Program):
        raise ModelError("program", got=in_words(program), expected="the declaration of the draws, or None")
    tree = check_tree(posterior).copy(deep=False)
    tree.attrs = {**tree.attrs, "program_token": kept(from_json(str(tree.attrs.get("program", "")), program))}
    return tree


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


def law_of(posterior: xr.DataTree) -> Assignment | None:
    """The declared law of the assignment; None of a program that declares none, and of trees from elsewhere."""
    mixture = program_of(posterior).mixture if "program" in posterior.attrs else None
    return None if mixture is None else mixture.assignment


def has_paths(posterior: xr.DataTree) -> bool:
    """Whether rows follow one another, so that assignments are known as paths alone."""
    law = law_of(posterior)
    return law is not None and not law.is_row_wise


def observations_of(posterior: xr.DataTree) -> Observations:
    """The data that the posterior was sampled with.

    Raises:
        DataError: the tree does not have them.
    """
    obs = _obs_of(posterior)
    names = (
        tuple(map(str, obs["features"].values))
        if "features" in obs.dims and _is_set(posterior, "has_feature_names")
        else None
    )
    if "feature_name" in posterior.attrs:  # of one variable
        names = (str(posterior.attrs["feature_name"]),)
    missing = "allow" if np.isnan(obs.values).any() else "raise"
    constants = posterior["constant_data"].to_dataset() if "constant_data" in posterior.children else {}
    covariates: Any = constants.get("covariates_of_rows")
    if covariates is not None:
        covariates = covariates.transpose("rows", ...)
        covariates = covariates.to_pandas() if _is_set(posterior, "has_covariate_names") else covariates.values

    def of_rows(name: str) -> np.ndarray | None:
        return constants[f"{name}_of_rows"].values if f"{name}_of_rows" in constants else None

    named = {
        str(name).removeprefix(NAMED): values.values
        for name, values in constants.items()
        if str(name).startswith(NAMED)
    }
    found = Observations(
        obs.values,
        feature_names=names,
        missing=missing,
        covariates=covariates,
        labels=of_rows("labels"),
        row_weights=of_rows("weights"),
        sequence=of_rows("sequence"),
        group=of_rows("group"),
        data=named or None,
        categories=categories_of(posterior),
    )
    law = law_of(posterior)
    return found.with_groups_of(found.group_names) if law is not None and law.keeps_groups else found


def categories_of(posterior: xr.DataTree) -> Categories | None:
    """The names of the categories of the data, by column."""
    stored = json.loads(str(posterior.attrs.get("categories", "null")))
    return stored and tuple(names and tuple(names) for names in stored)


def _is_set(posterior: xr.DataTree, attribute: str) -> bool:
    return str(posterior.attrs.get(attribute)) in ("1", "True")


def parameters_of(posterior: xr.DataTree) -> dict[str, np.ndarray]:
    """Every parameter's draws, (draws, ...): chains one after the other; assignments left out."""
    group = with_factors(posterior)["posterior"].to_dataset()
    names = posterior.attrs["parameters"].split(",") if "parameters" in posterior.attrs else map(str, group.data_vars)
    return {name: flat(group[name].transpose("chain", "draw", ...).values) for name in names}


def sampled_assignments(posterior: xr.DataTree) -> list[str]:
    """The names of the assignments that were drawn beside the parameters, see `sample_nuts(assignments=True)`."""
    group = posterior["posterior"].to_dataset()
    if "parameters" not in posterior.attrs:
        return [name for name in ("assignment",) if name in group]
    known = [*posterior.attrs["parameters"].split(","), *str(posterior.attrs.get("deterministic", "")).split(",")]
    return [str(name) for name, value in group.data_vars.items() if name not in known and value.dtype.kind in "iu"]


def flat(values: np.ndarray) -> np.ndarray:
    """(chain, draw, ...) as (draws, ...)."""
    return values.reshape(-1, *values.shape[2:])
