"""The bound problem in NumPyro: everything compiled, in a 64-bit scope of its own, many starts or draws in one program."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from inference.backends.ascent import GuideAscent
from inference.backends.complete import CompleteTarget
from inference.backends.log_density import LogDensity, Parameters
from inference.backends.numpyro.autodelta import compiled_elbos
from inference.backends.numpyro.complete import Complete
from inference.backends.numpyro.expected import compiled_expected
from inference.backends.numpyro.filled import filled_up
from inference.backends.numpyro.hub import (
    compiled_emissions,
    compiled_joint,
    compiled_log_densities,
    compiled_means,
    compiled_pointwise,
)
from inference.backends.numpyro.programs import (
    compiled_classifier,
    compiled_deterministic,
    compiled_forward,
    compiled_prior_draw,
)
from inference.backends.numpyro.sharded import OfOne, over_mesh
from inference.backends.numpyro.sites import Values, compilable
from inference.backends.numpyro.vector import (
    Collapsed,
    compiled_hessian,
    compiled_prior_vector,
    compiled_scores,
    compiled_slopes,
    compiled_vector_densities,
    compiled_vector_density,
    in_a_cache,
)
from inference.backends.protocol import Bound, Evaluate
from inference.backends.sites import Sites
from inference.backends.target import Target
from inference.workers import meshed
from mixtures import Program
from mixtures.interrupts import held_interrupts


def _in_float64(method: Callable[..., Any]) -> Callable[..., Any]:
    """Run a method in JAX's 64-bit mode, as a scope: the user's own setting stays as it was."""

    @functools.wraps(method)
    def scoped(*args: Any, **kwargs: Any) -> Any:
        with jax.enable_x64(True):
            return method(*args, **kwargs)

    return scoped


def _held(method: Callable[..., Any]) -> Callable[..., Any]:
    """The same, and Ctrl-C is answered only where a compiled call has returned."""

    @functools.wraps(method)
    def scoped(*args: Any, **kwargs: Any) -> Any:
        with held_interrupts(), jax.enable_x64(True):
            return method(*args, **kwargs)

    return scoped


class NumPyroBound(Bound):
    """See `inference.backends.protocol.Bound` for what each method gives."""

    backend = "numpyro"

    @functools.cached_property
    def _native(self) -> tuple[Program, Values, Sites]:
        return compilable(self.program, self.x)

    @functools.cached_property
    def _filled(self) -> tuple[Program, Values, Sites]:
        """What densities are compiled for, and tables of rows, whose first ones are the data's."""
        structure, data, sites = self._native
        return structure, *filled_up(data, sites)

    def _own(self, values: jax.Array, data: Values) -> np.ndarray:
        """Of values by draw and row, (draws, rows, ...), those of the data's own rows."""
        own = np.asarray(values)
        return own[:, : len(self.x)] if len(data["x"]) > len(self.x) else own

    @property
    @_held
    def sites(self) -> Sites:
        return self._native[2]

    @_held
    def tables(self, draws: Parameters) -> np.ndarray:
        structure, data, sites = self._filled
        return self._own(compiled_joint(structure, sites)(dict(draws), data), data)

    @_held
    def emissions(self, draws: Parameters) -> np.ndarray:
        structure, data, sites = self._native
        return np.asarray(compiled_emissions(structure, sites)(dict(draws), data))

    @_in_float64
    def pointwise(self, draws: Parameters) -> np.ndarray:
        structure, data, sites = self._filled
        return self._own(compiled_pointwise(structure, sites)(dict(draws), data), data)

    @_held
    def log_densities(self, draws: Parameters) -> tuple[np.ndarray, np.ndarray]:
        structure, data, sites = self._filled
        return _as_arrays(compiled_log_densities(structure, sites)(dict(draws), data))

    @_held
    def log_density(self, *, prior: bool = True, jacobian: bool = False) -> LogDensity:
        structure, data, sites = self._filled
        evaluate, constrain, unconstrain = compiled_vector_density(structure, sites, prior, jacobian)
        many = compiled_vector_densities(structure, sites, prior, jacobian)
        names = sorted(site.name for site in sites.parameters)
        lanes: set[int] = set()
        sharded = self._sharded(prior, jacobian)

        def of_many(points: np.ndarray, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
            if sharded is not None and rows is None:
                values, gradients = zip(*map(sharded, _as_floats(points)), strict=True)
                return np.array(values), np.stack(gradients)
            if rows is None and in_a_cache(len(points), len(data["x"]), sites) == len(points):
                lanes.add(len(points))
            return _as_arrays(many(_as_floats(points), rows, data))

        def of_one(u: np.ndarray) -> tuple[float, np.ndarray]:
            if sharded is not None:
                return sharded(_as_floats(u))
            if not lanes:
                return _as_pair(evaluate(_as_floats(u), data))
            # a program that is there: small data are computed in less time than another is compiled
            values, gradients = _as_arrays(many(np.tile(_as_floats(u), (min(lanes), 1)), None, data))
            return float(values[0]), gradients[0]

        return LogDensity(
            size=sites.coordinates,
            places=sites.places(names),
            is_real=sites.are_real(names),
            value_and_gradient=_in_float64(of_one),
            values_and_gradients=_in_float64(of_many),
            hessian=_in_float64(
                lambda u: np.asarray(compiled_hessian(structure, sites, prior, jacobian)(_as_floats(u), data))
            ),
            constrain=_in_float64(lambda u: _as_numpy(constrain(_as_floats(u), data))),
            unconstrain=_in_float64(lambda parameters: np.asarray(unconstrain(_as_numpy(parameters), data))),
        )

    def _sharded(self, prior: bool, jacobian: bool) -> OfOne | None:
        """The density and its gradient on the mesh of the scope, if there is one and rows can be sharded."""
        structure, data, sites = self._native
        mesh = meshed()
        return None if mesh is None else over_mesh(structure, sites, prior, jacobian, data, mesh)

    @_held
    def means(self, parameters: Parameters) -> dict[str, np.ndarray]:
        structure, data, sites = self._native
        return _as_numpy(compiled_means(structure, sites)(_as_numpy(parameters), data))

    @_held
    def scores(self, u: np.ndarray) -> np.ndarray:
        structure, data, sites = self._native
        return np.asarray(compiled_scores(structure, sites)(_as_floats(u), data))

    @_held
    def slopes(self, u: np.ndarray) -> dict[str, np.ndarray]:
        structure, data, sites = self._native
        values, slopes = map(_as_numpy, compiled_slopes(structure, sites)(_as_floats(u), data))
        kept = self.deterministic({site.name: values[site.name][None] for site in sites.parameters})
        return {name: slopes[name] for name in (*(site.name for site in sites.parameters), *kept)}

    @_held
    def elbo(self) -> Evaluate:
        structure, data, sites = self._native
        evaluate = compiled_elbos(structure, sites)
        return _in_float64(lambda points: _as_arrays(evaluate(_as_floats(points), data)))

    @_held
    def expected(self, *, prior: bool) -> Evaluate:
        structure, data, sites = self._native
        evaluate = compiled_expected(structure, sites, prior)
        return _in_float64(lambda points, shares, fixed: _as_arrays(evaluate(points, shares, _as_numpy(fixed), data)))

    @_held
    def classify(self, parameters: Parameters, *, temperature: int, seed: int) -> dict[str, np.ndarray]:
        structure, data, sites = self._native
        names = tuple(site.name for site in sites.assignments)
        assign = compiled_classifier(structure, names, temperature, -1 - sites.nesting)
        return _as_numpy(assign(_as_numpy(parameters), data, jax.random.PRNGKey(seed)))

    @_held
    def enumerate_guide(self, parameters: Parameters, *, steps: int, learning_rate: float, seed: int) -> GuideAscent:
        from inference.backends.numpyro.guide import compiled_guide_ascent  # loads optax, for this question alone

        structure, data, sites = self._native
        climb = compiled_guide_ascent(structure, sites, steps)
        probs, losses, norms = climb(_as_numpy(parameters), float(learning_rate), jax.random.PRNGKey(seed), data)
        return GuideAscent(_as_numpy(probs), np.asarray(losses), _as_numpy(norms))

    @_held
    def target(self) -> Target:
        structure, data, sites = self._native
        _, more, of_more = self._filled
        return Target(
            Collapsed(structure, of_more),
            more,
            cells=len(more["x"]) * sites.joint_categories,
            from_prior=lambda keys: compiled_prior_vector(structure, sites)(keys, data),
            sharded=self._sharded(prior=True, jacobian=True),
        )

    @_held
    def complete(self) -> CompleteTarget:
        structure, data, sites = self._native
        density = Complete(structure, sites)
        density.check(data)
        return CompleteTarget(density, data, sites.joint_categories, len(self.x))

    @_held
    def deterministic(self, draws: Parameters) -> dict[str, np.ndarray]:
        structure, data, sites = self._native
        if not sites.deterministic:
            return {}
        at_ends = compiled_deterministic(structure, sites)(_as_numpy(draws), data)
        return sites.without_assignments(*map(_as_numpy, at_ends))

    @_held
    def prior_draw(self, seed: int) -> dict[str, np.ndarray]:
        structure, data, sites = self._native
        names = tuple(site.name for site in sites.parameters)
        return _as_numpy(compiled_prior_draw(structure, names)(jax.random.PRNGKey(seed), data))

    @_held
    def forward(self, parameters: Parameters, *, draws: int, seed: int) -> dict[str, np.ndarray]:
        structure, data, sites = self._native
        names = tuple(site.name for site in sites.all if site.kind in ("parameter", "observed"))
        keys = jax.random.split(jax.random.PRNGKey(seed), draws)
        return _as_numpy(compiled_forward(structure, names)(keys, _as_numpy(parameters), data))


def _as_numpy(values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in values.items()}


def _as_floats(values: Any) -> np.ndarray:
    """NumPy's, which a compiled function takes as it is: each array of JAX's made beforehand is a program of its own."""
    return np.asarray(values, dtype=np.float64)


def _as_pair(pair: tuple[jax.Array, jax.Array]) -> tuple[float, np.ndarray]:
    return float(pair[0]), np.asarray(pair[1])


def _as_arrays(pair: tuple[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(pair[0]), np.asarray(pair[1])
