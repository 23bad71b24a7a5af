"""Pyro's AutoDelta and TraceEnum_ELBO, as a function of one unconstrained vector."""

from collections.abc import Callable
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.infer import TraceEnum_ELBO
from pyro.infer.autoguide import AutoDelta, init_to_value

from inference.backends.pyro.hub import max_plate_nesting
from inference.backends.pyro.terms import Values, trace_sites
from inference.backends.pyro.vector import Unconstrained
from inference.backends.sites import Sites


def autodelta(model: Callable[..., Any], sites: Sites, data: Values) -> Callable[[torch.Tensor], torch.Tensor]:
    """vector -> the ELBO of a delta guide there, a function with a gradient."""
    space = Unconstrained(model, sites, data)
    elbo = TraceEnum_ELBO(max_plate_nesting=max_plate_nesting(trace_sites(model, data)))
    hidden = poutine.block(model, hide=[site.name for site in sites.assignments])

    def value(u: torch.Tensor) -> torch.Tensor:
        located = space.constrain(space.split(u))
        held = {name: one.detach().clone() for name, one in located.items()}
        with pyro.get_param_store().scope():
            guide = AutoDelta(hidden, init_loc_fn=init_to_value(values=held))
            guide(**data)  # reads its model
            at = poutine.substitute(guide, data={f"AutoDelta.{name}": one for name, one in located.items()})
            return -elbo.differentiable_loss(model, at, **data)

    return value
