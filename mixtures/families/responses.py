"""How a response depends on a linear predictor eta, one value a kind: what a regression must know of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mixtures.families import kernels
from mixtures.families.columns import exposed
from mixtures.families.positive import SHAPE
from mixtures.families.student_t import DF
from mixtures.families.support import COUNTS, POSITIVE, REAL, Support, whole_up_to
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import LogNormal, Normal, Prior
from mixtures.statistics import CENTRE, LOG_HALF_SD, LOG_MEAN, OFFSET, SLOPE, UNIT_OFFSET, UNIT_SLOPE

# Slopes as in rstanarm, after Gelman et al. (2008), Annals of Applied Statistics 2: one standard deviation of a covariate moves the linear
# predictor by a few units at most (of the response's standard deviation, for a Gaussian). An intercept is as free at the covariates' mean;
# its prior says what follows from this at covariates 0.
OF_RESPONSE = {"intercept": Normal(CENTRE, OFFSET), "slope": Normal(0.0, SLOPE)}
OF_LOG_MEAN = {"intercept": Normal(LOG_MEAN, UNIT_OFFSET), "slope": Normal(0.0, UNIT_SLOPE)}
OF_LOG_ODDS = {"intercept": Normal(0.0, UNIT_OFFSET), "slope": Normal(0.0, UNIT_SLOPE)}


@dataclass(frozen=True)
class Response:
    """A kind of response.

    Args:
        support: its values.
        line: the priors of intercept and slope.
        cell: (words, eta, parameters) -> the distribution of a response.
        linked: responses -> where a line through them begins, on the scale of eta.
        beside: the priors of the sites beside the line.
        started: responses -> where each of these begins, given the spread of `linked` responses in a component.
        axes: of each of these that is no number: how long its axis is, and what that is called.
        kernel: how its log density moves with eta, by which effects of groups are summed out; None: the response is normal, so that they
            have a closed form, or they cannot be.
        outcomes: how many linear predictors a row has, along an axis of that name; None: one, without an axis.
        takes: as in `Parts`.
        needs: likewise.
    """

    support: Support
    line: Mapping[str, Prior]
    cell: Callable[[PPL, Array, Mapping[str, Array]], Distribution]
    linked: Callable[[np.ndarray], np.ndarray]
    beside: Mapping[str, Prior] = field(default_factory=dict)
    started: Callable[[float], Mapping[str, Any]] = lambda spread: {}
    axes: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    kernel: kernels.Kernel | None = None
    outcomes: int | None = None
    takes: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()

    @property
    def priors(self) -> dict[str, Prior]:
        """The default priors of all sites."""
        return {**self.line, **self.beside}


def _normal(ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
    return ppl.dist.Normal(eta, parameters["scale"])


def _poisson(ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
    return ppl.dist.Poisson(exposed(ppl.xp.exp(eta), parameters))


def _negative_binomial(ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
    concentration = parameters["concentration"]
    return ppl.dist.GammaPoisson(concentration, concentration / exposed(ppl.xp.exp(eta), parameters))


def _gamma(ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
    concentration = parameters["concentration"]
    return ppl.dist.Gamma(concentration=concentration, rate=concentration / ppl.xp.exp(eta))


def _bernoulli(ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
    return ppl.dist.Bernoulli(logits=eta)


def _binomial(ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
    return ppl.dist.Binomial(total_count=parameters["trials"], logits=eta)


def _log(y: np.ndarray) -> np.ndarray:
    return np.log(y + 0.5)


def _logit(share: np.ndarray) -> np.ndarray:
    """Log odds, of shares that are 0 or 1 too."""
    inner = 0.05 + 0.9 * np.clip(share, 0.0, 1.0)
    return np.log(inner / (1 - inner))


def student_t(df: float | None) -> Response:
    """A line from which rows may lie far, of so many degrees of freedom; None: learned, one for each component."""

    def cell(ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.StudentT(parameters["df"] if df is None else ppl.array(float(df)), eta, parameters["scale"])

    # as for the Gaussian, and for components of Student's t
    beside = {"scale": LogNormal(LOG_HALF_SD, 1.0)} | ({"df": DF} if df is None else {})
    return Response(
        REAL,
        OF_RESPONSE,
        cell,
        linked=lambda y: y,
        beside=beside,
        started=lambda spread: {site: {"scale": spread, "df": 10.0}[site] for site in beside},
    )


RESPONSES: dict[str, Response] = {
    "gaussian": Response(
        REAL,
        OF_RESPONSE,
        _normal,
        linked=lambda y: y,
        beside={"scale": LogNormal(LOG_HALF_SD, 1.0)},  # as for a Gaussian component (Chung et al. 2013)
        started=lambda spread: {"scale": spread},
    ),
    "student_t": student_t(None),
    "gamma": Response(
        POSITIVE,
        OF_LOG_MEAN,
        _gamma,
        linked=np.log,
        beside={"concentration": SHAPE},  # as for a gamma component
        # of small relative variance: that of the logarithm, nearly
        started=lambda spread: {"concentration": spread**-2},
        kernel=kernels.gamma,
    ),
    "poisson": Response(
        COUNTS, OF_LOG_MEAN, _poisson, linked=_log, kernel=kernels.poisson, takes=frozenset({"exposure"})
    ),
    "bernoulli": Response(
        whole_up_to(1), OF_LOG_ODDS, _bernoulli, linked=lambda y: 2 * y - 1, kernel=kernels.bernoulli
    ),
    "binomial": Response(
        replace(COUNTS, example=0.0),
        OF_LOG_ODDS,
        _binomial,
        linked=_logit,
        kernel=kernels.binomial,
        takes=frozenset({"trials"}),
        needs=frozenset({"trials"}),
    ),
    "negative_binomial": Response(
        COUNTS,
        OF_LOG_MEAN,
        _negative_binomial,
        linked=_log,
        beside={"concentration": LogNormal(0.0, 1.5)},  # as for a negative binomial component
        started=lambda spread: {"concentration": 2.0},
        kernel=kernels.negative_binomial,
        takes=frozenset({"exposure"}),
    ),
}
"""The kinds that need no number of categories."""


def ordinal(categories: int) -> Response:
    """Ordered categories: P(y > c) = 1 / (1 + exp(-(eta - cutpoint_c))), the first cutpoint 0, and gaps between them."""
    gaps = categories - 2

    def cell(ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
        if not gaps:
            return _bernoulli(ppl, eta, parameters)
        cutpoints = ppl.xp.cumulative_sum(parameters["gaps"], axis=-1, include_initial=True)
        return ppl.dist.OrderedLogistic(eta, cutpoints)

    return Response(
        whole_up_to(categories - 1),
        OF_LOG_ODDS,
        cell,
        # from the first cutpoint's odds to beyond the last's
        linked=lambda y: y + (y - (categories - 1)) / (categories - 1),
        # Zero-avoiding: a category has some probability; and the log odds of two next to each other differ by 0.1 to 7, with probability 0.95
        beside={"gaps": LogNormal(0.0, 1.0)} if gaps else {},
        started=lambda spread: {"gaps": np.ones(gaps)} if gaps else {},
        axes={"gaps": (gaps, "cuts")},
        kernel=kernels.ordinal,
    )


def multinomial(categories: int) -> Response:
    """Categories without an order: log P(y = c) / P(y = 0) = eta_c (McFadden 1974), the first category being what others are held against."""
    count = categories - 1

    def cell(ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
        return ppl.dist.MultinomialLogit(eta)

    return Response(
        whole_up_to(count),
        OF_LOG_ODDS,
        cell,
        linked=lambda y: 1.0 * (y[:, None] == np.arange(1, categories)) - (y[:, None] == 0),
        outcomes=count,
    )


OF_CATEGORIES = {"ordinal": ordinal, "multinomial": multinomial}
"""The others, given their number of categories."""

KINDS = (*RESPONSES, *OF_CATEGORIES)


def response(kind: str, categories: int | None, df: float | None) -> Response:
    """The response of this kind, which is one of `KINDS`."""
    if categories is not None:
        return OF_CATEGORIES[kind](categories)
    return RESPONSES[kind] if df is None else student_t(df)
