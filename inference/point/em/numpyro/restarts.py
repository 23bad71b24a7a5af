"""EM compiled by JAX: many restarts in the lanes of one program, data as arguments.

A lane holds one restart. Whenever a few iterations are done, restarts that came to rest leave their lanes to the next ones, so that a
slow restart delays no other. Within an iteration rows pass in blocks that stay in the cache, the E-step and the sums for the M-step
fused, so that memory does not grow with the number of rows. Many rows are shared out among the cores, one restart after the other.
"""

import functools
import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inference.backends.numpyro.devices import available
from inference.backends.numpyro.filled import filled_number
from inference.backends.numpyro.jit import jit
from inference.point.em.closed_form import State, Statistics
from inference.point.em.e_step import Block, e_step, with_prior
from inference.point.em.loop import run_by_numpy
from inference.point.em.m_steps.grouped import GroupedEM
from inference.point.em.m_steps.registry import is_slow
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.numpyro.chain_passes import passes
from inference.point.em.numpyro.group_passes import over_groups
from inference.point.em.numpyro.lanes import Lanes
from inference.point.em.numpyro.mesh_passes import over_mesh
from inference.point.em.numpyro.passes import data_of, in_shares, over_rows
from inference.point.em.numpyro.source_passes import over_source
from inference.point.em.paths import FEW_CELLS, numpy_pass
from inference.point.em.problem import EMProblem, EMResult, Outcome, first_of
from inference.point.em.restarts import SHARED_CELLS
from inference.workers import meshed

CACHED = 32
"""How many compiled programs are kept, of 5 MB each."""

CHUNK = 64
"""Iterations between two looks at which restarts are done."""

MAX_LANES = 32
"""Restarts in one program at most."""

LANE_CELLS = 14_000
"""Numbers of whitened data, components x features x rows, that the lanes hold together: enough to hide what an operation costs however
small it is, and no more, because lanes whose restart is done wait for the others."""

GROUPED_CELLS = 60_000
"""From so many numbers on, components x features x rows, a pass over groups is compiled, once for each of their lengths."""

MOST_THREADS = 16
"""Beyond so many, adding up their sums costs more than another one saves."""

BLOCK_CELLS = 24_000
"""Numbers of whitened data in one block of rows: 200 kB, so that they and what is made of them stay in a core's cache."""


OF_LANES = ("x", "row_weights", "labels", "centre", "unit", "total", "base")
"""What a lane has of its own where restarts climb on data of their own."""


def run_restarts(problem: EMProblem, states: State) -> EMResult:
    """EM from every state, (restarts, ...) by name: a loop in Python, which looks for Ctrl-C itself."""
    with jax.enable_x64(True):
        return _run([problem], states)


def run_each_on_its_own(problems: Sequence[EMProblem], states: State) -> EMResult | None:
    """The same, restart i on problem i; None where such problems have no lanes."""
    problem, components = problems[0], problems[0].closed_form.components_of(states)
    cells = problem.x.size * components
    if problem.closed_form.law.follows or problem.closed_form.is_damped or cells >= SHARED_CELLS:
        return None
    restarts = len(problems)
    # as many as there are lanes at least, so that every round is the same program: those that fill them up are run in vain
    filled = np.minimum(np.arange(max(restarts, _lanes(MAX_LANES, cells))), restarts - 1)
    with jax.enable_x64(True):
        found = _run([problems[i] for i in filled], {name: value[filled] for name, value in states.items()})
    return first_of(found, restarts)


def _run(problems: Sequence[EMProblem], states: State) -> EMResult:
    """On one problem, or each restart on its own."""
    problem, is_own = problems[0], len(problems) > 1
    restarts = len(next(iter(states.values())))
    rows, features = problem.x.shape
    components = problem.closed_form.components_of(states)
    if problem.closed_form.law.follows:
        return _run_over_paths(problem, states, components)
    cells = components * features
    if problem.source is not None:
        with over_source(problem, _rows_at_once(cells)) as one_pass:
            return run_by_numpy(problem, states, one_pass)
    if (mesh := meshed()) is not None and not is_own and not is_slow(problem.closed_form.family):
        return run_by_numpy(problem, states, over_mesh(problem, _rows_at_once(cells), mesh))
    is_many, is_damped = rows * cells >= SHARED_CELLS, problem.closed_form.is_damped
    if is_damped and not is_many:
        return _run_by_numpy(problem, states)
    if is_damped or (is_many and jax.default_backend() == "cpu"):
        return _run_in_shares(problem, states, _rows_at_once(_lanes(restarts, rows * cells) * cells))
    return _run_in_lanes([_filled(problem) for problem in problems], states, components, is_own)


def _run_in_lanes(problems: Sequence[EMProblem], states: State, components: int, is_own: bool) -> EMResult:
    """Of few rows, restarts side by side."""
    problem, (rows, features) = problems[0], problems[0].x.shape
    cells = components * features
    count = _lanes(len(next(iter(states.values()))), rows * cells)
    # blocks of about equal length, for rows that the last one shares with the one before are computed twice
    block = -(-rows // max(1, round(rows / _rows_at_once(count * cells))))
    run = _compiled(problem.closed_forms, problem.is_hard, block, is_own)
    numbers = (problem.which, np.float64(problem.tolerance), problem.max_steps)
    lanes = Lanes(states, count, components)
    own = {name: np.stack(values) for name, values in _of_lanes(problems).items()} if is_own else {}
    data = _data(problem) | {name: value[:count] for name, value in own.items()}
    while lanes.are_held:
        is_other = lanes.take(*run(lanes.state, lanes.now, data, *numbers, lanes.enough))
        if own and is_other:
            data |= {name: value[[holder or 0 for holder in lanes.holders]] for name, value in own.items()}
    return lanes.result()


def _filled(problem: EMProblem) -> EMProblem:
    """The problem with further rows of weight 0, so that data of about as many rows share a compiled program."""
    rows = len(problem.x)
    more = filled_number(rows) - rows
    weights = np.ones(rows) if problem.row_weights is None else problem.row_weights
    if not more:
        return replace(problem, row_weights=weights)
    labels = problem.labels
    return replace(
        problem,
        x=np.pad(problem.x, ((0, more), (0, 0)), "edge"),
        row_weights=np.pad(weights, (0, more)),
        labels=None if labels is None else np.pad(labels, (0, more), constant_values=-1),
    )


def _rows_at_once(cells: int) -> int:
    """Rows in a block, of so many numbers of whitened data a row."""
    return max(256, BLOCK_CELLS // cells)


def _run_by_numpy(problem: EMProblem, states: State) -> EMResult:
    """Of few rows, where a loop in Python decides how long steps are, a pass is sooner done than a compiled program is called."""
    closed = problem.closed_form
    rows = Block(problem.seen, problem.row_weights, problem.labels)

    def one_pass(state: State) -> tuple[float, Statistics]:
        objective, statistics = e_step(np, closed, state, rows, problem.is_hard)
        return float(objective), statistics

    return run_by_numpy(problem, states, one_pass)


def _run_over_paths(problem: EMProblem, states: State, components: int) -> EMResult:
    """Of chains, over all paths, and of groups."""
    on_cpu = jax.default_backend() == "cpu"
    if isinstance(problem.closed_form.law, GroupedEM):
        cells = problem.x.size * components
        if cells < GROUPED_CELLS:
            return _run_by_numpy(problem, states)
        block = _rows_at_once(components * problem.x.shape[1])
        threads = min(available(), MOST_THREADS) if cells >= SHARED_CELLS else 1
        with over_groups(problem, block, threads) as one_pass:
            return run_by_numpy(problem, states, one_pass)
    cells = len(problem.x) * components**2
    if cells <= FEW_CELLS:
        return run_by_numpy(problem, states, numpy_pass(problem, components))
    threads = min(available(), MOST_THREADS) if cells >= SHARED_CELLS and on_cpu else 1
    with passes(problem, components, threads) as one_pass:
        return run_by_numpy(problem, states, one_pass)


def _run_in_shares(problem: EMProblem, states: State, block: int) -> EMResult:
    """Of many rows, each core has a share; the M-step is NumPy's."""
    threads = min(available(), MOST_THREADS)
    with in_shares(problem, block, threads) as one_pass:
        result = run_by_numpy(problem, states, one_pass)
    gc.collect(
        0
    )  # JAX returns memory that it was lent, here the data's, only when the collector runs; the youngest will do
    return result


def _data(problem: EMProblem) -> dict[str, Any]:
    """The run arguments."""
    prior = {} if problem.pseudo is None else {"pseudo": dict(problem.pseudo)}
    return {
        **data_of(problem),
        "total": np.float64(problem.total_weight),
        "base": np.float64(problem.base),
        "fixed": {name: np.asarray(value) for name, value in problem.fixed.items()},
        **prior,
    }


def _lanes(restarts: int, cells: int) -> int:
    """How many restarts of so many numbers of whitened data go side by side."""
    return min(restarts, MAX_LANES, max(1, LANE_CELLS // cells))


def _of_lanes(problems: Sequence[EMProblem]) -> dict[str, list[Any]]:
    """What differs from problem to problem."""
    each = [
        {
            "x": problem.x,
            "row_weights": problem.row_weights,
            "labels": problem.labels,
            "centre": problem.frame.centre,
            "unit": problem.frame.unit,
            "total": np.float64(problem.total_weight),
            "base": np.float64(problem.base),
        }
        for problem in problems
    ]
    return {name: [one[name] for one in each] for name in OF_LANES if each[0][name] is not None}


@functools.lru_cache(CACHED)
def _compiled(closed_forms: tuple[MixtureEM, ...], is_hard: bool, block: int, is_own: bool) -> Callable[..., Any]:
    """(states, lanes' numbers, data, which closed form, tolerance, max steps) -> the same after some iterations, and objectives.

    Where `is_own`, each lane has data of its own, see `OF_LANES`.
    """
    first = closed_forms[0]
    one_pass = over_rows(first, is_hard, block)

    def m_step(which: jax.Array, statistics: Statistics, state: State, fixed: Mapping[str, Any]) -> State:
        branches = [functools.partial(closed.m_step, jnp) for closed in closed_forms]
        if len(branches) == 1:
            return branches[0](statistics, state, fixed)
        return jax.lax.switch(which, branches, statistics, state, fixed)

    def run(
        state: State,
        lanes: dict[str, Any],
        data: Mapping[str, Any],
        which: Any,
        tolerance: Any,
        max_steps: Any,
        enough: Any,
    ) -> tuple[State, dict[str, Any], jax.Array]:
        own = {name: data[name] for name in OF_LANES if is_own and name in data}

        def body(carry: tuple[Any, ...]) -> tuple[Any, ...]:
            count, state, lanes, trace = carry
            is_running = lanes["outcome"] == int(Outcome.RUNNING)
            objective, statistics = _over_lanes(lambda state, own: one_pass(state, {**data, **own}), state, own)
            occupancy = statistics["rows"]
            if "pseudo" in data:
                add = functools.partial(with_prior, jnp, first)
                objective, statistics = jax.vmap(add, (0, 0, 0, None))(state, objective, statistics, data["pseudo"])
            moved = _over_lanes(lambda sums, old: m_step(which, sums, old, data["fixed"]), statistics, state)
            size = jnp.minimum(jnp.abs(objective), jnp.abs(objective + data["base"]))
            small = tolerance * jnp.maximum(size, data["total"])
            is_finite = jnp.isfinite(objective) & jnp.isfinite(_summed(moved))
            outcome = jnp.where(is_finite, int(Outcome.RUNNING), int(Outcome.BROKEN))
            outcome = jnp.where(lanes["steps"] >= max_steps, int(Outcome.OUT_OF_STEPS), outcome)
            outcome = jnp.where(objective - lanes["objective"] <= small, int(Outcome.AT_REST), outcome)
            outcome = jnp.where(is_running, outcome, lanes["outcome"])
            goes_on = outcome == int(Outcome.RUNNING)
            state = jax.tree.map(lambda new, old: jnp.where(_like(goes_on, new), new, old), moved, state)
            trace = trace.at[:, count].set(jnp.where(is_running, objective, jnp.nan))
            lanes = {
                "objective": jnp.where(is_running, objective, lanes["objective"]),
                "steps": lanes["steps"] + goes_on,
                "outcome": outcome,
                "occupancy": jnp.where(is_running[:, None], occupancy, lanes["occupancy"]),
            }
            return count + 1, state, lanes, trace

        def goes_on(carry: tuple[Any, ...]) -> jax.Array:
            count, _, lanes, _ = carry
            return (count < CHUNK) & (jnp.sum(lanes["outcome"] == int(Outcome.RUNNING)) > enough)

        trace = jnp.full((lanes["outcome"].shape[0], CHUNK), jnp.nan)
        _, state, lanes, trace = jax.lax.while_loop(goes_on, body, (0, state, lanes, trace))
        return state, lanes, trace

    return jit(run)


def _over_lanes(function: Callable[..., Any], *lanes: Any) -> Any:
    """A function of one lane, of all; one alone keeps plain matrix products, which are faster than batches of one."""
    if jax.tree.leaves(lanes)[0].shape[0] > 1:
        return jax.vmap(function)(*lanes)
    alone = jax.tree.map(lambda leaf: leaf[0], lanes)
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], function(*alone))


def _like(flags: jax.Array, values: jax.Array) -> jax.Array:
    """One flag a lane, in a shape that goes with `values`."""
    return flags.reshape(flags.shape + (1,) * (values.ndim - 1))


def _summed(state: State) -> jax.Array:
    """One number a lane that is finite only if all of the lane's state is."""
    sums = [jnp.sum(value.reshape(value.shape[0], -1), axis=1) for value in state.values()]
    return jnp.sum(jnp.stack(sums), axis=0)
