"""Gradient ascent in Pyro: AutoDelta with TraceEnum_ELBO, and enumeration in the guide.

For programs with one assignment a row, AutoDelta's ELBO is the hub plus the log prior (tested), which vmap takes: all starts then move
at once, some hundred times faster than Pyro's loop. Other programs run AutoDelta itself, with a fresh guide for every start.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyro
import torch
from pyro import poutine
from pyro.infer import TraceEnum_ELBO
from pyro.infer.autoguide import AutoDelta, init_to_value
from torch.distributions import constraints

from inference.backends.protocol import ADAM_BETAS, FINAL_LEARNING_RATE, GUIDE_BETAS, Ascent, GuideAscent
from inference.backends.pyro.hub import log_densities, max_plate_nesting
from inference.backends.pyro.programs import as_numpy
from inference.backends.pyro.terms import Values, trace_sites
from inference.backends.pyro.vector import Unconstrained
from inference.backends.sites import Sites

Model = Callable[..., Any]


def _rates(learning_rate: float, steps: int) -> Iterator[float]:
    """The cosine-decaying step lengths."""
    for count in range(steps):
        cosine = 0.5 * (1 + math.cos(math.pi * count / steps))
        yield learning_rate * ((1 - FINAL_LEARNING_RATE) * cosine + FINAL_LEARNING_RATE)


def _adam(values: Values, scales: Values, gradients: Values, state: Values, rate: float) -> None:
    """One step of torch's Adam in place, in coordinates of which `scales` are the units."""
    optimiser = state["optimiser"]
    before = {name: value.detach().clone() for name, value in values.items()}
    for name, value in values.items():
        value.grad = scales[name] * gradients[name]
    optimiser.param_groups[0]["lr"] = rate
    optimiser.step()
    with torch.no_grad():
        for name, value in values.items():
            value.copy_(before[name] + scales[name] * (value - before[name]))


def _adam_state(values: Values, betas: tuple[float, float]) -> Values:
    return {"optimiser": torch.optim.Adam(list(values.values()), lr=1.0, betas=betas)}


def ascend_together(
    model: Model, sites: Sites, data: Values, starts: Values, scales: Values, *, steps: int, learning_rate: float
) -> Ascent:
    """AutoDelta's ELBO from every start at once, through the hub."""
    space, both = Unconstrained(model, sites, data), log_densities(model, sites)

    def loss(free: Values) -> torch.Tensor:
        likelihood, prior = both(space.constrain(free), data)
        return -(likelihood + prior)

    gradient_and_loss = torch.vmap(torch.func.grad_and_value(loss))
    # clones: the identity map hands the starts themselves on, and Adam works in place
    free = {name: value.clone() for name, value in torch.vmap(space.free)(starts).items()}
    state = _adam_state(free, ADAM_BETAS)
    losses, norms = [], []
    for rate in _rates(learning_rate, steps):
        gradients, current = gradient_and_loss(free)
        losses.append(current)
        norms.append({name: gradient.reshape(len(gradient), -1).norm(dim=1) for name, gradient in gradients.items()})
        _adam(free, scales, gradients, state, rate)
    losses.append(torch.vmap(loss)(free))
    ends = torch.vmap(space.constrain)(free)
    series = {name: torch.stack([norm[name] for norm in norms], 1).numpy() for name in free}
    return Ascent(as_numpy(ends), torch.stack(losses, 1).detach().numpy(), series)


def ascend_one_by_one(
    model: Model, sites: Sites, data: Values, starts: Values, scales: Values, *, steps: int, learning_rate: float
) -> Ascent:
    """AutoDelta and TraceEnum_ELBO from each start in turn."""
    count = len(next(iter(starts.values())))
    runs = [
        _ascend_autodelta(
            model, sites, data, {name: value[run] for name, value in starts.items()}, scales, steps, learning_rate
        )
        for run in range(count)
    ]
    parameters = {name: np.stack([run.parameters[name] for run in runs]) for name in runs[0].parameters}
    norms = {name: np.stack([run.gradient_norms[name] for run in runs]) for name in runs[0].gradient_norms}
    return Ascent(parameters, np.stack([run.losses for run in runs]), norms)


def _ascend_autodelta(
    model: Model, sites: Sites, data: Values, start: Values, scales: Values, steps: int, learning_rate: float
) -> Ascent:
    elbo = TraceEnum_ELBO(max_plate_nesting=max_plate_nesting(trace_sites(model, data)))
    hidden = poutine.block(model, hide=[site.name for site in sites.assignments])
    with pyro.get_param_store().scope():
        # clones: AutoDelta would otherwise move the caller's tensors
        guide = AutoDelta(
            hidden, init_loc_fn=init_to_value(values={name: value.clone() for name, value in start.items()})
        )
        guide(**data)
        free = {name.removeprefix("AutoDelta."): value for name, value in pyro.get_param_store().named_parameters()}
        losses, norms = _descend(
            lambda: elbo.differentiable_loss(model, guide, **data), free, scales, steps, learning_rate, ADAM_BETAS
        )
        parameters = {name: value.detach().numpy() for name, value in guide(**data).items()}
    return Ascent(parameters, losses, norms)


def _descend(
    loss: Callable[[], torch.Tensor],
    free: Values,
    scales: Values,
    steps: int,
    learning_rate: float,
    betas: tuple[float, float],
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Adam on parameters that live in Pyro's store: losses before each step and at the end, gradient norms before each step."""
    state = _adam_state(free, betas)
    losses: list[float] = []
    norms: dict[str, list[float]] = {name: [] for name in free}
    for rate in _rates(learning_rate, steps):
        current = loss()
        gradients = dict(zip(free, torch.autograd.grad(current, list(free.values())), strict=True))
        losses.append(current.item())
        for name, gradient in gradients.items():
            norms[name].append(gradient.norm().item())
        _adam(free, scales, gradients, state, rate)
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
    scales = {name: torch.ones((), dtype=torch.float64) for name in free}
    losses, norms = _descend(
        lambda: elbo.differentiable_loss(held, guide, **data), free, scales, steps, learning_rate, GUIDE_BETAS
    )
    probs = {site.name: pyro.param(f"{site.name}_probs").detach().numpy() for site in sites.assignments}
    return GuideAscent(probs, losses, norms)
