"""Normal components merged by the valleys between their modes.

All modes of two normals lie on one curve, the ridgeline: Ray & Lindsay (2005), Annals of Statistics 33, theorem 1. The valley's height as a
share of the lower mode: Hennig (2010), Advances in Data Analysis and Classification 4, section 3.
"""

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logsumexp

from inference.results import PointFit
from inference.selection.entropy import Tree
from mixtures import Observations
from mixtures.errors import ModelError
from mixtures.families import Gaussian

POINTS, LEAST_LOG_ODDS = 4001, -20.0
"""Along a ridgeline, evenly in log a / (1 - a): of normals of which one is ten thousand times wider all happens near one end."""

Normals = tuple[
    Float[np.ndarray, " components"],
    Float[np.ndarray, "components features"],
    Float[np.ndarray, "components features features"],
]
"""Weights, means and covariances."""


def normals_of(fit: Any, x: Observations) -> Normals:
    """The components of a point fit.

    Raises:
        ModelError: no point fit, other components than normal ones, or weights that differ from row to row.
    """
    mixture = fit.program.mixture if isinstance(fit, PointFit) else None
    if mixture is None or not isinstance(mixture.family, Gaussian) or "weights" not in fit.parameters:
        family = (
            "draws"
            if not isinstance(fit, PointFit)
            else "a program"
            if mixture is None
            else repr(type(mixture.family).__name__)
        )
        raise ModelError(
            "method",
            got=f"'modes' of {family}",
            expected="a point fit of normal components with weights: ridgelines are known for these",
            advice="method='entropy' takes every family.",
        )
    covariances = mixture.family.covariances(fit.parameters, x.features)
    weights = np.asarray(fit.parameters["weights"])
    return weights, np.asarray(fit.parameters["loc"]).reshape(len(weights), -1), covariances


def merged_by_valleys(
    weights: Float[np.ndarray, " components"],
    means: Float[np.ndarray, "components features"],
    covariances: Float[np.ndarray, "components features features"],
) -> tuple[Tree, Float[np.ndarray, " merges"]]:
    """At each step the merge across the highest valley, and these heights; clusters are as near as their nearest components."""
    count = len(weights)
    height = np.full((count, count), -np.inf)
    for k in range(count):
        for other in range(k + 1, count):
            pair = [k, other]
            height[k, other] = height[other, k] = valley(weights[pair], means[pair], covariances[pair])
    tree, crossed = [], []
    for _ in range(count - 1):
        kept, gone = sorted(divmod(int(np.argmax(height)), count))
        tree.append((kept, gone))
        crossed.append(height[kept, gone])
        joined = np.maximum(height[kept], height[gone])
        height[kept], height[:, kept] = joined, joined
        height[gone] = height[:, gone] = height[kept, kept] = -np.inf
    return np.array(tree).reshape(-1, 2), np.array(crossed)


def valley(
    weights: Float[np.ndarray, " 2"],
    means: Float[np.ndarray, "2 features"],
    covariances: Float[np.ndarray, "2 features features"],
) -> float:
    """The lowest density of two normals between their modes, as a share of the lower mode; 1 where there is one mode.

    Example:
        >>> valley(np.array([0.5, 0.5]), np.array([[0.0], [1.9]]), np.ones((2, 1, 1)))
        1.0
    """
    along = _log_density(ridgeline(means, covariances), weights, means, covariances)
    rise, fall = np.maximum.accumulate(along), np.maximum.accumulate(along[::-1])[::-1]
    # below the lower of the highest points on either side: as deep as a point of a valley can lie
    return float(np.exp(np.min(along - np.minimum(rise, fall))))


def ridgeline(means: np.ndarray, covariances: np.ndarray) -> Float[np.ndarray, "points features"]:
    """x(a) = ((1 - a) S1^-1 + a S2^-1)^-1 ((1 - a) S1^-1 m1 + a S2^-1 m2), a from 0 to 1."""
    precisions = np.linalg.inv(covariances)
    inner = expit(np.linspace(LEAST_LOG_ODDS, -LEAST_LOG_ODDS, POINTS - 2))
    share = np.concatenate([[0.0], inner, [1.0]])[:, None]
    first, second = (np.einsum("ij,j->i", precision, mean) for precision, mean in zip(precisions, means, strict=True))
    weighed = (1 - share)[..., None] * precisions[0] + share[..., None] * precisions[1]
    return np.linalg.solve(weighed, ((1 - share) * first + share * second)[..., None])[..., 0]


def _log_density(x: np.ndarray, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """The log density of the two together, up to a constant."""
    each = []
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        root = np.linalg.cholesky(covariance)
        apart = np.linalg.solve(root, (x - mean).T)
        each.append(np.log(weight) - np.log(np.diagonal(root)).sum() - 0.5 * np.sum(apart**2, axis=0))
    return logsumexp(np.stack(each), axis=0)
