"""Positive numbers: waiting times, sizes, durations."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mixtures.families.columns import Columns, jitter, positive_at, relative_variance
from mixtures.families.support import NONNEGATIVE, POSITIVE, Support
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Gamma as GammaPrior
from mixtures.priors import LogNormal as LogNormalPrior
from mixtures.priors import Normal, Prior
from mixtures.statistics import LOG_HALF_LOG_SD, LOG_MEAN, LOG_MIDRANGE, LOG_RANGE, MEAN, MINUS_LOG_MEAN

# From 1/7 to 50, with probability 0.95, so from a pole at 0 to a tight peak. Zero- and infinity-avoiding, as for a standard deviation
# (Chung et al. 2013): a component's density cannot become a spike.
SHAPE = LogNormalPrior(1.0, 1.5)


class Exponential(Columns):
    """Waiting times without memory within a component; site `rate`, one over the mean."""

    # Conjugate, with its mode at one over the data's mean.
    default_priors: ClassVar[Mapping[str, Prior]] = {"rate": GammaPrior(2.0, MEAN)}
    has_tails: ClassVar[bool] = True
    support: ClassVar[Support] = NONNEGATIVE

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Exponential(rate=parameters["rate"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        return {"rate": 1 / positive_at(x, rows)}


class Gamma(Columns):
    """Positive numbers with mean concentration / rate and relative variance 1 / concentration within a component."""

    default_priors: ClassVar[Mapping[str, Prior]] = {
        "concentration": SHAPE,
        # As wide as that of the concentration, and centred so that the mean at concentration 1 is the data's.
        "rate": LogNormalPrior(MINUS_LOG_MEAN, 2.0),
    }
    has_tails: ClassVar[bool] = True
    support: ClassVar[Support] = POSITIVE

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Gamma(concentration=parameters["concentration"], rate=parameters["rate"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        mean = positive_at(x, rows)
        concentration = np.broadcast_to(1 / relative_variance(x, components), mean.shape)
        return {"concentration": concentration, "rate": concentration / mean}


class LogNormal(Columns):
    """Positive numbers whose logarithm is normal within a component; sites `loc` and `scale`, of the logarithm."""

    default_priors: ClassVar[Mapping[str, Prior]] = {
        # as for a Gaussian of log x (Richardson & Green 1997; Chung et al. 2013)
        "loc": Normal(LOG_MIDRANGE, LOG_RANGE),
        "scale": LogNormalPrior(LOG_HALF_LOG_SD, 1.0),
    }
    has_tails: ClassVar[bool] = True
    support: ClassVar[Support] = POSITIVE

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.LogNormal(loc=parameters["loc"], scale=parameters["scale"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        y = np.log(x)
        spread = np.where(y.var(axis=0) > 0, y.var(axis=0), 1.0)
        scale = np.broadcast_to(np.sqrt(spread / components), y[rows].shape)
        return {"loc": y[rows] + 0.1 * scale * jitter(rows, scale.shape), "scale": scale}


class Weibull(Columns):
    """Lifetimes whose hazard falls (concentration < 1) or rises (> 1) with age within a component; sites `scale` and `concentration`."""

    default_priors: ClassVar[Mapping[str, Prior]] = {
        # From 1/20 to 20 times the data's mean, with probability 0.95.
        "scale": LogNormalPrior(LOG_MEAN, 1.5),
        # A shape of 1 is the exponential, 3.6 nearly normal: from 0.3 to 14 with probability 0.95.
        "concentration": LogNormalPrior(0.7, 1.0),
    }
    has_tails: ClassVar[bool] = True
    support: ClassVar[Support] = POSITIVE

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.Weibull(scale=parameters["scale"], concentration=parameters["concentration"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        scale = positive_at(x, rows)
        # shape = (sd / mean)^-1.086, nearly (Justus et al. 1978)
        shape = relative_variance(x, components) ** (-0.5 * 1.086)
        return {"scale": scale, "concentration": np.broadcast_to(shape, scale.shape)}


class InverseGaussian(Columns):
    """Times until a drift first passes a level within a component, of mean `loc` and variance loc^3 / concentration (Tweedie 1957).

    Skewed like the log-normal, with a density that vanishes faster at 0 and a tail that falls exponentially.
    """

    default_priors: ClassVar[Mapping[str, Prior]] = {
        # From 1/20 to 20 times the data's mean, with probability 0.95.
        "loc": LogNormalPrior(LOG_MEAN, 1.5),
        # Of the data's own unit; the relative variance is loc / concentration, from 1/50 to 50.
        "concentration": LogNormalPrior(LOG_MEAN, 2.0),
    }
    has_tails: ClassVar[bool] = True
    support: ClassVar[Support] = POSITIVE

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.InverseGaussian(loc=parameters["loc"], concentration=parameters["concentration"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        loc = positive_at(x, rows)
        return {"loc": loc, "concentration": loc / relative_variance(x, components)}


class GeneralizedPareto(Columns):
    """Excesses over a threshold within a component, P(X > x) = (1 + concentration x / scale)^(-1 / concentration): a power's tail.

    Subtract the threshold first, so that it is 0 (Pickands 1975). Moments of an order of 1 / concentration and more are infinite, so is the
    mean at 1; near 0 it is the exponential of mean `scale`. Tails that end, of a negative concentration, are not among them.
    """

    default_priors: ClassVar[Mapping[str, Prior]] = {
        "scale": LogNormalPrior(LOG_MEAN, 1.5),
        # From 0.06, nearly exponential, to 1.4, without a mean, with probability 0.95.
        "concentration": LogNormalPrior(-1.2, 0.8),
    }
    has_tails: ClassVar[bool] = True
    support: ClassVar[Support] = NONNEGATIVE

    def cell(self, ppl: PPL, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.GeneralizedPareto(scale=parameters["scale"], concentration=parameters["concentration"])

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        mean = positive_at(x, rows)
        # the mean is scale / (1 - concentration)
        return {"scale": 0.8 * mean, "concentration": np.full(mean.shape, 0.2)}
