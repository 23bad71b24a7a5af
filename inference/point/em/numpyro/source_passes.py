"""One pass of EM over a source of rows, compiled by JAX: a thread reads, others compute, each a block at a time on one core."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inference.backends.numpyro.devices import available
from inference.point.em.closed_form import State, Statistics
from inference.point.em.loop import Pass
from inference.point.em.m_steps.diagonal import as_whitened, by_products
from inference.point.em.numpyro.passes import compiled, layout_of
from inference.point.em.problem import EMProblem
from inference.point.em.streamed import blocks_of, summed
from mixtures.sources.reading import in_order


@contextmanager
def over_source(problem: EMProblem, block: int) -> Iterator[Pass]:
    """One pass over all rows.

    Args:
        problem: what EM is to do.
        block: rows that stay in a core's cache.
    """
    threads = available()
    frame = {"centre": jnp.asarray(problem.frame.centre), "unit": jnp.asarray(problem.frame.unit)}

    def placed(closed: Any, state: State) -> Iterator[tuple[Any, State, dict[str, jax.Array]]]:
        """Each block as arrays of JAX, with its program, which is compiled here: other threads have nothing to trace."""
        for x, weights, _ in blocks_of(problem):
            data = {"x": jax.device_put(x, may_alias=True), **frame}
            if weights is not None:
                data["row_weights"] = jnp.asarray(weights)
            run = compiled(closed, problem.is_hard, min(block, len(x)), layout_of(state), layout_of(data))
            yield run, state, data

    def of_block(arguments: tuple[Any, State, dict[str, jax.Array]]) -> Statistics:
        run, state, data = arguments
        objective, statistics = run(state, data)
        return {"objective": np.float64(objective), **{name: np.asarray(value) for name, value in statistics.items()}}

    with ThreadPoolExecutor(threads) as pool:

        def of_all(state: State) -> tuple[float, Statistics]:
            on_device = {name: jnp.asarray(value) for name, value in state.items()}
            fast = by_products(problem.closed_form, state)
            statistics = summed(in_order(pool, of_block, placed(fast or problem.closed_form, on_device), threads + 1))
            return float(statistics.pop("objective")), as_whitened(statistics, state) if fast else statistics

        yield of_all
