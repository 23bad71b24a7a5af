"""Enumeration in the guide, in Pyro: gradient ascent on the ELBO of assignment probabilities, the parameters held."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyro
import torch
from pyro import poutine
from pyro.infer import TraceEnum_ELBO
from torch.distributions import constraints

from inference.backends.ascent import FINAL_LEARNING_RATE, GUIDE_BETAS, GuideAscent
from inference.backends.pyro.hub import max_plate_nesting
from inference.backends.pyro.terms import Values, trace_sites
from inference.backends.sites import Sites

Model = Callable[..., Any]


def _rates(learning_rate: float, steps: int) -> Iterator[float]:
    """The cosine-decaying step lengths."""
    for count in range(steps):
        cosine = 0.5 * (1 + math.cos(math.pi * count / steps))
        yield learning_rate * ((1 - FINAL_LEARNING_RATE) * cosine + FINAL_LEARNING_RATE)


def _descend(
    loss: Callable[[], torch.Tensor], free: Values, steps: int, learning_rate: float
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Adam on parameters that live in Pyro's store: losses before each step and at the end, gradient norms before each step."""
    adam = torch.optim.Adam(list(free.values()), betas=GUIDE_BETAS)
    losses: list[float] = []
    norms: dict[str, list[float]] = {name: [] for name in free}
    for rate in _rates(learning_rate, steps):
        current = loss()
        losses.append(current.item())
        gradients = torch.autograd.grad(current, list(free.values()))
        for (name, value), gradient in zip(free.items(), gradients, strict=True):
            norms[name].append(gradient.norm().item())
            value.grad = gradient
        adam.param_groups[0]["lr"] = rate
        adam.step()
    losses.append(loss().item())
    return np.array(losses), {name: np.array(series) for name, series in norms.items()}


def ascend_guide(
    model: Model, sites: Sites, data: Values, parameters: Values, *, steps: int, learning_rate: float
) -> GuideAscent:
    """Assignment probabilities by enumeration in the guide, the parameters held fixed."""
    rows = len(data["x"])
    elbo = TraceEnum_ELBO(max_plate_nesting=max_plate_nesting(trace_sites(model, data)))
    held = poutine.condition(model, data=parameters)

    def guide(**data: Any) -> None:
        del data
        with pyro.plate("rows", rows):
            for site in sites.assignments:
                even = torch.full((rows, site.categories), 1 / site.categories, dtype=torch.float64)
                probs = pyro.param(f"{site.name}_probs", even, constraint=constraints.simplex)
                pyro.sample(site.name, pyro.distributions.Categorical(probs), infer={"enumerate": "parallel"})

    guide(**data)
    free = {name.removesuffix("_probs"): value for name, value in pyro.get_param_store().named_parameters()}
    losses, norms = _descend(lambda: elbo.differentiable_loss(held, guide, **data), free, steps, learning_rate)
    probs = {site.name: pyro.param(f"{site.name}_probs").detach().numpy() for site in sites.assignments}
    return GuideAscent(probs, losses, norms)
