"""The Gaussian family, in one dimension and in many.

A covariance is declared by standard deviations and a correlation, Sigma = diag(s) R diag(s), because people have opinions about these
(and priors that do not depend on units), where an inverse Wishart ties the two together. R enters by its Cholesky factor.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mixtures.families.columns import joined
from mixtures.families.covariance import Structure, structure
from mixtures.families.family import Draw
from mixtures.families.missing import observed_normal
from mixtures.observations import Observations
from mixtures.ppl.protocol import PPL, Array, Distribution
from mixtures.priors import (
    LOG_HALF_SD,
    MIDRANGE,
    RANGE,
    LKJCholesky,
    LogNormal,
    Normal,
    Prior,
    Priors,
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
}


@dataclass(frozen=True)
class Gaussian:
    """Rows are normal within a component.

    Sites: `loc` (components[, features]), `scale`, the standard deviations ([components][, features]), and, where features are
    correlated, `correlation_cholesky` ([components,] features, features). Brackets: as the covariance structure has it.

    Args:
        covariance: `"full"`, `"tied"`, `"diag"`, `"spherical"`, or one of mclust's codes.
        priors: `{site: prior}` in place of the defaults.

    Raises:
        ChoiceError: unknown covariance, or a site that the family does not have.

    Example:
        >>> Gaussian("tied").covariance
        'tied'
    """

    covariance: str = "full"
    priors: Priors = ()

    def __post_init__(self):
        structure(self.covariance)
        object.__setattr__(self, "priors", freeze(self.priors))
        override(DEFAULT_PRIORS, self.priors)

    @property
    def structure(self) -> Structure:
        """The covariance structure."""
        return structure(self.covariance)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        table = override(DEFAULT_PRIORS, self.priors)
        return table if self.structure.is_correlated else {site: table[site] for site in ("loc", "scale")}

    def shared(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        return self._spread(draw, features) if self.structure.is_shared else {}

    def per_component(self, ppl: PPL, draw: Draw, features: int | None) -> dict[str, Array]:
        loc = draw("loc") if features is None else draw("loc", shape=(features,), dims=("features",))
        return {"loc": loc} if self.structure.is_shared else {"loc": loc} | self._spread(draw, features)

    def _spread(self, draw: Draw, features: int | None) -> dict[str, Array]:
        if features is None or self.structure.is_spherical:
            return {"scale": draw("scale")}
        spread = {"scale": draw("scale", shape=(features,), dims=("features",))}
        if self._is_correlated(features):
            dims = ("features", "features_bis")
            spread["correlation_cholesky"] = draw("correlation_cholesky", dims=dims, leading=(features,))
        return spread

    def emission(self, ppl: PPL, parameters: Mapping[str, Array], features: int | None) -> Distribution:
        loc, scale = parameters["loc"], parameters["scale"]
        if self._is_correlated(features):
            # Sigma = L L', L = diag(s) C where R = C C'
            root = scale[..., None] * parameters["correlation_cholesky"]
            return observed_normal(ppl, loc, root, parameters.get("observed"))
        scale = scale[..., None] if features is not None and self.structure.is_spherical else scale
        return joined(ppl.dist.Normal(loc, scale), parameters, features)

    def _is_correlated(self, features: int | None) -> bool:
        return self.structure.is_correlated and features is not None and features > 1

    def start(self, x: np.ndarray, rows: np.ndarray, components: int) -> dict[str, np.ndarray]:
        # Each component is given a share 1/K of the data's variance: larger starts end in one cluster that has everything.
        variance = x.var(axis=0, ddof=1) if len(x) > 1 else np.ones(x.shape[1:])
        scale = np.sqrt(np.where(variance > 0, variance, 1.0) / components)
        features = x.shape[1] if x.ndim == 2 else None
        if self.structure.is_spherical:
            scale = np.sqrt(np.mean(scale**2))
        spread = {"scale": scale}
        if self._is_correlated(features):
            spread["correlation_cholesky"] = np.eye(x.shape[1])
        if not self.structure.is_shared:
            spread = {site: np.broadcast_to(value, (components, *value.shape)) for site, value in spread.items()}
        return {"loc": x[rows], **spread}

    def check(self, x: Observations) -> None:
        """Any finite real data will do."""

    def covariances(self, parameters: Mapping[str, np.ndarray], features: int) -> np.ndarray:
        """The components' covariance matrices, shape (..., components, features, features), from the sites' values."""
        loc, scale = parameters["loc"], np.asarray(parameters["scale"])
        if self.structure.is_spherical:
            scale = np.repeat(scale[..., None], features, axis=-1)
        root = scale[..., None] * np.asarray(parameters.get("correlation_cholesky", np.eye(features)))
        covariance = root @ np.swapaxes(root, -1, -2)
        if self.structure.is_shared:
            covariance = covariance[..., None, :, :]
        return np.broadcast_to(covariance, (*loc.shape, features))
