"""EM's expected log joint density, and its gradient: what a generalised M-step climbs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from inference.backends.pyro.hub import joint
from inference.backends.pyro.programs import as_torch
from inference.backends.pyro.terms import Values
from inference.backends.pyro.vector import Unconstrained
from inference.backends.sites import Sites

Model = Callable[..., Any]


def expected_density(
    model: Model, sites: Sites, data: Values, prior: bool
) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """(vectors, responsibilities, fixed parameters) -> sum of r_ik log p(x_i, k) [+ log prior] of each, and gradients."""
    space = Unconstrained(model, sites, data)

    def values_and_gradients(
        points: np.ndarray, responsibilities: np.ndarray, fixed: Values
    ) -> tuple[np.ndarray, np.ndarray]:
        known = as_torch(dict(fixed))

        def expected(u: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
            table, log_prior = joint(model, space.constrain(space.split(u)) | known, data, sites)
            total = (shares * torch.where(shares > 0, table, torch.zeros_like(table))).sum()
            return total + log_prior if prior else total

        each = torch.vmap(torch.func.grad_and_value(expected))
        gradients, values = each(as_torch(points), as_torch(responsibilities))
        return values.numpy(), gradients.numpy()

    return values_and_gradients
