"""Mixing weights that depend on covariates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from mixtures.among import Among, LinearPredictor
from mixtures.assignments.law import RowWise, Values
from mixtures.assignments.logarithms import log_softmax
from mixtures.errors import ModelError
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
        among: the covariates that weights depend on, by their names or numbers; None: all.

    Raises:
        ChoiceError: a prior of another site.
        ModelError: no covariates, or one of them twice.

    Example:
        >>> sorted(Gating().priors_by_site)
        ['gating_intercept', 'gating_slope']
    """

    priors: GivenPriors = ()
    among: Any = field(default=None, kw_only=True)

    needs_covariates: ClassVar[bool] = True
    redundant_sites: ClassVar[frozenset[str]] = frozenset(GATING_PRIORS)

    def __post_init__(self):
        object.__setattr__(self, "among", some_covariates(self.among))
        object.__setattr__(self, "priors", freeze(self.priors))
        override(GATING_PRIORS, self.priors)

    @property
    def linear_predictors(self) -> tuple[LinearPredictor, ...]:  # type: ignore[override]  # of the chosen covariates
        return (LinearPredictor("gating_intercept", "gating_slope", self.among),)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        defaults = {site: prior.of_covariates(self.among) for site, prior in GATING_PRIORS.items()}
        return override(defaults, self.priors)

    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        assert rows.covariates is not None  # the mixture has checked
        count = rows.covariates.shape[1]
        shape, dims = (components, len(self.among.of(count))), ("components", self.among.dim(count))
        return {
            "gating_intercept": draw("gating_intercept", shape=shape[:1], dims=dims[:1]),
            "gating_slope": draw("gating_slope", shape=shape, dims=dims),
        }

    def assign(self, ppl: PPL, values: Values, rows: Rows) -> Array:
        return ppl.assign("assignment", logits=self._logits(values, rows))

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        assert rows.covariates is not None
        slope = np.zeros((components, len(self.among.of(rows.covariates.shape[1]))))
        return {"gating_intercept": np.zeros(components), "gating_slope": slope}

    def log_probs(self, xp: Any, values: Values, rows: Rows) -> Array:
        return log_softmax(xp, self._logits(values, rows))

    def _logits(self, values: Values, rows: Rows) -> Array:
        # log odds_ik = a_k + b_k . c_i
        return values["gating_intercept"] + self.among.columns(rows.covariates) @ values["gating_slope"].T


def some_covariates(given: Any) -> Among:
    """The covariates that a law depends on.

    Raises:
        ModelError: none, what is neither a name nor a number, or one of them twice.
    """
    among = Among.given(given)
    if not among.numbers and not among.is_rest:
        raise ModelError(
            "among", got="no covariates", expected="one at least", advice="weights.Dirichlet() depends on none."
        )
    return among
