"""Programs in NumPyro: their random variables and their structure, read off an abstract trace, and off numbers where programs are a user's."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
from numpyro import handlers
from numpyro.distributions import biject_to, constraints

from inference.backends.description import (
    component_sizes,
    dims_of,
    kept_site,
    knowing_mixture,
    proper_priors,
    support_of,
    with_structure,
)
from inference.backends.numpyro.terms import NumPyroProbe, log_prob, trace_key
from inference.backends.run_arguments import checked_run, of_program, rows_of, run_arguments, shapes_of
from inference.backends.sites import Site, Sites
from inference.backends.structure import Choice, Term
from mixtures import Mixture, Observations, Program
from mixtures.own_code import is_from_here
from mixtures.ppl.numpyro_ppl import AT_ONCE, TRACING, WORDS

CACHED = 64
"""How many compiled programs of each kind are kept."""


ROWS_TO_DESCRIBE = 256
"""Sites are read off a trace of so many rows at most: even an abstract trace takes memory for each row."""


DESCRIBED = 1024
"""How many descriptions of sites are kept: a sweep over structures and numbers of components asks for some hundred, again and again."""


Values = dict[str, Any]


def native(program: Program) -> Callable[..., Any]:
    """The program as a NumPyro model that takes run arguments by name."""
    return functools.partial(_run, program)


def _run(program: Program, **data: Any) -> Any:
    words = AT_ONCE if program.mixture is not None else WORDS
    return program(words, **of_program(data))


def trace_sites(program: Program, data: Values, values: Values | None = None) -> dict[str, Values]:
    """One forward trace of the program, sample sites only; sites have these values, others are drawn."""
    held = handlers.substitute(native(program), data=values or {})
    trace = handlers.trace(handlers.seed(held, jax.random.PRNGKey(0))).get_trace(**data)
    return {name: site for name, site in trace.items() if site["type"] == "sample" and not _is_factor(site)}


def _is_factor(site: Values) -> bool:
    return isinstance(site["fn"], numpyro.distributions.Unit)


class Traced(Program):
    """A program of code that is not this package's, known by what its trace computes: globals and closures may change under it.

    There is one of each key, and it runs the program that was last found to have that key: a compiled function that is traced again, for
    other draws, must not run an earlier program whose closure has changed since.

    Args:
        key: of its trace; programs of one key are the same.
    """

    def __init__(self, key: str):
        self.key = key
        self.program: Program | None = None

    @property
    def mixture(self) -> Mixture | None:
        return None if self.program is None else self.program.mixture

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        assert self.program is not None
        return self.program(*args, **kwargs)


_traced = functools.lru_cache(DESCRIBED)(Traced)
"""The program of a key."""


def compilable(program: Program, x: Observations) -> tuple[Program, Values, Sites]:
    """What is compiled, what it is given, and the program's sites."""
    structure, data = run_arguments(program, x)
    if is_from_here(structure):
        sites = _described(structure, _Shaped(rows_of(data, slice(0, ROWS_TO_DESCRIBE))))
        sites.check_row_weights(x)
        if len(x) > ROWS_TO_DESCRIBE:
            sites = replace(sites, all=tuple(site.with_rows(len(x)) for site in sites.all))
        return structure, data, sites
    with checked_run():
        sites, terms, closed = _looked_at(structure, data)
    traced = _traced(trace_key(closed, (sites, terms)))
    traced.program = structure
    if structure.mixture is not None:
        return traced, data, sites
    sites = _structured(traced, sites, terms, x.fingerprint, _Shaped(data))
    sites.check_row_weights(x)
    return traced, data, sites


class _Shaped(dict):
    """Run arguments, compared by their shapes: what the sites of a program depend on."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shaped) and shapes_of(self) == shapes_of(other)

    def __hash__(self) -> int:  # type: ignore[override]  # it is never changed
        return hash(shapes_of(self))


@functools.lru_cache(DESCRIBED)
def _described(program: Program, data: _Shaped) -> Sites:
    return _looked_at(program, data)[0]


def _looked_at(program: Program, data: Values) -> tuple[Sites, tuple[Term, ...], Any]:
    """The program's sites and terms, and its trace; no number is computed, nothing is compiled."""
    found: list[Site] = []
    terms: list[Term] = []

    def look(key: jax.Array, data: Values) -> list[Any]:
        trace = handlers.trace(handlers.seed(native(program), key)).get_trace(**data)
        sampled = {name: site for name, site in trace.items() if site["type"] == "sample"}
        categories = component_sizes([site for site in sampled.values() if not _is_factor(site)], is_assignment)
        found.extend(_site(name, site, categories) for name, site in sampled.items() if not _is_factor(site))
        densities = {name: log_prob(site) for name, site in sampled.items()}
        terms.extend(_term(name, site, jnp.shape(densities[name])) for name, site in sampled.items())
        kept = {name: site for name, site in trace.items() if site["type"] == "deterministic"}
        found.extend(_kept_site(name, site) for name, site in kept.items())
        return [(site["value"], densities[name]) for name, site in sampled.items()] + [
            site["value"] for site in kept.values()
        ]

    with TRACING, proper_priors():
        traced = jax.make_jaxpr(look)(jax.eval_shape(lambda: jax.random.PRNGKey(0)), dict(data))
    return knowing_mixture(program, Sites(tuple(found))), tuple(terms), traced


@functools.lru_cache(CACHED)
def _structured(program: Traced, sites: Sites, terms: tuple[Term, ...], fingerprint: str, data: _Shaped) -> Sites:
    """The sites of a user's own program, with its structure; which data it looks at decides as well as what it computes of them."""
    del fingerprint  # only tells data apart that are of one shape
    plates = {term.name: term.plates for term in terms}
    choices = tuple(Choice(site.name, plates[site.name], site.shape, site.categories) for site in sites.assignments)
    return with_structure(sites, NumPyroProbe(program, dict(data), terms, choices))


def _term(name: str, site: Values, shape: tuple[int, ...]) -> Term:
    kind = "factor" if _is_factor(site) else "observed" if site["is_observed"] else "parameter"
    plates = tuple((frame.name, frame.dim) for frame in site["cond_indep_stack"])
    return Term(name, "assignment" if is_assignment(site) else kind, plates, shape)


def is_assignment(site: Values) -> bool:
    """Whether a site is a discrete unknown marked for enumeration."""
    return not site["is_observed"] and site["infer"].get("enumerate") == "parallel"


def _site(name: str, site: Values, categories: set[int]) -> Site:
    fn, value = site["fn"], site["value"]
    support = support_of(fn.support, constraints)
    plates = tuple(frame.name for frame in sorted(site["cond_indep_stack"], key=lambda frame: frame.dim))
    event = jnp.shape(value)[jnp.ndim(value) - fn.event_dim :]
    declared = tuple(site["infer"].get("event_dims", ()))
    dims = dims_of(plates, declared, name, event, support == "simplex", categories)
    if site["is_observed"]:
        return Site(name, "observed", jnp.shape(value), dims, support, fn.support.is_discrete, 0)
    if is_assignment(site):
        return Site(name, "assignment", jnp.shape(value), dims, support, True, 0, int(fn.support.upper_bound) + 1)
    free = jnp.size(biject_to(fn.support).inv(value))
    return Site(name, "parameter", jnp.shape(value), dims, support, False, free)


def _kept_site(name: str, site: Values) -> Site:
    plates = [(frame.name, frame.dim) for frame in site["cond_indep_stack"]]
    return kept_site(name, jnp.shape(site["value"]), plates, site.get("infer", {}).get("event_dims", ()))


def in_plate(site: Values, name: str) -> bool:
    """Whether a site is in that plate."""
    return any(frame.name == name for frame in site.get("cond_indep_stack", ()))
