"""Collapsed NUTS in Pyro: the assignments are summed out before the sampler sees the density.

Chains run one after the other in this process, each from its own start and seed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pyro.infer import MCMC, NUTS

from inference.engines.nuts_options import NutsOptions
from inference.engines.protocol import Draws, Sites
from inference.engines.pyro_programs import Unconstrained, Values, as_numpy, log_densities


def sample(
    model: Callable[..., Any],
    sites: Sites,
    data: Values,
    starts: Values,
    options: NutsOptions,
    *,
    progress: bool,
) -> Draws:
    """Draws of every parameter, one chain from each start."""
    space = Unconstrained(model, sites, data)
    both = log_densities(model, sites)

    def potential(free: Values) -> torch.Tensor:
        likelihood, prior = both(space.constrain(free), data)
        return -(likelihood + prior + space.log_jacobian(free))

    chains = len(next(iter(starts.values())))
    results = []
    for chain in range(chains):
        torch.manual_seed((options.seed + chain) % 2**32)
        free = {name: space.maps[name].inv(starts[name][chain]) for name in space.maps}
        results.append(_chain(potential, free, space, options, progress))
    parameters = {name: np.stack([result.parameters[name] for result in results]) for name in space.maps}
    stats = {name: np.stack([result.stats[name] for result in results]) for name in results[0].stats}
    return Draws(parameters, stats)


def _chain(
    potential: Callable[[Values], torch.Tensor],
    start: Values,
    space: Unconstrained,
    options: NutsOptions,
    progress: bool,
) -> Draws:
    record: list[tuple[float, float, float]] = []

    def hook(kernel: Any, values: Values, stage: str, count: int) -> None:
        if stage.lower().startswith("sample"):
            record.append((float(kernel._potential_energy_last), kernel.step_size, float(kernel._mean_accept_prob)))

    kernel = NUTS(potential_fn=potential, target_accept_prob=options.target_accept)
    mcmc = MCMC(
        kernel,
        num_samples=options.draws,
        warmup_steps=options.tune,
        initial_params=start,
        disable_progbar=not progress,
        hook_fn=hook,
    )
    mcmc.run()
    free = mcmc.get_samples()
    with torch.no_grad():
        values = {name: torch.vmap(space.maps[name])(free[name]) for name in space.maps}
    energy, step_size, acceptance = (np.array(column) for column in zip(*record, strict=True))
    diverging = np.zeros(options.draws, dtype=bool)
    diverging[mcmc.diagnostics()["divergences"]["chain 0"]] = True
    stats = {"lp": -energy, "diverging": diverging, "step_size": step_size, "acceptance_rate": acceptance}
    return Draws(as_numpy(values), stats)
