"""Covariance matrices from the values of a structure's sites, and back.

spread_kj = scale_[k]j exp((log_volume_k + log_shape_kj) / 2)
Sigma_k   = diag(spread_k)^2                                           axes along the features
          = diag(spread_k) R_[k] diag(spread_k) [/ det(R_k)^(1/d)]     correlations [EVV: volume is equal]
          = Q_[k] diag(spread_k)^2 Q_[k]'                              orientations
          = diag(spread_k)^2 + L_k L_k'                                factors
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Inexact

from mixtures.families.covariance import Structure
from mixtures.ppl.loadings import loadings_of
from mixtures.ppl.rotation import coordinates_of, matrix_of

Matrices = Float[np.ndarray, "*draws components features features"]

HIDDEN = 1e-13
"""Eigenvalues below this share of the largest are rounding errors: they are lifted to it, so that a site's logarithm exists."""

ROUNDING = 1e-9
"""Correlation matrices with eigenvalues below minus this are none; above, rounding has made them so."""


def covariances_of(
    structure: Structure, parameters: Mapping[str, np.ndarray]
) -> Inexact[np.ndarray, "*draws components features features"]:
    """The components' covariance matrices; without features (data of shape (rows,)) they are 1 x 1. Complex of complex values: see
    `inference.uncertainty.readable`."""
    loc = np.asarray(parameters["loc"])
    shape = (*loc.shape, 1) if structure.features is None else loc.shape
    spread = np.broadcast_to(_spread(structure, parameters), shape)
    root = spread[..., None] * np.eye(shape[-1])
    if structure.has_correlation:
        factor = _own(np.asarray(parameters["correlation_cholesky"]), structure.orientation_is_shared, 2)
        root = spread[..., None] * factor
        if structure.has_log_shape:
            log_diagonal = np.log(np.diagonal(factor, axis1=-2, axis2=-1))
            root = root / np.exp(log_diagonal.mean(axis=-1))[..., None, None]
    if structure.has_orientation:
        coordinates = _own(np.asarray(parameters["orientation"]), structure.orientation_is_shared, 1)
        root = matrix_of(coordinates, shape[-1]) * spread[..., None, :]
    if structure.factors:
        loading = loadings_of(np, np.asarray(parameters["loading"]), shape[-1])
        root = np.concatenate([root, loading], axis=-1)
    return np.broadcast_to(root @ root.swapaxes(-1, -2), (*shape, shape[-1]))


def _own(value: np.ndarray, is_shared: bool, event_axes: int) -> np.ndarray:
    """A site's value with an axis for components."""
    return np.expand_dims(value, -1 - event_axes) if is_shared else value


def _spread(structure: Structure, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    scale = np.asarray(parameters["scale"])
    if structure.features is None or structure.is_spherical:
        scale = scale[..., None]
    scale = _own(scale, structure.scale_is_shared, 1)
    log_variance = np.asarray(parameters.get("log_shape", 0.0))
    if "log_volume" in parameters:
        log_variance = log_variance + np.asarray(parameters["log_volume"])[..., None]
    return scale * np.exp(0.5 * log_variance)


def sites_of_covariances(
    structure: Structure, covariances: Matrices, roots: Matrices | None = None
) -> dict[str, np.ndarray]:
    """The values of the sites that declare these covariances, (components, features, features); they must have the structure.

    Args:
        structure: the covariance structure.
        covariances: of all components.
        roots: their Cholesky factors, if known: correlations near 1 lose half of their digits on the way through covariances.

    Raises:
        numpy.linalg.LinAlgError: a matrix is not symmetric positive definite.
    """
    components = len(covariances)
    sites: dict[str, np.ndarray] = {}
    variance = np.diagonal(covariances, axis1=-2, axis2=-1)
    if structure.has_correlation:
        deviation = np.sqrt(variance)  # one at a time: a product of two variances leaves float64's range much sooner
        factor = (
            _correlation_roots(covariances / deviation[..., None] / deviation[..., None, :])
            if roots is None
            else roots / np.linalg.norm(roots, axis=-1, keepdims=True)
        )
        if structure.has_log_shape:
            # det(R)^(1/d) = geometric mean of the squared diagonal of its Cholesky factor
            variance = variance * np.exp(2 * np.log(np.diagonal(factor, axis1=-2, axis2=-1)).mean(-1, keepdims=True))
        sites["correlation_cholesky"] = factor[0] if structure.orientation_is_shared else factor
    if structure.has_orientation:
        axes, variance = _axes(structure, covariances)
        coordinates = np.stack([coordinates_of(matrix) for matrix in axes])
        sites["orientation"] = coordinates[0] if structure.orientation_is_shared else coordinates
    log_variance = np.log(variance)
    if structure.is_spherical:
        log_variance = log_variance.mean(axis=1)
    elif structure.features is None:
        log_variance = log_variance[:, 0]
    centre = log_variance.mean(axis=0)
    sites["scale"] = np.exp(0.5 * (centre if structure.scale_is_shared else log_variance))
    if structure.has_log_volume and components > 1:
        sites["log_volume"] = _centred((log_variance - centre).mean(axis=1))
    if structure.has_log_shape and components > 1:
        sites["log_shape"] = _centred(_centred(log_variance).T).T
    return sites


def _correlation_roots(correlations: np.ndarray) -> np.ndarray:
    """Cholesky factors; a matrix that is singular but for rounding, as of a component that has collapsed, is lifted by as little."""
    try:
        return np.linalg.cholesky(correlations)
    except np.linalg.LinAlgError:
        values, axes = np.linalg.eigh(correlations)
        if not values.min() > -ROUNDING:
            raise
        # R = B B' with B = axes sqrt(values), and B' = Q U gives R = U' U
        halves = axes * np.sqrt(np.maximum(values, HIDDEN))[..., None, :]
        lower = np.asarray(np.linalg.qr(halves.swapaxes(-1, -2), mode="r")).swapaxes(-1, -2)
        lower = lower * np.sign(np.diagonal(lower, axis1=-2, axis2=-1))[..., None, :]
        return lower / np.linalg.norm(lower, axis=-1, keepdims=True)


def _centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=0)


def _axes(structure: Structure, covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orientations and variances along them; axes are numbered by the feature they are nearest to, alike in all components."""
    from scipy.optimize import linear_sum_assignment  # half a second of import that most programs never need

    if structure.orientation_is_shared:
        axes = np.broadcast_to(_common_axes(covariances), covariances.shape)
        variance = np.einsum("kij,kil,klj->kj", axes, covariances, axes)
    else:
        variance, axes = np.linalg.eigh(covariances)
    variance = np.maximum(variance, HIDDEN * variance.max(axis=1, keepdims=True))

    nearest = linear_sum_assignment(-np.sum(axes**2, axis=0))[1]
    return axes[:, :, nearest], variance[:, nearest]


def _common_axes(covariances: np.ndarray) -> np.ndarray:
    """The axes of matrices that commute: eigenvectors of a combination in which different axes have different eigenvalues."""
    scaled = covariances / np.trace(covariances, axis1=1, axis2=2)[:, None, None]
    # irrational proportions: two axes coincide in the combination only if they do in every matrix
    proportions = 1.0 + np.modf(np.sqrt(2.0) * np.arange(1, len(covariances) + 1))[0]
    return np.linalg.eigh(np.tensordot(proportions, scaled, axes=1))[1]
