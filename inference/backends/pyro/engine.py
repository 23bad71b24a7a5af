"""The engine in Pyro: float64 tensors, in a scope that leaves the caller's random state and parameter store alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pyro import poutine
from pyro.infer import infer_discrete

from inference.backends.protocol import GuideAscent, LogDensity, Parameters
from inference.backends.pyro.autodelta import autodelta
from inference.backends.pyro.expected import expected_density
from inference.backends.pyro.guide import ascend_guide
from inference.backends.pyro.hub import (
    deterministic_of,
    log_densities,
    max_plate_nesting,
    over_draws,
    pointwise,
    table_of,
)
from inference.backends.pyro.programs import as_numpy, as_torch, isolated, tensors
from inference.backends.pyro.sites import describe
from inference.backends.pyro.terms import trace_sites
from inference.backends.pyro.vector import Collapsed, many_of, vector_density
from inference.backends.sites import Sites
from inference.backends.target import Target
from mixtures import Observations, Program


class PyroEngine:
    """See `inference.backends.protocol.Engine` for what each method gives."""

    name = "pyro"
    is_on_cpu = True

    def sites(self, program: Program, x: Observations) -> Sites:
        return describe(program, x)

    def log_joint(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        return self.log_joint_draws(program, {name: np.asarray(value)[None] for name, value in parameters.items()}, x)[
            0
        ]

    def log_joint_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        sites = describe(program, x)
        model, data = tensors(program, x)
        with isolated():
            return over_draws(lambda values: table_of(model, values, data, sites), parameters, sites)

    def log_likelihood_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        sites = describe(program, x)
        model, data = tensors(program, x)
        with isolated():
            return over_draws(lambda values: pointwise(model, values, data, sites), parameters, sites)

    def log_prior_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        return self._log_densities(program, parameters, x, which=1)

    def marginal_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        return self._log_densities(program, parameters, x, which=0)

    def _log_densities(self, program: Program, parameters: Parameters, x: Observations, which: int) -> np.ndarray:
        sites = describe(program, x)
        model, data = tensors(program, x)
        both = log_densities(model, sites)
        with isolated():
            return over_draws(lambda values: both(values, data)[which], parameters, sites)

    def deterministic_draws(self, program: Program, parameters: Parameters, x: Observations) -> dict[str, np.ndarray]:
        sites = describe(program, x)
        model, data = tensors(program, x)
        with isolated(), torch.no_grad():
            at_ends = [
                torch.vmap(lambda values, last=last: deterministic_of(model, values, data, sites, last))(
                    as_torch(dict(parameters))
                )
                for last in (False, True)
            ]
        return sites.without_assignments(*map(as_numpy, at_ends))

    def prior_draw(self, program: Program, x: Observations, seed: int) -> dict[str, np.ndarray]:
        model, data = tensors(program, x)
        names = [site.name for site in describe(program, x).parameters]
        with isolated(seed):
            trace = trace_sites(model, data)
        return as_numpy({name: trace[name]["value"] for name in names})

    def forward_draws(
        self, program: Program, parameters: Parameters, x: Observations, *, draws: int, seed: int
    ) -> dict[str, np.ndarray]:
        model, data = tensors(program, x)
        names = [site.name for site in describe(program, x).all if site.kind in ("parameter", "observed")]
        held = as_torch(dict(parameters))
        rows = []
        with isolated(seed), torch.no_grad():
            for draw in range(draws):
                given = {name: value[draw] for name, value in held.items()}
                # inside `condition`, so that only the data are drawn anew: what is held counts as observed outside it
                trace = trace_sites(poutine.condition(poutine.uncondition(model), data=given), data)
                rows.append({name: trace[name]["value"] for name in names})
        return as_numpy({name: torch.stack([row[name] for row in rows]) for name in names})

    def log_density(
        self, program: Program, x: Observations, *, prior: bool = True, jacobian: bool = False
    ) -> LogDensity:
        return vector_density(program, x, prior=prior, jacobian=jacobian)

    def elbo(self, program: Program, x: Observations) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
        sites = describe(program, x)
        if not sites.is_enumerated:  # the same, and vmap takes it: some hundred times faster
            return self.log_density(program, x).values_and_gradients
        model, data = tensors(program, x)
        with isolated():
            value = autodelta(model, sites, data)

        def evaluate(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            with isolated():
                return many_of(value, as_torch(points), is_vectorised=False)

        return evaluate

    def expected(
        self, program: Program, x: Observations, *, prior: bool
    ) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        sites = describe(program, x)
        model, data = tensors(program, x)
        with isolated():
            evaluate = expected_density(model, sites, data, prior)

        def values_and_gradients(*arguments: Any) -> tuple[np.ndarray, np.ndarray]:
            with isolated():
                return evaluate(*arguments)

        return values_and_gradients

    def classify(
        self, program: Program, parameters: Parameters, x: Observations, *, temperature: int, seed: int
    ) -> dict[str, np.ndarray]:
        model, data = tensors(program, x)
        names = [site.name for site in describe(program, x).assignments]
        with isolated(seed), torch.no_grad():
            first = -1 - max_plate_nesting(trace_sites(model, data))
            trained = poutine.condition(model, data=as_torch(dict(parameters)))
            inferred = infer_discrete(trained, temperature=temperature, first_available_dim=first)
            trace = poutine.trace(inferred).get_trace(**data)
            return as_numpy({name: trace.nodes[name]["value"] for name in names})

    def enumerate_guide(
        self, program: Program, parameters: Parameters, x: Observations, *, steps: int, learning_rate: float, seed: int
    ) -> GuideAscent:
        sites = describe(program, x)
        model, data = tensors(program, x)
        with isolated(seed):
            return ascend_guide(
                model, sites, data, as_torch(dict(parameters)), steps=steps, learning_rate=learning_rate
            )

    def target(self, program: Program, x: Observations) -> Target:
        sites = describe(program, x)
        model, data = tensors(program, x)
        with isolated():
            return Target(Collapsed(model, sites, data), data)


ENGINE = PyroEngine()
