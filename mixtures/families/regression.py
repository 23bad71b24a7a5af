"""Generalised linear models as components: each component has a line (or plane) of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mixtures.checks import check_choice, check_count
from mixtures.errors import DataError, ModelError
from mixtures.families.columns import joined
from mixtures.families.family import Draw, Family
from mixtures.families.parts import Parts, always
from mixtures.families.responses import KINDS, RESPONSES, Response, response
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import GivenPriors, Prior, freeze, override


@dataclass(frozen=True)
class Regression(Family):
    """A response that depends on covariates, differently in each component (mixture of regressions, DeSarbo & Cron 1988).

    eta = intercept_k + slope_k . covariates_i; the response is Normal(eta, scale_k), Poisson(exp(eta)), negative binomial of mean exp(eta) and
    variance mean + mean^2 / concentration_k, Bernoulli(1 / (1 + exp(-eta))), or binomial with that probability and the row's own trials,
    `Observations(y, covariates=..., trials=...)`. An exposure multiplies the mean of counts. Of ordered categories P(y > c) =
    1 / (1 + exp(-(eta - cutpoint_c))), the first cutpoint 0 and `gaps` between them (McCullagh 1980, proportional odds). Sites: `intercept`
    (components,), `slope` (components, covariates), and `scale` or `concentration` (components,) for the Gaussian or the negative binomial,
    `gaps` (components, categories - 2) of ordered categories.

    Args:
        kind: `"gaussian"`, `"poisson"`, `"negative_binomial"`, `"bernoulli"`, `"binomial"` or `"ordinal"`.
        categories: the number of ordered categories, for that kind alone.
        priors: `{site: prior}` in place of the defaults.
        covariates: the number of covariates; the mixture fills it in from the data.

    Raises:
        ChoiceError: another kind, or a prior of another site.
        ModelError: no number of categories of ordered ones, or one of another kind.

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
    categories: int | None = None
    priors: GivenPriors = field(default=(), kw_only=True)
    covariates: int | None = field(default=None, kw_only=True)

    def __post_init__(self):
        check_choice("kind", self.kind, KINDS)
        if (self.kind in RESPONSES) != (self.categories is None):
            given = "none" if self.categories is None else f"{self.categories} beside kind {self.kind!r}"
            wanted = "none: the response is no category" if self.kind in RESPONSES else "how many there are"
            raise ModelError(
                "categories", got=given, expected=wanted, advice='Regression("ordinal", categories=4), say.'
            )
        if self.categories is not None:
            check_count("categories", self.categories, least=2)
        if self.covariates is not None:
            check_count("covariates", self.covariates)
        object.__setattr__(self, "priors", freeze(self.priors))
        override(self._response.priors, self.priors)

    @property
    def _response(self) -> Response:
        return response(self.kind, self.categories)

    def parts(self) -> Parts:
        own = self._response
        return Parts(
            support=own.support,
            linear_predictors=(("intercept", "slope"),),
            with_covariates=lambda count: replace(self, covariates=count),
            takes=own.takes,
            needs=own.needs,
            has_distribution_function=always,
        )

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(self._response.priors, self.priors)

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {}

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        own = self._response
        line = {
            "intercept": draw("intercept"),
            "slope": draw("slope", shape=(self.covariates or 1,), dims=("covariates",)),
        }
        of_axis = {site: {"shape": (size,), "dims": (dim,)} for site, (size, dim) in own.axes.items()}
        return line | {site: draw(site, **of_axis.get(site, {})) for site in own.beside}  # type: ignore[arg-type]

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        # eta_i = a_k + b_k . c_i
        eta = parameters["intercept"] + ppl.xp.sum(parameters["covariates"] * parameters["slope"], axis=-1)
        return joined(ppl, self._response.cell(ppl, eta, parameters), parameters, None)

    def start(
        self, x: np.ndarray, rows: np.ndarray, components: int, covariates: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        assert covariates is not None  # the mixture has checked
        # Each component begins with the line through a few rows drawn at random, held back where these lie close together.
        rng = np.random.default_rng(np.asarray(rows))
        own = self._response
        linked = own.linked(x)
        mean, scale = covariates.mean(axis=0), covariates.std(axis=0)
        standard = (covariates - mean) / np.where(scale > 0, scale, 1.0)
        few = min(len(x), covariates.shape[1] + 2)
        lines = np.array([_ridge(standard, linked, rng.choice(len(x), few, replace=False)) for _ in range(components)])
        slope = lines[:, 1:] / np.where(scale > 0, scale, 1.0)
        beside = own.started((linked.std() or 1.0) / np.sqrt(components))
        return {"intercept": lines[:, 0] - slope @ mean, "slope": slope} | {
            site: np.broadcast_to(value, (components, *np.shape(value))) for site, value in beside.items()
        }

    def check(self, x: Observations) -> None:
        if x.features is not None:
            raise DataError("x", got=f"{x.features} columns", expected="the response alone, shape (rows,)")
        self._response.support.check(x)


def _ridge(covariates: np.ndarray, response: np.ndarray, rows: np.ndarray, strength: float = 0.2) -> np.ndarray:
    """(intercept, slopes) of the rows' least squares line with a small penalty on the slopes."""
    design = np.column_stack([np.ones(len(rows)), covariates[rows]])
    penalty = strength * np.diag([1e-6, *np.ones(covariates.shape[1])])
    return np.linalg.solve(design.T @ design + penalty, design.T @ response[rows])
