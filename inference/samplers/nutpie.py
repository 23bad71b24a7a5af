"""nutpie's NUTS on the compiled log density: its sampler runs in Rust, a thread a chain, and calls back for one array a step.

It learns the masses from gradients too, and so walks shorter trees than NumPyro's for the same effective draws. Each chain has a sampler
of its own: starts and seeds belong to chains whatever the threads do.
"""

import ctypes
import inspect
import math
import time
import timeit
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from inference.backends.numpyro import devices as own_devices
from inference.backends.target import Target
from inference.samplers.called_density import called
from inference.samplers.jax_targets import constrained_draws
from inference.samplers.options import NutsOptions
from inference.samplers.progress import ChainBars
from inference.samplers.protocol import NO_DRAWS, BlockKeeper, Draws, Starts
from inference.samplers.start_check import check_starts
from mixtures.errors import FitError
from mixtures.seeds import derived, generator

POLL = 0.02
"""Seconds to wait for a chain before the next is looked at."""

TURN = 0.2
"""Seconds that a chain runs before one that waits takes its place."""

LOOK = 2.0
"""Seconds between two looks at how many draws diverged: the trace is copied for it."""

LOCKED = 20e-6
"""Seconds of a step in which Python's lock is held or handed over."""

NUDGES = (1e-3, 1e-2, 1e-1, 1e-4, 1e-6)
"""How far chains begin from their starts, in units of the frame. The first that serves is taken."""

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
    del store  # its sampler's state stays in Rust
    with jax.enable_x64(True):
        return _sample(target, starts, options, progress, is_stopped)


def _sample(
    target: Target, starts: Starts, options: NutsOptions, progress: bool, is_stopped: Callable[[], bool]
) -> Draws:
    frame = starts.frame
    vectors = frame.inward(starts.vectors)
    density = called(target, frame)
    seeds = [derived(options.seed, "sample_nuts", chain) for chain in starts.numbers]
    begins = [_nudged(density, vector, own) for vector, own in zip(vectors, seeds, strict=True)]
    seen = np.array([density(begin) for begin in begins])
    check_starts(seen[:, 0], seen[:, 1:], needs_slope=True, first=starts.first)
    chains = [_Chain(density, begin, replace(options, seed=own)) for begin, own in zip(begins, seeds, strict=True)]
    is_sharded = target.sharded is not None
    at_once = 1 if is_sharded else _useful_at_once(density, begins[0], len(chains))
    # devices of several processes want the same calls in the same order: no chain is paused by the clock
    turn = math.inf if is_sharded and jax.process_count() > 1 else TURN
    try:
        _run(chains, at_once, turn, options.draws + options.tune, progress, is_stopped)
        finished = [chain.result() for chain in chains]
    except BaseException:
        for chain in chains:
            chain.leave()
        raise
    count = min(len(record["lp"]) for record in finished)
    if count == 0:
        raise KeyboardInterrupt(NO_DRAWS)
    joined = {name: np.stack([record[name][:count] for record in finished]) for name in finished[0]}
    return Draws(constrained_draws(target, frame.outward(joined.pop("v"))), joined)


def _metric(sample: Callable[..., Any], is_dense: bool) -> dict[str, Any]:
    """How nutpie is asked for its low-rank metric: by `adaptation`, from 0.16.9 on."""
    if "adaptation" in inspect.signature(sample).parameters:
        return {"adaptation": "low_rank" if is_dense else "diag"}
    return {"low_rank_modified_mass_matrix": is_dense}


def _nudged(density: Callable[[np.ndarray], np.ndarray], start: np.ndarray, seed: int) -> np.ndarray:
    """A point near a start, and where nutpie can begin if one is found; chains from one start begin apart.

    nutpie refuses a point where a derivative is exactly zero, as it is for the weights where components start alike.
    """
    rng = generator(seed, "nudge")
    for size in NUDGES:
        point = start + size * rng.normal(size=len(start))
        both = density(point)
        if np.isfinite(both).all() and (both[1:] != 0).all():
            break
    return point


class _Chain:
    """One chain and its sampler's thread."""

    def __init__(self, density: Callable[[np.ndarray], np.ndarray], start: np.ndarray, options: NutsOptions):
        self.density, self.start, self.options = density, start, options
        self.drawn = 0
        self.held: int | None = None
        self.sampler: Any = None
        self.trace: Any = None
        self.record: dict[str, np.ndarray] | None = None

    def go_on(self) -> None:
        """Begin, in the background, or resume."""
        if self.sampler is None:
            self._launch()
        else:
            self.sampler.resume()

    def pause(self) -> None:
        """Stop after the draw that is being made."""
        self.sampler.pause()

    def _launch(self) -> None:
        import nutpie
        from nutpie.compiled_pyfunc import from_pyfunc

        size = len(self.start)
        model = from_pyfunc(
            size,
            make_logp_fn=lambda: self._log_density,
            make_expand_fn=lambda *_: self._expand,
            expanded_dtypes=[np.dtype(np.float64)],
            expanded_shapes=[(size,)],
            expanded_names=["v"],
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
            **_metric(nutpie.sample, self.options.is_dense),
            progress_bar=False,
            return_raw_trace=True,
            blocking=False,
        )

    def _begin(self, seed: int) -> np.ndarray:
        return self.start

    def _log_density(self, v: np.ndarray) -> tuple[float, np.ndarray]:
        if not jax.enable_x64.value:
            self._enter_thread()
        both = self.density(v)
        return float(both[0]), both[1:]

    def _enter_thread(self) -> None:
        """What costs more than the density, once for the life of the sampler's thread: 64-bit mode, and Python's record of the thread.

        A thread of Rust's has no such record: each call made one and destroyed it, unless somebody holds it.
        """
        self.held = ctypes.pythonapi.PyGILState_Ensure()
        jax.enable_x64(True).__enter__()

    def _expand(self, v: np.ndarray) -> dict[str, np.ndarray]:
        self.drawn += 1
        if self.drawn == self.options.tune + self.options.draws:
            ctypes.pythonapi.PyGILState_Release(self.held)
        return {"v": v.copy()}

    def is_finished(self, seconds: float) -> bool:
        """Whether all draws are made, after waiting for so long at most."""
        if self.trace is None:
            try:
                self.trace = self.sampler.wait(timeout=seconds)
            except TimeoutError:
                return False
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # what Rust throws is no Exception
                raise FitError(
                    "sample_nuts",
                    got=f"a failure inside nutpie ({str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__})",
                    expected="a log density that it can follow",
                    advice="Start from a sound fit (see its status), or use sampler='numpyro'.",
                ) from None
        return True

    def result(self) -> dict[str, np.ndarray]:
        """The draws after warm-up, all there are."""
        if self.sampler is None:
            raise KeyboardInterrupt(NO_DRAWS)
        if self.record is None:  # a trace can be read once
            self.record = self._read(self.sampler.abort() if self.trace is None else self.trace)
        return self.record

    def leave(self) -> None:
        """End the sampler's thread, whatever has become of it: it must not outlive the interpreter."""
        if self.sampler is not None and self.trace is None and self.record is None:
            with suppress(Exception):
                self.sampler.abort()

    def divergences(self) -> int:
        """How many of the draws after warm-up diverged, so far."""
        if self.sampler is None:
            return 0
        record = self._read(self.sampler.inspect()) if self.trace is None else self.result()
        return int(record["diverging"].sum())

    def _read(self, trace: Any) -> dict[str, np.ndarray]:
        import pyarrow

        draws, stats = ([pyarrow.record_batch(batch) for batch in batches] for batches in trace.get_arrow_trace())
        v = np.concatenate([batch["v"].flatten().to_numpy() for batch in draws]).reshape(-1, len(self.start))
        columns = {
            name: np.concatenate([batch[key].to_numpy(zero_copy_only=False) for batch in stats])
            for key, name in {**STATS, "tuning": "tuning"}.items()
        }
        kept = ~columns.pop("tuning").astype(bool)
        return {"v": v[kept], **{name: values[kept] for name, values in columns.items()}}


def _run(
    chains: list[_Chain], at_once: int, turn: float, total: int, progress: bool, is_stopped: Callable[[], bool]
) -> None:
    """Chains in turns, `at_once` of them at a time, so that they are about equally long whenever the run is stopped."""
    waiting, running = deque(chains), deque[_Chain]()
    look = time.monotonic() + LOOK
    with ChainBars(len(chains), total, progress) as bars:
        while (waiting or running) and not is_stopped():
            while waiting and len(running) < at_once:
                running.append(waiting.popleft())
                running[-1].go_on()
            end = time.monotonic() + min(turn, LOOK)
            while not any(chain.is_finished(POLL) for chain in running) and time.monotonic() < end:
                pass
            running = deque(chain for chain in running if not chain.is_finished(0.0))
            if waiting and len(running) == at_once and turn < math.inf:
                waiting.append(running.popleft())
                waiting[-1].pause()
            is_time = progress and time.monotonic() > look
            for number, chain in enumerate(chains):
                bars.reach(number, chain.drawn, chain.divergences() if is_time else None)
            look = time.monotonic() + LOOK if is_time else look
        if progress:
            for number, chain in enumerate(chains):
                bars.reach(number, chain.drawn, chain.divergences())


def _useful_at_once(density: Callable[[np.ndarray], np.ndarray], u: np.ndarray, chains: int) -> int:
    """How many chains to run at a time: one a core, but no more than Python's lock, held for a part of each call, leaves room for.

    Chains that wait for the lock cost more than chains that wait for their turn: with 1000 rows on two cores, four at once took 1.4 times
    as long as one after the other.
    """
    seconds = min(timeit.repeat(lambda: density(u), number=10, repeat=3)) / 10
    return max(1, min(chains, own_devices.available(), int(seconds / LOCKED)))
