"""A program's joint density in Pyro, with the assignment replaced by every value (the hub), and what follows from it.

The hub is written so that `torch.vmap` takes it: many starts or draws then cost little more than one, where Pyro's own enumeration
spends milliseconds of Python on each. Programs with a richer discrete structure go through TraceEnum_ELBO, one at a time.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from array_api_compat import torch as torch_namespace
from pyro import poutine
from pyro.infer import TraceEnum_ELBO

from inference.backends.description import mean_of
from inference.backends.log_density import Parameters
from inference.backends.pyro.programs import as_torch
from inference.backends.pyro.terms import (
    Values,
    deterministic_sites,
    held_sites,
    likelihood_and_prior,
    log_prob,
    plates_of,
    unit_table,
)
from inference.backends.run_arguments import ROW_WEIGHTS, as_rows
from inference.backends.sites import (
    Sites,
)

CELLS_AT_ONCE = 200_000
"""Numbers in the tables, draws x rows x components, of densities that are computed together: for each of them a quadrature over effects of
groups holds one for each of its nodes."""


def _in_plate(site: Values, name: str) -> bool:
    return any(frame.name == name for frame in site["cond_indep_stack"])


def _table(sites: list[Values], described: Sites) -> torch.Tensor:
    """The log densities of the rows' sites, added up, shape (rows, components)."""
    summed = []
    for site in sites:
        term, dims = log_prob(site), dict(plates_of(site))
        # (components | 1, plates...): broadcasting first would count a term once for each inner plate
        padded = term.reshape((1,) * (described.nesting + 1 - term.dim()) + tuple(term.shape))
        inner = [axis for axis in range(1, padded.dim()) if axis - padded.dim() != dims[described.rows]]
        summed.append(padded.sum(inner) if inner else padded)
    return sum(summed[1:], start=summed[0]).T


def tables(
    model: Callable[..., Any], parameters: Values, data: Values, sites: Sites
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
    """What one trace says of a program with a hub.

    Returns:
        log p(x_i, assignment_i = k | parameters), (rows, components), a row's own unknowns included, or what a law of the assignment is to
        be told, log p(x_i | assignment_i = k); the former without x_i, where rows have unknowns; and the log density of all that is of no
        row.
    """
    plates = (1,) * sites.nesting
    every = {name: torch.as_tensor(values).reshape(-1, *plates) for name, values in sites.combinations().items()}
    trace = held_sites(model, {**parameters, **every}, data)
    in_rows = {name: site for name, site in trace.items() if _in_plate(site, sites.rows)}
    rows = {name: site for name, site in in_rows.items() if not sites.is_of_law(name)}
    rest = sum(
        (log_prob(site).sum() for name, site in trace.items() if name not in in_rows),
        start=torch.zeros((), dtype=torch.float64),
    )
    unseen = (
        [site for name, site in rows.items() if name not in sites.observed_terms] if sites.has_prior_in_rows else []
    )
    return _table(list(rows.values()), sites), _table(unseen, sites) if unseen else None, rest


def joint(
    model: Callable[..., Any], parameters: Values, data: Values, sites: Sites
) -> tuple[torch.Tensor, torch.Tensor]:
    """log p(x_i, assignment_i = k | parameters), (rows, components), see `mixtures.assignments.law.Assignment.joint`; and log p(parameters)
    of all that is of no row."""
    table, _, prior = tables(model, parameters, data, sites)
    return _answered(table, parameters, data, sites), prior


def _answered(table: torch.Tensor, parameters: Values, data: Values, sites: Sites) -> torch.Tensor:
    """The table with what the law of the assignment says, where there is one."""
    return table if sites.law is None else sites.law.joint(torch_namespace, parameters, table, as_rows(data))


def table_of(model: Callable[..., Any], parameters: Values, data: Values, sites: Sites) -> torch.Tensor:
    """log p(x of row or unit i, assignment_i = k | parameters), (rows or units, components)."""
    if sites.has_hub:
        return joint(model, parameters, data, sites)[0]
    assert sites.structure is not None  # or it had a hub
    return unit_table(model, parameters, data, sites.structure)


def pointwise(model: Callable[..., Any], parameters: Values, data: Values, sites: Sites) -> torch.Tensor:
    """log p(x_i | parameters), (rows,): given the row's own unknowns too, where it has some; of groups that are independent, (groups,)."""
    table, unseen, _ = tables(model, parameters, data, sites)
    if sites.law is not None and sites.is_of_groups:
        return sites.law.log_marginal(torch_namespace, parameters, table, as_rows(data))
    every = torch.logsumexp(_answered(table, parameters, data, sites), 1)
    return every if unseen is None else every - torch.logsumexp(unseen, 1)


def means(model: Callable[..., Any], parameters: Values, data: Values, sites: Sites) -> Values:
    """What each row's distribution has as its mean under each component, (rows, components, ...) by site."""
    plates = (1,) * sites.nesting
    every = {name: torch.as_tensor(values).reshape(-1, *plates) for name, values in sites.combinations().items()}
    trace, found = held_sites(model, {**parameters, **every}, data), {}
    for name in (site.name for site in sites.all if site.kind == "observed"):
        # (components | 1, 1, rows, ...): a mixture has no plate inside that of the rows at which data are observed
        own = mean_of(trace[name]).reshape(-1, len(trace[name]["value"]), *trace[name]["fn"].event_shape)
        found[name] = own.expand(sites.joint_categories, *own.shape[1:]).movedim(0, 1)
    return found


def weighted(rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """A sum over rows, each as often as it counts; what does not count may be infinite."""
    return (weights * torch.where(weights > 0, rows, torch.zeros_like(rows))).sum()


def log_densities(
    model: Callable[..., Any], sites: Sites
) -> Callable[[Values, Values], tuple[torch.Tensor, torch.Tensor]]:
    """A function (parameters, data) -> (log p(x | parameters), log p(parameters)), all assignments summed out exactly."""

    def by_hub(parameters: Values, data: Values) -> tuple[torch.Tensor, torch.Tensor]:
        table, unseen, rest = tables(model, parameters, data, sites)
        if sites.law is not None and not sites.is_row_wise:
            return sites.law.log_marginal(torch_namespace, parameters, table, as_rows(data)).sum(), rest
        table = _answered(table, parameters, data, sites)
        if ROW_WEIGHTS in data:  # and no row has unknowns of its own: see `Sites.check_row_weights`
            return weighted(torch.logsumexp(table, 1), data[ROW_WEIGHTS]), rest
        own = torch.zeros((), dtype=torch.float64) if unseen is None else torch.logsumexp(unseen, 1).sum()
        return torch.logsumexp(table, 1).sum() - own, own + rest

    def by_sum_product(parameters: Values, data: Values) -> tuple[torch.Tensor, torch.Tensor]:
        assert sites.structure is not None
        return likelihood_and_prior(model, parameters, data, sites.structure)

    def by_enumeration(parameters: Values, data: Values) -> tuple[torch.Tensor, torch.Tensor]:
        trace = held_sites(model, parameters, data)
        prior = sum((log_prob(trace[name]).sum() for name in parameters), start=torch.zeros((), dtype=torch.float64))
        # the enumeration does not see the parameters: what a prior says of a number that runs to infinity would take all digits
        held = poutine.block(poutine.condition(model, data=parameters), hide=list(parameters))
        elbo = TraceEnum_ELBO(max_plate_nesting=max_plate_nesting(trace))
        # TraceEnum_ELBO refuses to differentiate what has no gradient
        needs_gradient = torch.is_grad_enabled() and any(value.requires_grad for value in parameters.values())
        loss = elbo.differentiable_loss if needs_gradient else elbo.loss
        return -torch.as_tensor(loss(held, lambda **data: None, **data)), prior

    return by_hub if sites.has_hub else by_sum_product if sites.is_summed else by_enumeration


def deterministic_of(
    model: Callable[..., Any], parameters: Values, data: Values, sites: Sites, at_last: bool
) -> Values:
    """The functions of the parameters that the program keeps, at the first or last value of every assignment."""
    assigned = {
        site.name: torch.full(site.shape, (site.categories - 1) * at_last, dtype=torch.int64)
        for site in sites.assignments
    }
    return {name: site["value"] for name, site in deterministic_sites(model, {**parameters, **assigned}, data).items()}


def max_plate_nesting(trace: dict[str, Values]) -> int:
    """How many plates are nested in the program."""
    return max((-frame.dim for site in trace.values() for frame in site["cond_indep_stack"]), default=0)


def over_draws(
    function: Callable[[Values], torch.Tensor], parameters: Parameters, sites: Sites, rows: int
) -> np.ndarray:
    """`function`, of so many rows, of each of many parameter values, stacked: many at once where the program allows it."""
    values = as_torch(dict(parameters))
    with torch.no_grad():
        if not sites.is_enumerated:
            several = max(1, CELLS_AT_ONCE // (rows * sites.joint_categories))
            return torch.vmap(function, chunk_size=several)(values).numpy()
        draws = len(next(iter(values.values())))
        return torch.stack(
            [function({name: value[draw] for name, value in values.items()}) for draw in range(draws)]
        ).numpy()
