"""Chains of NUTS as tasks of Dask's workers, a chain a task: each is the one that this process would draw."""

import numpy as np

from inference.backends import Bound, bind
from inference.samplers.choice import Sampler
from inference.samplers.options import NutsOptions
from inference.samplers.protocol import Draws, Starts
from inference.tasks import each_of
from mixtures import Observations, Program


def by_workers(sampler: Sampler, bound: Bound, starts: Starts, options: NutsOptions) -> Draws:
    """Draws of every parameter, one chain from each start; workers bind program and data for themselves.

    Raises:
        BackendError: the scheduler is lost, or a chain's worker again and again.
        FitError: as for the sampler.
    """
    chains = each_of(_one, range(len(starts.vectors)), sampler, bound.program, bound.x, starts, options)
    return Draws(_joined([chain.parameters for chain in chains]), _joined([chain.stats for chain in chains]))


def _joined(chains: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([chain[name] for chain in chains]) for name in chains[0]}


def _one(
    chain: int, sampler: Sampler, program: Program, x: Observations, starts: Starts, options: NutsOptions
) -> Draws:
    target = bind(program, x, sampler.backend).target()
    return sampler.sample(
        target, starts.some(range(chain, chain + 1)), options, progress=False, store=None, is_stopped=lambda: False
    )
