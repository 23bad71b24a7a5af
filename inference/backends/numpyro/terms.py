"""The terms of a NumPyro program's density, one by one: what its structure is read off, and what is summed by it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from numpyro import handlers
from numpyro.distributions import biject_to

from inference.backends import sum_product
from inference.backends.numpyro.jit import jit
from inference.backends.probe import POINTS, SPREADS
from inference.backends.run_arguments import data_arrays, of_program
from inference.backends.structure import Assigned, Choice, Structure, Term, Terms
from inference.backends.sum_product import joined, restricted
from mixtures import Program
from mixtures.ppl.numpyro_ppl import WORDS

Values = dict[str, Any]


def log_prob(site: Values) -> jax.Array:
    """A site's log density, in the shape of its plates."""
    found = site["fn"].log_prob(site["value"])
    return found if site["scale"] is None else site["scale"] * found


def terms_at(program: Program, values: Values, data: Values) -> Values:
    """Every term of the density by name, at values of all unknowns."""
    held = handlers.substitute(program, data=values)
    with handlers.block(), handlers.trace() as trace:
        held(WORDS, **of_program(data))
    return {name: log_prob(site) for name, site in trace.items() if site["type"] == "sample"}


class NumPyroProbe:
    """See `inference.backends.derivation.Probe`."""

    def __init__(self, program: Program, data: Values, terms: tuple[Term, ...], choices: tuple[Choice, ...]):
        self.terms, self.choices, self.data = terms, choices, data_arrays(data)
        self._data = data
        names = [term.name for term in terms if term.kind == "parameter"]
        self._compiled = jit(lambda values, data: terms_at(program, values, data))
        draw = jit(
            lambda *where: jax.vmap(lambda key, spread: _drawn(program, key, spread, where[2], names))(*where[:2])
        )
        spreads = np.array([0.0] * POINTS + list(SPREADS))
        drawn = draw(jax.random.split(jax.random.PRNGKey(0), len(spreads)), spreads, data)
        self.points: Sequence[Assigned] = tuple(
            {name: np.asarray(drawn[name][number]) for name in names} for number in range(len(spreads))
        )

    def at(self, parameters: Assigned, assigned: Assigned, data: Assigned | None = None) -> Terms:
        found = self._compiled({**parameters, **assigned}, {**self._data, **(data or {})})
        return {name: np.asarray(value) for name, value in found.items()}


def _drawn(program: Program, key: jax.Array, spread: jax.Array, data: Values, names: Sequence[str]) -> Values:
    """Parameters from the prior, or, where there is a spread, from normals of that spread in unconstrained coordinates."""
    trace = handlers.trace(handlers.seed(program, key)).get_trace(WORDS, **of_program(data))
    found = {}
    for name, own in zip(names, jax.random.split(key, len(names) + 1)[1:], strict=True):
        value, bijection = trace[name]["value"], biject_to(trace[name]["fn"].support)
        free = jax.eval_shape(bijection.inv, value)
        wide = bijection(spread * jax.random.normal(own, free.shape, free.dtype))
        found[name] = jnp.where(spread > 0, wide, value)
    return found


class JaxArrays:
    """See `inference.backends.sum_product.Arrays`."""

    def gathered(self, table: jax.Array, index: np.ndarray, size: int) -> jax.Array:
        if len(index) == size and (index == np.arange(size)).all():
            return table
        return jnp.zeros((*table.shape[:-1], size), table.dtype).at[..., index].add(table)

    def logsumexp(self, table: jax.Array, axis: int) -> jax.Array:
        return jax.scipy.special.logsumexp(table, axis=axis)


def tables(program: Program, parameters: Values, data: Values, structure: Structure) -> Values:
    """Every term at every joint value of the variables, where it depends on these: see `sum_product.summed`."""
    if not structure.choices:
        return {name: term.reshape(-1) for name, term in terms_at(program, parameters, data).items()}
    run = jax.vmap(lambda assigned: terms_at(program, {**parameters, **assigned}, data))
    found = run({name: jnp.asarray(values) for name, values in structure.states.items()})
    return {
        term.name: restricted(
            found[term.name].reshape(*structure.sizes, -1), structure.scopes[term.name], len(structure.variables)
        )
        for term in structure.terms
    }


def likelihood_and_prior(
    program: Program, parameters: Values, data: Values, structure: Structure
) -> tuple[jax.Array, jax.Array]:
    """log p(x | parameters) and log p(parameters), all assignments summed out by sum-product."""
    every = tables(program, parameters, data, structure)
    return sum_product.likelihood_and_prior(JaxArrays(), every, structure.steps, structure.prior, structure.prior_steps)


def unit_table(program: Program, parameters: Values, data: Values, structure: Structure) -> jax.Array:
    """log p(x of unit i, assignment_i = k | parameters), (units, components), where every unit has one assignment."""
    return joined(JaxArrays(), tables(program, parameters, data, structure), structure.steps[0]).T


def trace_key(closed: Any, names: Sequence[Any]) -> str:
    """What a traced program computes, as a digest: two programs with one digest have one density.

    A program's own name says nothing of the globals, closures and attributes that it reads; its trace has their values in it.
    """
    said = hashlib.sha256(repr(names).encode())

    def say(value: Any) -> None:
        if isinstance(value, core.ClosedJaxpr):  # in newer versions of JAX every Jaxpr is one, and its own `jaxpr`
            say(value.consts)
            value = value.jaxpr
        if isinstance(value, core.Jaxpr):
            numbers: dict[Any, int] = {}
            for variable in (*value.constvars, *value.invars):
                numbers[variable] = len(numbers)
            for equation in value.eqns:
                said.update(equation.primitive.name.encode())
                for atom in equation.invars:
                    say(atom.val if isinstance(atom, core.Literal) else f"v{numbers.get(atom, -1)}{atom.aval}")
                for name, parameter in sorted(equation.params.items()):
                    said.update(name.encode())
                    say(parameter)
                for variable in equation.outvars:
                    numbers[variable] = len(numbers)
            say([atom.val if isinstance(atom, core.Literal) else f"v{numbers.get(atom, -1)}" for atom in value.outvars])
        elif isinstance(value, Mapping):
            say(sorted(value.items()))
        elif isinstance(value, list | tuple):
            said.update(b"(")
            for one in value:
                say(one)
            said.update(b")")
        elif hasattr(value, "dtype") and hasattr(value, "shape") and not isinstance(value, jax.ShapeDtypeStruct):
            array = np.asarray(
                jax.random.key_data(value) if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key) else value
            )
            said.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        elif callable(value):
            # functions among the parameters only say how to differentiate or print what the equations say
            said.update(getattr(value, "__name__", type(value).__name__).encode())
        else:
            said.update(repr(value).encode())

    say(closed)
    return said.hexdigest()
