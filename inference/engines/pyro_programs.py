"""Programs in Pyro: their sites, and their joint density with the assignment replaced by every value (the hub).

The hub is written so that `torch.vmap` takes it: many starts or draws then cost little more than one, where Pyro's own enumeration
spends milliseconds of Python on each. Programs with a richer discrete structure go through TraceEnum_ELBO, one at a time.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pyro
import torch
from array_api_compat import torch as torch_namespace
from pyro import poutine
from pyro.distributions import Delta, constraints
from pyro.infer import TraceEnum_ELBO
from torch.distributions import biject_to

from inference.engines.predictors import Predictors
from inference.engines.protocol import LogDensity, Parameters
from inference.engines.run_arguments import run_arguments
from inference.engines.sites import Site, Sites, component_sizes, dims_of_event, of_program, proper_priors, support_of
from mixtures import Observations, Program
from mixtures.ppl.pyro_ppl import PyroPPL, is_subsample

WORDS = PyroPPL(torch.float64)

Values = dict[str, Any]


@contextmanager
def isolated(seed: int = 0) -> Iterator[None]:
    """A scope in float64 that leaves the caller's random state, parameter store, default dtype and validation flags as they were.

    torch's default dtype decides what an int tensor plus a Python number is, so a program's own arithmetic would be float32 without
    it. Distributions check no arguments inside: the checks read numbers, which vmap cannot.
    """
    default = torch.get_default_dtype()
    with torch.random.fork_rng(), pyro.get_param_store().scope(), pyro.validation_enabled(False):
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


def as_numpy(values: Values) -> dict[str, np.ndarray]:
    """Tensors by site as arrays."""
    return {name: value.detach().numpy() for name, value in values.items()}


def tensors(program: Program, x: Observations) -> tuple[Callable[..., Any], Values]:
    """The program as a Pyro model that takes run arguments by name, and those arguments."""
    structure, data = run_arguments(program, x)

    def model(**data: Any) -> Any:
        return structure(WORDS, **data)

    return model, as_torch(data)


def trace_sites(model: Callable[..., Any], data: Values) -> dict[str, Values]:
    """One forward trace of the program, sample sites only."""
    return _sample_sites(poutine.trace(model).get_trace(**data))


def _sample_sites(trace: Any) -> dict[str, Values]:
    return {name: site for name, site in trace.nodes.items() if site["type"] == "sample" and not is_subsample(site)}


def is_assignment(site: Values) -> bool:
    """Whether a site is a discrete unknown marked for enumeration."""
    return not site["is_observed"] and site["infer"].get("enumerate") == "parallel"


def describe(program: Program, x: Observations) -> Sites:
    """The program's sites, by one trace."""
    model, data = tensors(program, x)
    with isolated(), proper_priors():
        trace = trace_sites(model, data)
        for name, site in trace.items():
            if not site["is_observed"] and not is_assignment(site):
                _check_arguments(name, site["fn"])
    trace = {name: site for name, site in trace.items() if not isinstance(site["fn"], pyro.distributions.Unit)}
    categories = component_sizes(trace.values(), is_assignment)
    return of_program(program, Sites(tuple(_site(name, site, categories) for name, site in trace.items())))


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
    plates = tuple(frame.name for frame in sorted(site["cond_indep_stack"], key=lambda frame: frame.dim))
    event = tuple(value.shape[value.dim() - fn.event_dim :])
    declared = tuple(site["infer"].get("event_dims", ()))
    dims = plates + dims_of_event(declared, name, event, support == "simplex", categories)
    shape = tuple(value.shape)
    if site["is_observed"]:
        return Site(name, "observed", shape, dims, support, fn.support.is_discrete, 0)
    if is_assignment(site):
        return Site(name, "assignment", shape, dims, support, True, 0, int(fn.support.upper_bound) + 1)
    free = biject_to(fn.support).inv(value).numel()
    return Site(name, "parameter", shape, dims, support, False, free)


def _log_prob(site: Values) -> torch.Tensor:
    return site["scale"] * site["fn"].log_prob(site["value"])


def _in_rows(site: Values) -> bool:
    return any(frame.name == "rows" for frame in site["cond_indep_stack"])


def _rows_term(site: Values) -> torch.Tensor:
    """A site's log density, (components | 1, rows | 1): the plate inside the rows, if any, is summed."""
    term = _log_prob(site)
    return term.reshape((1,) * (3 - term.dim()) + tuple(term.shape)).sum(1)


def joint(
    model: Callable[..., Any], parameters: Values, data: Values, sites: Sites
) -> tuple[torch.Tensor, torch.Tensor]:
    """log p(x_i, assignment_i = k | parameters), (rows, components), and log p(parameters), from one trace."""
    every = {name: torch.as_tensor(values)[:, None, None] for name, values in sites.combinations().items()}
    with poutine.block(), poutine.condition(data={**parameters, **every}):
        trace = trace_sites(model, data)
    prior = sum(
        (_log_prob(site).sum() for site in trace.values() if not _in_rows(site)),
        start=torch.zeros((), dtype=torch.float64),
    )
    terms = [_rows_term(site) for site in trace.values() if _in_rows(site)]
    return sum(terms[1:], start=terms[0]).T, prior


def log_densities(
    model: Callable[..., Any], sites: Sites
) -> Callable[[Values, Values], tuple[torch.Tensor, torch.Tensor]]:
    """A function (parameters, data) -> (log p(x | parameters), log p(parameters)), all assignments summed out exactly."""
    if sites.has_hub:

        def by_hub(parameters: Values, data: Values) -> tuple[torch.Tensor, torch.Tensor]:
            table, prior = joint(model, parameters, data, sites)
            return torch.logsumexp(table, 1).sum(), prior

        return by_hub

    def by_enumeration(parameters: Values, data: Values) -> tuple[torch.Tensor, torch.Tensor]:
        with poutine.block(), poutine.condition(data=parameters):
            trace = trace_sites(model, data)
        prior = sum((_log_prob(trace[name]).sum() for name in parameters), start=torch.zeros((), dtype=torch.float64))
        guide = _delta_guide(parameters, trace)
        elbo = TraceEnum_ELBO(max_plate_nesting=max_plate_nesting(trace))
        # TraceEnum_ELBO refuses to differentiate what has no gradient
        needs_gradient = torch.is_grad_enabled() and any(value.requires_grad for value in parameters.values())
        loss = elbo.differentiable_loss if needs_gradient else elbo.loss
        return -torch.as_tensor(loss(model, guide, **data)) - prior, prior

    return by_enumeration


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
        if sites.has_hub:
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
