"""nutpie's NUTS on the compiled log density: its sampler runs in Rust, a thread a chain, and calls back for one array a step.

NumPyro's sampler spends about 100 microseconds on a leapfrog step beside the gradient; here a step costs one call of a compiled
function. Each chain has a sampler of its own, so that starts and seeds belong to chains whatever the threads do.
"""

import ctypes
import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inference.engines import own_devices
from inference.engines.numpyro_nuts import constrained_draws, unconstrained_starts
from inference.engines.numpyro_sites import CACHED, Values
from inference.engines.numpyro_vector import vector_functions
from inference.engines.nuts_options import NutsOptions
from inference.engines.progress import ChainBars
from inference.engines.protocol import Draws
from inference.engines.sites import Sites
from mixtures import Program

POLL = 0.02
"""Seconds to wait for a chain before the next is looked at."""

NUDGE = 1e-3
"""How far chains begin from their starts, relatively; starts at zero by as much on the unconstrained scale."""

STATS = {
    "logp": "lp",
    "energy": "energy",
    "diverging": "diverging",
    "n_steps": "n_steps",
    "mean_tree_accept": "acceptance_rate",
    "step_size": "step_size",
    "depth": "tree_depth",
}
"""nutpie's names of the statistics, and ArviZ's."""


@functools.lru_cache(CACHED)
def _compiled(program: Program, sites: Sites) -> Callable[[np.ndarray, Values], jax.Array]:
    """(vector, data) -> the log density and its gradient in one array: one output is one conversion."""
    log_density, _, _ = vector_functions(program, sites, prior=True, jacobian=True)

    def both(u: jax.Array, data: Values) -> jax.Array:
        value, gradient = jax.value_and_grad(log_density)(u, data)
        return jnp.concatenate([value[None], gradient])

    return jax.jit(both)


def sample(
    program: Program,
    sites: Sites,
    data: Values,
    starts: Values,
    options: NutsOptions,
    *,
    progress: bool,
    is_stopped: Callable[[], bool],
) -> Draws:
    """Draws of every parameter, one chain from each start; fewer than asked for if stopped."""
    data = jax.tree.map(jnp.asarray, data)
    vectors = np.asarray(unconstrained_starts(program, sites)(starts, data))
    density = _compiled(program, sites)
    near = jax.device_put(data, own_devices.synchronous())
    density(vectors[0], near).block_until_ready()  # compile here, not in a thread
    seeds = np.random.SeedSequence(options.seed).generate_state(len(vectors))
    chains = [
        _Chain(density, near, vector, replace(options, seed=int(own)))
        for vector, own in zip(vectors, seeds, strict=True)
    ]
    _run(chains, options.draws + options.tune, progress, is_stopped)
    finished = [chain.result() for chain in chains]
    count = min(len(record["lp"]) for record in finished)
    if count == 0:
        raise KeyboardInterrupt("stopped in warm-up: there are no draws yet")
    joined = {name: np.stack([record[name][:count] for record in finished]) for name in finished[0]}
    values = constrained_draws(program, sites)(jnp.asarray(joined.pop("u")), data)
    return Draws({site.name: np.asarray(values[site.name]) for site in sites.parameters}, joined)


class _Chain:
    """One chain and its sampler's thread."""

    def __init__(self, density: Callable[..., jax.Array], data: Values, start: np.ndarray, options: NutsOptions):
        self.density, self.data, self.start, self.options = density, data, start, options
        self.drawn = 0
        self.held: int | None = None
        self.sampler: Any = None
        self.trace: Any = None

    def launch(self) -> None:
        """Begin, in the background."""
        import nutpie
        from nutpie.compiled_pyfunc import from_pyfunc

        size = len(self.start)
        model = from_pyfunc(
            size,
            make_logp_fn=lambda: self._log_density,
            make_expand_fn=lambda *_: self._expand,
            expanded_dtypes=[np.dtype(np.float64)],
            expanded_shapes=[(size,)],
            expanded_names=["u"],
            make_initial_point_fn=self._begin,
        )
        self.sampler = nutpie.sample(
            model,
            draws=self.options.draws,
            tune=self.options.tune,
            chains=1,
            cores=1,
            seed=self.options.seed,
            target_accept=self.options.target_accept,
            progress_bar=False,
            return_raw_trace=True,
            blocking=False,
        )

    def _begin(self, seed: int) -> np.ndarray:
        # nutpie refuses a point where a derivative is exactly zero, as it is for the weights where components start alike
        relative, absolute = NUDGE * np.random.default_rng(seed).normal(size=(2, len(self.start)))
        return np.where(self.start == 0, absolute, self.start * (1 + relative))

    def _log_density(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        if not jax.enable_x64.value:
            self._enter_thread()
        both = np.asarray(self.density(u, self.data))
        return float(both[0]), both[1:]

    def _enter_thread(self) -> None:
        """What costs more than the density, once for the life of the sampler's thread: 64-bit mode, and Python's record of the thread.

        A thread of Rust's has no such record: each call made one and destroyed it, unless somebody holds it.
        """
        self.held = ctypes.pythonapi.PyGILState_Ensure()
        jax.enable_x64(True).__enter__()

    def _expand(self, u: np.ndarray) -> dict[str, np.ndarray]:
        self.drawn += 1
        if self.drawn == self.options.tune + self.options.draws:
            ctypes.pythonapi.PyGILState_Release(self.held)
        return {"u": u.copy()}

    def is_finished(self, seconds: float) -> bool:
        """Whether all draws are made, after waiting for so long at most."""
        if self.trace is None:
            try:
                self.trace = self.sampler.wait(timeout=seconds)
            except TimeoutError:
                return False
        return True

    def result(self) -> dict[str, np.ndarray]:
        """The draws after warm-up, all there are."""
        import pyarrow

        trace = self.sampler.abort() if self.trace is None else self.trace
        draws, stats = ([pyarrow.record_batch(batch) for batch in batches] for batches in trace.get_arrow_trace())
        u = np.concatenate([batch["u"].flatten().to_numpy() for batch in draws]).reshape(-1, len(self.start))
        columns = {
            name: np.concatenate([batch[key].to_numpy(zero_copy_only=False) for batch in stats])
            for key, name in {**STATS, "tuning": "tuning"}.items()
        }
        kept = ~columns.pop("tuning").astype(bool)
        return {"u": u[kept], **{name: values[kept] for name, values in columns.items()}}


def _run(chains: list[_Chain], total: int, progress: bool, is_stopped: Callable[[], bool]) -> None:
    """All chains at once, so that they are about equally long whenever the run is stopped."""
    for chain in chains:
        chain.launch()
    with ChainBars(len(chains), total, progress) as bars:
        while not all(chain.is_finished(POLL) for chain in chains) and not is_stopped():
            for number, chain in enumerate(chains):
                bars.reach(number, chain.drawn)
        for number, chain in enumerate(chains):
            bars.reach(number, chain.drawn)
