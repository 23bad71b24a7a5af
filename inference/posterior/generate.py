"""What a posterior says of unknown rows and assignments: predictive draws and assignment draws, added to the tree on request.

Memory is bounded. Assignments are drawn from the hub's responsibilities, a block of draws at a time, and kept as the smallest integers
that hold them: draws x rows bytes for up to 127 components. Predictive data are kept for evenly spaced draws when all of them would
take more than `PREDICTIVE_CELLS` numbers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from inference.assignment.paths import drawn_paths
from inference.assignment.responsibilities import joint_blocks
from inference.backends import Bound, bind
from inference.backends.sites import Site
from inference.draws import flat, observations_of, parameters_of, program_of
from inference.factors import with_correlations, with_factors
from inference.posterior.tree import coords_of, dataset, dims_of
from mixtures import Observations, Program
from mixtures.seeds import derived, generator

PREDICTIVE_CELLS = 50_000_000
"""How many predicted numbers are kept: 400 MB in float64."""

AT_ONCE = 5_000_000
"""How many numbers are predicted in one call."""


def with_assignments(
    tree: xr.DataTree, seed: int, program: Program | None = None, x: Observations | None = None
) -> xr.DataTree:
    """The tree with a draw of every assignment beside every draw of the parameters, in the group `posterior`.

    Args:
        tree: of draws.
        seed: an int.
        program: the declaration; None: the one that the tree names.
        x: the data; None: those that the tree keeps.
    """
    program, x = program or program_of(tree), observations_of(tree) if x is None else x
    bound = bind(program, x, tree.attrs["backend"])
    sites = bound.sites
    by = _by_path if not sites.is_row_wise else _by_table if sites.has_table else _by_backend
    drawn = by(tree, bound, seed)
    posterior = tree["posterior"].to_dataset()
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    variables = {
        site.name: (("chain", "draw", *site.dims), drawn[site.name].reshape(*shape, *site.shape))
        for site in sites.assignments
    }
    coords = coords_of(x, sites)
    used = {dim: coords[dim] for site in sites.assignments for dim in site.dims if dim in coords}
    grown = tree.copy(deep=False)
    grown["posterior"] = xr.DataTree(posterior.assign(variables).assign_coords(used))
    return grown


def _by_path(tree: xr.DataTree, bound: Bound, seed: int) -> dict[str, np.ndarray]:
    """Assignments of a chain: a path at every draw."""
    (site,) = bound.sites.assignments
    paths = drawn_paths(bound, parameters_of(tree), generator(seed, "assignments"))
    return {site.name: paths.astype(_smallest(site))}


def _by_table(tree: xr.DataTree, bound: Bound, seed: int) -> dict[str, np.ndarray]:
    """Assignments that are independent given the parameters: each is drawn from its probabilities, (draws, rows or units) by site."""
    sites = bound.sites
    rng, values = generator(seed, "assignments"), sites.combinations()
    blocks: dict[str, list[np.ndarray]] = {name: [] for name in values}
    for table in joint_blocks(tree, bound.x, bound.program):
        # u < cumulative share of the first k components: the inverse of the distribution function, for all rows at once
        cumulative = np.cumsum(np.exp(table - table.max(axis=2, keepdims=True)), axis=2)
        threshold = rng.uniform(size=table.shape[:2]) * cumulative[..., -1]
        index = np.sum(cumulative[..., :-1] <= threshold[..., None], axis=2)
        for site in sites.assignments:
            blocks[site.name].append(values[site.name][index].astype(_smallest(site)))
    return {name: np.concatenate(parts) for name, parts in blocks.items()}


def _by_backend(tree: xr.DataTree, bound: Bound, seed: int) -> dict[str, np.ndarray]:
    """Any other discrete structure: the backend's infer_discrete, a draw at a time."""
    parameters = parameters_of(tree)
    rows = []
    for draw in range(len(next(iter(parameters.values())))):
        values = {name: value[draw] for name, value in parameters.items()}
        rows.append(bound.classify(values, temperature=1, seed=derived(seed, "assignments", draw)))
    return {
        site.name: np.stack([row[site.name] for row in rows]).astype(_smallest(site))
        for site in bound.sites.assignments
    }


def _smallest(site: Site) -> np.dtype:
    return np.result_type(np.int8, np.min_scalar_type(-site.categories))


def with_predictive(
    tree: xr.DataTree, seed: int, program: Program | None = None, x: Observations | None = None
) -> xr.DataTree:
    """The tree with data drawn from the posterior, and parameters and data drawn from the prior; arguments as above.

    Groups: `posterior_predictive`, its draws' numbers in the coordinate `draw`; `prior` and `prior_predictive`, one chain of as many. Data
    have the dims and coordinates of `observed_data`; columns that are sites of their own are there by their names and, side by side, as
    `obs`.
    """
    # predicted rows are new rows: nothing is known of their components
    x = (observations_of(tree) if x is None else x).with_labels(None)
    bound = bind(program or program_of(tree), x, tree.attrs["backend"])
    sites, chains = bound.sites, tree["posterior"].sizes["chain"]
    total = tree["posterior"].sizes["draw"]
    cells = sum(int(np.prod(site.shape)) for site in sites.all if site.kind == "observed")
    kept = np.unique(np.linspace(0, total - 1, max(1, min(total, PREDICTIVE_CELLS // (cells * chains)))).astype(int))
    group = with_factors(tree)["posterior"].to_dataset()
    held = {site.name: flat(group[site.name].values[:, kept]) for site in sites.parameters}
    coords = coords_of(x, sites)

    def groups(parameters: Mapping[str, np.ndarray], shape: tuple[int, int], seed: int) -> dict[str, xr.Dataset]:
        drawn = forward(bound, parameters, shape[0] * shape[1], cells, seed)
        made = {}
        for kind in ("parameter", "observed"):
            some = [site for site in sites.all if site.kind == kind]
            values = {site.name: drawn[site.name].reshape(*shape, *site.shape) for site in some}
            made[kind] = with_correlations(dataset(values, {site.name: dims_of(site, x) for site in some}, coords))
        if "obs" not in made["observed"] and len(x.shape) == 2 and len(made["observed"].data_vars) == x.features:
            columns = np.stack([column.values for column in made["observed"].data_vars.values()], axis=-1)
            side_by_side = dataset({"obs": columns}, {"obs": ("rows", "features")}, coords)
            made["observed"] = made["observed"].merge(side_by_side)
        return made

    drawn = groups(held, (chains, len(kept)), derived(seed, "posterior predictive"))
    predicted = drawn["observed"].assign_coords(draw=kept)
    prior = groups({}, (1, chains * len(kept)), derived(seed, "prior predictive"))
    grown = tree.copy(deep=False)
    grown["posterior_predictive"] = xr.DataTree(predicted)
    grown["prior"], grown["prior_predictive"] = xr.DataTree(prior["parameter"]), xr.DataTree(prior["observed"])
    return grown


def forward(bound: Bound, parameters: Mapping[str, np.ndarray], draws: int, cells: int, seed: int) -> dict[str, Any]:
    """`draws` forward runs of the program, as many at once as memory allows."""
    size = max(1, min(draws, AT_ONCE // cells))
    parts = []
    for begin in range(0, draws, size):
        count = min(size, draws - begin)
        block = {name: value[begin : begin + count] for name, value in parameters.items()}
        parts.append(bound.forward(block, draws=count, seed=derived(seed, "block", begin)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
