"""Gradient ascent on the likelihood by torch.optim, all starts side by side; and the gradient of EM's expected log joint density."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from inference.backends.protocol import FINAL_LEARNING_RATE, Ascent, GradientOptions
from inference.backends.pyro.hub import joint, log_densities
from inference.backends.pyro.programs import as_numpy, as_torch
from inference.backends.pyro.terms import Values
from inference.backends.pyro.vector import Unconstrained
from inference.backends.run_arguments import rows_of
from inference.backends.sites import Sites

Model = Callable[..., Any]


def ascend_likelihood(
    model: Model,
    sites: Sites,
    data: Values,
    starts: np.ndarray,
    units: np.ndarray,
    options: GradientOptions,
) -> Ascent:
    """Ascent from every start, (restarts, size) unconstrained."""
    rate, steps = options.learning_rate, options.steps
    space, both = Unconstrained(model, sites, data), log_densities(model, sites)
    unit, rows = as_torch(units), len(data["x"])

    def losses_of(v: torch.Tensor, part: Values) -> torch.Tensor:
        def loss(vector: torch.Tensor) -> torch.Tensor:
            return -both(space.constrain(space.split(unit * vector)), part)[0] / len(part["x"])

        return torch.vmap(loss)(v) if not sites.is_enumerated else torch.stack([loss(vector) for vector in v])

    v = (as_torch(starts) / unit).requires_grad_()
    is_adam = options.optimizer == "adam"
    rule = torch.optim.Adam([v], lr=rate) if is_adam else torch.optim.SGD([v], lr=rate, momentum=options.momentum)
    losses, norms = [], []
    for count in range(steps):
        part = data if options.batches is None else rows_of(data, options.batches[count])
        cosine = 0.5 * (1 + math.cos(math.pi * count / steps))
        rule.param_groups[0]["lr"] = rate * ((1 - FINAL_LEARNING_RATE) * cosine + FINAL_LEARNING_RATE)
        current = losses_of(v, part)
        (v.grad,) = torch.autograd.grad(current.sum(), v)
        by_site = [space.split(rows * gradient / unit) for gradient in v.grad]
        norms.append({name: torch.stack([parts[name].norm() for parts in by_site]) for name in space.maps})
        losses.append(rows * current.detach())
        rule.step()
    with torch.no_grad():
        losses.append(rows * losses_of(v, data))
        ends = [as_numpy(space.constrain(space.split(unit * vector))) for vector in v]
    return Ascent(
        {name: np.stack([end[name] for end in ends]) for name in space.maps},
        torch.stack(losses, 1).numpy(),
        {name: torch.stack([norm[name] for norm in norms], 1).numpy() for name in space.maps},
    )


def expected_density(model: Model, sites: Sites, data: Values, prior: bool) -> Callable[..., tuple[float, np.ndarray]]:
    """(vector, responsibilities, fixed parameters) -> sum of r_ik log p(x_i, k) [+ log prior], and its gradient."""
    space = Unconstrained(model, sites, data)

    def value_and_gradient(u: np.ndarray, responsibilities: np.ndarray, fixed: Values) -> tuple[float, np.ndarray]:
        vector, shares = as_torch(u).requires_grad_(), as_torch(responsibilities)
        parameters = space.constrain(space.split(vector)) | as_torch(dict(fixed))
        table, log_prior = joint(model, parameters, data, sites)
        total = (shares * torch.where(shares > 0, table, torch.zeros_like(table))).sum()
        total = total + log_prior if prior else total
        (gradient,) = torch.autograd.grad(total, vector)
        return total.item(), gradient.numpy()

    return value_and_gradient
