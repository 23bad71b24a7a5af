"""What groups of rows have in common within a component of regressions: an intercept and slopes of each group, summed out of the density.

Of normal responses the sum has a closed form; of others it is a quadrature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtures.among import EFFECTS, Among, EffectSites, LinearPredictor
from mixtures.checks import listed
from mixtures.errors import ModelError, in_words
from mixtures.families.responses import Response
from mixtures.ppl.log_group_marginal import NODES
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import LKJCholesky, LogNormal, Prior
from mixtures.statistics import LOG_HALF_OFFSET, LOG_HALF_SLOPE, LOG_HALF_UNIT_OFFSET, LOG_HALF_UNIT_SLOPE

INTERCEPT, SLOPE, CORRELATION = "random_intercept_scale", "random_slope_scale", "random_correlation_cholesky"
"""The sites."""


@dataclass(frozen=True)
class RandomEffects:
    """Effects of groups, b_g ~ Normal(0, diag(scales) R diag(scales)): an intercept, and slopes of some covariates.

    Args:
        among: the covariates that have slopes.
        response: whose rows these are.
    """

    among: Among
    response: Response

    @classmethod
    def given(cls, value: Any) -> Among | None:
        """The covariates as people write them: `"intercept"` alone, or names or numbers of those that have slopes beside it; None: no effects.

        Raises:
            ModelError: what is neither, such as True; or a covariate twice.

        Example:
            >>> RandomEffects.given("intercept"), RandomEffects.given(["intercept", 0])
            (Among(numbers=(), is_rest=False), Among(numbers=(0,), is_rest=False))
        """
        if value is None or isinstance(value, Among):
            return value
        every = listed(value)
        if any(isinstance(one, bool) for one in every):  # which is a number too
            raise ModelError(
                "random",
                got=in_words(value),
                expected="'intercept'; or covariates, by their names or numbers, whose slopes differ between groups beside it",
                advice="random='intercept', or random='t' of a covariate t; leave it out where groups have no effects.",
            )
        return Among.given([one for one in every if not (isinstance(one, str) and one == "intercept")], "random")

    def check(self, kind: str) -> None:
        """Check that effects can be summed out around a line of this kind.

        Raises:
            ModelError: Student's t, whose density may have several modes in them; categories without an order, which have several lines; or
                more effects than a quadrature is good for.
        """
        if self.response.kernel is None and kind != "gaussian":
            raise ModelError(
                "random",
                got=f"effects of groups beside kind {kind!r}",
                expected="a kind that is log-concave in one line, such as 'gaussian', 'poisson' or 'binomial': there they are summed out",
                advice="Let groups share a component alone, PerGroup(); or write a program of your own that draws their effects.",
            )
        effects = 1 + len(self.among.numbers)
        if self.response.kernel is not None and effects > max(NODES):
            raise ModelError(
                "random",
                got=f"{effects} effects of a group, the intercept among them, beside kind {kind!r}",
                expected=f"{max(NODES)} at most: they are summed out on a grid",
                advice="Leave out slopes that differ between groups the least.",
            )

    @property
    def priors(self) -> dict[str, Prior]:
        """The default priors of the sites: as of a component's scale, and of correlations between columns, see `families.Gaussian`."""
        # in units of the response, or of its log mean or log odds
        is_normal = self.response.kernel is None
        offset, steepness = (
            (LOG_HALF_OFFSET, LOG_HALF_SLOPE) if is_normal else (LOG_HALF_UNIT_OFFSET, LOG_HALF_UNIT_SLOPE)
        )
        found = {INTERCEPT: LogNormal(offset, 1.0).of_covariates(self.among)}
        if self.among.numbers:
            slope = LogNormal(steepness, 1.0).of_covariates(self.among)
            found |= {SLOPE: slope, CORRELATION: LKJCholesky(2.0)}
        return found

    def sites(self, level: str, predictors: tuple[LinearPredictor, ...]) -> EffectSites:
        """What each site is, around the line of these."""
        beside = tuple((site, site) for site in self.response.beside)
        return EffectSites(
            INTERCEPT, SLOPE, CORRELATION, beside, self.among, level, predictors, kernel=self.response.kernel
        )

    def axes(self, covariates: int) -> dict[str, dict[str, Any]]:
        """The axes of every site beside that of the components, of so many covariates."""
        slopes = len(self.among.of(covariates))
        if not slopes:
            return {INTERCEPT: {}}
        effects = self.among.dim(covariates, EFFECTS)
        return {
            INTERCEPT: {},
            SLOPE: {"shape": (slopes,), "dims": (self.among.dim(covariates),)},
            CORRELATION: {"leading": (1 + slopes,), "dims": (effects, f"{effects}_bis")},
        }

    def emission(self, ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
        """The distribution of rows around eta and their group's effects."""
        if ppl.name == "notation":  # written down, effects are drawn: what is left when they are summed out says little
            return self._written(ppl, eta, parameters)
        known = {name: parameters[name] for name in ("observed",) if name in parameters}
        design, known = self._design(ppl, parameters), known | {name: parameters[name] for name in ("group", "groups")}
        if self.response.kernel is None:
            return ppl.dist.GroupNormal(eta, parameters["scale"], design, **known)
        names = [name for name in (*self.response.beside, *self.response.takes) if name in parameters]
        own = {name: parameters[name] for name in names}
        return ppl.dist.GroupMarginal(
            lambda line: self.response.cell(ppl, line, own), self.response.kernel, own, eta, design, **known
        )

    def _written(self, ppl: PPL, eta: Array, parameters: Mapping[str, Array]) -> Distribution:
        """The same as it is on paper: effects in a line of their own, and rows around them."""
        own = {site: ppl.array(str(parameters[site]).replace("[g[i]]", "[g]")) for site in self.priors}
        name = str(parameters[INTERCEPT]).partition("[")[0].replace(INTERCEPT, EFFECTS)
        drawn, design = ppl.dist.Normal(0, own[INTERCEPT]), None
        if self.among.numbers:
            root = ppl.array(f"[{own[INTERCEPT]}, {own[SLOPE]}]") * own[CORRELATION]
            drawn = ppl.dist.MultivariateNormal(0, scale_tril=root)
            design = ppl.array(f"[1, {self.among.columns(parameters['covariates'])}]")
        with ppl.plate("groups", "m"):  # type: ignore[arg-type]
            effects = ppl.sample(name, drawn)[parameters["group"]]
        line = eta + (effects if design is None else ppl.xp.sum(design * effects))
        return self.response.cell(ppl, line, parameters)

    def _design(self, ppl: PPL, parameters: Mapping[str, Array]) -> Array:
        """L' z_i, where L L' is the covariance of effects and z_i = (1, covariates), (..., rows, effects)."""
        of_intercept = parameters[INTERCEPT][..., None]
        if not self.among.numbers:
            return of_intercept
        slopes, root = self.among.columns(parameters["covariates"]) * parameters[SLOPE], parameters[CORRELATION]
        return of_intercept * root[..., 0, :] + ppl.xp.sum(slopes[..., None] * root[..., 1:, :], axis=-2)

    def started(self, spread: float, covariates: np.ndarray) -> dict[str, Any]:
        """Where the sites begin: at the covariates' mean an intercept and slopes that do not go together, each of which moves a row half as far
        as rows lie from their line, `spread`; where covariates are 0, what follows from it."""
        chosen = self.among.of(covariates.shape[1])
        mean, scale = covariates.mean(axis=0)[chosen], covariates.std(axis=0)[chosen]
        root = np.diag(spread / 2 / np.append(1.0, np.where(scale > 0, scale, 1.0)))
        root[0, 1:] = -mean * np.diag(root)[1:]  # b_0 at 0 is b_0 at the mean - mean . slopes
        # root' = Q U, so that root root' = U' U
        lower = np.asarray(np.linalg.qr(root.T, mode="r")).T
        lower = lower * np.sign(np.diagonal(lower))
        deviation = np.linalg.norm(lower, axis=1)
        found = {INTERCEPT: deviation[0], SLOPE: deviation[1:], CORRELATION: lower / deviation[:, None]}
        return {site: found[site] for site in self.priors}
