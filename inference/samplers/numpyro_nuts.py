"""Collapsed NUTS by NumPyro's kernel, driven in blocks: the assignments are summed out before the sampler sees the density.

`numpyro.infer.MCMC` would compile again for every run and cannot be interrupted; here one compiled block of draws, which takes the data
as an argument, serves warm-up and sampling, every seed, and new data of the same shape.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inference.backends.numpyro.jit import ON_ONE_CORE, Compiled, jit, recorded
from inference.backends.numpyro.sites import CACHED, Values
from inference.backends.pieces import Pace
from inference.backends.target import Density, Target
from inference.samplers.jax_targets import constrained_draws
from inference.samplers.nuts_moves import Given, Moves, of_all, record_of_all
from inference.samplers.options import NutsOptions
from inference.samplers.progress import ChainBars
from inference.samplers.protocol import NO_DRAWS, Block, BlockKeeper, Draws, Starts
from inference.samplers.start_check import check_starts
from inference.samplers.stored_blocks import continued
from inference.samplers.subsampling import of_some, record_of_some, with_total
from mixtures.interrupts import held_interrupts
from mixtures.seeds import derived

BLOCK = 50
"""Draws in a compiled block: long enough to amortise its start, short enough to show progress and to stop soon."""


def _moves(density: Density, options: NutsOptions) -> tuple[Moves, Callable[[Any], Values]]:
    """How chains move, and what is recorded of a state."""
    if options.max_rows is None:
        return of_all(density, options), record_of_all
    return of_some(density, options.max_rows, options), record_of_some


@functools.lru_cache(CACHED)
def _kernel(density: Density, options: NutsOptions, is_vectorized: bool) -> tuple[Compiled, Compiled]:
    """Two compiled functions: (keys, v, given) -> states, and (states, draws, gradients, given) -> states, record, draws made, gradients
    taken, where it ends when so many draws are made or so many gradients taken.

    Chains move v, in the units of a `Frame`.
    """
    nuts, record_of = _moves(density, options)

    def start(key: jax.Array, v: jax.Array, given: Given) -> Any:
        return nuts(key, v, given)[0]

    def advance(state: Any, draws: Any, gradients: Any, given: Given) -> tuple[Any, Values, Any, Any]:
        _, sample = nuts(state.rng_key, state.z, given)

        def goes_on(held: tuple[Any, Values, Any, Any]) -> jax.Array:
            _, _, made, taken = held
            return (made < draws) & (taken < gradients)

        def step(held: tuple[Any, Values, Any, Any]) -> tuple[Any, Values, Any, Any]:
            state, record, made, taken = held
            state = sample(state)
            longest = jax.lax.pmax(state.num_steps, "chains") if is_vectorized else state.num_steps
            return state, recorded(record, record_of(state), made), made + 1, taken + longest

        blank = jax.tree.map(lambda value: jnp.zeros((BLOCK, *value.shape), value.dtype), record_of(state))
        return jax.lax.while_loop(goes_on, step, (state, blank, 0, jnp.zeros((), state.num_steps.dtype)))

    blocks = ON_ONE_CORE if options.precision == "float64" and jax.default_backend() == "cpu" else None
    if is_vectorized:
        start = jax.vmap(start, (0, 0, None))
        advance = jax.vmap(advance, (0, None, None, None), (0, 0, None, None), axis_name="chains")
    return jit(start), jit(advance, blocks)


def sample(
    target: Target,
    starts: Starts,
    options: NutsOptions,
    *,
    progress: bool,
    store: BlockKeeper | None,
    is_stopped: Callable[[], bool],
) -> Draws:
    """Draws of every parameter, one chain from each start; fewer than asked for if stopped."""
    with jax.enable_x64(options.precision == "float64"):
        joined = _drawn(target, starts, options, progress, store, is_stopped)
    parameters = constrained_draws(target, starts.frame.outward(joined.pop("v").astype(np.float64)))
    depth = np.floor(np.log2(np.maximum(joined["n_steps"], 1))).astype(int) + 1
    return Draws(parameters, {**joined, "tree_depth": depth})


def _drawn(
    target: Target,
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
    start, advance = _kernel(target.density, replace(options, seed=0, draws=0), is_vectorized)
    frame = starts.frame
    given, begin = jax.device_put(((target.data, frame.centre, frame.unit), frame.inward(starts.vectors)))
    if options.max_rows is not None:
        given = with_total(target, given)
    keys = jax.random.split(jax.random.PRNGKey(derived(options.seed, "sample_nuts")), starts.all or chains)
    keys = keys[starts.first : starts.first + chains]
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
        lanes.append(_Lane(first, (start, advance), (own, at, rows), tune // BLOCK, store))
    fresh = [lane.state for lane in lanes if lane.done == 0]
    if fresh:
        joined = np.concatenate([np.atleast_1d(state.potential_energy) for state in fresh])
        slopes = np.concatenate([np.atleast_2d(state.z_grad) for state in fresh])
        check_starts(-joined, slopes, first=starts.first)
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
        kernel: tuple[Compiled, Compiled],
        begin: tuple[jax.Array, jax.Array, Given],
        first_kept: int,
        store: BlockKeeper | None,
    ):
        start, self.step = kernel
        keys, vectors, self.given = begin
        self.number, self.first_kept, self.store = number, first_kept, store
        blocks = store.read(number) if store is not None else []
        self.done = len(blocks)
        self.kept = [block.record for block in blocks[first_kept:]]
        self.begun: list[dict[str, np.ndarray]] = []
        self.made = 0
        if not blocks:
            self.state = start(keys, vectors, self.given)
            return
        expected = jax.eval_shape(start.launch, keys, vectors, self.given)
        records = jax.eval_shape(self.step.launch, expected, BLOCK, 1, self.given)[1]
        if records["lp"].ndim == 1:  # one chain, which is stored with an axis of chains
            records = {name: jax.ShapeDtypeStruct((1, *value.shape), value.dtype) for name, value in records.items()}
        self.state = jax.device_put(continued(blocks, expected, records, first_kept), vectors.device)

    def launch(self, gradients: int) -> None:
        """Begin to make draws of the block, until so many gradients are taken; the call returns while they are computed."""
        self.pending = self.step.launch(self.state, BLOCK - self.made, gradients, self.given)

    def take(self) -> int:
        """Wait for these draws; how many gradients they took."""
        self.state, record, made, taken = self.pending
        chains, count = record["lp"].ndim == 2, int(made)
        self.begun.append({name: np.asarray(v if chains else v[None])[:, :count] for name, v in record.items()})
        self.made += count
        return int(taken)

    def finish(self) -> None:
        """Keep what there is of the block, and store it if it is whole."""
        is_kept, is_whole = self.done >= self.first_kept, self.made == BLOCK
        whole = {name: np.concatenate([part[name] for part in self.begun], axis=1) for name in self.begun[0]}
        arrays = whole if is_kept else {}
        if self.store is not None and is_whole:
            state = [np.asarray(leaf) for leaf in jax.tree.leaves(self.state)]
            self.store.write(self.number, self.done, Block(arrays, state))
        if is_kept:
            self.kept.append(arrays)
        self.done += is_whole
        self.begun, self.made = [], 0

    @property
    def divergences(self) -> list[int]:
        """How many draws of each chain diverged so far, once warm-up is over."""
        each = [part["diverging"].sum(axis=1) for part in self.kept]
        return np.sum(each, axis=0).tolist() if each else []

    @property
    def length(self) -> int:
        """How many draws are kept, those of warm-up in the first block among them."""
        return sum(part["lp"].shape[1] for part in self.kept)


def _run(lanes: list[_Lane], blocks: int, chains: int, progress: bool, is_stopped: Callable[[], bool]) -> None:
    """Block after block, all lanes side by side, so that chains are about equally long whenever the run is stopped."""
    pace = Pace()
    with ChainBars(chains, BLOCK * blocks, progress) as bars:
        for block in range(blocks):
            behind = [lane for lane in lanes if lane.done <= block]
            while (at_work := [lane for lane in behind if lane.made < BLOCK]) and not is_stopped():
                begin = time.perf_counter()
                with held_interrupts():
                    for lane in at_work:
                        lane.launch(pace.steps)
                    taken = [lane.take() for lane in at_work]
                pace.learn(max(taken), begin)
                for lane in at_work:
                    bars.reach(lane.number, BLOCK * lane.done + lane.made)
            for lane in behind:
                if lane.made > 0:
                    lane.finish()
                for chain, count in enumerate(lane.divergences, start=lane.number):
                    bars.reach(chain, BLOCK * lane.done, count)
            if is_stopped():
                return


def _joined(lanes: list[_Lane], tune: int, draws: int) -> dict[str, np.ndarray]:
    """The draws after warm-up, (chains, draws, ...), as many as all chains have."""
    skip = tune % BLOCK
    end = min(skip + draws, *(lane.length for lane in lanes))
    if end <= skip:
        raise KeyboardInterrupt(NO_DRAWS)

    def series(lane: _Lane, name: str) -> np.ndarray:
        return np.concatenate([part[name] for part in lane.kept], axis=1)[:, skip:end]

    return {name: np.concatenate([series(lane, name) for lane in lanes]) for name in lanes[0].kept[0]}
