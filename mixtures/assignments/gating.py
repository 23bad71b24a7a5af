"""Mixing weights that depend on covariates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mixtures.assignments.law import RowWise, Values
from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import GivenPriors, Normal, Prior, freeze, override
from mixtures.rows import Rows
from mixtures.statistics import UNIT_OFFSET, UNIT_SLOPE

GATING_PRIORS = {
    # Two rows one standard deviation of a covariate apart may differ in their log odds by a few units, not by dozens: as in rstanarm,
    # after Gelman et al. (2008), Annals of Applied Statistics 2. At covariates 0, away from the data, the intercept is less known.
    "gating_intercept": Normal(0.0, UNIT_OFFSET),
    "gating_slope": Normal(0.0, UNIT_SLOPE),
}


@dataclass(frozen=True)
class Gating(RowWise):
    """Weights that depend on covariates: log odds are linear in them (mixture of experts, Jacobs et al. 1991; concomitant variables).

    P(assignment_i = k) is proportional to exp(gating_intercept_k + gating_slope_k . covariates_i). All components have coefficients, so
    that they are exchangeable; the likelihood identifies only differences between components, and the priors the common part. Information
    criteria count one set of coefficients fewer than there are components.

    Sites: `gating_intercept` (components,), `gating_slope` (components, covariates).

    Args:
        priors: `{site: prior}` in place of the defaults.

    Raises:
        ChoiceError: a prior of another site.

    Example:
        >>> sorted(Gating().priors_by_site)
        ['gating_intercept', 'gating_slope']
    """

    priors: GivenPriors = ()

    needs_covariates: ClassVar[bool] = True
    linear_predictors: ClassVar[tuple[tuple[str, str], ...]] = (("gating_intercept", "gating_slope"),)
    redundant_sites: ClassVar[frozenset[str]] = frozenset(GATING_PRIORS)

    def __post_init__(self):
        object.__setattr__(self, "priors", freeze(self.priors))
        override(GATING_PRIORS, self.priors)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(GATING_PRIORS, self.priors)

    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        assert rows.covariates is not None  # the mixture has checked
        shape = (components, rows.covariates.shape[1])
        return {
            "gating_intercept": draw("gating_intercept", shape=shape[:1], dims=("components",)),
            "gating_slope": draw("gating_slope", shape=shape, dims=("components", "covariates")),
        }

    def assign(self, ppl: PPL, values: Values, rows: Rows) -> Array:
        return ppl.assign("assignment", logits=_logits(values, rows))

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        assert rows.covariates is not None
        slope = np.zeros((components, rows.covariates.shape[1]))
        return {"gating_intercept": np.zeros(components), "gating_slope": slope}

    def log_probs(self, xp: Any, values: Values, rows: Rows) -> Array:
        logits = _logits(values, rows)
        peak = xp.max(logits, axis=1)[:, None]
        return logits - peak - xp.log(xp.sum(xp.exp(logits - peak), axis=1))[:, None]


def _logits(values: Values, rows: Rows) -> Array:
    # log odds_ik = a_k + b_k . c_i
    return values["gating_intercept"] + rows.covariates @ values["gating_slope"].T
