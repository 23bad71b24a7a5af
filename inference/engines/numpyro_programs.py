"""Programs in NumPyro: their sites, and their joint density with the assignment replaced by every value (the hub).

The hub equals NumPyro's own enumeration to rounding, compiles several times faster, and keeps the (rows, components) table that
classification, EM and leave-one-out need.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
from jax.flatten_util import ravel_pytree
from jax.scipy.special import logsumexp
from numpyro import handlers
from numpyro.contrib.funsor import config_enumerate, enum, infer_discrete
from numpyro.contrib.funsor import log_density as enumerated_log_density
from numpyro.distributions import biject_to, constraints

from inference.engines.numpyro_blocks import block_of, blocked_sum
from inference.engines.protocol import (
    Site,
    Sites,
    component_sizes,
    dims_of_event,
    rows_of,
    run_arguments,
    shapes_of,
    with_spares,
)
from mixtures import Mixture, Observations, Program
from mixtures.ppl.numpyro_ppl import WORDS

CACHED = 64
"""How many compiled programs of each kind are kept."""

ROWS_TO_DESCRIBE = 256
"""Sites are read off a trace of so many rows at most: even an abstract trace takes memory for each row."""

DESCRIBED = 1024
"""How many descriptions of sites are kept: a sweep over structures and numbers of components asks for some hundred, again and again."""

FIRST_FREE_DIM = -3
"""Where enumeration may put its dimensions: left of rows (-1) and of one plate inside them."""

Values = dict[str, Any]


def native(program: Program) -> Callable[..., Any]:
    """The program as a NumPyro model that takes run arguments by name."""
    return functools.partial(program, WORDS)


def trace_sites(program: Program, data: Values) -> dict[str, Values]:
    """One forward trace of the program, sample sites only."""
    trace = handlers.trace(handlers.seed(native(program), jax.random.PRNGKey(0))).get_trace(**data)
    return {name: site for name, site in trace.items() if site["type"] == "sample" and not _is_factor(site)}


def _is_factor(site: Values) -> bool:
    return isinstance(site["fn"], numpyro.distributions.Unit)


def describe(program: Program, x: Observations) -> Sites:
    """The program's sites, by one trace."""
    structure, data = run_arguments(program, x)
    sites = _described(structure, _Shaped(rows_of(data, slice(0, ROWS_TO_DESCRIBE))))
    return sites if len(x) <= ROWS_TO_DESCRIBE else Sites(tuple(_with_rows(site, len(x)) for site in sites.all))


def _with_rows(site: Site, rows: int) -> Site:
    """The site as it is with so many rows."""
    sizes = zip(site.dims, site.shape, strict=True)
    return replace(site, shape=tuple(rows if dim == "rows" else size for dim, size in sizes))


class _Shaped(dict):
    """Run arguments, compared by their shapes: what the sites of a program depend on."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shaped) and shapes_of(self) == shapes_of(other)

    def __hash__(self) -> int:  # type: ignore[override]  # it is never changed
        return hash(shapes_of(self))


@functools.lru_cache(DESCRIBED)
def _described(program: Program, data: _Shaped) -> Sites:
    found: list[Site] = []

    def look(data: Values) -> None:
        trace = trace_sites(program, data)
        categories = component_sizes(trace.values(), is_assignment)
        found.extend(_site(name, site, categories) for name, site in trace.items())

    jax.eval_shape(look, dict(data))  # shapes only: no number is computed, nothing is compiled
    return with_spares(program, Sites(tuple(found)))


def is_assignment(site: Values) -> bool:
    """Whether a site is a discrete unknown marked for enumeration."""
    return not site["is_observed"] and site["infer"].get("enumerate") == "parallel"


def _site(name: str, site: Values, categories: set[int]) -> Site:
    fn, value = site["fn"], site["value"]
    plates = tuple(frame.name for frame in sorted(site["cond_indep_stack"], key=lambda frame: frame.dim))
    event = jnp.shape(value)[jnp.ndim(value) - fn.event_dim :]
    declared = tuple(site["infer"].get("event_dims", ()))
    dims = plates + dims_of_event(declared, name, event, fn.support is constraints.simplex, categories)
    if site["is_observed"]:
        return Site(name, "observed", jnp.shape(value), dims, _is_real(fn.support), fn.support.is_discrete, 0)
    if is_assignment(site):
        return Site(name, "assignment", jnp.shape(value), dims, False, True, 0, int(fn.support.upper_bound) + 1)
    free = jnp.size(biject_to(fn.support).inv(value))
    is_simplex = fn.support is constraints.simplex
    return Site(name, "parameter", jnp.shape(value), dims, _is_real(fn.support), False, free, 0, is_simplex)


def _is_real(support: Any) -> bool:
    return getattr(support, "base_constraint", support) in (constraints.real, constraints.real_vector)


def in_rows(site: Values) -> bool:
    """Whether a site belongs to the rows."""
    return any(frame.name == "rows" for frame in site.get("cond_indep_stack", ()))


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


@functools.lru_cache(CACHED)
def log_densities(program: Program, sites: Sites) -> Callable[[Values, Values], tuple[jax.Array, jax.Array]]:
    """A function (parameters, data) -> (log p(x | parameters), log p(parameters)), all assignments summed out exactly."""
    if sites.has_hub:

        def by_hub(parameters: Values, data: Values) -> tuple[jax.Array, jax.Array]:
            table, prior = joint(program, parameters, data, sites)
            block = block_of(data, math.prod(site.categories for site in sites.assignments))
            if not isinstance(program, Mixture) or 2 * block > len(data["x"]):
                return jnp.sum(logsumexp(table, axis=1)), prior
            # nobody asks for the whole table then, and it is never computed
            return blocked_sum(of_rows, parameters, data, block), prior

        def of_rows(parameters: Values, data: Values) -> jax.Array:
            return logsumexp(joint(program, parameters, data, sites)[0], axis=1)

        return by_hub

    def by_enumeration(parameters: Values, data: Values) -> tuple[jax.Array, jax.Array]:
        total, _ = enumerated_log_density(enum(config_enumerate(native(program)), FIRST_FREE_DIM), (), data, parameters)
        prior = _prior_alone(program, parameters, data)
        return total - prior, prior

    return by_enumeration


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

    return jax.jit(over_draws)


@functools.lru_cache(CACHED)
def compiled_log_densities(program: Program, sites: Sites) -> Callable[[Values, Values], tuple[jax.Array, jax.Array]]:
    """The compiled log likelihood and log prior for many parameter values, each (draws,)."""
    both = log_densities(program, sites)
    return jax.jit(lambda parameters, data: jax.vmap(lambda values: both(values, data))(parameters))


def bijections(program: Program, sites: Sites, data: Values) -> tuple[dict[str, Any], Values]:
    """The map from unconstrained to constrained values of each parameter, and an unconstrained example.

    Meant to run while a function is traced: supports are structure, and the example's numbers are never computed.
    """
    trace = trace_sites(program, data)
    maps = {site.name: biject_to(trace[site.name]["fn"].support) for site in sites.parameters}
    return maps, {name: bijection.inv(trace[name]["value"]) for name, bijection in maps.items()}


def _split(program: Program, sites: Sites, u: jax.Array, data: Values) -> tuple[dict[str, Any], Values]:
    """The bijections by site, and the vector's parts, still unconstrained."""
    maps, example = bijections(program, sites, data)
    return maps, ravel_pytree(example)[1](u)


def _log_jacobian(maps: dict[str, Any], free: Values, parameters: Values) -> jax.Array:
    return sum(
        (jnp.sum(maps[name].log_abs_det_jacobian(free[name], parameters[name])) for name in maps), start=jnp.zeros(())
    )


@functools.lru_cache(CACHED)
def vector_parts(program: Program, sites: Sites) -> Callable[[jax.Array, Values], tuple[jax.Array, jax.Array]]:
    """(vector, data) -> log likelihood, and log prior density of the vector, Jacobians included."""
    both = log_densities(program, sites)

    def parts(u: jax.Array, data: Values) -> tuple[jax.Array, jax.Array]:
        maps, free = _split(program, sites, u, data)
        parameters = {name: maps[name](value) for name, value in free.items()}
        likelihood, log_prior = both(parameters, data)
        return likelihood, log_prior + _log_jacobian(maps, free, parameters)

    return parts


@functools.lru_cache(CACHED)
def vector_functions(program: Program, sites: Sites, prior: bool, jacobian: bool) -> tuple[Callable[..., Any], ...]:
    """Three functions: (vector, data) -> log density; (vector, data) -> parameters; (parameters, data) -> vector."""
    both = log_densities(program, sites)

    def log_density(u: jax.Array, data: Values) -> jax.Array:
        maps, free = _split(program, sites, u, data)
        parameters = {name: maps[name](value) for name, value in free.items()}
        likelihood, log_prior = both(parameters, data)
        total = likelihood + log_prior if prior else likelihood
        if not jacobian:
            return total
        # p(u) = p(theta(u)) |d theta / d u|
        return total + _log_jacobian(maps, free, parameters)

    def constrain(u: jax.Array, data: Values) -> Values:
        maps, free = _split(program, sites, u, data)
        return {name: maps[name](value) for name, value in free.items()}

    def unconstrain(parameters: Values, data: Values) -> jax.Array:
        maps, _ = bijections(program, sites, data)
        return ravel_pytree({name: bijection.inv(parameters[name]) for name, bijection in maps.items()})[0]

    return log_density, constrain, unconstrain


@functools.lru_cache(CACHED)
def compiled_vector_density(
    program: Program, sites: Sites, prior: bool, jacobian: bool
) -> tuple[Callable[..., Any], ...]:
    """Compiled: (vector, data) -> log density and gradient; (vector, data) -> parameters; and its inverse."""
    log_density, constrain, unconstrain = vector_functions(program, sites, prior, jacobian)
    return jax.jit(jax.value_and_grad(log_density)), jax.jit(constrain), jax.jit(unconstrain)


@functools.lru_cache(CACHED)
def compiled_hessian(program: Program, sites: Sites, prior: bool, jacobian: bool) -> Callable[..., jax.Array]:
    """Compiled: (vector, data) -> second derivatives of the log density."""
    log_density, _, _ = vector_functions(program, sites, prior, jacobian)
    return jax.jit(jax.hessian(log_density))


@functools.lru_cache(CACHED)
def compiled_classifier(program: Program, names: tuple[str, ...], temperature: int) -> Callable[..., Values]:
    """A compiled function (parameters, data, key) -> assignments by site, through NumPyro's infer_discrete."""

    def assign(parameters: Values, data: Values, key: jax.Array) -> Values:
        trained = config_enumerate(handlers.substitute(native(program), data=parameters))
        inferred = infer_discrete(trained, first_available_dim=FIRST_FREE_DIM, temperature=temperature, rng_key=key)
        trace = handlers.trace(handlers.seed(inferred, key)).get_trace(**data)
        return {name: trace[name]["value"] for name in names}

    return jax.jit(assign)


@functools.lru_cache(CACHED)
def compiled_prior_draw(program: Program, names: tuple[str, ...]) -> Callable[..., Values]:
    """A compiled function (key, data) -> one draw of every parameter from its prior."""

    def draw(key: jax.Array, data: Values) -> Values:
        trace = handlers.trace(handlers.seed(native(program), key)).get_trace(**data)
        return {name: trace[name]["value"] for name in names}

    return jax.jit(draw)


@functools.lru_cache(CACHED)
def compiled_forward(program: Program, names: tuple[str, ...]) -> Callable[..., Values]:
    """A compiled function (keys, parameters, data) -> the named sites' values, (draws, ...), observed ones drawn anew."""

    def forward(key: jax.Array, parameters: Values, data: Values) -> Values:
        held = handlers.substitute(native(program), data=parameters)
        trace = handlers.trace(handlers.uncondition(handlers.seed(held, key))).get_trace(**data)
        return {name: trace[name]["value"] for name in names}

    return jax.jit(jax.vmap(forward, (0, 0, None)))
