"""Warm-up that begins hot: a likelihood that weighs little lets rows pass between clusters, which later hardly ever leave one.

Chains that begin with many clusters of few rows would else stay with those that they happened on, each chain with others, since one row after
the other would have to cross over. Simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983) of the first half of warm-up: draws that are kept are
of the posterior itself.
"""

from dataclasses import dataclass

import jax
import numpy as np

from inference.backends.complete import CompleteDensity
from inference.backends.numpyro.sites import Values

HOTTEST = 0.4
"""The power at the start: of three clusters that overlap little, seven of eight chains then found three and one kept a row by itself; at 1 they
kept up to seven, at 0.25 and below some chains lost one, since a cluster is joined more easily than it is split."""


@dataclass(frozen=True, eq=False)
class Annealed:
    """A mixture's density whose likelihood is raised to a power.

    Args:
        density: the mixture's.
        power: above 0; 1 leaves it as it is.
    """

    density: CompleteDensity
    power: jax.Array

    def emissions(self, own: jax.Array, shared: jax.Array, data: Values) -> jax.Array:
        return self.power * self.density.emissions(own, shared, data)

    def of_rows(self, own: jax.Array, shared: jax.Array, data: Values) -> jax.Array:
        return self.power * self.density.of_rows(own, shared, data)

    def of_components(self, own: jax.Array, shared: jax.Array, data: Values) -> jax.Array:
        return self.density.of_components(own, shared, data)

    def of_shared(self, shared: jax.Array, data: Values) -> jax.Array:
        return self.density.of_shared(shared, data)

    def prior_draw(self, key: jax.Array, data: Values) -> tuple[jax.Array, jax.Array]:
        return self.density.prior_draw(key, data)

    def components_draw(self, key: jax.Array, shared: jax.Array, data: Values) -> jax.Array:
        return self.density.components_draw(key, shared, data)

    def constrain(self, own: jax.Array, shared: jax.Array, data: Values) -> Values:
        return self.density.constrain(own, shared, data)


def powers(block: int, warm: int) -> np.ndarray:
    """The likelihood's power where a block begins and where it ends, (2,): from HOTTEST to 1 in the first half of warm-up, by equal factors.

    Args:
        block: its number.
        warm: blocks of warm-up.

    Example:
        >>> [powers(block, warm=4).round(2).tolist() for block in (0, 1, 2)]
        [[0.4, 0.63], [0.63, 1.0], [1.0, 1.0]]
    """
    hot = warm // 2
    passed = np.minimum([block, block + 1], hot) / hot if hot else np.ones(2)
    return HOTTEST ** (1 - passed)
