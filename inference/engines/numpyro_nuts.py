"""Collapsed NUTS by NumPyro's kernel, driven in blocks: the assignments are summed out before the sampler sees the density.

`numpyro.infer.MCMC` would compile again for every run and cannot be interrupted; here one compiled block of draws, which takes the data
as an argument, serves warm-up and sampling, every seed, and new data of the same shape.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc import hmc

from inference.engines.numpyro_jit import ON_ONE_CORE, jit
from inference.engines.numpyro_sites import CACHED, Values
from inference.engines.numpyro_vector import vector_functions
from inference.engines.nuts_options import NutsOptions
from inference.engines.progress import ChainBars
from inference.engines.protocol import NO_DRAWS, Block, BlockKeeper, Draws, Starts
from inference.engines.sites import Sites
from mixtures import Program
from mixtures.errors import StoredFileError
from mixtures.seeds import derived

BLOCK = 50
"""Draws in a compiled block: long enough to amortise its start, short enough to show progress and to stop soon."""


Given = tuple[Values, jax.Array, jax.Array]
"""The run arguments, and the centre and the unit of the frame."""


@functools.lru_cache(CACHED)
def _kernel(
    program: Program, sites: Sites, options: NutsOptions, is_vectorized: bool
) -> tuple[Callable[..., Any], ...]:
    """Two compiled functions: (keys, v, (data, centre, unit)) -> states, and (states, (data, centre, unit)) -> states, one block of draws.

    Chains move v, in the units of a `Frame`.
    """
    log_density, _, _ = vector_functions(program, sites, prior=True, jacobian=True)

    def potential(data: Values, centre: jax.Array, unit: jax.Array) -> Callable[[jax.Array], jax.Array]:
        return lambda v: -log_density(centre + unit * v, data)

    def nuts(key: jax.Array, v: jax.Array, given: Given) -> tuple[Any, Callable[..., Any]]:
        # The kernel keeps what its init has seen: it must be made anew wherever it is traced.
        init, sample = hmc(potential_fn_gen=potential, algo="NUTS")
        state = init(
            v,
            num_warmup=options.tune,
            target_accept_prob=options.target_accept,
            dense_mass=options.is_dense,
            model_args=given,
            rng_key=key,
        )
        return state, sample

    def start(key: jax.Array, v: jax.Array, given: Given) -> Any:
        return nuts(key, v, given)[0]

    def advance(state: Any, given: Given) -> tuple[Any, Values]:
        _, sample = nuts(state.rng_key, state.z, given)

        def step(state: Any, _: None) -> tuple[Any, Values]:
            state = sample(state, given)
            return state, _record(state)

        return jax.lax.scan(step, state, None, length=BLOCK)

    blocks = ON_ONE_CORE if options.precision == "float64" and jax.default_backend() == "cpu" else None
    if is_vectorized:
        start, advance = jax.vmap(start, (0, 0, None)), jax.vmap(advance, (0, None))
    return jit(start), jit(advance, blocks)


def _record(state: Any) -> Values:
    return {
        "v": state.z,
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
    starts: Starts,
    options: NutsOptions,
    *,
    progress: bool,
    store: BlockKeeper | None,
    is_stopped: Callable[[], bool],
) -> Draws:
    """Draws of every parameter, one chain from each start; fewer than asked for if stopped."""
    with jax.enable_x64(options.precision == "float64"):
        joined = _drawn(program, sites, data, starts, options, progress, store, is_stopped)
    u = starts.frame.outward(joined.pop("v").astype(np.float64))
    values = constrained_draws(program, sites)(jnp.asarray(u), data)
    parameters = {site.name: np.asarray(values[site.name]) for site in sites.parameters}
    depth = np.floor(np.log2(np.maximum(joined["n_steps"], 1))).astype(int) + 1
    return Draws(parameters, {**joined, "tree_depth": depth})


def _drawn(
    program: Program,
    sites: Sites,
    data: Values,
    starts: Starts,
    options: NutsOptions,
    progress: bool,
    store: BlockKeeper | None,
    is_stopped: Callable[[], bool],
) -> dict[str, np.ndarray]:
    """The draws of the vector, and the sampler's statistics, (chains, draws, ...), in the precision of the scope."""
    chains, tune = len(starts.vectors), options.tune
    devices = _accelerators()
    # As one vectorised program chains wait for the longest of their trees: on two cores side by side is three times as fast.
    is_vectorized = chains > 1 and len(devices) > 0
    # one program serves every seed and number of draws
    start, advance = _kernel(program, sites, replace(options, seed=0, draws=0), is_vectorized)
    frame = starts.frame
    given, begin = (
        jax.tree.map(jnp.asarray, (data, frame.centre, frame.unit)),
        jnp.asarray(frame.inward(starts.vectors)),
    )
    keys = jax.random.split(jax.random.PRNGKey(derived(options.seed, "sample_nuts")), chains)
    groups: list[Any] = list(range(chains))
    if is_vectorized:
        groups = [
            slice(group[0], group[-1] + 1) for group in np.array_split(np.arange(chains), min(chains, len(devices)))
        ]
    lanes = []
    for number, group in enumerate(groups):
        own, at, rows = keys[group], begin[group], given
        if is_vectorized:
            own, at, rows = jax.device_put((own, at, rows), devices[number])
        first = group.start if is_vectorized else group
        lanes.append(_Lane(first, start, advance, own, at, rows, tune // BLOCK, store))
    _run(lanes, -(-(tune + options.draws) // BLOCK), chains, progress, is_stopped)
    return _joined(lanes, tune, options.draws)


def _accelerators() -> list[jax.Device]:
    """The devices that chains are shared out among; none on a CPU."""
    return [] if jax.default_backend() == "cpu" else jax.local_devices()


class _Lane:
    """Chains that advance together, known by the first of them: one, or those of one device. It begins where its stored blocks end."""

    def __init__(
        self,
        number: int,
        start: Callable[..., Any],
        advance: Callable[..., Any],
        keys: jax.Array,
        vectors: jax.Array,
        given: Given,
        first_kept: int,
        store: BlockKeeper | None,
    ):
        self.number, self.step, self.given, self.first_kept, self.store = number, advance, given, first_kept, store
        blocks = store.read(number) if store is not None else []
        self.done = len(blocks)
        self.kept = [block.record for block in blocks[first_kept:]]
        if not blocks:
            self.state = start(keys, vectors, given)
            return
        expected, stored = jax.eval_shape(start, keys, vectors, given), blocks[-1].state
        kinds = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(expected)]
        if any([(leaf.shape, leaf.dtype) for leaf in block.state] != kinds for block in blocks):
            raise StoredFileError(
                "store",
                got="a sampler's state of another kind: chains that ran together on another kind or number of devices",
                expected="the devices that the run began on",
                advice="Resume it there, or begin a new run.",
            )
        _check_records(jax.eval_shape(self.step, expected, self.given)[1], blocks, first_kept)
        leaves = jax.device_put([jnp.asarray(leaf) for leaf in stored], vectors.device)
        self.state = jax.tree.unflatten(jax.tree.structure(expected), leaves)

    def launch(self) -> None:
        """Begin one more block; the call returns while it is computed."""
        self.pending = self.step(self.state, self.given)

    def finish(self) -> list[int]:
        """Keep the block that was begun; how many draws of each chain diverged so far, once warm-up is over."""
        self.state, record = self.pending
        chains = record["lp"].ndim == 2
        is_kept = self.done >= self.first_kept
        arrays = {name: np.asarray(v if chains else v[None]) for name, v in record.items()} if is_kept else {}
        if self.store is not None:
            state = [np.asarray(leaf) for leaf in jax.tree.leaves(self.state)]
            self.store.write(self.number, self.done, Block(arrays, state))
        if is_kept:
            self.kept.append(arrays)
        self.done += 1
        counts = np.zeros(len(record["lp"]) if chains else 1, dtype=int)
        return sum((part["diverging"].sum(axis=1) for part in self.kept), counts).tolist()


def _check_records(expected: Values, blocks: list[Block], first_kept: int) -> None:
    """Check that stored blocks hold what the sampler records: nothing in warm-up, and then every statistic of every draw.

    Raises:
        StoredFileError: they hold something else.
    """
    is_joint = expected["lp"].ndim == 2
    kept = {name: (value.shape if is_joint else (1, *value.shape), value.dtype) for name, value in expected.items()}
    for number, block in enumerate(blocks):
        found = {name: (values.shape, values.dtype) for name, values in block.record.items()}
        if found != (kept if number >= first_kept else {}):
            raise StoredFileError(
                "store",
                got=f"block {number} with {', '.join(found) or 'no record'} in other shapes or types than the sampler's",
                expected=", ".join(kept) if number >= first_kept else "no record in warm-up",
                advice="Restore it from a copy, or delete it and those after it, and resume.",
            )


def _run(lanes: list[_Lane], blocks: int, chains: int, progress: bool, is_stopped: Callable[[], bool]) -> None:
    """Block after block, all lanes side by side, so that chains are equally long whenever the run is stopped."""
    with ChainBars(chains, BLOCK * blocks, progress) as bars:
        for block in range(blocks):
            if is_stopped():
                return
            behind = [lane for lane in lanes if lane.done <= block]
            for lane in behind:
                lane.launch()
            for lane in behind:
                for chain, count in enumerate(lane.finish(), start=lane.number):
                    bars.reach(chain, BLOCK * lane.done, count)


def _joined(lanes: list[_Lane], tune: int, draws: int) -> dict[str, np.ndarray]:
    """The draws after warm-up, (chains, draws, ...), as many as all chains have."""
    blocks = min(len(lane.kept) for lane in lanes)
    skip = tune % BLOCK
    if blocks * BLOCK <= skip:
        raise KeyboardInterrupt(NO_DRAWS)

    def series(lane: _Lane, name: str) -> np.ndarray:
        return np.concatenate([part[name] for part in lane.kept[:blocks]], axis=1)[:, skip : skip + draws]

    return {name: np.concatenate([series(lane, name) for lane in lanes]) for name in lanes[0].kept[0]}


@functools.lru_cache(CACHED)
def constrained_draws(program: Program, sites: Sites) -> Callable[[jax.Array, Values], Values]:
    """The compiled map from vectors (chains, draws, size) to constrained values by site."""
    _, constrain, _ = vector_functions(program, sites, prior=True, jacobian=True)
    return jit(jax.vmap(jax.vmap(constrain, (0, None)), (0, None)))


@functools.lru_cache(CACHED)
def unconstrained_starts(program: Program, sites: Sites) -> Callable[[Values, Values], jax.Array]:
    """The compiled map from starts (chains, ...) by site to vectors."""
    _, _, unconstrain = vector_functions(program, sites, prior=True, jacobian=True)
    return jit(jax.vmap(unconstrain, (0, None)))
