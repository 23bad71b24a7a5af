"""Collapsed NUTS in Pyro: the assignments are summed out before the sampler sees the density.

Chains run one after the other in this process, each from its own start and seed.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from pyro.infer import MCMC, NUTS

from inference.engines.nuts_options import NutsOptions
from inference.engines.protocol import NO_DRAWS, Draws
from inference.engines.pyro_programs import Unconstrained, Values, as_numpy, log_densities
from inference.engines.sites import Sites


def sample(
    model: Callable[..., Any],
    sites: Sites,
    data: Values,
    starts: Values,
    options: NutsOptions,
    *,
    progress: bool,
    is_stopped: Callable[[], bool],
) -> Draws:
    """Draws of every parameter, one chain from each start; if stopped, those chains and draws that are most together."""
    space = Unconstrained(model, sites, data)
    both = log_densities(model, sites)

    def potential(free: Values) -> torch.Tensor:
        likelihood, prior = both(space.constrain(free), data)
        return -(likelihood + prior + space.log_jacobian(free))

    chains = len(next(iter(starts.values())))
    results: list[Draws] = []
    for chain in range(chains):
        if results and is_stopped():
            break
        torch.manual_seed((options.seed + chain) % 2**32)
        free = {name: space.maps[name].inv(starts[name][chain]) for name in space.maps}
        results.append(_chain(potential, free, space, options, progress, is_stopped))
    return _joined(results)


def _joined(chains: list[Draws]) -> Draws:
    """Chains of one length: of a run that was stopped, the last is shorter than the others, or left out, whichever keeps more draws."""
    length = {True: len(chains[0].stats["lp"]), False: len(chains[-1].stats["lp"])}
    is_last_left_out = length[True] * (len(chains) - 1) > length[False] * len(chains)
    kept, count = chains[:-1] if is_last_left_out else chains, length[is_last_left_out]
    if count == 0:
        raise KeyboardInterrupt(NO_DRAWS)
    parameters = {name: np.stack([chain.parameters[name][:count] for chain in kept]) for name in chains[0].parameters}
    stats = {name: np.stack([chain.stats[name][:count] for chain in kept]) for name in chains[0].stats}
    return Draws(parameters, stats)


class _StopError(Exception):
    """Leaves Pyro's driver, which has no other way out."""


def _chain(
    potential: Callable[[Values], torch.Tensor],
    start: Values,
    space: Unconstrained,
    options: NutsOptions,
    progress: bool,
    is_stopped: Callable[[], bool],
) -> Draws:
    draws: list[Values] = []
    record: list[tuple[float, float, float]] = []

    def keep(kernel: Any, free: Values, stage: str, count: int) -> None:
        if stage.lower().startswith("sample"):
            draws.append({name: value.clone() for name, value in free.items()})
            record.append((float(kernel._potential_energy_last), kernel.step_size, float(kernel._mean_accept_prob)))
        if is_stopped():
            raise _StopError

    kernel = NUTS(potential_fn=potential, target_accept_prob=options.target_accept)
    mcmc = MCMC(
        kernel,
        num_samples=options.draws,
        warmup_steps=options.tune,
        initial_params=start,
        disable_progbar=not progress,
        hook_fn=keep,
    )
    with suppress(_StopError):
        mcmc.run()
    energy, step_size, acceptance = np.array(record, dtype=float).reshape(-1, 3).T
    diverging = np.isin(np.arange(len(draws)), kernel._divergences)
    stats = {"lp": -energy, "diverging": diverging, "step_size": step_size, "acceptance_rate": acceptance}
    if not draws:
        return Draws({name: np.empty(0) for name in space.maps}, stats)
    with torch.no_grad():
        values = {
            name: torch.vmap(space.maps[name])(torch.stack([free[name] for free in draws])) for name in space.maps
        }
    return Draws(as_numpy(values), stats)
