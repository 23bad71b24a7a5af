"""See `inference.backends.complete`: the program is run with its assignments put in, and the terms of its density are taken apart."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
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
        trace = trace_sites(self.program, data)
        tied = [
            site.name
            for site in self.sites.parameters
            if site.name not in self._of_law and PLATE in site.dims and not in_plate(trace[site.name], PLATE)
        ]
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
        free, maps = self._split(own, shared, data), self._maps(data)
        values = {name: maps[name](value) for name, value in free.items()}
        trace = self._trace(values, self._any_rows(data), data)
        found = jnp.zeros(len(own))
        for name in self.own:
            jacobian = maps[name].log_abs_det_jacobian(free[name], values[name])
            found += _by_component(log_prob(trace[name]), len(own)) + _by_component(jacobian, len(own))
        return found

    def of_shared(self, shared: jax.Array, data: Values) -> jax.Array:
        if not self.shared:
            return jnp.zeros(())
        own = jnp.zeros((self.sites.joint_categories, self._sizes(data)[0]))
        free, maps = self._split(own, shared, data), self._maps(data)
        values = {name: maps[name](value) for name, value in free.items()}
        trace = self._trace(values, self._any_rows(data), data)
        each = (
            jnp.sum(log_prob(trace[name])) + jnp.sum(maps[name].log_abs_det_jacobian(free[name], values[name]))
            for name in self.shared
        )
        return sum(each, start=jnp.zeros(()))

    # -- draws --

    def prior_draw(self, key: jax.Array, data: Values) -> tuple[jax.Array, jax.Array]:
        return self._drawn({}, key, data)

    def components_draw(self, key: jax.Array, shared: jax.Array, data: Values) -> jax.Array:
        maps = self._maps(data)
        unraveled = ravel_pytree({name: self._example(data)[name] for name in self.shared})[1](shared)
        return self._drawn({name: maps[name](value) for name, value in unraveled.items()}, key, data)[0]

    def constrain(self, own: jax.Array, shared: jax.Array, data: Values) -> Values:
        maps = self._maps(data)
        return {name: maps[name](value) for name, value in self._split(own, shared, data).items()}

    def unconstrain(self, values: Values, data: Values) -> tuple[jax.Array, jax.Array]:
        """The vectors of values by site: the inverse of `constrain`."""
        free = {name: self._maps(data)[name].inv(values[name]) for name in (*self.own, *self.shared)}
        components = self.sites.joint_categories
        own = [free[name].reshape(components, -1) for name in self.own]
        shared = ravel_pytree({name: free[name] for name in self.shared})[0] if self.shared else jnp.zeros(0)
        return jnp.concatenate(own, axis=1) if own else jnp.zeros((components, 0)), shared

    # -- how it is done --

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

    def _any_rows(self, data: Values) -> jax.Array:
        return jnp.zeros(len(data["x"]), dtype=int)

    def _placeholders(self) -> Values:
        """Values of the law's sites where the law has no say: of no matter, but legal."""
        known = {site.name: site.shape for site in self.sites.parameters}
        return {name: jnp.full(known[name], 1 / self.sites.joint_categories) for name in self._of_law}

    def _maps(self, data: Values) -> Values:
        trace = trace_sites(self.program, data)
        return {name: biject_to(trace[name]["fn"].support) for name in (*self.own, *self.shared)}

    def _example(self, data: Values) -> Values:
        """Unconstrained values by site, for their shapes."""
        trace, maps = trace_sites(self.program, data), self._maps(data)
        return {name: jnp.zeros(jax.eval_shape(maps[name].inv, trace[name]["value"]).shape) for name in maps}

    def _sizes(self, data: Values) -> tuple[int, int]:
        example, components = self._example(data), self.sites.joint_categories
        return (
            sum(example[name].size for name in self.own) // components,
            sum(example[name].size for name in self.shared),
        )

    def _split(self, own: jax.Array, shared: jax.Array, data: Values) -> Values:
        """The vectors' parts by site, still unconstrained; `own` of any number of components."""
        example, begin, found = self._example(data), 0, {}
        for name in self.own:
            shape = example[name].shape[1:]
            size = example[name].size // self.sites.joint_categories
            found[name] = own[:, begin : begin + size].reshape(len(own), *shape)
            begin += size
        return found | ravel_pytree({name: example[name] for name in self.shared})[1](shared)


def _by_component(term: jax.Array, components: int) -> jax.Array:
    return term.reshape(components, -1).sum(axis=1)
