"""What a point fit climbs: a bound problem's log density, and the units in which a step is long."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from inference.backends import Bound
from inference.backends.log_density import LogDensity, Parameters
from inference.point.constraints import Constraint, constraint_of
from inference.point.starts import rule, step_scales


@dataclass(frozen=True, eq=False)
class Objective:
    """A log density of unconstrained coordinates, real-valued ones in units of the distance between random starts.

    Args:
        bound: program, data and backend.
        verb: whose random streams the starts are drawn from.
        seed: of these.
        is_posterior: whether the prior belongs to the density.
        fixed: what is known, see `inference.point.constraints`.
        equal: what components share, likewise.
    """

    bound: Bound
    verb: str
    seed: int
    is_posterior: bool
    fixed: Any = None
    equal: Any = None

    @cached_property
    def constraint(self) -> Constraint | None:
        """What is known, or shared."""
        if self.fixed is None and self.equal is None:
            return None
        start = rule(self.bound, self.seed, self.verb)
        whole = {site.name: np.broadcast_to(start[site.name], site.shape) for site in self.bound.sites.parameters}
        return constraint_of(self.fixed, self.equal, self.bound.sites, self._plain, whole)

    @cached_property
    def _plain(self) -> LogDensity:
        return self.bound.log_density(prior=self.is_posterior)

    @cached_property
    def density(self) -> LogDensity:
        """The log density of one unconstrained vector, on the constraint if there is one."""
        return self._plain if self.constraint is None else self.constraint.of(self._plain)

    def obeying(self, evaluate: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Callable[..., Any]:
        """What is evaluated at many vectors, on the constraint likewise."""
        return evaluate if self.constraint is None else self.constraint.evaluated(evaluate)

    @cached_property
    def scales(self) -> dict[str, np.ndarray]:
        """The unit of each site's coordinates."""
        return step_scales(self.bound, self.seed, self.verb)

    @cached_property
    def real_scales(self) -> dict[str, np.ndarray]:
        """Those of real-valued sites; others move on a log or logit scale, where the unit is 1."""
        return {site.name: self.scales[site.name] for site in self.bound.sites.parameters if site.is_real}

    @cached_property
    def unit(self) -> np.ndarray:
        """The unit of each coordinate, (size,)."""
        return self.density.units(self.real_scales)

    def norms(self, gradients: np.ndarray) -> np.ndarray:
        """Norms of gradients (restarts, size) in the coordinates of each site, (restarts, sites)."""
        own = (self.density.places[site.name] for site in self.bound.sites.parameters)
        return np.stack([np.linalg.norm(gradients[:, places], axis=1) for places in own], axis=1)

    def loss(
        self, evaluate: Callable[..., tuple[np.ndarray, np.ndarray]]
    ) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        """What optimisers minimise, of vectors in units: minus what is evaluated at the vectors themselves, and gradients likewise."""

        def minimised(v: np.ndarray, *rest: Any) -> tuple[np.ndarray, np.ndarray]:
            values, gradients = evaluate(self.unit * v, *rest)
            return -values, -gradients * self.unit

        return minimised

    def vectors(self, starts: Parameters) -> np.ndarray:
        """Unconstrained coordinates, (restarts, size), of values (restarts, ...) by site."""
        count = len(next(iter(starts.values())))
        return np.stack([self.density.unconstrain({name: v[i] for name, v in starts.items()}) for i in range(count)])

    def parameters(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        """The inverse."""
        each = [self.density.constrain(u) for u in vectors]
        return {name: np.stack([one[name] for one in each]) for name in each[0]}
