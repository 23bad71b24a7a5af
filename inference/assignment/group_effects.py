"""Where does a group lie around the line of its component? Its random effects, predicted; of a posterior, over all draws."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import softmax

from inference.assignment.responsibilities import bound_and_draws, in_blocks
from inference.backends import Bound
from inference.results import PointFit
from mixtures import Observations, Program
from mixtures.among import EffectSites, LinearPredictor
from mixtures.errors import ModelError
from mixtures.families import Regression
from mixtures.families.members import parts_of
from mixtures.families.parts import Parts


class GroupEffects(NamedTuple):
    """Effects of groups, each (groups, effects), the intercept first, then slopes under the names or numbers of their covariates.

    Args:
        mean: E(b_g | x).
        sd: the standard deviation of b_g given x.
    """

    mean: pd.DataFrame
    sd: pd.DataFrame


def group_effects(fit_or_posterior: PointFit | xr.DataTree, x: Any, *, program: Program | None = None) -> GroupEffects:
    """Predicted random effects of groups, E(b_g | x) and their standard deviations: the best linear unbiased predictions, given the parameters.

    Within component k effects given the rows of g are normal, and a group is of component k with its probability given all its rows: mean and
    standard deviation are those of this mixture; of a posterior, of all its draws together. With a point fit they know nothing of the errors
    of the parameters.

    Args:
        fit_or_posterior: a point fit, or a tree of draws, of `families.Regression(random=...)`.
        x: rows with the columns of the fitted data, and their groups, old or new; a group of which no response was observed has the mean 0.
        program: the declaration of the draws, where it cannot be imported again: one made inside a function, say.

    Returns:
        `mean` and `sd`, each (groups, effects), a line for each group of `x` under its name.

    Raises:
        DataError: other columns than the model was fitted to, or no groups.
        ModelError: a model without random effects.

    Source: Laird & Ware (1982), Biometrics 38, equation 3.2; Proust-Lima et al. (2017), Journal of Statistical Software 78, for mixtures.

    Example:
        >>> from inference import fit_mle
        >>> from mixtures import Mixture, Observations, assignments, families
        >>> y, person = [0.0, 0.2, 1.9, 2.1, 0.8, 1.1], ["a", "a", "b", "b", "c", "c"]
        >>> x = Observations(y, covariates=[[0.0], [1.0]] * 3, group=person)
        >>> model = Mixture(1, families.Regression(random="intercept"), assignments.PerGroup())
        >>> group_effects(fit_mle(model, x, restarts=1, seed=0), x).mean["intercept"].round(1).tolist()
        [-0.9, 1.0, -0.1]
    """
    bound, draws = bound_and_draws(fit_or_posterior, x, program)
    parts, law, rows = _parts_of(bound), bound.sites.law, bound.x.rows
    assert law is not None  # no law but of whole groups has rows that hang together
    assert rows.first is not None
    first, second, shift, draw = np.zeros(()), np.zeros(()), np.zeros(()), 0
    for tables in in_blocks(bound.emissions, draws, bound):
        for table in tables:
            values = {name: value[draw] for name, value in draws.items()}
            shares = softmax(law.joint(np, values, table, rows)[rows.first], axis=1).T[..., None]
            each = [_given(bound.x, parts, _of_component(bound, values, k)) for k in range(len(shares))]
            mean, variance = map(np.stack, zip(*each, strict=True))
            # moments about the first draw's means: differences of squares of what lies far from 0 have few digits
            shift = (shares * mean).sum(axis=0) if draw == 0 else shift
            first = first + (shares * (mean - shift)).sum(axis=0)
            second = second + (shares * (variance + (mean - shift) ** 2)).sum(axis=0)
            draw += 1
    first, second = first / draw, second / draw
    return GroupEffects(
        *(_table(bound.x, parts.effects[0], part) for part in (shift + first, np.sqrt(second - first**2)))
    )


def _parts_of(bound: Bound) -> Parts:
    mixture = bound.numbered.mixture
    if mixture is None or not isinstance(mixture.family, Regression) or mixture.family.random is None:
        what = "a program of your own" if mixture is None else type(mixture.family).__name__
        raise ModelError(
            "fit",
            got=f"a model without random effects of its own response: {what}",
            expected="a mixture of families.Regression(random=...)",
            advice="regression_mixture(2, formula, data=table, random='intercept'), say.",
        )
    return parts_of(mixture.family)


def _of_component(bound: Bound, values: Mapping[str, np.ndarray], k: int) -> dict[str, np.ndarray]:
    """The values of one component, those that all share among them."""
    axes = {site.name: site.component_axis for site in bound.sites.parameters}
    return {name: value if axes[name] is None else np.take(value, k, axes[name]) for name, value in values.items()}


def _given(x: Observations, parts: Parts, values: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances of effects given the rows and one component, each (groups, effects)."""
    assert x.group is not None  # the law has checked
    assert x.group_names is not None
    (sites,), eta = parts.effects, values["intercept"]
    for one in parts.linear_predictors:
        predictor = LinearPredictor(*one)
        if predictor.slope in values:
            eta = eta + predictor.among.columns(x.covariates) @ values[predictor.slope]
    # b = L u with u ~ Normal(0, I), so that a row is eta_i + (L' z_i)' u + scale e_i
    root = np.ones((1, 1)) * values[sites.intercept]
    if sites.among.numbers:
        root = np.append(values[sites.intercept], values[sites.slope])[:, None] * values[sites.correlation]
    seen = ~np.isnan(x.x)
    design = _design(x, sites)[seen] @ root / values[sites.scale]
    apart = ((x.x - eta) / values[sites.scale])[seen]
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


def _table(x: Observations, sites: EffectSites, values: np.ndarray) -> pd.DataFrame:
    assert x.covariates is not None  # a regression has some
    names = x.covariate_names
    slopes = [number if names is None else names[number] for number in sites.among.of(x.covariates.shape[1]).tolist()]
    columns = pd.Index(["intercept", *slopes], name="effect")
    return pd.DataFrame(values, index=pd.Index(x.group_names, name="group"), columns=columns)
