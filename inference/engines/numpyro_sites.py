"""Programs in NumPyro: their random variables, read off one abstract trace."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
from numpyro import handlers
from numpyro.distributions import biject_to, constraints

from inference.engines.run_arguments import rows_of, run_arguments, shapes_of
from inference.engines.sites import Site, Sites, component_sizes, dims_of_event, of_program, proper_priors, support_of
from mixtures import Observations, Program
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
    return (
        sites
        if len(x) <= ROWS_TO_DESCRIBE
        else replace(sites, all=tuple(_with_rows(site, len(x)) for site in sites.all))
    )


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

    with proper_priors():
        jax.eval_shape(look, dict(data))  # shapes only: no number is computed, nothing is compiled
    return of_program(program, Sites(tuple(found)))


def is_assignment(site: Values) -> bool:
    """Whether a site is a discrete unknown marked for enumeration."""
    return not site["is_observed"] and site["infer"].get("enumerate") == "parallel"


def _site(name: str, site: Values, categories: set[int]) -> Site:
    fn, value = site["fn"], site["value"]
    support = support_of(fn.support, constraints)
    plates = tuple(frame.name for frame in sorted(site["cond_indep_stack"], key=lambda frame: frame.dim))
    event = jnp.shape(value)[jnp.ndim(value) - fn.event_dim :]
    declared = tuple(site["infer"].get("event_dims", ()))
    dims = plates + dims_of_event(declared, name, event, support == "simplex", categories)
    if site["is_observed"]:
        return Site(name, "observed", jnp.shape(value), dims, support, fn.support.is_discrete, 0)
    if is_assignment(site):
        return Site(name, "assignment", jnp.shape(value), dims, support, True, 0, int(fn.support.upper_bound) + 1)
    free = jnp.size(biject_to(fn.support).inv(value))
    return Site(name, "parameter", jnp.shape(value), dims, support, False, free)


def in_rows(site: Values) -> bool:
    """Whether a site belongs to the rows."""
    return any(frame.name == "rows" for frame in site.get("cond_indep_stack", ()))
