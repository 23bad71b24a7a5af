"""The joint density of a NumPyro program with the assignment replaced by every value (the hub), and what is summed from it.

The hub equals NumPyro's own enumeration to rounding, compiles several times faster, and keeps the (rows, components) table that
classification, EM and leave-one-out need.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import handlers

from inference.backends.description import mean_of
from inference.backends.numpyro.blocks import block_of, blocked_logsumexp
from inference.backends.numpyro.jit import group_by_group, jit
from inference.backends.numpyro.logsumexp import summed_logsumexp
from inference.backends.numpyro.sites import CACHED, Values, in_plate, native
from inference.backends.numpyro.split import Held, split
from inference.backends.numpyro.terms import likelihood_and_prior, log_prob, unit_table
from inference.backends.pieces import Paces, pieces
from inference.backends.run_arguments import ROW_WEIGHTS, as_rows
from inference.backends.sites import Sites
from mixtures import Program


def every_value(sites: Sites) -> Values:
    """All joint values of the assignments, along a dimension left of all plates."""
    plates = (1,) * sites.nesting
    return {name: jnp.asarray(values).reshape(-1, *plates) for name, values in sites.combinations().items()}


def _table(terms: list[tuple[Values, jax.Array]], sites: Sites) -> jax.Array:
    """The log densities of the rows' sites, added up, shape (rows, components)."""
    summed = []
    for site, term in terms:
        dims = {frame.name: frame.dim for frame in site["cond_indep_stack"]}
        # (components | 1, plates...): broadcasting first would count a term once for each inner plate
        padded = term.reshape((1,) * (sites.nesting + 1 - term.ndim) + term.shape)
        inner = tuple(axis for axis in range(1, padded.ndim) if axis - padded.ndim != dims[sites.rows])
        summed.append(jnp.sum(padded, axis=inner))
    return sum(summed[1:], start=summed[0]).T


def tables(
    program: Program, parameters: Values, data: Values, sites: Sites
) -> tuple[jax.Array, jax.Array | None, jax.Array]:
    """What one trace says of a program with a hub.

    Returns:
        log p(x_i, assignment_i = k | parameters), (rows, components), a row's own unknowns included, or what a law of the assignment is to
        be told, log p(x_i | assignment_i = k); the former without x_i, where rows have unknowns; and the log density of all that is of no
        row.
    """
    held = handlers.substitute(native(program), data={**parameters, **every_value(sites)})
    with handlers.block(), handlers.trace() as trace:
        held(**data)
    terms = [(site, log_prob(site)) for site in trace.values() if site["type"] == "sample"]
    rows = [(site, term) for site, term in terms if in_plate(site, sites.rows) and not sites.is_of_law(site["name"])]
    rest = [jnp.sum(term) for site, term in terms if not in_plate(site, sites.rows)]
    unseen = (
        [(site, term) for site, term in rows if site["name"] not in sites.observed_terms]
        if sites.has_prior_in_rows
        else []
    )
    table, total = _table(rows, sites), sum(rest, start=jnp.zeros(()))
    return table, _table(unseen, sites) if unseen else None, total


def joint(program: Program, parameters: Values, data: Values, sites: Sites) -> tuple[jax.Array, jax.Array]:
    """log p(x_i, assignment_i = k | parameters), (rows, components), see `mixtures.assignments.law.Assignment.joint`; and log p(parameters)
    of all that is of no row."""
    table, _, prior = tables(program, parameters, data, sites)
    return _answered(table, parameters, data, sites), prior


def _answered(table: jax.Array, parameters: Values, data: Values, sites: Sites) -> jax.Array:
    """The table with what the law of the assignment says, where there is one."""
    return table if sites.law is None else sites.law.joint(jnp, parameters, table, as_rows(data))


def pointwise(program: Program, parameters: Values, data: Values, sites: Sites) -> jax.Array:
    """log p(x_i | parameters), (rows,): given the row's own unknowns too, where it has some; of groups that are independent, (groups,)."""
    table, unseen, _ = tables(program, parameters, data, sites)
    if sites.law is not None and sites.is_of_groups:
        return sites.law.log_marginal(jnp, parameters, table, as_rows(data))
    every = jax.nn.logsumexp(_answered(table, parameters, data, sites), axis=1)
    return every if unseen is None else every - jax.nn.logsumexp(unseen, axis=1)


SplitDensity = tuple[Callable[[Values, Values], tuple[Held, jax.Array]], Callable[[Held], jax.Array]]
"""(parameters, hyperparameters) -> what rows need of them, and log p(parameters); and from what rows need to log p(x | parameters)."""


def split_density(program: Program, sites: Sites, parameters: Values, data: Values) -> SplitDensity:
    """The log density in two, see `SplitDensity`.

    Args:
        program: the declaration.
        sites: its sites.
        parameters: values by site, or only their shapes.
        data: all run arguments.
    """
    if not sites.has_hub or sites.has_prior_in_rows or not sites.is_row_wise:
        return _split_totals(program, sites, data)
    numbers, rows = of_no_row(data)
    length, components = len(rows["x"]), sites.joint_categories
    block = block_of(length, components * rows["x"].size // length) if sites.structure is None else length
    some = rows if block == length else {name: value[:block] for name, value in rows.items()}

    def both(given: tuple[Values, Values], rows: Values) -> tuple[jax.Array, jax.Array]:
        parameters, numbers = given
        return joint(program, parameters, {**numbers, **rows}, sites)

    first, second = split(both, (parameters, numbers), some)

    def of_parameters(parameters: Values, numbers: Values) -> tuple[Held, jax.Array]:
        return first((parameters, numbers))

    def of_rows(held: Held) -> jax.Array:
        if block == length:
            return summed_logsumexp(second(held, rows), rows.get(ROW_WEIGHTS))
        return blocked_logsumexp(second, held, rows, block)

    return of_parameters, of_rows


def of_no_row(data: Values) -> tuple[Values, Values]:
    """The run arguments that belong to no row, the hyperparameters, which are mappings; and the others."""
    numbers = {name: value for name, value in data.items() if isinstance(value, Mapping)}
    return numbers, {name: value for name, value in data.items() if name not in numbers}


def _split_totals(program: Program, sites: Sites, data: Values) -> SplitDensity:
    """The same where only totals are known: rows need all parameters."""
    names = [site.name for site in sites.parameters]

    def of_parameters(parameters: Values, numbers: Values) -> tuple[Held, jax.Array]:
        return [parameters[name] for name in names], _totals(program, parameters, {**data, **numbers}, sites)[1]

    def of_rows(held: Held) -> jax.Array:
        return _totals(program, dict(zip(names, held, strict=True)), data, sites)[0]

    return of_parameters, of_rows


def _totals(program: Program, parameters: Values, data: Values, sites: Sites) -> tuple[jax.Array, jax.Array]:
    """log p(x | parameters) and log p(parameters), all assignments summed out.

    The likelihood is no difference of the two: what a prior says of a number that runs to infinity would take all its digits.
    """
    if sites.has_hub:
        table, unseen, rest = tables(program, parameters, data, sites)
        if sites.law is not None:
            return jnp.sum(sites.law.log_marginal(jnp, parameters, table, as_rows(data))), rest
        own = jnp.zeros(()) if unseen is None else jnp.sum(jax.nn.logsumexp(unseen, axis=1))
        return jnp.sum(jax.nn.logsumexp(table, axis=1)) - own, own + rest
    if sites.is_summed and sites.structure is not None:
        return likelihood_and_prior(program, parameters, data, sites.structure)
    return _enumerated(program, parameters, data, sites), _prior_alone(program, parameters, data)


def _enumerated(program: Program, parameters: Values, data: Values, sites: Sites) -> jax.Array:
    """log p(x | parameters) by NumPyro's own enumeration, which does not see the parameters."""
    from numpyro.contrib.funsor import config_enumerate, enum, log_density  # loads funsor, which a hub does without

    held = handlers.substitute(config_enumerate(native(program)), data=parameters)
    return log_density(enum(handlers.block(held, hide=list(parameters)), -1 - sites.nesting), (), data, {})[0]


def _prior_alone(program: Program, parameters: Values, data: Values) -> jax.Array:
    seeded = handlers.seed(handlers.substitute(native(program), data=parameters), jax.random.PRNGKey(0))
    with handlers.block(), handlers.trace() as trace:
        seeded(**data)
    priors = [log_prob(trace[name]) for name in parameters]
    return sum((jnp.sum(term) for term in priors), start=jnp.zeros(()))


@functools.lru_cache(CACHED)
def log_densities(program: Program, sites: Sites) -> Callable[[Values, Values], tuple[jax.Array, jax.Array]]:
    """A function (parameters, data) -> (log p(x | parameters), log p(parameters)), all assignments summed out exactly."""

    def both(parameters: Values, data: Values) -> tuple[jax.Array, jax.Array]:
        of_parameters, of_rows = split_density(program, sites, parameters, data)
        held, prior = of_parameters(parameters, of_no_row(data)[0])
        return of_rows(held), prior

    return both


@functools.lru_cache(CACHED)
def compiled_joint(program: Program, sites: Sites) -> Callable[[Values, Values], jax.Array]:
    """The compiled hub for many parameter values: (draws, rows or units, components)."""

    def table(values: Values, data: Values) -> jax.Array:
        if sites.structure is None or sites.has_hub:
            return joint(program, values, data, sites)[0]
        return unit_table(program, values, data, sites.structure)

    def over_draws(parameters: Values, data: Values) -> jax.Array:
        return jax.vmap(lambda values: table(values, data))(parameters)

    return jit(over_draws)


@functools.lru_cache(CACHED)
def compiled_emissions(program: Program, sites: Sites) -> Callable[[Values, Values], jax.Array]:
    """The compiled table of a mixture's emissions for many parameter values: (draws, rows, components)."""
    return jit(lambda parameters, data: jax.vmap(lambda values: tables(program, values, data, sites)[0])(parameters))


@functools.lru_cache(CACHED)
def compiled_pointwise(program: Program, sites: Sites) -> Callable[[Values, Values], jax.Array]:
    """The compiled log likelihood of every row for many parameter values: (draws, rows)."""
    return jit(lambda parameters, data: jax.vmap(lambda values: pointwise(program, values, data, sites))(parameters))


@functools.lru_cache(CACHED)
def compiled_means(program: Program, sites: Sites) -> Callable[[Values, Values], Values]:
    """Compiled: (parameters, data) -> what each row's distribution has as its mean under each component, (rows, components, ...) by site."""

    def means(parameters: Values, data: Values) -> Values:
        held = handlers.substitute(native(program), data={**parameters, **every_value(sites)})
        with handlers.block(), handlers.trace() as trace:
            held(**data)
        return {site.name: of_site(trace[site.name]) for site in sites.all if site.kind == "observed"}

    def of_site(site: Values) -> jax.Array:
        # (components | 1, 1, rows, ...): a mixture has no plate inside that of the rows at which data are observed
        event = site["fn"].event_shape
        own = jnp.reshape(mean_of(site), (-1, len(site["value"]), *event))
        return jnp.moveaxis(jnp.broadcast_to(own, (sites.joint_categories, *own.shape[1:])), 0, 1)

    return jit(means)


CELLS_AT_ONCE = 200_000
"""Numbers in the tables, draws x rows x components, of densities that are computed together: enough to hide what an operation costs."""


def at_once(draws: int, cells: int) -> int:
    """Of so many draws, or particles, how many have their densities computed together, of so many numbers each."""
    return min(draws, max(1, CELLS_AT_ONCE // cells))


@functools.lru_cache(CACHED)
def compiled_log_densities(program: Program, sites: Sites) -> Callable[[Values, Values], tuple[np.ndarray, np.ndarray]]:
    """The compiled log likelihood and log prior for many parameter values, each (draws,)."""
    both = log_densities(program, sites)

    def group_of(parameters: Values, data: Values) -> tuple[int, int]:
        draws = len(next(iter(parameters.values())))
        cells = len(data["x"]) * sites.joint_categories
        return draws, at_once(draws, cells)

    def some(found: tuple[jax.Array, jax.Array], span: tuple[Any, Any], parameters: Values, data: Values) -> Any:
        group = group_of(parameters, data)[1]
        return group_by_group(lambda values: both(values, data), (parameters,), found, group, span)

    compiled, paces = jit(some), Paces()

    def over_draws(parameters: Values, data: Values) -> tuple[np.ndarray, np.ndarray]:
        draws, group = group_of(parameters, data)
        found = (np.zeros(draws), np.zeros(draws))
        for span in pieces(-(-draws // group), paces.of(group)):
            found = compiled(found, span, parameters, data)
        return np.asarray(found[0]), np.asarray(found[1])

    return over_draws
