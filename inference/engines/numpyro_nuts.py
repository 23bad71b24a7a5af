"""Collapsed NUTS by NumPyro's kernel, driven in blocks: the assignments are summed out before the sampler sees the density.

`numpyro.infer.MCMC` would compile again for every run and cannot be interrupted; here one compiled block of draws, which takes the data
as an argument, serves warm-up and sampling, every seed, and new data of the same shape.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpyro.infer.hmc import hmc
from tqdm import tqdm

from inference.engines.numpyro_programs import CACHED, Values, vector_functions
from inference.engines.protocol import Draws, Sites
from mixtures import Program

VECTORIZED_CELLS = 100_000
"""Up to this many cells of data, chains run as one vectorised program: the cost of a step is overhead. Beyond, one after the other."""

BLOCK = 50
"""Draws in a compiled block: long enough to amortise its start, short enough to show progress and to stop soon."""


@functools.lru_cache(CACHED)
def _kernel(
    program: Program, sites: Sites, tune: int, target_accept: float, is_vectorized: bool
) -> tuple[Callable[..., Any], ...]:
    """Two compiled functions: (keys, vectors, data) -> states, and (states, data) -> states, one block of draws."""
    log_density, _, _ = vector_functions(program, sites, prior=True, jacobian=True)

    def nuts(key: jax.Array, u: jax.Array, data: Values) -> tuple[Any, Callable[..., Any]]:
        # The kernel keeps what its init has seen: it must be made anew wherever it is traced.
        init, sample = hmc(potential_fn_gen=lambda data: lambda u: -log_density(u, data), algo="NUTS")
        state = init(u, num_warmup=tune, target_accept_prob=target_accept, model_args=(data,), rng_key=key)
        return state, sample

    def start(key: jax.Array, u: jax.Array, data: Values) -> Any:
        return nuts(key, u, data)[0]

    def advance(state: Any, data: Values) -> tuple[Any, Values]:
        _, sample = nuts(state.rng_key, state.z, data)

        def step(state: Any, _: None) -> tuple[Any, Values]:
            state = sample(state, (data,))
            return state, _record(state)

        return jax.lax.scan(step, state, None, length=BLOCK)

    if is_vectorized:
        return jax.jit(jax.vmap(start, (0, 0, None))), jax.jit(jax.vmap(advance, (0, None)))
    return jax.jit(start), jax.jit(advance)


def _record(state: Any) -> Values:
    return {
        "u": state.z,
        "lp": -state.potential_energy,
        "energy": state.energy,
        "diverging": state.diverging,
        "n_steps": state.num_steps,
        "acceptance_rate": state.accept_prob,
        "step_size": state.adapt_state.step_size,
    }


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
    is_vectorized = chains > 1 and np.size(data["x"]) <= VECTORIZED_CELLS
    start, advance = _kernel(program, sites, tune, target_accept, is_vectorized)
    constrain, unconstrain = _maps(program, sites)
    vectors = unconstrain(starts, data)
    keys = jax.random.split(jax.random.PRNGKey(seed), chains)
    blocks = -(-(tune + draws) // BLOCK)
    groups = [slice(None)] if is_vectorized else list(range(chains))
    bar = tqdm(total=blocks * BLOCK * len(groups), disable=not progress, desc="NUTS", unit="draw")
    with bar:
        records = []
        for group in groups:
            state = start(keys[group], vectors[group], data)
            records.append(_run(state, advance, data, blocks, tune, draws, bar))
    joined = (
        records[0] if is_vectorized else {name: np.stack([record[name] for record in records]) for name in records[0]}
    )
    values = constrain(joined.pop("u"), data)
    parameters = {site.name: np.asarray(values[site.name]) for site in sites.parameters}
    depth = np.floor(np.log2(np.maximum(joined["n_steps"], 1))).astype(int) + 1
    return Draws(parameters, {**joined, "tree_depth": depth})


def _run(
    state: Any, advance: Callable[..., Any], data: Values, blocks: int, tune: int, draws: int, bar: tqdm
) -> dict[str, np.ndarray]:
    """Block after block; the draws after warm-up, with the draw as the last axis but those of the vector."""
    kept = []
    for block in range(blocks):
        state, record = advance(state, data)
        begin = block * BLOCK
        if begin + BLOCK > tune:
            kept.append({name: np.asarray(value) for name, value in record.items()})
        jax.block_until_ready(state)
        bar.update(BLOCK)
    axis = {name: value.ndim - (2 if name == "u" else 1) for name, value in kept[0].items()}
    skip = tune % BLOCK
    window = slice(skip, skip + draws)
    series = {name: np.concatenate([part[name] for part in kept], axis=axis[name]) for name in axis}
    return {name: value[(slice(None),) * axis[name] + (window,)] for name, value in series.items()}


@functools.lru_cache(CACHED)
def _maps(program: Program, sites: Sites) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The compiled maps between vectors (chains, draws, size) and constrained values, and from starts (chains, ...) to vectors."""
    _, constrain, unconstrain = vector_functions(program, sites, prior=True, jacobian=True)
    over_draws = jax.vmap(jax.vmap(constrain, (0, None)), (0, None))
    return jax.jit(over_draws), jax.jit(jax.vmap(unconstrain, (0, None)))
