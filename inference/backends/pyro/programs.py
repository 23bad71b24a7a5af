"""Programs in Pyro: their sites, and their joint density with the assignment replaced by every value (the hub).

The hub is written so that `torch.vmap` takes it: many starts or draws then cost little more than one, where Pyro's own enumeration
spends milliseconds of Python on each. Programs with a richer discrete structure go through TraceEnum_ELBO, one at a time.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyro
import torch
from array_api_compat import torch as torch_namespace
from pyro.distributions import Delta, constraints
from pyro.infer import TraceEnum_ELBO
from torch.distributions import biject_to

from inference.backends.predictors import Predictors
from inference.backends.protocol import LogDensity, Parameters
from inference.backends.pyro.terms import (
    PyroProbe,
    Values,
    deterministic_sites,
    held_sites,
    is_factor,
    joint_and_prior,
    log_prob,
    plates_of,
    terms_at,
    trace_sites,
    unit_table,
)
from inference.backends.run_arguments import ROW_WEIGHTS, as_rows, checked_run, of_program, run_arguments
from inference.backends.sites import (
    Site,
    Sites,
    component_sizes,
    dims_of,
    kept_site,
    knowing_mixture,
    proper_priors,
    support_of,
    with_structure,
)
from inference.backends.structure import Choice, Term
from mixtures import Observations, Program
from mixtures.ppl.pyro_ppl import ALONE, PyroPPL, as_data

WORDS = PyroPPL(torch.float64)

DESCRIBED = 64
"""How many structures of users' own programs are kept."""


@contextmanager
def isolated(seed: int = 0) -> Iterator[None]:
    """A scope in float64 that leaves the caller's random state, parameter store, default dtype and validation flags as they were.

    One thread at a time has it.

    torch's default dtype decides what an int tensor plus a Python number is, so a program's own arithmetic would be float32 without
    it. Distributions check no arguments inside: the checks read numbers, which vmap cannot.
    """
    with ALONE, torch.random.fork_rng(), pyro.get_param_store().scope(), pyro.validation_enabled(False):
        default = torch.get_default_dtype()
        try:
            torch.set_default_dtype(torch.float64)
            torch.manual_seed(seed)
            yield
        finally:
            torch.set_default_dtype(default)


def as_torch(values: Any) -> Any:
    """Nested NumPy values as float64 tensors of their own."""
    if isinstance(values, dict):
        return {name: as_torch(value) for name, value in values.items()}
    return torch.tensor(np.asarray(values), dtype=torch.float64)


def as_run_arguments(data: Any) -> Any:
    """Nested run arguments as tensors: whole numbers and truth values stay what they are."""
    if isinstance(data, dict):
        return {name: as_run_arguments(value) for name, value in data.items()}
    return as_data(WORDS, np.asarray(data))


def as_numpy(values: Values) -> dict[str, np.ndarray]:
    """Tensors by site as arrays."""
    return {name: value.detach().numpy() for name, value in values.items()}


def tensors(program: Program, x: Observations) -> tuple[Callable[..., Any], Values]:
    """The program as a Pyro model that takes run arguments by name, and those arguments."""
    structure, data = run_arguments(program, x)

    def model(**data: Any) -> Any:
        return structure(WORDS, **of_program(data))

    return model, as_run_arguments(data)


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
        log p(x_i, assignment_i = k | parameters), (rows, components), a row's own unknowns included; the same without x_i, where rows have
        such unknowns; and the log density of all that is of no row.
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
    if sites.law is not None:
        return (
            sites.law.joint(torch_namespace, parameters, _table(list(rows.values()), sites), as_rows(data)),
            None,
            rest,
        )
    unseen = (
        [site for name, site in rows.items() if name not in sites.observed_terms] if sites.has_prior_in_rows else []
    )
    return _table(list(rows.values()), sites), _table(unseen, sites) if unseen else None, rest


def joint(
    model: Callable[..., Any], parameters: Values, data: Values, sites: Sites
) -> tuple[torch.Tensor, torch.Tensor]:
    """log p(x_i, assignment_i = k | parameters), (rows, components), and log p(parameters) of all that is of no row."""
    table, _, prior = tables(model, parameters, data, sites)
    return table, prior


def table_of(model: Callable[..., Any], parameters: Values, data: Values, sites: Sites) -> torch.Tensor:
    """log p(x of row or unit i, assignment_i = k | parameters), (rows or units, components)."""
    if sites.has_hub:
        return joint(model, parameters, data, sites)[0]
    assert sites.structure is not None  # or it had a hub
    return unit_table(model, parameters, data, sites.structure)


def pointwise(model: Callable[..., Any], parameters: Values, data: Values, sites: Sites) -> torch.Tensor:
    """log p(x_i | parameters), (rows,): given the row's own unknowns too, where it has some."""
    table, unseen, _ = tables(model, parameters, data, sites)
    every = torch.logsumexp(table, 1)
    return every if unseen is None else every - torch.logsumexp(unseen, 1)


def weighted(rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """A sum over rows, each as often as it counts; what does not count may be infinite."""
    return (weights * torch.where(weights > 0, rows, torch.zeros_like(rows))).sum()


def log_densities(
    model: Callable[..., Any], sites: Sites
) -> Callable[[Values, Values], tuple[torch.Tensor, torch.Tensor]]:
    """A function (parameters, data) -> (log p(x | parameters), log p(parameters)), all assignments summed out exactly."""

    def by_hub(parameters: Values, data: Values) -> tuple[torch.Tensor, torch.Tensor]:
        table, unseen, rest = tables(model, parameters, data, sites)
        if ROW_WEIGHTS in data:  # and no row has unknowns of its own: see `Sites.check_row_weights`
            return weighted(torch.logsumexp(table, 1), data[ROW_WEIGHTS]), rest
        own = torch.zeros((), dtype=torch.float64) if unseen is None else torch.logsumexp(unseen, 1).sum()
        return torch.logsumexp(table, 1).sum() - own, own + rest

    def by_sum_product(parameters: Values, data: Values) -> tuple[torch.Tensor, torch.Tensor]:
        assert sites.structure is not None
        both, prior = joint_and_prior(model, parameters, data, sites.structure)
        return both - prior, prior

    def by_enumeration(parameters: Values, data: Values) -> tuple[torch.Tensor, torch.Tensor]:
        trace = held_sites(model, parameters, data)
        prior = sum((log_prob(trace[name]).sum() for name in parameters), start=torch.zeros((), dtype=torch.float64))
        guide = _delta_guide(parameters, trace)
        elbo = TraceEnum_ELBO(max_plate_nesting=max_plate_nesting(trace))
        # TraceEnum_ELBO refuses to differentiate what has no gradient
        needs_gradient = torch.is_grad_enabled() and any(value.requires_grad for value in parameters.values())
        loss = elbo.differentiable_loss if needs_gradient else elbo.loss
        return -torch.as_tensor(loss(model, guide, **data)) - prior, prior

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


def _delta_guide(parameters: Values, trace: dict[str, Values]) -> Callable[..., None]:
    """A guide that puts every parameter at its given value."""
    plates = {frame.name: frame for name in parameters for frame in trace[name]["cond_indep_stack"]}

    def guide(**data: Any) -> None:
        del data
        made = {name: pyro.plate(name, frame.size, dim=frame.dim) for name, frame in plates.items()}
        for name, value in parameters.items():
            with ExitStack() as stack:
                for frame in trace[name]["cond_indep_stack"]:
                    stack.enter_context(made[frame.name])
                pyro.sample(name, Delta(value, event_dim=trace[name]["fn"].event_dim))

    return guide


def over_draws(function: Callable[[Values], torch.Tensor], parameters: Parameters, sites: Sites) -> np.ndarray:
    """`function` of each of many parameter values, stacked: at once where the program allows it."""
    values = as_torch(dict(parameters))
    with torch.no_grad():
        if not sites.is_enumerated:
            return torch.vmap(function)(values).numpy()
        draws = len(next(iter(values.values())))
        return torch.stack(
            [function({name: value[draw] for name, value in values.items()}) for draw in range(draws)]
        ).numpy()


class Unconstrained:
    """The map between a program's parameters and one unconstrained vector."""

    def __init__(self, model: Callable[..., Any], sites: Sites, data: Values):
        trace = trace_sites(model, data)
        self._predictors = Predictors(torch_namespace, sites.predictors, data.get("covariates"))
        self.maps = {site.name: biject_to(trace[site.name]["fn"].support) for site in sites.parameters}
        self.shapes = {name: bijection.inv(trace[name]["value"]).shape for name, bijection in self.maps.items()}

    def split(self, u: torch.Tensor) -> Values:
        """The vector's parts by site, still unconstrained."""
        parts = torch.split(u, [shape.numel() for shape in self.shapes.values()])
        return {name: part.reshape(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def constrain(self, free: Values) -> Values:
        """Constrained values by site."""
        return self._predictors.from_free({name: self.maps[name](value) for name, value in free.items()})

    def free(self, values: Values) -> Values:
        """Unconstrained values by site."""
        values = self._predictors.to_free(values)
        return {name: bijection.inv(values[name]) for name, bijection in self.maps.items()}

    def units(self, scales: Values) -> torch.Tensor:
        """The vector of these units of the sites' unconstrained coordinates, and 1 for other sites."""
        ones = {name: torch.ones(shape, dtype=torch.float64) for name, shape in self.shapes.items()}
        return torch.cat([(one * scales.get(name, 1.0)).reshape(-1) for name, one in ones.items()])

    def flatten(self, parameters: Values) -> torch.Tensor:
        """The vector of constrained values."""
        return torch.cat([value.reshape(-1) for value in self.free(parameters).values()])

    def log_jacobian(self, free: Values) -> torch.Tensor:
        """log |d theta / d u|."""
        inner = sum(self.maps[name].log_abs_det_jacobian(v, self.maps[name](v)).sum() for name, v in free.items())
        return inner + self._predictors.log_jacobian(free)


class Collapsed:
    """A program's posterior density, assignments summed out; see `inference.backends.target.Density`."""

    def __init__(self, model: Callable[..., Any], sites: Sites, data: Values):
        self._space, self._both = Unconstrained(model, sites, data), log_densities(model, sites)

    def parts(self, u: torch.Tensor, data: Values) -> tuple[torch.Tensor, torch.Tensor]:
        free = self._space.split(u)
        likelihood, prior = self._both(self._space.constrain(free), data)
        return likelihood, prior + self._space.log_jacobian(free)

    def constrain(self, u: torch.Tensor, data: Values) -> Values:
        return self._space.constrain(self._space.split(u))


def vector_density(program: Program, x: Observations, *, prior: bool, jacobian: bool) -> LogDensity:
    """The collapsed log density of one unconstrained vector, with gradients by torch."""
    sites = describe(program, x)
    model, data = tensors(program, x)
    both = log_densities(model, sites)
    with isolated():
        space = Unconstrained(model, sites, data)

    def log_density(vector: torch.Tensor) -> torch.Tensor:
        free = space.split(vector)
        likelihood, log_prior = both(space.constrain(free), data)
        return likelihood + (log_prior if prior else 0.0) + (space.log_jacobian(free) if jacobian else 0.0)

    def value_and_gradient(u: np.ndarray) -> tuple[float, np.ndarray]:
        with isolated():
            vector = as_torch(u).requires_grad_()
            total = log_density(vector)
            (gradient,) = torch.autograd.grad(total, vector)
        return total.item(), gradient.numpy()

    def hessian(u: np.ndarray) -> np.ndarray:
        with isolated():
            return torch.autograd.functional.hessian(log_density, as_torch(u)).numpy()

    return LogDensity(
        size=sites.coordinates,
        is_real=sites.are_real(space.shapes),
        value_and_gradient=value_and_gradient,
        hessian=hessian,
        units=lambda scales: space.units(as_torch(dict(scales))).numpy(),
        constrain=lambda u: as_numpy(space.constrain(space.split(as_torch(u)))),
        unconstrain=lambda parameters: space.flatten(as_torch(dict(parameters))).numpy(),
    )
