"""The log density as a function of one unconstrained vector: what samplers, optimisers and Laplace's method climb."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from array_api_compat import torch as torch_namespace
from torch.distributions import biject_to

from inference.backends.log_density import LogDensity
from inference.backends.predictors import Predictors
from inference.backends.pyro.hub import log_densities
from inference.backends.pyro.programs import as_numpy, as_torch, isolated
from inference.backends.pyro.terms import Values, trace_sites
from inference.backends.run_arguments import rows_of
from inference.backends.sites import Sites


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
        self.space, self._both = Unconstrained(model, sites, data), log_densities(model, sites)

    def terms(self, u: torch.Tensor, data: Values) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Log likelihood, log prior density, and log |d theta / d u|."""
        free = self.space.split(u)
        return *self._both(self.space.constrain(free), data), self.space.log_jacobian(free)

    def parts(
        self, u: torch.Tensor, data: Values, *, rows: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        likelihood, prior, jacobian = self.terms(u, data if rows is None else rows_of(data, rows))
        return likelihood, prior + jacobian

    def constrain(self, u: torch.Tensor, data: Values) -> Values:
        return self.space.constrain(self.space.split(u))


def with_gradient(
    function: Callable[[torch.Tensor], torch.Tensor], u: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The function's value and gradient."""
    u = u.requires_grad_()
    value = function(u)
    (gradient,) = torch.autograd.grad(value, u)
    return value.detach(), gradient


def many_of(
    function: Callable[[torch.Tensor], torch.Tensor], points: torch.Tensor, *, is_vectorised: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Values and gradients at many points: at once, or of functions that vmap does not take, one by one."""
    if is_vectorised:
        gradients, values = torch.vmap(torch.func.grad_and_value(function))(points)
    else:
        values, gradients = map(torch.stack, zip(*(with_gradient(function, u.clone()) for u in points), strict=True))
    return values.numpy(), gradients.numpy()


def slopes_of(function: Callable[[torch.Tensor], Values], u: torch.Tensor) -> dict[str, np.ndarray]:
    """The derivatives of each of a function's values, (..., size) by name."""
    names: list[str] = []

    def values(u: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = function(u)
        names[:] = found
        return tuple(found.values())

    # reverse mode twice, for which torch has more formulas than for forward mode
    columns = [torch.autograd.functional.jvp(values, u, direction)[1] for direction in torch.eye(len(u))]
    return {name: torch.stack(own, -1).numpy() for name, own in zip(names, zip(*columns, strict=True), strict=True)}


def vector_density(model: Callable[..., Any], data: Values, sites: Sites, *, prior: bool, jacobian: bool) -> LogDensity:
    """The collapsed log density of one unconstrained vector, with gradients by torch."""
    with isolated():
        collapsed = Collapsed(model, sites, data)
    space = collapsed.space

    def log_density(vector: torch.Tensor, part: Values = data) -> torch.Tensor:
        likelihood, log_prior, log_jacobian = collapsed.terms(vector, part)
        return likelihood + (log_prior if prior else 0.0) + (log_jacobian if jacobian else 0.0)

    def value_and_gradient(u: np.ndarray) -> tuple[float, np.ndarray]:
        with isolated():
            value, gradient = with_gradient(log_density, as_torch(u))
        return value.item(), gradient.numpy()

    def values_and_gradients(points: np.ndarray, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        part = data if rows is None else rows_of(data, rows)
        with isolated():
            return many_of(lambda u: log_density(u, part), as_torch(points), is_vectorised=not sites.is_enumerated)

    def hessian(u: np.ndarray) -> np.ndarray:
        with isolated():
            return torch.autograd.functional.hessian(log_density, as_torch(u)).numpy()

    return LogDensity(
        size=sites.coordinates,
        places=sites.places(space.shapes),
        is_real=sites.are_real(space.shapes),
        value_and_gradient=value_and_gradient,
        values_and_gradients=values_and_gradients,
        hessian=hessian,
        constrain=lambda u: as_numpy(collapsed.constrain(as_torch(u), data)),
        unconstrain=lambda parameters: space.flatten(as_torch(dict(parameters))).numpy(),
    )
