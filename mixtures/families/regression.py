"""Generalised linear models as components: each component has a line (or plane) of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mixtures.among import OUTCOMES, Among, LinearPredictor
from mixtures.checks import check_choice, check_count
from mixtures.errors import DataError, ModelError
from mixtures.families.columns import joined
from mixtures.families.common import check_numbers, checked_common
from mixtures.families.family import Draw, Family
from mixtures.families.parts import Parts, always, never
from mixtures.families.random_effects import RandomEffects
from mixtures.families.responses import KINDS, RESPONSES, Response, response
from mixtures.families.student_t import check_df
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import GivenPriors, Prior, freeze, override


@dataclass(frozen=True)
class Regression(Family):
    """A response that depends on covariates, differently in each component (mixture of regressions, DeSarbo & Cron 1988).

    eta = intercept_k + slope_k . covariates_i; the response is Normal(eta, scale_k), Student's t around eta, Gamma of mean exp(eta) and variance
    mean^2 / concentration_k, Poisson(exp(eta)), negative binomial of that mean and variance mean + mean^2 / concentration_k,
    Bernoulli(1 / (1 + exp(-eta))), or binomial with that probability and the row's own trials, `Observations(y, covariates=..., trials=...)`.
    An exposure multiplies the mean of counts. Of ordered categories P(y > c) = 1 / (1 + exp(-(eta - cutpoint_c))), the first cutpoint 0 and
    `gaps` between them (McCullagh 1980, proportional odds). Of categories without an order log P(y = c) / P(y = 0) = eta_c, a predictor for
    each but the first (McFadden 1974, multinomial logit).

    With `random`, rows of a group have an intercept, and slopes, of their group's own around those of its component:
    eta_i = intercept_k + slope_k . covariates_i + b_g0 + sum_j b_gj covariates_ij, b_g ~ Normal(0, D_k) (Laird & Ware 1982; Verbeke & Lesaffre
    1996: growth mixtures). Effects are summed out, of the Gaussian in closed form, else by adaptive quadrature (Pinheiro & Bates 1995); rows
    that are predicted or simulated have new ones.

    Sites: `intercept` (components,), `slope` (components, covariates), and (components,) `scale` of the Gaussian, `scale` and, where it is
    learned, `df` of Student's t, `concentration` of the gamma and the negative binomial; `gaps` (components, categories - 2) of ordered
    categories. Of categories without an order `intercept` (components, categories - 1) and `slope` (components, categories - 1, covariates).
    Of random effects `random_intercept_scale` (components,), and with slopes `random_slope_scale` (components, their covariates) and
    `random_correlation_cholesky` (components, effects, effects), the intercept first.

    Args:
        kind: `"gaussian"`, `"student_t"`, `"gamma"`, `"poisson"`, `"negative_binomial"`, `"bernoulli"`, `"binomial"`,
            `"ordinal"` or `"multinomial"`.
        categories: the number of categories, for these two kinds alone.
        common: what all components share: numbers of covariates, or names among those that `among` names, whose slopes are then a site
            `common_slope` (common covariates,) beside `slope` (components, other covariates); `"intercept"`, or a site beside the line,
            `"scale"` say. Of categories without an order nothing.
        among: the covariates that the response depends on, by their names or numbers; None: all. Weights may depend on others
            (`weights.Gating(among=...)`).
        random: what differs between groups of a component: `"intercept"`; or the covariates, by their names or numbers, whose slopes do
            beside it. Groups are those of `assignments.PerGroup`. None: nothing.
        df: of Student's t, degrees of freedom of every component; None: learned, one for each.
        priors: `{site: prior}` in place of the defaults.
        covariates: the number of covariates; the mixture fills it in from the data.

    Raises:
        ChoiceError: another kind, a prior of another site, or another site in `common`.
        ModelError: a covariate twice, or a common one not in `among`; no number of categories where the kind wants one, or one of
            another kind; `df` of another kind, or not a positive number; something common of categories without an order; random effects of
            Student's t or of categories without an order, or more of them than three of another kind than the Gaussian.

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
    among: Any = field(default=None, kw_only=True)
    common: tuple[int | str | Among, ...] = field(default=(), kw_only=True)
    random: Any = field(default=None, kw_only=True)
    df: float | None = field(default=None, kw_only=True)
    priors: GivenPriors = field(default=(), kw_only=True)
    covariates: int | None = field(default=None, kw_only=True)

    def __post_init__(self):
        check_choice("kind", self.kind, KINDS)
        if self.categories is not None:
            check_count("categories", self.categories, least=2)
        if (self.kind in RESPONSES) != (self.categories is None):
            given = "none" if self.categories is None else f"{self.categories} beside kind {self.kind!r}"
            wanted = "none: the response is no category" if self.kind in RESPONSES else "how many there are"
            advice = "Leave them out." if self.kind in RESPONSES else f'Regression("{self.kind}", categories=4), say.'
            raise ModelError("categories", got=given, expected=wanted, advice=advice)
        check_df(self.df)
        if self.df is not None and self.kind != "student_t":
            raise ModelError(
                "df", got=f"{self.df} beside kind {self.kind!r}", expected="none: degrees of freedom are Student's t's"
            )
        if self.covariates is not None:
            check_count("covariates", self.covariates)
        object.__setattr__(self, "among", Among.given(self.among))
        object.__setattr__(self, "random", RandomEffects.given(self.random))
        if self._effects is not None:
            self._effects.check(self.kind)
        common = checked_common(self.common, self._beside_slopes, self.among)
        object.__setattr__(self, "common", common)
        if common and self._response.outcomes is not None:
            raise ModelError(
                "common", got=repr(list(common)), expected=f"none: of kind {self.kind!r} all is each component's own"
            )
        if self.covariates is not None:
            self._check_common(self.covariates)
        object.__setattr__(self, "priors", freeze(self.priors))
        override(self._default_priors, self.priors)

    @property
    def _response(self) -> Response:
        return response(self.kind, self.categories, self.df)

    @property
    def _effects(self) -> RandomEffects | None:
        return None if self.random is None else RandomEffects(self.random, self._response)

    @property
    def _beside_slopes(self) -> tuple[str, ...]:
        """The sites that are no slopes."""
        return ("intercept", *self._response.beside, *(self._effects.priors if self._effects else ()))

    @property
    def common_numbers(self) -> tuple[int, ...]:
        """The numbers of the covariates whose slopes all components share; names, until they have numbers."""
        each = ((one,) if isinstance(one, int) else one.numbers for one in self.common if not isinstance(one, str))
        return tuple(number for numbers in each for number in numbers)  # type: ignore[misc]

    @property
    def _slopes(self) -> dict[str, Among]:
        """The sites that are slopes, and the covariates that each goes with."""
        shared = {"common_slope": Among(self.common_numbers)} if self.common_numbers else {}
        return {"slope": self.among.without(self.common_numbers), **shared}

    @property
    def _default_priors(self) -> dict[str, Prior]:
        given = self._response.priors
        given["intercept"] = given["intercept"].of_covariates(self.among)
        slopes = {site: given["slope"].of_covariates(among) for site, among in self._slopes.items()}
        return given | slopes | (self._effects.priors if self._effects else {})

    def parts(self) -> Parts:
        own = self._response
        # slopes that differ move a level that is one for all components apart
        levels = {"slope": None if "intercept" in self.common else "intercept", "common_slope": "intercept"}
        predictors = tuple(LinearPredictor(levels[site], site, among) for site, among in self._slopes.items())
        return Parts(
            support=own.support,
            linear_predictors=predictors,
            with_covariates=lambda count: replace(self, covariates=count),
            takes=own.takes,
            needs=own.needs,
            ties_groups=self._effects is not None,
            effects=() if self._effects is None else (self._effects.sites("intercept", predictors),),
            has_distribution_function=always if self._effects is None else never,
        )

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(self._default_priors, self.priors)

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {site: draw(site, **axes) for site, axes in self._axes.items() if self._is_common(site)}

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return {site: draw(site, **axes) for site, axes in self._axes.items() if not self._is_common(site)}

    def _is_common(self, site: str) -> bool:
        return site == "common_slope" or site in self.common

    @property
    def _axes(self) -> dict[str, dict[str, Any]]:
        """The axes of every site beside that of the components."""
        count = self.covariates or 1
        outcomes = self._response.outcomes
        several: dict[str, Any] = {} if outcomes is None else {"shape": (outcomes,), "dims": (OUTCOMES,)}
        lines = {
            site: {
                "shape": (*several.get("shape", ()), len(among.of(count))),
                "dims": (*several.get("dims", ()), among.dim(count)),
            }
            for site, among in self._slopes.items()
            if len(among.of(count))
        }
        of_axis = {site: {"shape": (size,), "dims": (dim,)} for site, (size, dim) in self._response.axes.items()}
        beside = {site: of_axis.get(site, {}) for site in self._response.beside}
        return {"intercept": several, **lines, **beside, **(self._effects.axes(count) if self._effects else {})}

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        # eta_i = a_k + b_k . c_i
        eta = parameters["intercept"]
        for site, among in self._slopes.items():
            if site in parameters:
                own = among.columns(parameters["covariates"])
                own = own if self._response.outcomes is None else own[..., None, :]
                eta = eta + ppl.xp.sum(own * parameters[site], axis=-1)
        if self._effects is not None:
            return self._effects.emission(ppl, eta, parameters)
        return joined(ppl, self._response.cell(ppl, eta, parameters), parameters, None)

    def start(
        self, x: np.ndarray, rows: np.ndarray, components: int, covariates: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        assert covariates is not None  # the mixture has checked
        # Each component begins with the line through a few rows drawn at random, held back where these lie close together.
        rng = np.random.default_rng(np.asarray(rows))
        own = self._response
        linked = own.linked(x)
        chosen = self.among.of(covariates.shape[1])
        mean, scale = covariates.mean(axis=0), covariates.std(axis=0)
        standard = (covariates - mean) / np.where(scale > 0, scale, 1.0)
        standard, few = standard[:, chosen], min(len(x), len(chosen) + 2)
        lines = np.array([_ridge(standard, linked, rng.choice(len(x), few, replace=False)) for _ in range(components)])
        lines = np.moveaxis(lines, 1, -1)  # (components, [outcomes,] 1 + covariates)
        slope = np.zeros((*lines.shape[:-1], covariates.shape[1]))
        slope[..., chosen] = lines[..., 1:] / np.where(scale > 0, scale, 1.0)[chosen]
        spread = (linked.std() or 1.0) / np.sqrt(components)
        beside = {**own.started(spread), **(self._effects.started(spread, covariates) if self._effects else {})}
        shared = list(self.common_numbers)
        slope[..., shared] = slope[..., shared].mean(axis=0)
        found = {"intercept": lines[..., 0] - slope @ mean} | {
            site: slope[..., columns]
            for site, among in self._slopes.items()
            if len(columns := among.of(slope.shape[-1]))
        }
        found |= {site: np.broadcast_to(value, (components, *np.shape(value))) for site, value in beside.items()}
        return {site: value.mean(axis=0) if self._is_common(site) else value for site, value in found.items()}

    def check(self, x: Observations) -> None:
        if x.features is not None:
            raise DataError(
                "x",
                got=f"a table, shape {x.x.shape}",
                expected="the response alone, shape (rows,)",
                advice="Pass its column, x[:, 0] or frame['y'], and what it depends on as Observations(y, covariates=...).",
            )
        if x.covariates is not None:
            self._check_common(x.covariates.shape[1])
        self._response.support.check(x)

    def _check_common(self, count: int) -> None:
        """Check that there are the covariates that components share or whose slopes are random, and something that components do not share."""
        check_numbers(self.common_numbers, count)
        check_numbers(() if self.random is None else self.random.numbers, count, "random")
        if len(self.common_numbers) == len(self.among.of(count)) and set(self._beside_slopes) <= set(self.common):
            raise ModelError("common", got="every site", expected="a site at least in which components differ")


def _ridge(covariates: np.ndarray, response: np.ndarray, rows: np.ndarray, strength: float = 0.2) -> np.ndarray:
    """(intercept, slopes) of the rows' least squares line with a small penalty on the slopes."""
    design = np.column_stack([np.ones(len(rows)), covariates[rows]])
    penalty = strength * np.diag([1e-6, *np.ones(covariates.shape[1])])
    return np.linalg.solve(design.T @ design + penalty, design.T @ response[rows])
