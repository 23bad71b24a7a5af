"""What a point fit climbs: a bound problem's log density, and the units in which a step is long."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from inference.backends import Bound
from inference.backends.log_density import LogDensity, Parameters
from inference.point.starts import step_scales


@dataclass(frozen=True, eq=False)
class Objective:
    """A log density of unconstrained coordinates, real-valued ones in units of the distance between random starts.

    Args:
        bound: program, data and backend.
        verb: whose random streams the starts are drawn from.
        seed: of these.
        is_posterior: whether the prior belongs to the density.
    """

    bound: Bound
    verb: str
    seed: int
    is_posterior: bool

    @cached_property
    def density(self) -> LogDensity:
        """The log density of one unconstrained vector."""
        return self.bound.log_density(prior=self.is_posterior)

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
