"""relabel: one labelling for all draws of a posterior.

A posterior of a mixture has the same density under all K! labellings, so that draws of the same solution may carry
different labels, and a mean over draws mixes components. Every method finds a permutation for each draw; here the
draws are permuted by it, in every variable that has components, for every family alike.
"""

from typing import Any

import numpy as np
import xarray as xr

from inference.checks import check_choice, check_count
from inference.draws import law_of, sampled_assignments, with_program
from inference.factors import readable
from inference.labels.evidence import Evidence, raw_tree
from inference.labels.exchange import FIXED, groups_of, is_exchangeable
from inference.labels.methods import METHODS, solved, tasks
from inference.labels.permutations import Permutations, Relabelling, relabel_assignments, relabel_parameters
from inference.renumbering import draws_of_law
from mixtures import Program
from mixtures.errors import SeedError
from mixtures.renamed import formerly
from mixtures.seeds import check_seed, generator

MOST_MEMORY = 512 * 2**20
"""Bytes of responsibilities (draws x rows x components) above which a random subset of rows is used."""


@formerly(max_rows="rows")
def relabel(
    posterior: xr.DataTree,
    method: str = "ecr",
    pivot: Any = None,
    *,
    by: str | None = None,
    max_rows: int | None = None,
    seed: int | None = None,
    program: Program | None = None,
) -> xr.DataTree:
    """Give the components of all draws one labelling.

    Only exchangeable components are permuted. Noise (`families.WithNoise`), components with a family
    (`families.PerComponent`) or hyperparameters of their own, and components that rows are known to belong to, stay in
    place: under another labelling the draws would be of another model.

    Args:
        posterior: draws in ArviZ's schema, from `sample_nuts`. Relabelled draws are relabelled from the raw ones.
        method: `"ecr"`, `"ecr-iterative-1"`, `"ecr-iterative-2"`, `"stephens"`, `"pra"`, `"ordering"`, `"data-based"`
            or `"sjw"`. ECR's cost is computed from the responsibilities, unless the draws hold sampled assignments.
        pivot: the reference labelling: a draw's index (chains one after the other), a clustering of the rows, or
            a point fit. None is the draw of highest log posterior density.
        by: for `"ordering"`, the site to sort by; None is the one whose components lie farthest apart.
        max_rows: use a random subset of so many rows. None is all of them, or as many as fit into 512 MB.
        seed: the seed of that subset, an int in [0, 2**32); needed only if a subset is drawn.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        A new tree: `posterior` has every variable with a dim `components`, and `assignment`, under one labelling;
        `posterior_raw` has the draws as sampled; `relabelling` has `permutation` (chain, draw, components), `cost`
        and `margin` (chain, draw): how much more the second-best permutation would cost, inf where there is none; and
        `exchangeable` (components,), which components could be permuted; if none could, its attribute `note` says why. All else
        is untouched.
        With a subset of rows, its attribute `subset_error` is the share of draws that two halves of the subset label
        differently: an upper estimate of what the rows left out could change.

    Raises:
        ChoiceError: unknown method or site.
        DataError: no posterior with components, or a pivot that does not fit it.
        ModelError: `"sjw"` with more than 6 components to exchange, or `max_rows` that is not an int >= 2.

    Example:
        >>> from inference import sample_nuts
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> post = sample_nuts(gaussian_mixture(2, "tied"), x, draws=50, tune=100, chains=2, seed=0, progress=False)
        >>> loc = relabel(post, method="ordering").posterior.loc
        >>> bool((loc[:, :, 0] < loc[:, :, 1]).all())
        True
    """
    check_choice("method", method, METHODS)
    raw = raw_tree(with_program(posterior, program))
    if by is not None:
        check_choice("by", by, Evidence(raw).sites)
    subset = choose_rows(raw, max_rows, seed)
    result, used = run(raw, method, pivot, by, subset)
    attrs: dict[str, Any] = {"method": method, "pivot": used, "total_costs": result.total_costs}
    if subset is not None:
        halves = [run(raw, method, pivot, by, half)[0].permutations for half in np.array_split(subset, 2)]
        attrs |= {"rows_used": len(subset), "subset_error": float((halves[0] != halves[1]).any(axis=1).mean())}
    return apply(raw, result, attrs)


def run(raw: xr.DataTree, method: str, pivot: Any, by: str | None, rows: np.ndarray | None) -> tuple[Relabelling, str]:
    """One method on the given rows, and its pivot's name."""
    evidence = Evidence(raw, rows)
    parts = tasks(evidence, pivot, by)
    return solved(method, parts, evidence), parts[0].pivot.name if parts else "none"


def choose_rows(raw: xr.DataTree, max_rows: int | None, seed: int | None) -> np.ndarray | None:
    """A random subset in random order, so that its halves are random too; None if all rows are used, or assignments are not of rows.

    Raises:
        ModelError: `max_rows` is not an int >= 2.
        SeedError: a bad seed, or none where a subset is drawn.
    """
    total = raw["observed_data"].sizes["rows"]
    if max_rows is None:
        dataset = Evidence(raw).draws
        draw_bytes = 8 * dataset.sizes["components"] * dataset.sizes["chain"] * dataset.sizes["draw"]
        max_rows = max(2, MOST_MEMORY // draw_bytes)
    max_rows = check_count("max_rows", max_rows, least=2)
    if seed is not None:
        check_seed(seed)
    if max_rows >= total or not Evidence(raw).is_of_rows:
        return None
    if seed is None:
        raise SeedError(
            "seed",
            got="None, and a random subset of rows to be drawn",
            expected=f"an int in [0, 2**32): a random subset of {max_rows} of the {total} rows is all that memory, or max_rows, allows",
            advice="Pass seed=0, say.",
        )
    return generator(seed, "relabel").choice(total, max_rows, replace=False)


def apply(raw: xr.DataTree, result: Relabelling, attrs: dict[str, Any]) -> xr.DataTree:
    """The tree with its draws permuted, and the raw draws and the permutations kept beside them."""
    before = raw["posterior"].to_dataset()
    after = numbered_anew(raw, result.permutations)
    shape = before.sizes["chain"], before.sizes["draw"]
    components = before.sizes["components"]
    may_move = is_exchangeable(groups_of(raw, components), components)
    note = {} if may_move.any() or components == 1 else {"note": FIXED}
    found = {
        "permutation": (("chain", "draw", "components"), result.permutations.reshape(*shape, -1)),
        "cost": (("chain", "draw"), result.cost.reshape(shape)),
        "margin": (("chain", "draw"), result.margin.reshape(shape)),
        "exchangeable": (("components",), may_move),
    }
    coords = {name: before[name] for name in ("chain", "draw", "components") if name in before.coords}
    tree = raw.copy(deep=False)
    tree["posterior"] = xr.DataTree(after)
    tree["posterior_raw"] = xr.DataTree(before)
    tree["relabelling"] = xr.DataTree(xr.Dataset(found, coords=coords, attrs=attrs | note))
    return readable(tree)


def numbered_anew(tree: xr.DataTree, permutations: Permutations) -> xr.Dataset:
    """The draws in the group `posterior`, each under its own new labels."""
    draws, assignments = tree["posterior"].to_dataset(), sampled_assignments(tree)
    moved = {
        name: permuted(variable, permutations)
        for name, variable in draws.data_vars.items()
        if "components" in variable.dims or name in assignments
    }
    return draws.assign(moved | draws_of_law(draws, permutations, law_of(tree)))


def permuted(variable: xr.DataArray, permutations: Permutations) -> xr.DataArray:
    """A variable under new labels; its dims keep their order."""
    ordered = variable.transpose("chain", "draw", ...)
    values = ordered.values.reshape(len(permutations), *ordered.shape[2:])
    if "components" in ordered.dims:
        new = relabel_parameters(values, permutations, axis=ordered.dims.index("components") - 1)
    else:
        new = relabel_assignments(values, permutations)
    return ordered.copy(data=new.reshape(ordered.shape)).transpose(*variable.dims)
