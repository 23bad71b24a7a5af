"""`jax.jit` for what this package computes: programs that are compiled more often than they run for long, in any thread, until Ctrl-C."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax

from mixtures.interrupts import answer_interrupts, held_interrupts
from mixtures.ppl.numpyro_ppl import TRACING

COMPILED_SOON = {"xla_cpu_use_fusion_emitters": False}
"""XLA's older code for fused loops on a CPU: compiled in half the time, and as fast but for long passes over large data (a tenth slower)."""

ON_ONE_CORE = {"xla_disable_hlo_passes": "tree_reduction_rewriter,cpu-parallel-task-assigner"}
"""For blocks of rows on a CPU, where chains share the cores out among themselves. XLA would make each sum a tree of sums through two arrays
in memory, a third of the time of a gradient: blocks keep plain sums short enough, see `tests/inference/test_at_scale.py`. And it would
share some operations on a block out among threads, which takes as long as the block."""


class Compiled:
    """A compiled function. It is traced by one thread at a time, and waits for its result: Ctrl-C leaves nothing behind that runs on."""

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any]):
        @functools.wraps(function)
        def traced(*arguments: Any) -> Any:
            with TRACING:
                found = function(*arguments)
            answer_interrupts()  # compiling takes as long again
            return found

        self.launch = jax.jit(traced, compiler_options=dict(options))
        """Begin, and return while the result is being computed: for calls in large numbers, or side by side."""

    def __call__(self, *arguments: Any) -> Any:
        with held_interrupts():
            return jax.block_until_ready(self.launch(*arguments))


def jit(function: Callable[..., Any], options: Mapping[str, Any] | None = None) -> Compiled:
    """`jax.jit(function)`, compiled soon; for functions that run at top level, since options of functions inside others count for nothing.

    Args:
        function: of trees of arrays.
        options: more of XLA's options.
    """
    return Compiled(function, {**_known(), **(options or {})})


def recorded(records: Any, record: Any, count: jax.Array) -> Any:
    """The series of a loop, trees of arrays, with this step's entry; in place inside a loop, where `.at[count].set` is slow."""
    return jax.tree.map(
        lambda series, value: jax.lax.dynamic_update_index_in_dim(series, value, count, 0), records, record
    )


def group_by_group(
    function: Callable[..., Any], arrays: tuple[Any, ...], found: Any, group: int, span: tuple[Any, Any]
) -> Any:
    """`found` with what the function says of some entries, all those of one group at once.

    Args:
        function: of one entry of each array; gives one of `found`.
        arrays: trees of arrays with as many entries.
        found: its values so far, a tree of arrays.
        group: entries that are taken at once.
        span: the first group and the one that is not taken any more.
    """
    entries = jax.tree.leaves(found)[0].shape[0]

    def one_group(number: jax.Array, found: Any) -> Any:
        begin = jax.numpy.minimum(number * group, entries - group)  # the last begins early enough to be whole
        some = jax.tree.map(lambda values: jax.lax.dynamic_slice_in_dim(values, begin, group), arrays)
        return jax.tree.map(
            lambda all_, new: jax.lax.dynamic_update_slice_in_dim(all_, new, begin, 0),
            found,
            jax.vmap(function)(*some),
        )

    return jax.lax.fori_loop(span[0], span[1], one_group, found)


@functools.cache
def _known() -> Mapping[str, Any]:
    """The options if this version of JAX has them: XLA's come and go."""
    try:
        jax.jit(lambda: 0, compiler_options=COMPILED_SOON).lower().compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return COMPILED_SOON
