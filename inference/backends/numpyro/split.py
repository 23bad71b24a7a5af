"""A function of parameters and rows in two: what no row enters, and the rest.

A sum over blocks of rows then carries the derivatives of a few matrices from block to block, and what leads from parameters to these
matrices, inverses and determinants among it, is computed and differentiated once and not in every block.
"""

import math
from collections.abc import Callable, Sequence
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
    function: Callable[[Any, Any], tuple[jax.Array, jax.Array]], parameters: Any, rows: Any
) -> tuple[Callable[[Any], tuple[Held, jax.Array]], Callable[[Held, Any], jax.Array]]:
    """first, second with held, rest = first(parameters) and (second(held, rows), rest) = function(parameters, rows).

    Args:
        function: of two trees of arrays, which is traced once; gives what belongs to rows, and the rest.
        parameters: its first argument, or only the shapes.
        rows: its second argument; `second` takes rows of these shapes.
    """
    closed = jax.make_jaxpr(function)(parameters, rows)
    jaxpr, count = closed.jaxpr, len(jax.tree.leaves(parameters))
    table, rest = jaxpr.outvars
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
    late = _needed(late, [table])
    wanted = _variables([variable for equation in late for variable in equation.invars] + [table])
    held = [variable for variable in dict.fromkeys(wanted) if variable in known]
    names = jaxpr.debug_info.with_unknown_names()
    # the rest may be computed from more numbers than are handed on: the prior of a thousand groups
    of_no_row = _needed(jaxpr.eqns, [*held, rest])
    first = core.Jaxpr(jaxpr.constvars, jaxpr.invars, [*held, rest], of_no_row, debug_info=names)
    second = core.Jaxpr((), held + jaxpr.invars[count:], [table], late, debug_info=names)
    of_parameters = core.jaxpr_as_fun(core.ClosedJaxpr(first, closed.consts))
    of_rows = core.jaxpr_as_fun(core.ClosedJaxpr(second, ()))

    def first_half(parameters: Any) -> tuple[Held, jax.Array]:
        *found, last = of_parameters(*jax.tree.leaves(parameters), *jax.tree.leaves(rows))
        return found, last

    return first_half, lambda held, rows: of_rows(*held, *jax.tree.leaves(rows))[0]


def _needed(equations: Sequence[Any], wanted: Sequence[Any]) -> list[Any]:
    """The equations, in their order, that something wanted is computed by."""
    needed, found = set(_variables(wanted)), []
    for equation in reversed(equations):
        if not needed.isdisjoint(equation.outvars):
            needed.update(_variables(equation.invars))
            found.append(equation)
    return found[::-1]


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
