"""Rows of any kind whose groups have effects in common, in Pyro: see `log_group_marginal`."""

from typing import ClassVar

import pyro.distributions as dist
import torch
from array_api_compat import torch as torch_namespace

from mixtures.ppl.log_group_marginal import Integrand, log_group_marginal


class GroupMarginal(dist.TorchDistribution):
    """Rows with effects of their groups: see `mixtures.ppl.numpyro_group_marginal.GroupMarginal`, whose arguments it has."""

    arg_constraints: ClassVar[dict] = {}
    has_rsample = False

    def __init__(self, cell, kernel, parameters, eta, design, group, groups, observed=None, validate_args=None):
        self.cell, self.kernel, self.parameters = cell, kernel, parameters
        self.given_group, self.observed, self.groups = group, observed, groups
        is_there = group < groups
        self.is_seen = is_there if observed is None else is_there & observed
        self.group = torch.where(is_there, group, 0)
        batch = torch.broadcast_shapes(cell(eta).batch_shape, group.shape, design.shape[:-1])
        self.eta, self.design = eta.expand(batch), design.expand(*batch, design.shape[-1])
        super().__init__(batch, validate_args=False)

    @property
    def support(self):
        return self.cell(self.eta).support

    def expand(self, batch_shape, _instance=None):
        eta = self.eta.expand(torch.Size(batch_shape))
        of_rows = self.given_group, self.groups, self.observed
        return GroupMarginal(self.cell, self.kernel, self.parameters, eta, self.design, *of_rows)

    def log_prob(self, value):
        shape = torch.broadcast_shapes(value.shape, self.batch_shape)
        eta, design = self.eta.expand(shape), self.design.expand(*shape, self.design.shape[-1])
        value = value.to(eta)

        def integrand(eta, design, parameters):
            def line(moved):
                return self.kernel(torch_namespace, value, eta + moved, parameters)

            return Integrand(torch_namespace, line, design, self.is_seen, self.group, self.groups)

        still = {name: one.detach() for name, one in self.parameters.items()}
        near = integrand(eta.detach(), design.detach(), still).mode()
        part, moved = log_group_marginal(integrand(eta, design, self.parameters), near)
        around = eta + moved.detach()
        constant = self.cell(around).log_prob(value) - self.kernel(torch_namespace, value, around, self.parameters)[0]
        return torch.where(self.is_seen, constant + part, 0.0)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        shape, effects = self._extended_shape(sample_shape), self.design.shape[-1]
        lead = shape[: len(shape) - self.group.dim()]
        drawn = torch.randn(*lead, self.groups, effects, dtype=self.eta.dtype)
        return self.cell(self.eta + (self.design * drawn[..., self.group, :]).sum(-1)).sample()
