"""The words in NumPyro."""

import functools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions
from numpyro import handlers
from numpyro.contrib.control_flow import scan
from numpyro.primitives import apply_stack

from mixtures.interrupts import held_interrupts
from mixtures.own_code import is_from_here
from mixtures.ppl import numpyro_normals as normals
from mixtures.ppl import numpyro_priors as priors
from mixtures.ppl.at_once import AtOnce
from mixtures.ppl.numpyro_cells import CELLS
from mixtures.ppl.numpyro_emissions import EMISSIONS
from mixtures.ppl.protocol import Array, Distribution, Observe, Within
from mixtures.ppl.side_by_side import SideBySide

TRACING = threading.RLock()
"""Held by the thread that runs a program or has it traced: NumPyro's stack of handlers belongs to the process. Such a thread waits for no
other, and calls nothing compiled; what has been compiled runs beside anything."""


CACHED = 64
"""How many compiled programs are kept."""


class _Distributions:
    """`numpyro.distributions`, with the package's own first."""

    MultivariateNormal = normals.MultivariateNormal
    InducedDirichlet = priors.InducedDirichlet
    RootInverseGamma = priors.RootInverseGamma
    UniformAngle = priors.UniformAngle
    ZeroSumNormal = staticmethod(priors.zero_sum_normal)
    FactorNormal = normals.FactorNormal
    RotatedNormal = normals.RotatedNormal
    EqualVolumeNormal = staticmethod(normals.equal_volume_normal)

    def __getattr__(self, name):
        return EMISSIONS.get(name) or CELLS.get(name) or getattr(numpyro.distributions, name)


class NumPyroPPL:
    """The words of a program in NumPyro; precision follows JAX's own setting (64 bit inside the inference verbs)."""

    name = "numpyro"
    xp = jnp
    dist = _Distributions()

    def following(self, data: Iterable[Any]) -> "NumPyroPPL":
        """These words: precision is JAX's own setting, which data cannot exceed."""
        return self

    def sample(self, name: str, fn: Distribution, obs: Array | None = None, dims: Sequence[str] = ()) -> Array:
        if obs is not None and _looks_up(fn):
            obs = jnp.asarray(obs).astype(int)  # data are floating point
        value = numpyro.sample(name, fn, obs=obs, infer={"event_dims": list(dims)} if dims else None)
        # what a handler puts in may be NumPy's, which cannot be indexed by what is traced
        return jnp.asarray(value) if isinstance(value, np.ndarray) else value

    def plate(self, name: str, size: int) -> AbstractContextManager:
        return numpyro.plate(name, size)

    def assign(self, name: str, probs: Array | None = None, logits: Array | None = None) -> Array:
        fn = numpyro.distributions.Categorical(probs=probs, logits=logits)
        return numpyro.sample(name, fn, infer={"enumerate": "parallel"})

    def chain(
        self,
        name: str,
        initial: Array,
        transition: Array,
        begins: Array,
        observe: Callable[[Array, Any], Any],
        data: Any,
    ) -> Any:
        def step(previous: Array, row: Any) -> tuple[Array, None]:
            is_first, moves, own = row
            z = self.assign(name, jnp.where(is_first, initial, (transition if moves is None else moves)[previous]))
            observe(z, own)
            return z, None

        scan(step, jnp.zeros((), dtype=int), (begins, transition if transition.ndim == 3 else None, data))

    def groups(
        self, name: str, probs: Array, group: Array, first: Array, observe: Observe, data: Any, within: Within = None
    ) -> Any:
        places = SideBySide.of(group)
        with self.plate("groups", first.shape[0]):
            z = self.assign(name, probs if len(probs) > 1 else probs[0])
            with self.plate("rows", len(places.rows)):
                # outside of the mask, under which each value of an assignment would count
                z = z if within is None else self.assign(within[0], within[1][z])
                with handlers.mask(mask=jnp.asarray(places.is_there)):
                    laid = {key: jnp.asarray(value)[places.rows] for key, value in data.items()}
                    found = observe(z, laid | ({"group": jnp.asarray(places.groups)} if "group" in data else {}))
        return places.of_rows(found)

    def factor(self, name: str, log_factor: Array) -> None:
        numpyro.factor(name, log_factor)

    def deterministic(self, name: str, value: Array, dims: Sequence[str] = ()) -> Array:
        # the message that numpyro.deterministic sends, and the names of the value's axes
        axes = {"infer": {"event_dims": list(dims)}}
        return apply_stack({"type": "deterministic", "name": name, "value": value, "cond_indep_stack": [], **axes})[
            "value"
        ]

    def array(self, value: Any) -> Array:
        return jnp.asarray(value, dtype=jnp.result_type(float))


def _looks_up(fn: Distribution) -> bool:
    """Whether a distribution looks its log density up by the value, as categories have it in NumPyro."""
    while hasattr(fn, "base_dist"):
        fn = fn.base_dist
    kinds = numpyro.distributions.CategoricalProbs, numpyro.distributions.CategoricalLogits
    return isinstance(fn, kinds)


class NumPyroAtOnce(AtOnce, NumPyroPPL):
    """The words with all rows in a plate."""

    def alike(self, name: str, probs: Array, group: Array, first: Array) -> Array:
        return numpyro.sample(name, _Alike(probs, group, first), infer={"enumerate": "parallel"})

    def path(self, name: str, initial: Array, transition: Array, begins: Array) -> Array:
        return numpyro.sample(name, _Path(initial, transition, begins), infer={"enumerate": "parallel"})


class _Path(numpyro.distributions.CategoricalProbs):
    """The components of a chain's rows, drawn as a path; its density is none of theirs."""

    def __init__(self, initial: Array, transition: Array, begins: Array):
        self.initial, self.transition, self.begins = initial, transition, begins
        super().__init__(jnp.broadcast_to(initial, (*begins.shape, *initial.shape)))

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Array:
        def step(previous: Array, row: Any) -> tuple[Array, Array]:
            own, is_first, moves = row
            z = jax.random.categorical(own, jnp.log(jnp.where(is_first, self.initial, moves[previous])))
            return z, z

        rows, components = self.begins.shape[0], self.initial.shape[0]
        moves = jnp.broadcast_to(self.transition, (rows, components, components))
        return jax.lax.scan(step, jnp.zeros((), dtype=int), (jax.random.split(key, rows), self.begins, moves))[1]


class _Alike(numpyro.distributions.CategoricalProbs):
    """The components of groups, drawn for each group, an entry a row; its density is none of theirs."""

    def __init__(self, probs: Array, group: Array, first: Array):
        self.group, self.first = group, first
        rows, components = group.shape[0], probs.shape[1]
        super().__init__(jnp.broadcast_to(probs if probs.shape[0] == 1 else probs[group], (rows, components)))

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> Array:
        return super().sample(key, sample_shape)[..., self.first][..., self.group]


WORDS, AT_ONCE = NumPyroPPL(), NumPyroAtOnce()


def run_forward(program, seed: int, given: Mapping[str, np.ndarray], data: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Every site's value in one forward run of the program, in float64, with the sites of `given` held fixed."""
    with held_interrupts(), jax.enable_x64(True):
        mixture, key = program.mixture, jax.random.PRNGKey(seed)
        if mixture is not None and is_from_here(mixture.structure):
            arrays = {name: value for name, value in data.items() if name != "size"} | {"hyper": mixture.hyper(None)}
            found = _compiled_run(mixture.structure, data["size"])(key, dict(given), arrays)
        else:  # a user's code may ask the numbers themselves
            found = _run(program, key, given, data)
        return {name: np.asarray(value) for name, value in found.items()}


@functools.lru_cache(CACHED)
def _compiled_run(program: Any, size: int | tuple[int, ...]) -> Callable[..., dict[str, Array]]:
    """Compiled: (key, given, data) -> every site's value; run one by one, its operations would be a hundred programs."""
    names: list[str] = []

    def values(key: jax.Array, given: Mapping[str, Array], data: Mapping[str, Any]) -> list[Array]:
        found = _run(program, key, given, {**data, "size": size})
        names[:] = found  # in the program's order, where a dictionary would come back sorted
        return list(found.values())

    compiled = jax.jit(values)

    def run(*arguments: Any) -> dict[str, Array]:
        found = compiled(*arguments)
        return dict(zip(names, found, strict=True))

    return run


def shapes_of_sites(program, data: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of every site's value; nothing is drawn."""
    with jax.enable_x64(True):
        key = jax.eval_shape(lambda: jax.random.PRNGKey(0))
        return {
            name: value.shape for name, value in jax.eval_shape(lambda key: _run(program, key, {}, data), key).items()
        }


def _run(program, key: jax.Array, given: Mapping[str, np.ndarray], data: Mapping[str, Any]) -> dict[str, Array]:
    with TRACING:
        held = {name: jnp.asarray(value) for name, value in given.items()}
        data = {name: jnp.asarray(value) if isinstance(value, np.ndarray) else value for name, value in data.items()}
        seeded = handlers.seed(handlers.substitute(program, data=held), key)
        trace = handlers.trace(seeded).get_trace(AT_ONCE, **data)
        return {name: site["value"] for name, site in trace.items() if site["type"] == "sample"}
