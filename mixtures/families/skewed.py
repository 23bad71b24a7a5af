"""Skewed numbers on the whole line: skew normal and skew t, whose components need not be taken apart into several symmetric ones."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mixtures.families.columns import Columns, jitter
from mixtures.families.gaussian import DEFAULT_PRIORS
from mixtures.families.student_t import DF
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Normal, Prior

# From one half normal to the other: at 5 nine tenths of the skewness that there can be are reached (0.85 of 0.995).
SKEW = Normal(0.0, 5.0)


class SkewNormal(Columns):
    """Rows are skew normal within a component, to the right where `skew` > 0 (Azzalini 1985); of several columns each by itself.

    The density at x is 2/scale phi(z) Phi(skew z), z = (x - loc) / scale: `loc` and `scale` are no mean and standard deviation, but where
    `skew` is 0. Half a normal is the limit of large ones, where the likelihood may be highest: then the fit says "at a limit", and `fit_map`
    has a prior against it.
    """

    default_priors: ClassVar[Mapping[str, Prior]] = {
        "loc": DEFAULT_PRIORS["loc"],
        "scale": DEFAULT_PRIORS["scale"],
        "skew": SKEW,
    }
    has_tails: ClassVar[bool] = True

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.SkewNormal(parameters["loc"], parameters["scale"], parameters["skew"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return _start(x, rows, components)


class SkewT(Columns):
    """Rows have a skew t distribution within a component (Azzalini & Capitanio 2003): skewed, and robust to outliers.

    The density at x is 2/scale t(z; df) T(skew z sqrt((df + 1) / (df + z^2)); df + 1), z = (x - loc) / scale, t and T the density and the
    distribution function of Student's t. Of several columns each is skewed by itself.
    """

    default_priors: ClassVar[Mapping[str, Prior]] = {"df": DF, **SkewNormal.default_priors}

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.SkewT(parameters["df"], parameters["loc"], parameters["scale"], parameters["skew"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return {"df": np.full(x[rows].shape, 10.0)} | _start(x, rows, components)


def _start(x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
    """Skewed a little to either side: the likelihood has no slope along `skew` at 0 (Azzalini 1985)."""
    variance = x.var(axis=0)
    scale = np.broadcast_to(np.sqrt(np.where(variance > 0, variance, 1.0) / components), x[rows].shape)
    noise = jitter(rows, (2, *x[rows].shape))
    return {"loc": x[rows] + 0.1 * scale * noise[0], "scale": scale, "skew": noise[1]}
