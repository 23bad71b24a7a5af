"""The joint density of a NumPyro program with the assignment replaced by every value (the hub), and what is summed from it.

The hub equals NumPyro's own enumeration to rounding, compiles several times faster, and keeps the (rows, components) table that
classification, EM and leave-one-out need.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import handlers
from numpyro.contrib.funsor import config_enumerate, enum
from numpyro.contrib.funsor import log_density as enumerated_log_density

from inference.engines.numpyro_blocks import block_of, blocked_logsumexp
from inference.engines.numpyro_jit import group_by_group, jit
from inference.engines.numpyro_logsumexp import summed_logsumexp
from inference.engines.numpyro_sites import CACHED, FIRST_FREE_DIM, Values, in_rows, native
from inference.engines.numpyro_split import Held, split
from inference.engines.pieces import pieces
from inference.engines.sites import Sites
from mixtures import Mixture, Program


def _log_prob(site: Values) -> jax.Array:
    log_prob = site["fn"].log_prob(site["value"])
    return log_prob if site["scale"] is None else site["scale"] * log_prob


def every_value(sites: Sites) -> Values:
    """All joint values of the assignments, along a dimension left of all plates: rows are at -1, and at most one plate inside them."""
    return {name: jnp.asarray(values)[:, None, None] for name, values in sites.combinations().items()}


def rows_table(trace: Values) -> jax.Array:
    """The log densities of the rows' sites, added up, shape (components, rows)."""
    terms = [_log_prob(site) for site in trace.values() if site["type"] == "sample" and in_rows(site)]
    # each term is (components | 1, inner plate | 1, rows | 1): broadcasting first would count a term once for each inner plate
    padded = [term.reshape((1,) * (3 - term.ndim) + term.shape) for term in terms]
    summed = [jnp.sum(term, axis=1) for term in padded]
    return sum(summed[1:], start=summed[0])


def joint(program: Program, parameters: Values, data: Values, sites: Sites) -> tuple[jax.Array, jax.Array]:
    """log p(x_i, assignment_i = k | parameters), (rows, components), and log p(parameters), from one trace."""
    held = handlers.substitute(native(program), data={**parameters, **every_value(sites)})
    with handlers.block(), handlers.trace() as trace:
        held(**data)
    outside = [_log_prob(site) for site in trace.values() if site["type"] == "sample" and not in_rows(site)]
    return rows_table(trace).T, sum((jnp.sum(term) for term in outside), start=jnp.zeros(()))


Halves = tuple[Callable[[Values, Values], tuple[Held, jax.Array]], Callable[[Held], jax.Array]]
"""(parameters, numbers of the priors) -> what rows need of them, and log p(parameters); and from what rows need to log p(x | parameters)."""


def halves(program: Program, sites: Sites, parameters: Values, data: Values) -> Halves:
    """The log density in two, see `Halves`.

    Args:
        program: the declaration.
        sites: its sites.
        parameters: values by site, or only their shapes.
        data: all run arguments.
    """
    if not sites.has_hub:
        return _halves_by_enumeration(program, sites, data)
    numbers, rows = of_no_row(data)
    length, components = len(rows["x"]), math.prod(site.categories for site in sites.assignments)
    block = block_of(length, components * rows["x"].size // length) if isinstance(program, Mixture) else length
    some = {name: value[:block] for name, value in rows.items()}

    def table_of(given: tuple[Values, Values], rows: Values) -> jax.Array:
        parameters, numbers = given
        return joint(program, parameters, {**numbers, **rows}, sites)[0]

    first, second = split(table_of, (parameters, numbers), some)

    def of_parameters(parameters: Values, numbers: Values) -> tuple[Held, jax.Array]:
        return first((parameters, numbers)), joint(program, parameters, {**numbers, **some}, sites)[1]

    def of_rows(held: Held) -> jax.Array:
        if block == length:
            return summed_logsumexp(second(held, rows))
        return blocked_logsumexp(second, held, rows, block)

    return of_parameters, of_rows


def of_no_row(data: Values) -> tuple[Values, Values]:
    """The run arguments that belong to no row, the numbers of the priors, which are mappings; and the others."""
    numbers = {name: value for name, value in data.items() if isinstance(value, Mapping)}
    return numbers, {name: value for name, value in data.items() if name not in numbers}


def _halves_by_enumeration(program: Program, sites: Sites, data: Values) -> Halves:
    """The same by NumPyro's own enumeration: rows need all parameters."""
    names = [site.name for site in sites.parameters]

    def of_parameters(parameters: Values, numbers: Values) -> tuple[Held, jax.Array]:
        prior = _prior_alone(program, parameters, {**data, **numbers})
        return [*(parameters[name] for name in names), prior], prior

    def of_rows(held: Held) -> jax.Array:
        parameters, prior = dict(zip(names, held, strict=False)), held[-1]
        model = enum(config_enumerate(native(program)), FIRST_FREE_DIM)
        return enumerated_log_density(model, (), data, parameters)[0] - prior

    return of_parameters, of_rows


@functools.lru_cache(CACHED)
def log_densities(program: Program, sites: Sites) -> Callable[[Values, Values], tuple[jax.Array, jax.Array]]:
    """A function (parameters, data) -> (log p(x | parameters), log p(parameters)), all assignments summed out exactly."""

    def both(parameters: Values, data: Values) -> tuple[jax.Array, jax.Array]:
        of_parameters, of_rows = halves(program, sites, parameters, data)
        held, prior = of_parameters(parameters, of_no_row(data)[0])
        return of_rows(held), prior

    return both


def _prior_alone(program: Program, parameters: Values, data: Values) -> jax.Array:
    seeded = handlers.seed(handlers.substitute(native(program), data=parameters), jax.random.PRNGKey(0))
    with handlers.block(), handlers.trace() as trace:
        seeded(**data)
    priors = [_log_prob(trace[name]) for name in parameters]
    return sum((jnp.sum(term) for term in priors), start=jnp.zeros(()))


@functools.lru_cache(CACHED)
def compiled_joint(program: Program, sites: Sites) -> Callable[[Values, Values], jax.Array]:
    """The compiled hub for many parameter values: (draws, rows, components)."""

    def over_draws(parameters: Values, data: Values) -> jax.Array:
        return jax.vmap(lambda values: joint(program, values, data, sites)[0])(parameters)

    return jit(over_draws)


CELLS_AT_ONCE = 200_000
"""Numbers in the tables, draws x rows x components, of the draws whose densities are computed together."""


@functools.lru_cache(CACHED)
def compiled_log_densities(program: Program, sites: Sites) -> Callable[[Values, Values], tuple[np.ndarray, np.ndarray]]:
    """The compiled log likelihood and log prior for many parameter values, each (draws,)."""
    both = log_densities(program, sites)

    def group_of(parameters: Values, data: Values) -> tuple[int, int]:
        draws = len(next(iter(parameters.values())))
        cells = len(data["x"]) * math.prod(site.categories for site in sites.assignments)
        return draws, min(draws, max(1, CELLS_AT_ONCE // cells))

    def some(found: tuple[jax.Array, jax.Array], span: tuple[Any, Any], parameters: Values, data: Values) -> Any:
        group = group_of(parameters, data)[1]
        return group_by_group(lambda values: both(values, data), (parameters,), found, group, span)

    compiled = jit(some)

    def over_draws(parameters: Values, data: Values) -> tuple[np.ndarray, np.ndarray]:
        draws, group = group_of(parameters, data)
        found = (np.zeros(draws), np.zeros(draws))
        for span in pieces(-(-draws // group)):
            found = compiled(found, span, parameters, data)
        return np.asarray(found[0]), np.asarray(found[1])

    return over_draws
