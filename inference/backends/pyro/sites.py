"""What sites a program has in Pyro, and of a user's own program its structure."""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from pyro.distributions import constraints
from torch.distributions import biject_to

from inference.backends.description import (
    component_sizes,
    dims_of,
    kept_site,
    knowing_mixture,
    proper_priors,
    support_of,
    with_structure,
)
from inference.backends.pyro.programs import isolated, tensors
from inference.backends.pyro.terms import (
    PyroProbe,
    Values,
    deterministic_sites,
    is_factor,
    log_prob,
    plates_of,
    terms_at,
    trace_sites,
)
from inference.backends.run_arguments import checked_run
from inference.backends.sites import Site, Sites
from inference.backends.structure import Choice, Term
from mixtures import Observations, Program

DESCRIBED = 64
"""How many structures of users' own programs are kept."""


def is_assignment(site: Values) -> bool:
    """Whether a site is a discrete unknown marked for enumeration."""
    return not site["is_observed"] and site["infer"].get("enumerate") == "parallel"


def describe(program: Program, x: Observations) -> Sites:
    """The program's sites, by one trace; and the structure of a user's own."""
    with checked_run():
        model, data = tensors(program, x)
        with isolated(), proper_priors():
            trace = trace_sites(model, data)
            for name, site in trace.items():
                if not site["is_observed"] and not is_assignment(site):
                    _check_arguments(name, site["fn"])
            densities = {name: log_prob(site) for name, site in trace.items()}
            kept = deterministic_sites(model, {name: site["value"] for name, site in trace.items()}, data)
    categories = component_sizes([site for site in trace.values() if not is_factor(site)], is_assignment)
    found = tuple(_site(name, site, categories) for name, site in trace.items() if not is_factor(site))
    found += tuple(_kept_site(name, site) for name, site in kept.items())
    sites = knowing_mixture(program, Sites(found))
    if program.mixture is not None:
        sites.check_row_weights(x)
        return sites
    terms = tuple(_term(name, site, tuple(densities[name].shape)) for name, site in trace.items())
    with isolated():
        key = _numbers_key(model, data, trace, densities)
    sites = _structured(_Known(program, (sites, terms, key, x.fingerprint), model, data))
    sites.check_row_weights(x)
    return sites


def _numbers_key(model: Callable[..., Any], data: Values, trace: dict[str, Values], densities: Values) -> str:
    """What a program computes, by some of its numbers, globals and closures included: it may be another one the next time.

    Its terms are looked at where assignments are the bits of their own numbers, so that looking others up shows too.
    """
    chosen = {name: site for name, site in trace.items() if is_assignment(site)}
    held = {name: site["value"] for name, site in trace.items() if name not in chosen and not site["is_observed"]}
    looked = [*held.values(), *densities.values()]
    for bit in range(max((site["value"].numel().bit_length() for site in chosen.values()), default=0)):
        numbers = {
            name: torch.arange(site["value"].numel()).reshape(site["value"].shape) for name, site in chosen.items()
        }
        # an assignment of one category has no other value
        bits = {
            name: (number >> bit & 1) % (chosen[name]["fn"].support.upper_bound + 1) for name, number in numbers.items()
        }
        looked += terms_at(model, {**held, **bits}, data).values()
    return hashlib.sha256(b"".join(one.detach().numpy().tobytes() for one in looked)).hexdigest()


@dataclass(frozen=True)
class _Known:
    """A program and its data, known by its sites, terms, numbers and data."""

    program: Program
    identity: tuple[Any, ...]
    model: Callable[..., Any] = field(compare=False)
    data: Values = field(compare=False)


@functools.lru_cache(DESCRIBED)
def _structured(known: _Known) -> Sites:
    sites, terms = known.identity[:2]
    plates = {term.name: term.plates for term in terms}
    choices = tuple(Choice(site.name, plates[site.name], site.shape, site.categories) for site in sites.assignments)
    with isolated():
        return with_structure(sites, PyroProbe(known.model, known.data, terms, choices))


def _term(name: str, site: Values, shape: tuple[int, ...]) -> Term:
    kind = "factor" if is_factor(site) else "observed" if site["is_observed"] else "parameter"
    return Term(name, "assignment" if is_assignment(site) else kind, plates_of(site), shape)


def _check_arguments(name: str, fn: Any) -> None:
    """What torch checks of a distribution's arguments, unless told not to, as it is here."""
    while hasattr(fn, "base_dist"):
        fn = fn.base_dist
    for argument, constraint in getattr(fn, "arg_constraints", {}).items():
        is_open = constraints.is_dependent(constraint) or argument not in vars(fn)
        if not is_open and not constraint.check(getattr(fn, argument)).all():
            raise ValueError(
                f"the prior of {name!r}: {type(fn).__name__} distribution got invalid {argument} parameter"
            )


def _site(name: str, site: Values, categories: set[int]) -> Site:
    fn, value = site["fn"], site["value"]
    support = support_of(fn.support, constraints)
    plates = tuple(name for name, _ in sorted(plates_of(site), key=lambda plate: plate[1]))
    event = tuple(value.shape[value.dim() - fn.event_dim :])
    declared = tuple(site["infer"].get("event_dims", ()))
    dims = dims_of(plates, declared, name, event, support == "simplex", categories)
    shape = tuple(value.shape)
    if site["is_observed"]:
        return Site(name, "observed", shape, dims, support, fn.support.is_discrete, 0)
    if is_assignment(site):
        return Site(name, "assignment", shape, dims, support, True, 0, int(fn.support.upper_bound) + 1)
    free = biject_to(fn.support).inv(value).numel()
    return Site(name, "parameter", shape, dims, support, False, free)


def _kept_site(name: str, site: Values) -> Site:
    return kept_site(name, tuple(site["value"].shape), plates_of(site), site["infer"]["event_dims"])
