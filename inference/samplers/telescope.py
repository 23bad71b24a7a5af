"""The telescoping sampler: draws of the partition, of the clusters' parameters, and of the number of components, also of those without rows.

Fruhwirth-Schnatter, Malsiner-Walli & Grun (2021), Bayesian Analysis 16, 1279, algorithm 1. One sweep: assign the rows; put the clusters first;
move the parameters of clusters, and what components share; draw the number of components given the partition, the concentration, the
parameters of empty components from their prior, and the weights.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inference.backends.complete import CompleteTarget
from inference.backends.numpyro.jit import ON_ONE_CORE, Compiled, jit, recorded
from inference.backends.numpyro.sites import CACHED, Values
from inference.samplers.annealing import powers
from inference.samplers.clusterings import Mixing
from inference.samplers.options import TelescopeOptions
from inference.samplers.progress import ChainBars
from inference.samplers.protocol import NO_DRAWS, Block, BlockKeeper, Draws
from inference.samplers.stored_blocks import continued
from inference.samplers.telescoping_sweep import Kind, State, Tuning, blank_record, sweep
from mixtures.interrupts import held_interrupts
from mixtures.seeds import derived

BLOCK = 25
"""Kept draws in a compiled block."""

ALL_CHAINS = 0
"""The group of chains that a store knows: they advance together."""

PRIOR_DRAWS = 256
"""Draws that say how wide the prior is: of no matter but for the length of steps, so that they may be the same for every seed."""

LONGEST_DENSE = 20
"""Vectors up to this length have a full metric, longer ones a diagonal."""

CELLS_DENSE = 4_000_000
"""Numbers in the rows' outer products up to which a metric is full."""


@functools.lru_cache(CACHED)
def _compiled(kind: Kind) -> tuple[Compiled, Compiled, Compiled]:
    """Three compiled functions: (keys, values by site, components, concentration, data) -> states and the prior's width; (states, log P(K),
    width, whether to tune, powers of the likelihood, sweeps a draw, data) -> states and a block of records; (own, shared, data) -> values by
    site of many draws."""
    density = kind.density

    def start(keys: Any, values: Values, components: Any, concentration: Any, data: Values) -> Any:
        own, shared = jax.vmap(density.unconstrain, (0, None))(values, data)
        drawn, of_shared = jax.vmap(density.prior_draw, (0, None))(
            jax.random.split(jax.random.PRNGKey(0), PRIOR_DRAWS), data
        )
        width = _width(drawn.reshape(-1, drawn.shape[-1]))
        size, most, rows = own.shape[-1], own.shape[-2], len(data["x"])
        is_dense = 1 < size <= LONGEST_DENSE and rows * size**2 <= CELLS_DENSE
        information = jnp.zeros((size, size) if is_dense else (size,))
        moments = jnp.median(of_shared, axis=0), _width(of_shared) ** 2

        def one(key: Any, own: Any, shared: Any) -> State:
            log_weights = jnp.where(jnp.arange(most) < components, -jnp.log(components.astype(own.dtype)), -jnp.inf)
            mixing = Mixing(components, concentration, log_weights, jnp.zeros(()))
            return State(own, shared, mixing, Tuning(jnp.zeros(()), jnp.zeros(2), information, *moments), key)

        return jax.vmap(one)(keys, own, shared), width

    def block(states: Any, of_components: Any, width: Any, tunes: Any, heat: Any, sweeps: Any, data: Values) -> Any:
        blank = jax.tree.map(lambda leaf: jnp.zeros((BLOCK, *leaf.shape), leaf.dtype), blank_record(kind, states, data))

        def chain(state: State) -> tuple[State, Values]:
            def once(number: Any, held: tuple[State, Values]) -> tuple[State, Values]:
                power = heat[0] * (heat[1] / heat[0]) ** (number / (BLOCK * sweeps))
                state, record = sweep(kind, held[0], of_components, width, data, tunes, power)
                # a draw is kept where the last of its sweeps has written over those before
                return state, recorded(held[1], record, number // sweeps)

            return jax.lax.fori_loop(0, BLOCK * sweeps, once, (state, blank))

        return jax.vmap(chain)(states)

    def constrain(own: Any, shared: Any, data: Values) -> Values:
        return jax.vmap(jax.vmap(density.constrain, (0, 0, None)), (0, 0, None))(own, shared, data)

    return jit(start), jit(block, ON_ONE_CORE), jit(constrain)


def _width(draws: Any) -> Any:
    """The standard deviation of a normal distribution with the draws' quartiles, (size,): a few that are infinite, as logs of 0, do no harm."""
    low, high = jnp.quantile(draws, jnp.array([0.25, 0.75]), axis=0)
    return jnp.where((high > low) & jnp.isfinite(high - low), (high - low) / 1.349, 1.0)


@dataclass(frozen=True, eq=False)
class Begin:
    """Where chains begin, and what they are told of the law.

    Args:
        values: of the family's sites, (chains, ...).
        components: how many there are.
        concentration: of the law.
        of_components: log P(K), (most,).
    """

    values: dict[str, np.ndarray]
    components: int
    concentration: float
    of_components: np.ndarray


def sample(
    target: CompleteTarget,
    kind: Kind,
    begin: Begin,
    options: TelescopeOptions,
    *,
    progress: bool,
    store: BlockKeeper | None,
    is_stopped: Callable[[], bool],
) -> Draws:
    """Draws of the family's sites, the weights' logarithms, the numbers of components and clusters; fewer than asked for if stopped.

    Args:
        target: the mixture's density.
        kind: of the sampler.
        begin: where chains begin.
        options: of the run.
        progress: show bars.
        store: where blocks are left, and those of an earlier run found; all chains are one group.
        is_stopped: asked between blocks.
    """
    with held_interrupts(), jax.enable_x64(True):
        start, advance, constrain = _compiled(kind)
        data = jax.device_put(target.data)
        chains = len(next(iter(begin.values.values())))
        keys = jax.random.split(jax.random.PRNGKey(derived(options.seed, "sample_telescope")), chains)
        # as arrays: Python's numbers would have weaker types than a block gives back, and it would be compiled twice
        mixing = np.asarray(begin.components), np.asarray(begin.concentration)
        states, width = start(keys, begin.values, *mixing, data)
        warm, cool = -(-options.tune // BLOCK), -(-options.draws // BLOCK)

        def arguments(number: int, states: Any) -> tuple[Any, ...]:
            heat = powers(number, warm)
            return states, begin.of_components, width, float(number < warm), heat, options.sweeps, data

        blocks = store.read(ALL_CHAINS) if store is not None else []
        if blocks:
            records = jax.eval_shape(advance.launch, *arguments(0, states))[1]
            states = continued(blocks, states, records, warm)
        kept = [block.record for block in blocks[warm:]]
        with ChainBars(chains, BLOCK * (warm + cool), progress) as bars:
            for number in range(len(blocks), warm + cool):
                states, records = advance(*arguments(number, states))
                record = jax.tree.map(np.asarray, records) if number >= warm else {}
                if store is not None:
                    store.write(ALL_CHAINS, number, Block(record, list(map(np.asarray, jax.tree.leaves(states)))))
                if record:
                    kept.append(record)
                for chain in range(chains):
                    bars.reach(chain, BLOCK * (number + 1))
                if is_stopped():
                    break
        if not kept:
            raise KeyboardInterrupt(NO_DRAWS)
        joined = {name: np.concatenate([one[name] for one in kept], axis=1)[:, : options.draws] for name in kept[0]}
        values = constrain(joined.pop("own"), joined.pop("shared"), data)
        return Draws({name: np.asarray(value) for name, value in values.items()}, joined)
