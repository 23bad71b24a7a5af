"""align: one matcher for everything that has components, whatever made it.

Two labellings of components are compared by what they say of rows, never by their parameters: responsibilities need no
unit, no choice of columns and no family, and a parameter that is noise cannot mislead them. The rows are the data of a
posterior; a point fit does not keep its data, so that between two fits rows are drawn from the reference.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from inference.assignment import responsibilities as model
from inference.draws import observations_of, whole, with_program
from inference.factors import readable
from inference.labels.evidence import permutations_of, raw_tree
from inference.labels.exchange import groups_in, groups_of
from inference.labels.permutations import (
    Relabelling,
    assignment_cost,
    combined,
    compose,
    relabel_parameters,
    second_best_margin,
    solve,
)
from inference.labels.relabel import numbered_anew, relabel
from inference.renumbering import renumbered
from inference.results import PointFit
from mixtures import Observations, Program, simulate
from mixtures.errors import DataError
from mixtures.exchangeable import Groups
from mixtures.families import Product
from mixtures.families.product import site_of
from mixtures.program import Declared

LEAST_ROWS = 500
MOST_DRAWS = 200
SEED = 0
Labelled = PointFit | xr.DataTree


def align(result: Any, to: Labelled, x: Any = None, *, program: Program | None = None) -> Any:
    """Give the components of a result the labels of the matching components of another.

    Args:
        result: a point fit (MAP, maximum likelihood, EM; any seed, backend or bootstrap replicate), a posterior, or a
            list of them. A posterior that is not relabelled yet is relabelled first.
        to: the reference: the fit or posterior whose labels are taken over.
        x: rows on which the two are compared; None takes a posterior's data, or between two fits draws as many rows from
            the reference as it was fitted to, at least 500. Must be given between two fits where rows depend on
            covariates, or on their groups.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        The same result or results, exchangeable components permuted, see `relabel`. The table `restarts` of a fit keeps
        the labels of its restarts.

    Raises:
        DataError: something that has no components, or another number of them; no `x` where it must be given.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 10.0, 11.0, 12.0]
        >>> fit = fit_em(gaussian_mixture(2, "tied"), x, restarts=3, seed=0)
        >>> start = {**fit.parameters, "weights": fit.parameters["weights"][::-1], "loc": fit.parameters["loc"][::-1]}
        >>> other = fit_em(fit.program, x, init=start, restarts=1, seed=0)
        >>> other.parameters["loc"].round(3).tolist()
        [0.5, 11.0]
        >>> align(other, to=fit, x=x).parameters["loc"].round(3).tolist()
        [11.0, 0.5]
    """
    if isinstance(result, Sequence) and not isinstance(result, str | bytes):
        return [align(one, to, x, program=program) for one in result]
    labelled = _labelled(result, program)
    permutation = match(labelled, to, x, program=program).permutations[0]
    return (
        _permuted_fit(labelled, permutation)
        if isinstance(labelled, PointFit)
        else _permuted_tree(labelled, permutation)
    )


def match(result: Labelled, to: Labelled, x: Any = None, *, program: Program | None = None) -> Relabelling:
    """The permutation that `align` applies, as one draw: its cost is the expected share of rows that the two assign to
    different components, its margin how much more the second-best match would cost.

    Args:
        result: a point fit or a posterior.
        to: the reference.
        x: as in `align`.
        program: as in `align`.

    Returns:
        A `Relabelling` of one draw: `permutations[0, k]` is the component of `result` that is component k of `to`.

    Raises:
        DataError: as in `align`.

    Example:
        >>> from inference import fit_em
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 10.0, 11.0, 12.0]
        >>> fit = fit_em(gaussian_mixture(2, "tied"), x, restarts=3, seed=0)
        >>> match(fit, to=fit, x=x).permutations.tolist()
        [[0, 1]]
    """
    result, reference = _labelled(result, program), _labelled(to, program, "to")
    rows = _rows(result, reference, x)
    ours, theirs = classify_rows(result, rows), classify_rows(reference, rows)
    if ours.shape != theirs.shape:
        raise DataError(
            "result", got=f"{ours.shape[1]} components", expected=f"{theirs.shape[1]}, as the reference has"
        )
    return matched(costs_between(ours[None], theirs), _groups(result, rows, ours.shape[1]))


def costs_between(
    ours: Float[np.ndarray, "draws rows components"], theirs: Float[np.ndarray, "rows components"]
) -> Float[np.ndarray, "draws components components"]:
    """What it costs to call component i of ours j: the expected share of rows that are in i, and not in j of theirs."""
    # cost[i, j] = mean over rows of P(i in the result) P(not j in the reference)
    return np.swapaxes(ours, 1, 2) @ (1 - theirs) / len(theirs)


def matched(costs: Float[np.ndarray, "draws components components"], groups: Groups) -> Relabelling:
    """The cheapest labels of each draw, components exchanged within groups alone."""
    parts = [(group, _matched(costs[:, group][:, :, group])) for group in map(list, groups)]
    found = combined("align", parts, draws=len(costs), components=costs.shape[1])
    cost = assignment_cost(costs, found.permutations)  # of all components, those that stay in place too
    return replace(found, cost=cost, total_costs=np.array([cost.sum()]))


def _matched(costs: Float[np.ndarray, "draws components components"]) -> Relabelling:
    permutations, cost = solve(costs)
    return Relabelling("align", permutations, cost, second_best_margin(costs, permutations), np.array([cost.sum()]))


def _groups(result: Labelled, rows: Observations, components: int) -> Groups:
    """The groups of components that may be exchanged; a fit does not keep which rows' labels were known."""
    if isinstance(result, PointFit):
        return groups_in(result.program, rows, result.backend, components)
    return groups_of(result, components)


def classify_rows(result: Labelled, x: Observations) -> Float[np.ndarray, "rows components"]:
    """P(row has label k), of a posterior the mean over at most 200 of its relabelled draws."""
    if isinstance(result, PointFit):
        return np.asarray(model.responsibilities(result, x))
    sizes = result["posterior"].sizes
    every = -(-sizes["draw"] * sizes["chain"] // MOST_DRAWS)
    some = result.isel(draw=slice(None, None, every), missing_dims="ignore")
    permutations = permutations_of(some, sizes["components"])
    table = model.draw_responsibilities(raw_tree(some), x=x)
    return relabel_parameters(table, permutations, axis=2).mean(axis=0)


def _labelled(result: Any, program: Program | None, name: str = "result") -> Labelled:
    """A fit, or a posterior under one labelling."""
    if isinstance(result, PointFit):
        return result
    if isinstance(result, xr.DataTree):
        result = with_program(result, program)
        return whole(result) if "relabelling" in result.children else relabel(result)
    raise DataError(
        name,
        got=type(result).__name__,
        expected="a PointFit or a posterior's DataTree",
        advice="Pass what fit_map, fit_mle, fit_em or sample_nuts returned.",
    )


def _rows(result: Labelled, reference: Labelled, x: Any) -> Observations:
    """The rows to compare on; known labels would make any two results agree, and are left out."""
    if x is not None:
        return model.checked_like(reference, x).with_labels(None)
    for one in (reference, result):
        if isinstance(one, xr.DataTree):
            return observations_of(one).with_labels(None)
    assert isinstance(reference, PointFit)  # neither is a tree
    return _drawn(reference)


def _drawn(reference: PointFit) -> Observations:
    """Rows drawn from the reference, where its parameters say enough."""
    origin = reference.origin
    if lacks := _lacking(reference):
        raise DataError(
            "x",
            got="none, between two fits",
            expected=f"rows on which to compare the two: the reference's {lacks}",
            advice="Pass the data: align(fit, to=other, x=...).",
        )
    rows = max(origin.rows, LEAST_ROWS)
    size = rows if origin.features is None else (rows, origin.features)
    drawn = simulate(origin.program, size, SEED, given=reference.parameters, backend=origin.backend)
    mixture = origin.program.mixture
    if mixture is not None and isinstance(family := mixture.family, Product):
        columns = [drawn[site_of(name)] for name, _ in family.pairs]
        return Observations(np.column_stack(columns), feature_names=tuple(name for name, _ in family.pairs))
    return Observations(drawn["obs"], feature_names=origin.feature_names)


def _lacking(reference: PointFit) -> str:
    """What must be known, beside the parameters, for rows to be drawn; empty: nothing."""
    program, mixture = reference.program, reference.program.mixture
    if isinstance(program, Declared) and not program.draws_rows:
        return "program cannot draw rows"
    if reference.origin.covariates is not None:
        return "rows depend on covariates, which a fit does not keep"
    if mixture is not None and mixture.assignment.needs_groups:
        return "rows are of groups, which a fit does not keep"
    return ""


def _permuted_fit(fit: PointFit, permutation: np.ndarray) -> PointFit:
    mixture = fit.program.mixture
    law = None if mixture is None else mixture.assignment
    return replace(fit, parameters=renumbered(fit.parameters, fit.component_axis, permutation, law))


def _permuted_tree(tree: xr.DataTree, permutation: np.ndarray) -> xr.DataTree:
    """The same permutation for all draws, on top of each draw's own."""
    relabelling, sizes = tree["relabelling"].to_dataset(), tree["posterior"].sizes
    every = np.tile(permutation, (sizes["chain"] * sizes["draw"], 1))
    own = relabelling["permutation"]
    composed = compose(permutations_of(tree, own.sizes["components"]), every).reshape(own.shape)
    aligned = tree.copy(deep=False)
    aligned["posterior"] = xr.DataTree(numbered_anew(tree, every))
    aligned["relabelling"] = xr.DataTree(relabelling.assign(permutation=own.copy(data=composed)))
    return readable(aligned)
