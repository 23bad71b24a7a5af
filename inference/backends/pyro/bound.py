"""The bound problem in Pyro: float64 tensors, in a scope that leaves the caller's random state and parameter store alone."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pyro import poutine
from pyro.infer import infer_discrete

from inference.backends.ascent import GuideAscent
from inference.backends.log_density import LogDensity, Parameters
from inference.backends.protocol import Bound, Evaluate
from inference.backends.pyro.autodelta import autodelta
from inference.backends.pyro.expected import expected_density
from inference.backends.pyro.guide import ascend_guide
from inference.backends.pyro.hub import (
    deterministic_of,
    log_densities,
    max_plate_nesting,
    means,
    over_draws,
    pointwise,
    table_of,
    tables,
)
from inference.backends.pyro.programs import as_numpy, as_torch, isolated, tensors
from inference.backends.pyro.sites import describe
from inference.backends.pyro.terms import Values, trace_sites
from inference.backends.pyro.vector import Collapsed, Unconstrained, many_of, slopes_of, vector_density
from inference.backends.sites import Sites
from inference.backends.target import Target


class PyroBound(Bound):
    """See `inference.backends.protocol.Bound` for what each method gives."""

    backend = "pyro"

    @functools.cached_property
    def _native(self) -> tuple[Callable[..., Any], Values, Sites]:
        sites = describe(self.program, self.x)
        return *tensors(self.program, self.x), sites

    @property
    def sites(self) -> Sites:
        return self._native[2]

    def tables(self, draws: Parameters) -> np.ndarray:
        model, data, sites = self._native
        with isolated():
            return over_draws(lambda values: table_of(model, values, data, sites), draws, sites, len(self.x))

    def emissions(self, draws: Parameters) -> np.ndarray:
        model, data, sites = self._native
        with isolated():
            return over_draws(lambda values: tables(model, values, data, sites)[0], draws, sites, len(self.x))

    def pointwise(self, draws: Parameters) -> np.ndarray:
        model, data, sites = self._native
        with isolated():
            return over_draws(lambda values: pointwise(model, values, data, sites), draws, sites, len(self.x))

    def log_densities(self, draws: Parameters) -> tuple[np.ndarray, np.ndarray]:
        model, data, sites = self._native
        both = log_densities(model, sites)
        with isolated():
            stacked = over_draws(lambda values: torch.stack(both(values, data)), draws, sites, len(self.x))
        return stacked[:, 0], stacked[:, 1]

    def log_density(self, *, prior: bool = True, jacobian: bool = False) -> LogDensity:
        return vector_density(*self._native, prior=prior, jacobian=jacobian)

    def means(self, parameters: Parameters) -> dict[str, np.ndarray]:
        model, data, sites = self._native
        with isolated(), torch.no_grad():
            return as_numpy(means(model, as_torch(dict(parameters)), data, sites))

    def scores(self, u: np.ndarray) -> np.ndarray:
        model, data, sites = self._native
        with isolated():
            space = Unconstrained(model, sites, data)

            def rows(u: torch.Tensor) -> Values:
                return {"rows": pointwise(model, space.constrain(space.split(u)), data, sites)}

            return slopes_of(rows, as_torch(u))["rows"]

    def slopes(self, u: np.ndarray) -> dict[str, np.ndarray]:
        model, data, sites = self._native
        with isolated():
            space = Unconstrained(model, sites, data)

            def values(u: torch.Tensor) -> Values:
                own = space.constrain(space.split(u))
                return {**deterministic_of(model, own, data, sites, False), **own}

            slopes, own = slopes_of(values, as_torch(u)), as_numpy(space.constrain(space.split(as_torch(u))))
        kept = self.deterministic({name: value[None] for name, value in own.items()}) if sites.deterministic else {}
        return {name: slopes[name] for name in (*(site.name for site in sites.parameters), *kept)}

    def elbo(self) -> Evaluate:
        model, data, sites = self._native
        if not sites.is_enumerated:  # the same, and vmap takes it: some hundred times faster
            return self.log_density().values_and_gradients
        with isolated():
            value = autodelta(model, sites, data)

        def evaluate(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            with isolated():
                return many_of(value, as_torch(points), is_vectorised=False)

        return evaluate

    def expected(self, *, prior: bool) -> Evaluate:
        model, data, sites = self._native
        with isolated():
            evaluate = expected_density(model, sites, data, prior)

        def values_and_gradients(*arguments: Any) -> tuple[np.ndarray, np.ndarray]:
            with isolated():
                return evaluate(*arguments)

        return values_and_gradients

    def target(self) -> Target:
        model, data, sites = self._native
        with isolated():
            return Target(Collapsed(model, sites, data), data)

    def prior_draw(self, seed: int) -> dict[str, np.ndarray]:
        model, data, sites = self._native
        names = [site.name for site in sites.parameters]
        with isolated(seed):
            trace = trace_sites(model, data)
        return as_numpy({name: trace[name]["value"] for name in names})

    def forward(self, parameters: Parameters, *, draws: int, seed: int) -> dict[str, np.ndarray]:
        model, data, sites = self._native
        names = [site.name for site in sites.all if site.kind in ("parameter", "observed")]
        held = as_torch(dict(parameters))
        rows = []
        with isolated(seed), torch.no_grad():
            for draw in range(draws):
                given = {name: value[draw] for name, value in held.items()}
                # inside `condition`, so that only the data are drawn anew: what is held counts as observed outside it
                trace = trace_sites(poutine.condition(poutine.uncondition(model), data=given), data)
                rows.append({name: trace[name]["value"] for name in names})
        return as_numpy({name: torch.stack([row[name] for row in rows]) for name in names})

    def deterministic(self, draws: Parameters) -> dict[str, np.ndarray]:
        model, data, sites = self._native
        with isolated(), torch.no_grad():
            at_ends = [
                torch.vmap(lambda values, last=last: deterministic_of(model, values, data, sites, last))(
                    as_torch(dict(draws))
                )
                for last in (False, True)
            ]
        return sites.without_assignments(*map(as_numpy, at_ends))

    def classify(self, parameters: Parameters, *, temperature: int, seed: int) -> dict[str, np.ndarray]:
        model, data, sites = self._native
        names = [site.name for site in sites.assignments]
        with isolated(seed), torch.no_grad():
            first = -1 - max_plate_nesting(trace_sites(model, data))
            trained = poutine.condition(model, data=as_torch(dict(parameters)))
            inferred = infer_discrete(trained, temperature=temperature, first_available_dim=first)
            trace = poutine.trace(inferred).get_trace(**data)
            return as_numpy({name: trace.nodes[name]["value"] for name in names})

    def enumerate_guide(self, parameters: Parameters, *, steps: int, learning_rate: float, seed: int) -> GuideAscent:
        model, data, sites = self._native
        with isolated(seed):
            return ascend_guide(
                model, sites, data, as_torch(dict(parameters)), steps=steps, learning_rate=learning_rate
            )
