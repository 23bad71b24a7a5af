"""Shares between 0 and 1, and angles: beta and von Mises."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from mixtures.families.columns import Columns, jitter, probability_at
from mixtures.families.parts import Parts
from mixtures.families.support import ANGLES, UNIT_INTERVAL, Support
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import LogNormal, Prior, UniformAngle

# From 1/7 to 50, with probability 0.95: from U-shaped or flat to a peak; away from 0 and infinity, where densities become spikes.
CONCENTRATION = LogNormal(1.0, 1.5)


class Beta(Columns):
    """Proportions between 0 and 1; sites `concentration1` and `concentration0`, mean concentration1 / (concentration1 + concentration0)."""

    default_priors: ClassVar[Mapping[str, Prior]] = {"concentration1": CONCENTRATION, "concentration0": CONCENTRATION}
    has_tails: ClassVar[bool] = True
    support: ClassVar[Support] = UNIT_INTERVAL

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Beta(concentration1=parameters["concentration1"], concentration0=parameters["concentration0"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        mean, variance = x.mean(axis=0), np.maximum(x.var(axis=0), 1e-6)
        # Var = mean (1 - mean) / (total + 1), each component having a share 1/K of the variance
        total = np.clip(components * mean * (1 - mean) / variance - 1, 2.0, 1e3)
        at = probability_at(x, rows)
        return {"concentration1": total * at, "concentration0": total * (1 - at)}


class VonMises(Columns):
    """Angles in radians, from -pi to pi; sites `loc`, the mean direction, and `concentration`, about one over the variance.

    `loc` moves on the real line, where directions 2 pi apart are the same; draws of the posterior come back on one turn.
    """

    default_priors: ClassVar[Mapping[str, Prior]] = {
        # Any direction, as likely on each turn of the line: unlike a uniform on an interval it has no edge where a component gets stuck.
        "loc": UniformAngle(),
        "concentration": CONCENTRATION,
    }
    support: ClassVar[Support] = ANGLES

    def parts(self) -> Parts:
        return replace(super().parts(), circular_sites=frozenset({"loc"}))

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.VonMises(loc=parameters["loc"], concentration=parameters["concentration"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        at = x[rows]
        return {"loc": at + 0.1 * jitter(rows, at.shape), "concentration": np.full(at.shape, float(components))}
