"""`jax.jit` with XLA's options for what this package computes: programs that are compiled more often than they run for long."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax

COMPILED_SOON = {"xla_cpu_use_fusion_emitters": False}
"""XLA's older code for fused loops on a CPU: compiled in half the time, and as fast but for long passes over large data (a tenth slower)."""

ON_ONE_CORE = {"xla_disable_hlo_passes": "tree_reduction_rewriter,cpu-parallel-task-assigner"}
"""For blocks of rows on a CPU, where chains share the cores out among themselves. XLA would make each sum a tree of sums through two arrays
in memory, a third of the time of a gradient: blocks keep plain sums short enough, see `tests/inference/test_at_scale.py`. And it would
share some operations on a block out among threads, which takes as long as the block."""


def jit(function: Callable[..., Any], options: Mapping[str, Any] | None = None) -> Any:
    """`jax.jit(function)`, compiled soon; for functions that run at top level, since options of functions inside others count for nothing.

    Args:
        function: of trees of arrays.
        options: more of XLA's options.
    """
    return jax.jit(function, compiler_options={**_known(), **(options or {})})


@functools.cache
def _known() -> Mapping[str, Any]:
    """The options if this version of JAX has them: XLA's come and go."""
    try:
        jax.jit(lambda: 0, compiler_options=COMPILED_SOON).lower().compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return COMPILED_SOON
