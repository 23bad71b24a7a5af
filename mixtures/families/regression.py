"""Generalised linear models as components: each component has a line (or plane) of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mixtures.checks import check_choice, check_count
from mixtures.errors import DataError
from mixtures.families.columns import exposed, joined
from mixtures.families.family import Draw, Family
from mixtures.families.parts import Parts, always
from mixtures.families.support import COUNTS, REAL, whole_up_to
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import GivenPriors, LogNormal, Normal, Prior, freeze, override
from mixtures.statistics import CENTRE, LOG_HALF_SD, LOG_MEAN, OFFSET, SLOPE, UNIT_OFFSET, UNIT_SLOPE

# Slopes as in rstanarm, after Gelman et al. (2008), Annals of Applied Statistics 2: one standard deviation of a covariate moves the linear
# predictor by a few units at most (of the response's standard deviation, for a Gaussian). An intercept is as free at the covariates' mean;
# its prior says what follows from this at covariates 0.
DEFAULT_PRIORS = {
    "gaussian": {
        "intercept": Normal(CENTRE, OFFSET),
        "slope": Normal(0.0, SLOPE),
        "scale": LogNormal(LOG_HALF_SD, 1.0),  # as for a Gaussian component (Chung et al. 2013)
    },
    "poisson": {"intercept": Normal(LOG_MEAN, UNIT_OFFSET), "slope": Normal(0.0, UNIT_SLOPE)},
    "bernoulli": {"intercept": Normal(0.0, UNIT_OFFSET), "slope": Normal(0.0, UNIT_SLOPE)},
    "binomial": {"intercept": Normal(0.0, UNIT_OFFSET), "slope": Normal(0.0, UNIT_SLOPE)},
    "negative_binomial": {
        "intercept": Normal(LOG_MEAN, UNIT_OFFSET),
        "slope": Normal(0.0, UNIT_SLOPE),
        "concentration": LogNormal(0.0, 1.5),  # as for a negative binomial component
    },
}

SUPPORT = {
    "gaussian": REAL,
    "poisson": COUNTS,
    "bernoulli": whole_up_to(1),
    "binomial": replace(COUNTS, example=0.0),
    "negative_binomial": COUNTS,
}

SPREAD = {"gaussian": "scale", "negative_binomial": "concentration"}
"""The site beside the line, where there is one."""

TAKES = {
    "poisson": frozenset({"exposure"}),
    "negative_binomial": frozenset({"exposure"}),
    "binomial": frozenset({"trials"}),
}
"""The known numbers of a row that the response depends on."""


def _logit(share: np.ndarray) -> np.ndarray:
    """Log odds, of shares that are 0 or 1 too."""
    inner = 0.05 + 0.9 * np.clip(share, 0.0, 1.0)
    return np.log(inner / (1 - inner))


LINKED = {
    "gaussian": lambda y: y,
    "poisson": lambda y: np.log(y + 0.5),
    "negative_binomial": lambda y: np.log(y + 0.5),
    "bernoulli": lambda y: 2 * y - 1,
    "binomial": _logit,
}
"""Where a line through responses begins, on the scale of the predictor."""


@dataclass(frozen=True)
class Regression(Family):
    """A response that depends on covariates, differently in each component (mixture of regressions, DeSarbo & Cron 1988).

    eta = intercept_k + slope_k . covariates_i; the response is Normal(eta, scale_k), Poisson(exp(eta)), negative binomial of mean exp(eta) and
    variance mean + mean^2 / concentration_k, Bernoulli(1 / (1 + exp(-eta))), or binomial with that probability and the row's own trials,
    `Observations(y, covariates=..., trials=...)`. An exposure multiplies the mean of counts. Sites: `intercept` (components,), `slope`
    (components, covariates), and `scale` or `concentration` (components,) for the Gaussian or the negative binomial.

    Args:
        kind: `"gaussian"`, `"poisson"`, `"negative_binomial"`, `"bernoulli"` or `"binomial"`.
        priors: `{site: prior}` in place of the defaults.
        covariates: the number of covariates; the mixture fills it in from the data.

    Raises:
        ChoiceError: another kind, or a prior of another site.

    Example:
        >>> from mixtures import Mixture
        >>> print(Mixture(2, Regression("poisson")))
        A mixture of 2 components
        <BLANKLINE>
            weights       ~ Dirichlet(1)
            intercept[k]  ~ Normal(log(mean(x)), 2.5 at covariates 0)
            slope[k]      ~ Normal(0, 2.5/sd(covariates))
            assignment[i] ~ Categorical(weights)
            obs[i]        ~ Poisson(exp(intercept[assignment[i]] + sum(covariates[i] * slope[assignment[i]])))
        <BLANKLINE>
            k = 1, ..., 2; i = 1, ..., n
    """

    kind: str = "gaussian"
    priors: GivenPriors = field(default=(), kw_only=True)
    covariates: int | None = field(default=None, kw_only=True)

    def __post_init__(self):
        check_choice("kind", self.kind, DEFAULT_PRIORS)
        if self.covariates is not None:
            check_count("covariates", self.covariates)
        object.__setattr__(self, "priors", freeze(self.priors))
        override(DEFAULT_PRIORS[self.kind], self.priors)

    def parts(self) -> Parts:
        return Parts(
            support=SUPPORT[self.kind],
            linear_predictors=(("intercept", "slope"),),
            with_covariates=lambda count: replace(self, covariates=count),
            takes=TAKES.get(self.kind, frozenset()),
            needs=frozenset({"trials"}) if self.kind == "binomial" else frozenset(),
            has_distribution_function=always,
        )

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(DEFAULT_PRIORS[self.kind], self.priors)

    @property
    def _spread(self) -> tuple[str, ...]:
        """The site beside the line."""
        return (SPREAD[self.kind],) if self.kind in SPREAD else ()

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {}

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        line = {
            "intercept": draw("intercept"),
            "slope": draw("slope", shape=(self.covariates or 1,), dims=("covariates",)),
        }
        return line | {site: draw(site) for site in self._spread}

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        # eta_i = a_k + b_k . c_i
        eta = parameters["intercept"] + ppl.xp.sum(parameters["covariates"] * parameters["slope"], axis=-1)
        if self.kind == "gaussian":
            cell = ppl.dist.Normal(eta, parameters["scale"])
        elif self.kind == "poisson":
            cell = ppl.dist.Poisson(exposed(ppl.xp.exp(eta), parameters))
        elif self.kind == "negative_binomial":
            concentration = parameters["concentration"]
            cell = ppl.dist.GammaPoisson(concentration, concentration / exposed(ppl.xp.exp(eta), parameters))
        elif self.kind == "binomial":
            cell = ppl.dist.Binomial(total_count=parameters["trials"], logits=eta)
        else:
            cell = ppl.dist.Bernoulli(logits=eta)
        return joined(ppl, cell, parameters, None)

    def start(
        self, x: np.ndarray, rows: np.ndarray, components: int, covariates: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        assert covariates is not None  # the mixture has checked
        # Each component begins with the line through a few rows drawn at random, held back where these lie close together.
        rng = np.random.default_rng(np.asarray(rows))
        response = LINKED[self.kind](x)
        spread = response.std() or 1.0
        mean, scale = covariates.mean(axis=0), covariates.std(axis=0)
        standard = (covariates - mean) / np.where(scale > 0, scale, 1.0)
        few = min(len(x), covariates.shape[1] + 2)
        lines = np.array(
            [_ridge(standard, response, rng.choice(len(x), few, replace=False)) for _ in range(components)]
        )
        slope = lines[:, 1:] / np.where(scale > 0, scale, 1.0)
        start = {"intercept": lines[:, 0] - slope @ mean, "slope": slope}
        beside = {"scale": spread / np.sqrt(components), "concentration": 2.0}
        return start | {site: np.full(components, beside[site]) for site in self._spread}

    def check(self, x: Observations) -> None:
        if x.features is not None:
            raise DataError("x", got=f"{x.features} columns", expected="the response alone, shape (rows,)")
        SUPPORT[self.kind].check(x)


def _ridge(covariates: np.ndarray, response: np.ndarray, rows: np.ndarray, strength: float = 0.2) -> np.ndarray:
    """(intercept, slopes) of the rows' least squares line with a small penalty on the slopes."""
    design = np.column_stack([np.ones(len(rows)), covariates[rows]])
    penalty = strength * np.diag([1e-6, *np.ones(covariates.shape[1])])
    return np.linalg.solve(design.T @ design + penalty, design.T @ response[rows])
