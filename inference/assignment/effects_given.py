"""Effects of a group, given its rows and that it is of one component: normal, by the equations of a linear mixed model."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from mixtures import Observations
from mixtures.among import EffectSites


def effects_given(
    x: Observations, sites: EffectSites, values: Mapping[str, np.ndarray]
) -> tuple[Float[np.ndarray, "groups effects"], Float[np.ndarray, "groups effects"]]:
    """Means and variances of a response's effects given the rows of each group, and one component.

    Args:
        x: the rows and their groups; a response that is missing says nothing.
        sites: of the effects.
        values: of the component, by site.

    Source: Laird & Ware (1982), Biometrics 38, equations 3.2 and 3.3.
    """
    assert x.group is not None  # the law has checked
    assert x.group_names is not None
    response = x.x if x.x.ndim == 1 else x.x[:, sites.column]
    eta = values[sites.level]
    for _, slope, among in sites.predictors:
        if slope in values:
            eta = eta + among.columns(x.covariates) @ values[slope]
    # b = L u with u ~ Normal(0, I), so that a row is eta_i + (L' z_i)' u + scale e_i
    root = np.ones((1, 1)) * values[sites.intercept]
    if sites.among.numbers:
        root = np.append(values[sites.intercept], values[sites.slope])[:, None] * values[sites.correlation]
    seen = ~np.isnan(response)
    design = _design(x, sites)[seen] @ root / values[sites.scale]
    apart = ((response - eta) / values[sites.scale])[seen]
    precision = np.zeros((len(x.group_names), *root.shape)) + np.eye(len(root))
    moved = np.zeros(precision.shape[:2])
    np.add.at(precision, x.group[seen], design[:, :, None] * design[:, None, :])
    np.add.at(moved, x.group[seen], design * apart[:, None])
    # u given x ~ Normal(V A' e, V) with V = (I + A' A)^-1
    covariance = np.linalg.inv(precision)
    mean = np.einsum("gij,gj->gi", covariance, moved) @ root.T
    return mean, np.einsum("ei,gij,ej->ge", root, covariance, root)


def _design(x: Observations, sites: EffectSites) -> np.ndarray:
    """z_i = (1, covariates with slopes), (rows, effects)."""
    level = np.ones((len(x), 1))
    return np.column_stack([level, sites.among.columns(x.covariates)]) if sites.among.numbers else level
