"""Normal rows whose groups have effects in common, in Pyro: see `log_group_normal`."""

from typing import ClassVar

import pyro.distributions as dist
import torch
from array_api_compat import torch as torch_namespace
from pyro.distributions import constraints

from mixtures.ppl.log_group_normal import log_group_normal


class GroupNormal(dist.TorchDistribution):
    """Normal rows with effects of their groups: see `mixtures.ppl.numpyro_group_normal.GroupNormal`, whose arguments it has."""

    arg_constraints: ClassVar[dict] = {}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc, scale, design, group, groups, observed=None, validate_args=None):
        self.given_group, self.observed, self.groups = group, observed, groups
        is_there = group < groups
        self.is_seen = is_there if observed is None else is_there & observed
        self.group = torch.where(is_there, group, 0)
        batch = torch.broadcast_shapes(loc.shape, scale.shape, group.shape, design.shape[:-1])
        self.loc, self.scale = loc.expand(batch), scale.expand(batch)
        self.design = design.expand(*batch, design.shape[-1])
        super().__init__(batch, validate_args=False)

    def expand(self, batch_shape, _instance=None):
        loc, scale = (value.expand(torch.Size(batch_shape)) for value in (self.loc, self.scale))
        return GroupNormal(loc, scale, self.design, self.given_group, self.groups, self.observed)

    @property
    def mean(self):
        return self.loc

    def log_prob(self, value):
        shape = torch.broadcast_shapes(value.shape, self.batch_shape)
        flat = (*shape[: len(shape) - self.group.dim()], -1)
        scale = self.scale.expand(shape)
        design = (self.design / self.scale[..., None]).expand(*shape, self.design.shape[-1])
        found = log_group_normal(
            torch_namespace,
            torch.where(self.is_seen, (value - self.loc) / scale, 0.0).reshape(flat),
            scale.reshape(flat),
            design.reshape(*flat, design.shape[-1]),
            self.is_seen.reshape(-1).to(scale.dtype),
            self.group.reshape(-1),
            self.groups,
        )
        return found.reshape(shape)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008 (torch's own signature)
        shape, effects = self._extended_shape(sample_shape), self.design.shape[-1]
        lead = shape[: len(shape) - self.group.dim()]
        drawn = torch.randn(*lead, self.groups, effects, dtype=self.loc.dtype)
        own = torch.randn(shape, dtype=self.loc.dtype)
        return self.loc + (self.design * drawn[..., self.group, :]).sum(-1) + self.scale * own
