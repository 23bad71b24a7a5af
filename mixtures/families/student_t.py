"""Student's t: like the Gaussian, but robust to outliers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mixtures.checks import is_number
from mixtures.errors import ModelError, in_words
from mixtures.families.columns import joined
from mixtures.families.covariance import Structure, structure
from mixtures.families.family import Draw, Family
from mixtures.families.gaussian import DEFAULT_PRIORS, Gaussian
from mixtures.families.missing import observed_t
from mixtures.families.parts import Parts
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import Gamma, GivenPriors, Prior, freeze, override

# Juarez & Steel (2010), Journal of Business & Economic Statistics 28: mean 20, mode 10, little mass below 2.
DF = Gamma(2.0, 0.1)


@dataclass(frozen=True)
class StudentT(Family):
    """Rows have Student's t distribution within a component (Peel & McLachlan 2000).

    Sites: those of `Gaussian`, where `scale` and `correlation_cholesky` now make the scale matrix, and `df` (components,) where it is
    learned. With several columns the t is multivariate: one row is an outlier in all its columns together.

    Args:
        df: degrees of freedom, the same for every component; None: learned, one for each.
        covariance: how the scale matrix varies, as for `Gaussian`.
        priors: `{site: prior}` in place of the defaults.

    Raises:
        ChoiceError: unknown covariance, or a site that the family does not have.
        ModelError: `df` is not a positive number.

    Example:
        >>> from mixtures import Mixture
        >>> sorted(Mixture(2, StudentT(df=4.0)).priors)
        ['correlation_cholesky', 'loc', 'scale', 'weights']
    """

    df: float | None = None
    covariance: str = "full"
    priors: GivenPriors = field(default=(), kw_only=True)

    def __post_init__(self):
        check_df(self.df)
        structure(self.covariance)
        object.__setattr__(self, "priors", freeze(self.priors))
        override({**DEFAULT_PRIORS, **self._df_prior}, self.priors)

    @property
    def _df_prior(self) -> dict[str, Prior]:
        return {"df": DF} if self.df is None else {}

    @property
    def _gaussian(self) -> Gaussian:
        return Gaussian(self.covariance, priors={site: prior for site, prior in freeze(self.priors) if site != "df"})

    def structure(self, features: int | None) -> Structure:
        """The covariance structure of the scale matrices, for data of so many features."""
        return self._gaussian.structure(features)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        df = {site: dict(freeze(self.priors)).get(site, prior) for site, prior in self._df_prior.items()}
        return {**df, **self._gaussian.priors_by_site}

    def parts(self) -> Parts:
        own = replace(self._gaussian.parts(), covariances=self.covariances)
        # with several columns the t is multivariate, whatever the covariance
        return replace(own, takes=frozenset(), has_distribution_function=lambda features: features is None)

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return self._gaussian.shared(ppl, draw, features)

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        df = {site: draw(site) for site in self._df_prior}
        return df | self._gaussian.per_component(ppl, draw, features)

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        df = parameters["df"] if self.df is None else ppl.array(float(self.df))
        if features is None:
            return joined(ppl, ppl.dist.StudentT(df, parameters["loc"], parameters["scale"]), parameters, None)
        complete = {site: value for site, value in parameters.items() if site != "observed"}
        normal = self._gaussian.emission(ppl, complete, features)
        return observed_t(ppl, ppl.dist.StudentTLike(normal, df), parameters.get("observed"))

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        df = {site: np.full(components, 10.0) for site in self._df_prior}
        return df | self._gaussian.start(x, rows, components)

    def check(self, x: Observations) -> None:
        self._gaussian.check(x)

    def covariances(self, parameters: Mapping[str, np.ndarray], features: int | None) -> np.ndarray:
        """The components' covariance matrices, shape (..., components, features, features): scale matrices times df / (df - 2); NaN
        where df <= 2 and there is none."""
        df = np.asarray(parameters["df"] if self.df is None else self.df)
        factor = np.where(df > 2, df / np.where(df > 2, df - 2, 1.0), np.nan)
        return factor[..., None, None] * self._gaussian.covariances(parameters, features)


def check_df(df: float | None) -> None:
    """Check that degrees of freedom are a positive number, or None.

    Raises:
        ModelError: they are not.
    """
    if df is not None and not (is_number(df) and 0 < df < np.inf):
        raise ModelError("df", got=in_words(df), expected="a positive number, or None to learn it")
