"""Effects of a group, given its rows and that it is of one component.

Of normal responses they are normal, by the equations of a linear mixed model; of others they are known by the nodes of the quadrature by which
they are summed out.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from mixtures import Observations
from mixtures.among import EffectSites
from mixtures.ppl.log_group_marginal import Integrand


def effects_given(
    x: Observations, sites: EffectSites, values: Mapping[str, np.ndarray]
) -> tuple[Float[np.ndarray, "groups effects"], Float[np.ndarray, "groups effects"]]:
    """Means and variances of a response's effects given the rows of each group, and one component.

    Args:
        x: the rows and their groups; a response that is missing says nothing.
        sites: of the effects.
        values: of the component, by site.

    Source: Laird & Ware (1982), Biometrics 38, equations 3.2 and 3.3; of other responses `mixtures.ppl.log_group_marginal`.
    """
    assert x.group is not None  # the law has checked
    assert x.group_names is not None
    response = _of_column(x.x, sites)
    eta = values[sites.level]
    for _, slope, among in sites.predictors:
        if slope in values:
            eta = eta + among.columns(x.covariates) @ values[slope]
    # b = L u with u ~ Normal(0, I), so that a row's line is eta_i + (L' z_i)' u
    root = np.ones((1, 1)) * values[sites.intercept]
    if sites.among.numbers:
        root = np.append(values[sites.intercept], values[sites.slope])[:, None] * values[sites.correlation]
    seen, groups = ~np.isnan(response), len(x.group_names)
    own = {name: values[site] for name, site in sites.beside}
    design, group = _design(x, sites)[seen] @ root, x.group[seen]
    if sites.kernel is None:
        return _of_normals(root, design / own["scale"], ((response - eta) / own["scale"])[seen], group, groups)
    known = {"trials": x.trials, "exposure": x.exposure}
    own |= {name: _of_column(value, sites)[seen] for name, value in known.items() if value is not None}
    line = partial(_line, sites.kernel, response[seen], eta[seen], own)
    return _at_nodes(root, Integrand(np, line, design, np.ones(len(design), dtype=bool), group, groups))


def _of_normals(
    root: np.ndarray, design: np.ndarray, apart: np.ndarray, group: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray]:
    precision = np.zeros((groups, *root.shape)) + np.eye(len(root))
    moved = np.zeros(precision.shape[:2])
    np.add.at(precision, group, design[:, :, None] * design[:, None, :])
    np.add.at(moved, group, design * apart[:, None])
    # u given x ~ Normal(V A' e, V) with V = (I + A' A)^-1
    covariance = np.linalg.inv(precision)
    mean = np.einsum("gij,gj->gi", covariance, moved) @ root.T
    return mean, np.einsum("ei,gij,ej->ge", root, covariance, root)


def _at_nodes(root: np.ndarray, integrand: Integrand) -> tuple[np.ndarray, np.ndarray]:
    u, masses = integrand.masses(integrand.mode())
    shares, effects = softmax(masses, axis=0)[..., None], np.stack(u, axis=-1) @ root.T
    mean = (shares * effects).sum(axis=0)
    return mean, (shares * (effects - mean) ** 2).sum(axis=0)


def _line(kernel: Any, response: np.ndarray, eta: np.ndarray, parameters: Mapping[str, Any], moved: np.ndarray) -> Any:
    return kernel(np, response, eta + moved, parameters)


def _of_column(values: np.ndarray, sites: EffectSites) -> np.ndarray:
    return values if values.ndim == 1 else values[:, sites.column]


def _design(x: Observations, sites: EffectSites) -> np.ndarray:
    """z_i = (1, covariates with slopes), (rows, effects)."""
    level = np.ones((len(x), 1))
    return np.column_stack([level, sites.among.columns(x.covariates)]) if sites.among.numbers else level
