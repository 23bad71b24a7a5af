"""A function of parameters and rows in two: what no row enters, and the rest.

A sum over blocks of rows then carries the derivatives of a few matrices from block to block, and what leads from parameters to these
matrices, inverses and determinants among it, is computed and differentiated once and not in every block.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core
from jax.flatten_util import ravel_pytree

Held = list[jax.Array]
"""What the first half hands to the second."""

SMALL = 64
"""Numbers that may be handed on although they are more than they were computed from."""


def split(
    function: Callable[[Any, Any], jax.Array], parameters: Any, rows: Any
) -> tuple[Callable[[Any], Held], Callable[[Held, Any], jax.Array]]:
    """first, second with function(parameters, rows) = second(first(parameters), rows).

    Args:
        function: of two trees of arrays.
        parameters: its first argument, or only the shapes.
        rows: its second argument, or only the shapes; `second` takes rows of these shapes.
    """
    closed = jax.make_jaxpr(function)(parameters, rows)
    jaxpr, count = closed.jaxpr, len(jax.tree.leaves(parameters))
    known = {*jaxpr.constvars, *jaxpr.invars[:count]}
    early: list[Any] = []
    late: list[Any] = []
    for equation in jaxpr.eqns:
        inputs = _variables(equation.invars)
        # what is only spread out over the rows belongs to them
        is_early = known.issuperset(inputs) and _size(equation.outvars) <= max(SMALL, _size(inputs))
        (early if is_early else late).append(equation)
        if is_early:
            known.update(equation.outvars)
    wanted = _variables([variable for equation in late for variable in equation.invars] + jaxpr.outvars)
    held = [variable for variable in dict.fromkeys(wanted) if variable in known]
    names = jaxpr.debug_info.with_unknown_names()
    first = core.Jaxpr(jaxpr.constvars, jaxpr.invars[:count], held, early, debug_info=names)
    second = core.Jaxpr((), held + jaxpr.invars[count:], jaxpr.outvars, late, debug_info=names)
    of_parameters = core.jaxpr_as_fun(core.ClosedJaxpr(first, closed.consts))
    of_rows = core.jaxpr_as_fun(core.ClosedJaxpr(second, ()))
    return (
        lambda parameters: of_parameters(*jax.tree.leaves(parameters)),
        lambda held, rows: of_rows(*held, *jax.tree.leaves(rows))[0],
    )


def _variables(atoms: Any) -> list[Any]:
    return [atom for atom in atoms if not isinstance(atom, core.Literal)]


def _size(variables: Any) -> int:
    return max((math.prod(variable.aval.shape) for variable in variables), default=1)


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments), trees of numbers, computed one operation after the other; NaN where an argument is not finite.

    XLA shares out the operations of a program among threads as soon as two are ready, and to hand over a hundred operations on a dozen
    numbers each takes as long as a gradient over thousands of rows. It does not share out those of a branch whose arrays are all small.
    """
    if jax.default_backend() != "cpu":
        return function(*arguments)
    shapes = jax.eval_shape(function, *arguments)
    packed, unpack = ravel_pytree(arguments)  # one array to hand over

    def nowhere(packed: jax.Array) -> Any:
        fill = {True: jnp.nan, False: 0}
        return jax.tree.map(
            lambda leaf: jnp.full(leaf.shape, fill[jnp.issubdtype(leaf.dtype, jnp.floating)], leaf.dtype), shapes
        )

    return jax.lax.cond(jnp.all(jnp.isfinite(packed)), lambda packed: function(*unpack(packed)), nowhere, packed)
