"""One pass of EM over rows that are sharded over the devices of a mesh, of one process or of several.

Each device passes over its share of the rows, block by block, and JAX's `psum` adds up what the M-step needs: a few kilobytes. All else (starts,
M-steps, the judgement of restarts) every process computes for itself, of the same numbers, and comes to the same.
"""

import functools
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from inference.backends.numpyro.jit import Compiled, jit
from inference.point.em.closed_form import State, Statistics
from inference.point.em.loop import Pass
from inference.point.em.m_steps.diagonal import as_whitened, by_products
from inference.point.em.numpyro.passes import CACHED, OF_ROWS, Data, over_rows
from inference.point.em.problem import EMProblem


def over_mesh(problem: EMProblem, block: int, mesh: Mesh) -> Pass:
    """One pass over all rows.

    Args:
        problem: what EM is to do.
        block: rows that a device passes over at a time.
        mesh: of whose devices each has a share of the rows, along all axes.
    """
    share = -(-len(problem.x) // mesh.size)
    data = _sharded(problem, share * mesh.size - len(problem.x), mesh)

    def one_pass(state: State) -> tuple[float, Statistics]:
        fast = by_products(problem.closed_form, state)
        run = _compiled(fast or problem.closed_form, problem.is_hard, min(block, share), mesh, tuple(data))
        objective, found = run(dict(state), data)
        statistics = {name: np.asarray(value) for name, value in found.items()}
        return float(objective), as_whitened(statistics, state) if fast else statistics

    return one_pass


def _sharded(problem: EMProblem, more: int, mesh: Mesh) -> dict[str, Any]:
    """The rows, and so many more that do not count that shares are equally long: each process places those of its own devices."""
    ones = np.ones(len(problem.x)) if problem.row_weights is None else problem.row_weights
    of_rows: dict[str, np.ndarray] = {"x": np.concatenate([problem.x, np.repeat(problem.x[:1], more, axis=0)])}
    if more or problem.row_weights is not None:
        of_rows["row_weights"] = np.append(ones, np.zeros(more))
    if problem.labels is not None:
        of_rows["labels"] = np.append(problem.labels, np.full(more, -1))
    rows = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    placed = {name: jax.make_array_from_callback(v.shape, rows, v.__getitem__) for name, v in of_rows.items()}
    return {**placed, "centre": problem.frame.centre, "unit": problem.frame.unit}


@functools.lru_cache(CACHED)
def _compiled(closed: Any, is_hard: bool, block: int, mesh: Mesh, names: tuple[str, ...]) -> Compiled:
    """(state, data of these names) -> objective and statistics of all rows, which every device has."""
    of_share = over_rows(closed, is_hard, block)

    def summed(state: State, data: Data) -> Any:
        return jax.lax.psum(of_share(state, data), mesh.axis_names)

    everywhere = PartitionSpec()
    of_data = {name: PartitionSpec(mesh.axis_names) if name in OF_ROWS else everywhere for name in names}
    # that sums are the same everywhere JAX cannot tell through a loop over blocks
    return jit(jax.shard_map(summed, mesh=mesh, in_specs=(everywhere, of_data), out_specs=everywhere, check_vma=False))
