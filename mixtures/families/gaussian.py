"""The Gaussian family, in one dimension and in many.

A covariance is declared by standard deviations and a correlation, Sigma = diag(s) R diag(s), because people have opinions about these
(and priors that do not depend on units), where an inverse Wishart ties the two together. R enters by its Cholesky factor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtures.families.columns import joined
from mixtures.families.covariance import Structure, structure
from mixtures.families.covariance_sites import covariances_of, sites_of_covariances
from mixtures.families.factors import check_factors, start_of_factors
from mixtures.families.family import Draw, Family
from mixtures.families.missing import observed_normal
from mixtures.families.parts import Parts
from mixtures.observations import Observations
from mixtures.ppl.loadings import LOADINGS, columns_of, loadings_of
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.ppl.rotation import pairs
from mixtures.priors import (
    HALF_SD,
    LOG_HALF_RMS_SD,
    LOG_HALF_SD,
    MIDRANGE,
    RANGE,
    GivenPriors,
    LKJCholesky,
    LogNormal,
    Normal,
    Prior,
    ZeroSumNormal,
    freeze,
    override,
)

DEFAULT_PRIORS = {
    # Richardson & Green (1997), section 2.2: weakly informative, centred on the data's interval and as wide as it.
    "loc": Normal(MIDRANGE, RANGE),
    # Zero-avoiding, so that the posterior is proper and has a mode away from collapse (Chung et al. 2013): a component's standard
    # deviation lies between 0.07 and 3.5 times the data's with probability 0.95.
    "scale": LogNormal(LOG_HALF_SD, 1.0),
    # Lewandowski, Kurowicka & Joe (2009): mildly favours small correlations.
    "correlation_cholesky": LKJCholesky(2.0),
    # Log variances that differ between components by 2 are standard deviations that differ by 1 on the log scale, as above.
    "log_volume": ZeroSumNormal(2.0),
    "log_shape": ZeroSumNormal(2.0),
    # Cayley's coordinates: each orientation has, up to the signs of its axes, coordinates in [-1, 1].
    "orientation": Normal(0.0, 1.0),
    # A factor then explains about as much of a column as is left over of it.
    "loading": Normal(0.0, HALF_SD),
}


@dataclass(frozen=True)
class Gaussian(Family):
    """Rows are normal within a component.

    Where rows bring errors of measurement, `Observations(x, errors=)`, a row is N(loc, Sigma + S_i) and the component is of what would be
    measured without (extreme deconvolution: Bovy, Hogg & Roweis 2011, Annals of Applied Statistics 5).

    Sites: `loc` (components[, features]) and `scale` ([components][, features]), the standard deviations along the axes; and, depending on
    the covariance structure: `log_volume` (components,) and `log_shape` (components, features), log variances relative to the mean
    over components; `correlation_cholesky` ([components,] features, features); `orientation` ([components,] planes), the rotation of the
    axes, see `mixtures.ppl.rotation`. In EVV correlations do not change the volume, so that the standard deviations are `scale` times
    det(R_k)^(-1/(2d)).

    `"factor-q"` is for many columns, 50 to 1000: each component has q factors (Ghahramani & Hinton 1996). Sigma is L L' + diag(scale)^2:
    `scale` (components, features) is what the factors leave over, and L is lower triangular in its first q rows; `loading`
    (components, loadings) has it from the diagonal down, one factor after the other, and `loadings` as a matrix. The sign of a factor is free:
    compare covariances. No matrix of features by features is formed, unless cells are missing or measured with error.

    Args:
        covariance: `"full"`, `"tied"`, `"diag"`, `"spherical"`, one of mclust's codes, or `"factor-1"`, `"factor-2"`, ...
        priors: `{site: prior}` in place of the defaults.

    Raises:
        ChoiceError: unknown covariance, or a site that the family does not have.

    Example:
        >>> Gaussian("tied").covariance
        'tied'
    """

    covariance: str = "full"
    priors: GivenPriors = ()

    def __post_init__(self):
        structure(self.covariance)
        object.__setattr__(self, "priors", freeze(self.priors))
        override(DEFAULT_PRIORS, self.priors)

    def structure(self, features: int | None) -> Structure:
        """The covariance structure for data of so many features."""
        return structure(self.covariance, features)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        many = structure(self.covariance, features=2)
        # one standard deviation for all features is compared with all of them
        own = {"scale": LogNormal(LOG_HALF_RMS_SD, 1.0)} if many.is_spherical else {}
        table = override({**DEFAULT_PRIORS, **own}, self.priors)
        is_used = {
            "correlation_cholesky": many.has_correlation,
            "log_volume": many.has_log_volume,
            "log_shape": many.has_log_shape,
            "orientation": many.has_orientation,
            "loading": many.factors is not None,
        }
        return {site: prior for site, prior in table.items() if is_used.get(site, True)}

    def parts(self) -> Parts:
        return Parts(
            jointly=self._jointly,
            covariances=self.covariances,
            takes=frozenset({"errors"}),
            has_distribution_function=self._has_distribution_function,
        )

    def _has_distribution_function(self, features: int | None) -> bool:
        """Cells of correlated columns have none of their own."""
        form = self.structure(features)
        return features is None or not (form.has_correlation or form.has_orientation or form.factors)

    def _jointly(self, ppl: PPL, draw: Draw, components: int, features: int | None) -> dict[str, Array]:
        """What components have relative to each other: the sites that sum to zero over them."""
        form, relative = self.structure(features), {}
        if form.has_log_volume and components > 1:
            relative["log_volume"] = draw("log_volume", dims=("components",), leading=(components,))
        if form.has_log_shape and components > 1:
            dims = ("components", "features")
            relative["log_shape"] = draw("log_shape", dims=dims, leading=(components, features))
        return relative

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return self._spread(draw, features, is_shared=True)

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        loc = draw("loc") if features is None else draw("loc", shape=(features,), dims=("features",))
        return {"loc": loc} | self._spread(draw, features, is_shared=False)

    def _spread(self, draw: Draw, features: int | None, is_shared: bool) -> dict[str, Array]:
        """The sites of the covariance that all components share, or those that each has its own."""
        form, spread = self.structure(features), {}
        if form.scale_is_shared == is_shared:
            per_feature: dict[str, Any] = (
                {} if features is None or form.is_spherical else {"shape": (features,), "dims": ("features",)}
            )
            spread["scale"] = draw("scale", **per_feature)
        if form.has_correlation and form.orientation_is_shared == is_shared:
            dims = ("features", "features_bis")
            spread["correlation_cholesky"] = draw("correlation_cholesky", dims=dims, leading=(features,))
        if form.has_orientation and form.orientation_is_shared == is_shared and features is not None:
            spread["orientation"] = draw("orientation", shape=(pairs(features),), dims=("planes",))
        if form.factors and features is not None and not is_shared:
            columns = columns_of(features, form.factors)
            spread["loading"] = draw(
                "loading", shape=columns.shape, dims=(f"{LOADINGS}_{form.factors}",), columns=columns
            )
        return spread

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        form, loc, scale = self.structure(features), parameters["loc"], parameters["scale"]
        if features is not None and form.is_spherical:
            scale = scale[..., None]
        # spread_kj = scale_[k]j exp((log_volume_k + log_shape_kj) / 2)
        if "log_volume" in parameters:
            scale = scale * ppl.xp.exp(0.5 * parameters["log_volume"][..., None])
        if "log_shape" in parameters:
            scale = scale * ppl.xp.exp(0.5 * parameters["log_shape"])
        errors, roots = parameters.get("errors"), parameters.get("error_roots")
        if form.has_orientation:
            # Sigma = Q diag(spread)^2 Q'
            normal = ppl.dist.RotatedNormal(loc, scale, parameters["orientation"])
        elif form.has_correlation and form.has_log_shape:
            normal = ppl.dist.EqualVolumeNormal(loc, scale, parameters["correlation_cholesky"])
        elif form.has_correlation:
            # Sigma = L L', L = diag(spread) C where R = C C'
            normal = ppl.dist.MultivariateNormal(loc, scale_tril=scale[..., None] * parameters["correlation_cholesky"])
        elif form.factors and features is not None:
            normal = ppl.dist.FactorNormal(loc, scale, parameters["loading"])
        elif roots is not None:
            normal = ppl.dist.MultivariateNormal(loc, scale_tril=scale[..., None] * ppl.xp.eye(features))
        else:
            known = scale if errors is None else ppl.xp.sqrt(scale**2 + errors**2)
            return joined(ppl, ppl.dist.Normal(loc, known), parameters, features)
        if errors is not None:
            roots = errors[..., None] * ppl.xp.eye(features)
        return observed_normal(ppl, normal, parameters.get("observed"), roots)

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        # Each component is given a share 1/K of the data's variance: larger starts end in one cluster that has everything.
        variance = x.var(axis=0, ddof=1) if len(x) > 1 else np.ones(x.shape[1:])
        variance = np.atleast_1d(np.where(variance > 0, variance, 1.0) / components)
        features = x.shape[1] if x.ndim == 2 else None
        if factors := self.structure(features).factors:
            return {"loc": x[rows], **start_of_factors(x, rows, factors)}
        if self.structure(features).is_spherical:
            variance = np.full(len(variance), variance.mean())
        covariances = np.broadcast_to(np.diag(variance), (components, len(variance), len(variance)))
        return {"loc": x[rows], **self.sites_of(covariances, features)}

    def check(self, x: Observations) -> None:
        """Any finite real data will do, of columns enough for the factors."""
        check_factors(self.covariance, x)

    def loadings(self, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
        """The components' loadings, (..., components, features, factors): Sigma = loadings loadings' + diag(scale)^2.

        Example:
            >>> one = {"loc": np.zeros((1, 3)), "loading": np.array([[1.0, 2.0, 3.0]])}
            >>> Gaussian("factor-1").loadings(one)[0, :, 0].tolist()
            [1.0, 2.0, 3.0]
        """
        return loadings_of(np, np.asarray(parameters["loading"]), np.shape(parameters["loc"])[-1])

    def covariances(self, parameters: Mapping[str, np.ndarray], features: int | None) -> np.ndarray:
        """The components' covariance matrices, shape (..., components, features, features), from the sites' values."""
        return covariances_of(self.structure(features), parameters)

    def sites_of(
        self, covariances: np.ndarray, features: int | None, roots: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """The values of all sites but `loc` that declare these covariances: the inverse of `covariances`.

        Args:
            covariances: of the family's structure, shape (components, features, features).
            features: None for data of shape (rows,), whose covariances are 1 x 1.
            roots: the covariances' Cholesky factors, if known.

        Example:
            >>> Gaussian("EII").sites_of(np.array([[[4.0, 0.0], [0.0, 4.0]]]), 2)["scale"].item()
            2.0
        """
        return sites_of_covariances(self.structure(features), covariances, roots)
