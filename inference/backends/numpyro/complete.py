"""See `inference.backends.complete`: the program is run with its assignments put in, and the terms of its density are taken apart."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from numpyro import handlers
from numpyro.distributions import biject_to

from inference.backends.numpyro.hub import tables
from inference.backends.numpyro.sites import Values, in_plate, native, trace_sites
from inference.backends.numpyro.terms import log_prob
from inference.backends.sites import Sites
from mixtures import Program
from mixtures.errors import ModelError

PLATE = "components"


@dataclass(frozen=True)
class Complete:
    """A mixture's density, see `inference.backends.complete.CompleteDensity`.

    Args:
        program: the declaration.
        sites: its sites.
    """

    program: Program
    sites: Sites

    # -- sites, by whom they belong to --

    @property
    def _of_law(self) -> tuple[str, ...]:
        return () if self.sites.law is None else self.sites.law.sites

    @property
    def own(self) -> tuple[str, ...]:
        """The sites of which each component has its own."""
        return tuple(s.name for s in self.sites.parameters if s.component_axis == 0 and s.name not in self._of_law)

    @property
    def shared(self) -> tuple[str, ...]:
        """The family's other sites."""
        known = (*self.own, *self._of_law)
        return tuple(site.name for site in self.sites.parameters if site.name not in known)

    def check(self, data: Values) -> None:
        """Check that components are independent given what they share.

        Raises:
            ModelError: they are tied to each other.
        """
        tied: list[str] = []

        def look(data: Values) -> None:
            trace = trace_sites(self.program, data)
            tied.extend(
                site.name
                for site in self.sites.parameters
                if site.name not in self._of_law and PLATE in site.dims and not in_plate(trace[site.name], PLATE)
            )

        jax.eval_shape(look, data)  # nothing is computed
        if tied:
            raise ModelError(
                "program",
                got=f"components with {tied[0]!r} relative to each other",
                expected="components that are independent of each other before data are seen",
                advice="Give each its own: covariance 'full' (VVV), 'diag' or 'spherical', or share it: 'tied'.",
            )

    # -- densities --

    def emissions(self, own: jax.Array, shared: jax.Array, data: Values) -> jax.Array:
        values = {**self.constrain(own, shared, data), **self._placeholders()}
        return tables(self.program, values, data, self.sites)[0]

    def of_rows(self, own: jax.Array, shared: jax.Array, data: Values) -> jax.Array:
        # a component for each row: the program looks up the values of the row's component, and finds the row's
        trace = self._trace(self.constrain(own, shared, data), jnp.arange(len(own)), data)
        terms = [log_prob(site) for site in trace.values() if self._is_of_row(site)]
        return sum((term.reshape(len(own), -1).sum(axis=1) for term in terms), start=jnp.zeros(len(own)))

    def of_components(self, own: jax.Array, shared: jax.Array, data: Values) -> jax.Array:
        terms = self._prior_terms(own, shared, data, self.own)
        return sum((term.reshape(len(own), -1).sum(axis=1) for term in terms), start=jnp.zeros(len(own)))

    def of_shared(self, shared: jax.Array, data: Values) -> jax.Array:
        if not self.shared:
            return jnp.zeros(())
        layout = self._layout(data)
        own = jnp.zeros((layout.components, layout.size_of(self.own) // layout.components))
        return sum((jnp.sum(term) for term in self._prior_terms(own, shared, data, self.shared)), start=jnp.zeros(()))

    # -- draws --

    def prior_draw(self, key: jax.Array, data: Values) -> tuple[jax.Array, jax.Array]:
        return self._drawn({}, key, data)

    def components_draw(self, key: jax.Array, shared: jax.Array, data: Values) -> jax.Array:
        return self._drawn(self._layout(data).shared_values(shared, self.shared), key, data)[0]

    def constrain(self, own: jax.Array, shared: jax.Array, data: Values) -> Values:
        layout = self._layout(data)
        return layout.values(layout.split(own, shared, self.own, self.shared))

    def unconstrain(self, values: Values, data: Values) -> tuple[jax.Array, jax.Array]:
        """The vectors of values by site: the inverse of `constrain`."""
        layout = self._layout(data)
        own = [layout.maps[name].inv(values[name]).reshape(layout.components, -1) for name in self.own]
        shared = [layout.maps[name].inv(values[name]).reshape(-1) for name in self.shared]
        return (
            jnp.concatenate(own, axis=1) if own else jnp.zeros((layout.components, 0)),
            jnp.concatenate(shared) if shared else jnp.zeros(0),
        )

    # -- how it is done --

    def _layout(self, data: Values) -> "_Layout":
        trace = trace_sites(self.program, data)
        maps = {name: biject_to(trace[name]["fn"].support) for name in (*self.own, *self.shared)}
        shapes = {name: jax.eval_shape(map_.inv, trace[name]["value"]).shape for name, map_ in maps.items()}
        return _Layout(maps, shapes, self.sites.joint_categories)

    def _prior_terms(self, own: jax.Array, shared: jax.Array, data: Values, names: tuple[str, ...]) -> list[jax.Array]:
        """Log densities of some sites given all, and of the maps to them."""
        layout = self._layout(data)
        free = layout.split(own, shared, self.own, self.shared)
        values = layout.values(free)
        trace = self._trace(values, jnp.zeros(len(data["x"]), dtype=int), data)
        jacobians = [layout.maps[name].log_abs_det_jacobian(free[name], values[name]) for name in names]
        return [log_prob(trace[name]) for name in names] + jacobians

    def _drawn(self, held: Values, key: jax.Array, data: Values) -> tuple[jax.Array, jax.Array]:
        program = handlers.substitute(native(self.program), data={**held, **self._placeholders()})
        with handlers.block(), handlers.trace() as trace:
            handlers.seed(program, key)(**data)
        return self.unconstrain({name: trace[name]["value"] for name in (*self.own, *self.shared)}, data)

    def _trace(self, values: Values, assignment: jax.Array, data: Values) -> Any:
        held = {**values, **self._placeholders(), self.sites.assignments[0].name: assignment}
        with handlers.block(), handlers.trace() as trace:
            handlers.substitute(native(self.program), data=held)(**data)
        return {name: site for name, site in trace.items() if site["type"] == "sample"}

    def _is_of_row(self, site: Values) -> bool:
        return in_plate(site, self.sites.rows) and not self.sites.is_of_law(site["name"])

    def _placeholders(self) -> Values:
        """Values of the law's sites where the law has no say: of no matter, but legal."""
        known = {site.name: site.shape for site in self.sites.parameters}
        return {name: jnp.full(known[name], 1 / self.sites.joint_categories) for name in self._of_law}


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where sites stand in the vectors.

    Args:
        maps: from unconstrained to constrained values, by site.
        shapes: of unconstrained values.
        components: the number of components.
    """

    maps: Values
    shapes: dict[str, tuple[int, ...]]
    components: int

    def size_of(self, names: tuple[str, ...]) -> int:
        """How many coordinates some sites have."""
        return sum(math.prod(self.shapes[name]) for name in names)

    def split(
        self, own: jax.Array, shared: jax.Array, own_names: tuple[str, ...], shared_names: tuple[str, ...]
    ) -> Values:
        """The vectors' parts by site, still unconstrained; `own` of any number of components."""
        found, begin = {}, 0
        for name in own_names:
            shape = self.shapes[name][1:]
            end = begin + math.prod(shape)
            found[name], begin = own[:, begin:end].reshape(len(own), *shape), end
        return found | self._parts(shared, shared_names)

    def shared_values(self, shared: jax.Array, names: tuple[str, ...]) -> Values:
        """Constrained values of what is shared."""
        return self.values(self._parts(shared, names))

    def values(self, free: Values) -> Values:
        """Constrained values by site."""
        return {name: self.maps[name](value) for name, value in free.items()}

    def _parts(self, vector: jax.Array, names: tuple[str, ...]) -> Values:
        found, begin = {}, 0
        for name in names:
            end = begin + math.prod(self.shapes[name])
            found[name], begin = vector[begin:end].reshape(self.shapes[name]), end
        return found
