"""The log density as a function of one unconstrained vector: what samplers, optimisers and Laplace's method climb."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from numpyro.distributions import biject_to

from inference.backends.numpyro.hub import at_once, of_no_row, pointwise, split_density
from inference.backends.numpyro.jit import ON_ONE_CORE, jit
from inference.backends.numpyro.programs import kept, prior_draw
from inference.backends.numpyro.sites import CACHED, Values, trace_sites
from inference.backends.numpyro.split import Held, apart
from inference.backends.predictors import Predictors
from inference.backends.run_arguments import rows_of
from inference.backends.sites import Sites
from mixtures import Program


class Space:
    """The map between a program's parameters and one unconstrained vector.

    Meant to be made while a function is traced: supports are structure, and the numbers of the trace are never computed.

    Args:
        program: the declaration.
        sites: its sites.
        data: all run arguments, of all rows.
    """

    def __init__(self, program: Program, sites: Sites, data: Values):
        # any number will do, and draws from priors take as long to trace as the density
        trace = trace_sites(program, data, {site.name: jnp.ones(site.shape) for site in sites.parameters})
        self._maps = {site.name: biject_to(trace[site.name]["fn"].support) for site in sites.parameters}
        self._predictors = Predictors(jnp, sites.predictors, data.get("covariates"))
        self._example = self.free({name: trace[name]["value"] for name in self._maps})

    def values(self, free: Values) -> Values:
        """Constrained values by site."""
        return self._predictors.from_free({name: self._maps[name](value) for name, value in free.items()})

    def free(self, values: Values) -> Values:
        """Unconstrained values by site."""
        values = self._predictors.to_free(values)
        return {name: bijection.inv(values[name]) for name, bijection in self._maps.items()}

    def split(self, u: jax.Array) -> Values:
        """The vector's parts by site, still unconstrained."""
        return ravel_pytree(self._example)[1](u)

    def log_jacobian(self, free: Values) -> jax.Array:
        """log |d values / d free|."""
        each = (jnp.sum(map_.log_abs_det_jacobian(free[name], map_(free[name]))) for name, map_ in self._maps.items())
        return sum(each, start=jnp.zeros(())) + self._predictors.log_jacobian(free)


def halves(
    program: Program, sites: Sites, prior: bool, jacobian: bool, u: jax.Array, space: Space, data: Values
) -> tuple[Callable[..., tuple[Held, jax.Array]], Callable[[Held], jax.Array]]:
    """(vector, hyperparameters, perhaps a frame) -> what rows need of them, and the density of all that is of no row; and from what rows
    need to log p(x | vector). Made, like the space, of all rows, while a function of the vector is traced; the data may be some of them."""
    shapes = jax.eval_shape(lambda u: space.values(space.split(u)), u)
    of_parameters, of_rows = split_density(program, sites, shapes, data)

    def shared(u: jax.Array, numbers: Values, *frame: jax.Array) -> tuple[Held, jax.Array]:
        if frame:
            centre, unit = frame
            u = centre + unit * u
        free = space.split(u)
        held, log_prior = of_parameters(space.values(free), numbers)
        # p(u) = p(theta(u)) |d theta / d u|
        return held, (log_prior if prior else 0.0) + (space.log_jacobian(free) if jacobian else jnp.zeros(()))

    return shared, of_rows


@functools.lru_cache(CACHED)
def vector_parts(
    program: Program, sites: Sites, prior: bool = True, jacobian: bool = True, is_set_apart: bool = True
) -> Callable[..., tuple[jax.Array, jax.Array]]:
    """(vector, data) -> log likelihood, and log prior density of the vector, Jacobians included; either may be left out.

    What leads from the vector to what rows need is set apart, see `apart`: samplers, which compute one vector after the other for long, are
    faster for it; of many vectors at once both branches would be computed, and for few calls it takes longer to trace than it saves.

    A vector in the units of a frame has the frame beside it, (centre, unit): what leads from one to the other belongs to the part that is
    computed in one piece. Of some rows alone, at an index, the vector says the same parameters as of all.
    """

    def parts(
        u: jax.Array, data: Values, *frame: jax.Array, rows: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array]:
        some = data if rows is None else rows_of(data, rows)
        shared, of_rows = halves(program, sites, prior, jacobian, u, Space(program, sites, data), some)
        numbers = of_no_row(data)[0]
        held, rest = apart(shared, u, numbers, *frame) if is_set_apart else shared(u, numbers, *frame)
        return of_rows(held), rest

    return parts


@functools.lru_cache(CACHED)
def vector_functions(program: Program, sites: Sites, prior: bool, jacobian: bool) -> tuple[Callable[..., Any], ...]:
    """Three functions: (vector, data, perhaps an index of rows) -> log density; (vector, data) -> parameters; and the inverse."""
    parts = vector_parts(program, sites, prior, jacobian, is_set_apart=False)

    def log_density(u: jax.Array, data: Values, rows: jax.Array | None = None) -> jax.Array:
        likelihood, rest = parts(u, data, rows=rows)
        return likelihood + rest

    return log_density, *_ways(program, sites)


@functools.lru_cache(CACHED)
def _ways(program: Program, sites: Sites) -> tuple[Callable[..., Any], ...]:
    """(vector, data) -> parameters, and the inverse: the same, and compiled once, whatever belongs to the density."""

    def constrain(u: jax.Array, data: Values) -> Values:
        space = Space(program, sites, data)
        return space.values(space.split(u))

    def unconstrain(parameters: Values, data: Values) -> jax.Array:
        return ravel_pytree(Space(program, sites, data).free(parameters))[0]

    return constrain, unconstrain


@functools.lru_cache(CACHED)
def compiled_vector_density(
    program: Program, sites: Sites, prior: bool, jacobian: bool
) -> tuple[Callable[..., Any], ...]:
    """Compiled: (vector, data) -> log density and gradient; (vector, data) -> parameters; and its inverse."""
    log_density, _, _ = vector_functions(program, sites, prior, jacobian)
    return jit(jax.value_and_grad(log_density), ON_ONE_CORE), *_compiled_ways(program, sites)


@functools.lru_cache(CACHED)
def _compiled_ways(program: Program, sites: Sites) -> tuple[Callable[..., Any], ...]:
    constrain, unconstrain = _ways(program, sites)
    return jit(constrain), jit(unconstrain)


def in_a_cache(points: int, rows: int, sites: Sites) -> int:
    """Of so many vectors, how many are evaluated at once on so many rows."""
    return at_once(points, rows * sites.joint_categories)


def many_of(function: Callable[..., jax.Array], sites: Sites) -> Callable[..., Any]:
    """A function (vectors (points, size), data, perhaps an index of rows) -> values and gradients; so many at once as fit into a cache."""

    def many(points: jax.Array, data: Values, *rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        def one(u: jax.Array) -> tuple[jax.Array, jax.Array]:
            return jax.value_and_grad(function)(u, data, *rows)

        group = in_a_cache(len(points), len(rows[0] if rows else data["x"]), sites)
        return jax.vmap(one)(points) if group == len(points) else jax.lax.map(one, points, batch_size=group)

    return many


@functools.lru_cache(CACHED)
def compiled_vector_densities(program: Program, sites: Sites, prior: bool, jacobian: bool) -> Callable[..., Any]:
    """Compiled: (vectors (points, size), rows, data) -> log densities and gradients; of all rows, or of those at an index."""
    log_density, _, _ = vector_functions(program, sites, prior, jacobian)
    many = many_of(log_density, sites)
    return jit(lambda points, rows, data: many(points, data, *(() if rows is None else (rows,))), ON_ONE_CORE)


@functools.lru_cache(CACHED)
def compiled_hessian(program: Program, sites: Sites, prior: bool, jacobian: bool) -> Callable[..., jax.Array]:
    """Compiled: (vector, data) -> second derivatives of the log density."""
    log_density, _, _ = vector_functions(program, sites, prior, jacobian)
    return jit(jax.hessian(log_density))


def slopes_of(function: Callable[[jax.Array], Any], u: jax.Array) -> Any:
    """The derivatives of a function of the vector, (..., size), one coordinate after the other: of several at once, products of many small
    matrices, XLA (JAX 0.10.2, on a CPU) computes some wrongly, others in each run."""

    def along(direction: jax.Array) -> Any:
        return jax.jvp(function, (u,), (direction,))[1]

    every = jax.lax.map(along, jnp.eye(u.size, dtype=u.dtype))
    return jax.tree.map(lambda values: jnp.moveaxis(values, 0, -1), every)


@functools.lru_cache(CACHED)
def compiled_scores(program: Program, sites: Sites) -> Callable[..., jax.Array]:
    """Compiled: (vector, data) -> derivatives of the log likelihood of each row, (rows, size), or of each group, see `pointwise`."""

    def scores(u: jax.Array, data: Values) -> jax.Array:
        space = Space(program, sites, data)
        return slopes_of(lambda u: pointwise(program, space.values(space.split(u)), data, sites), u)

    return jit(scores)


@functools.lru_cache(CACHED)
def compiled_slopes(program: Program, sites: Sites) -> Callable[..., tuple[Values, Values]]:
    """Compiled: (vector, data) -> constrained values and what the program keeps, at the first value of every assignment; and the derivatives
    of each, (..., size)."""

    def slopes(u: jax.Array, data: Values) -> tuple[Values, Values]:
        space = Space(program, sites, data)

        def values(u: jax.Array) -> Values:
            own = space.values(space.split(u))
            return {**(kept(program, sites, own, data, at_last=False) if sites.deterministic else {}), **own}

        return values(u), slopes_of(values, u)

    return jit(slopes)


@dataclass(frozen=True)
class Collapsed:
    """A program's posterior density, assignments summed out; see `inference.backends.target.Density`."""

    program: Program
    sites: Sites

    def parts(
        self, u: jax.Array, data: Values, *frame: jax.Array, rows: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array]:
        return vector_parts(self.program, self.sites)(u, data, *frame, rows=rows)

    def constrain(self, u: jax.Array, data: Values) -> Values:
        _, constrain, _ = vector_functions(self.program, self.sites, prior=True, jacobian=True)
        return constrain(u, data)


@functools.lru_cache(CACHED)
def compiled_prior_vector(program: Program, sites: Sites) -> Callable[..., jax.Array]:
    """Compiled: (keys (draws,), data) -> vectors drawn from the prior, (draws, size)."""
    names = tuple(site.name for site in sites.parameters)
    draw, (_, _, unconstrain) = prior_draw(program, names), vector_functions(program, sites, prior=True, jacobian=True)
    return jit(jax.vmap(lambda key, data: unconstrain(draw(key, data), data), (0, None)))
