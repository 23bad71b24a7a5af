"""Collapsed NUTS in NumPyro: the assignments are summed out before the sampler sees the density."""

import functools
from typing import Any

import jax
import numpy as np
from numpyro.infer import MCMC, NUTS

from inference.engines.numpyro_programs import CACHED, Values, bijections, collapsed
from inference.engines.protocol import Draws, Sites
from mixtures import Program

VECTORIZED_CELLS = 100_000
"""Up to this many cells of data, chains run as one vectorised program: the cost of a step is overhead. Beyond, one after the other."""

EXTRA_FIELDS = ("potential_energy", "energy", "diverging", "num_steps", "accept_prob", "adapt_state.step_size")


@functools.lru_cache(CACHED)
def _sampler(
    program: Program,
    sites: Sites,
    chains: int,
    draws: int,
    tune: int,
    target_accept: float,
    progress: bool,
    method: str,
) -> MCMC:
    """A sampler that is compiled once and takes new data of the same shape."""
    kernel = NUTS(collapsed(program, sites), target_accept_prob=target_accept)
    return MCMC(
        kernel,
        num_warmup=tune,
        num_samples=draws,
        num_chains=chains,
        chain_method=method,
        progress_bar=progress,
        jit_model_args=True,
    )


def sample(
    program: Program,
    sites: Sites,
    data: Values,
    starts: Values,
    *,
    draws: int,
    tune: int,
    target_accept: float,
    seed: int,
    progress: bool,
) -> Draws:
    """Draws of every parameter, one chain from each start."""
    chains = len(next(iter(starts.values())))
    method = "vectorized" if chains > 1 and np.size(data["x"]) <= VECTORIZED_CELLS else "sequential"
    mcmc = _sampler(program, sites, chains, draws, tune, target_accept, progress, method)
    maps, _ = bijections(program, sites, data)
    free = {name: bijection.inv(starts[name]) for name, bijection in maps.items()}
    if chains == 1:
        free = {name: value[0] for name, value in free.items()}
    try:
        mcmc.run(jax.random.PRNGKey(seed), init_params=free, extra_fields=EXTRA_FIELDS, **data)
        values = {name: np.asarray(value) for name, value in mcmc.get_samples(group_by_chain=True).items()}
        extra = {name: np.asarray(value) for name, value in mcmc.get_extra_fields(group_by_chain=True).items()}
    finally:
        # the sampler is kept for its compiled code; without this the next run would go on from this one's end
        mcmc.post_warmup_state = None
    return Draws({site.name: values[site.name] for site in sites.parameters}, _stats(extra))


def _stats(extra: dict[str, Any]) -> dict[str, np.ndarray]:
    steps = extra["num_steps"]
    return {
        "lp": -extra["potential_energy"],
        "energy": extra["energy"],
        "diverging": extra["diverging"],
        "n_steps": steps,
        "tree_depth": np.floor(np.log2(np.maximum(steps, 1))).astype(int) + 1,
        "acceptance_rate": extra["accept_prob"],
        "step_size": extra["adapt_state.step_size"],
    }
