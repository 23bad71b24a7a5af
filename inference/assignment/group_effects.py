"""Where does a group lie around the line of its component? Its random effects, predicted; of a posterior, over all draws."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import softmax

from inference.assignment.effects_given import effects_given
from inference.assignment.responsibilities import bound_and_draws, in_blocks
from inference.backends import Bound
from inference.html import InNotebooks
from inference.parameter_table import MOST_LINES, number, plain
from inference.results import PointFit
from mixtures import Observations, Program
from mixtures.among import EffectSites
from mixtures.errors import ModelError
from mixtures.families.members import parts_of
from mixtures.families.parts import Parts


@dataclass(frozen=True, eq=False, repr=False)
class GroupEffects(InNotebooks):
    """Effects of groups, each (groups, effects), the intercept first, then slopes under the names or numbers of their covariates.

    Of a response among several columns of data, columns are (response, effect).

    Args:
        mean: E(b_g | x).
        sd: the standard deviation of b_g given x.
    """

    mean: pd.DataFrame
    sd: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """A line for each effect of each group, its `mean` and `sd`."""
        lines = pd.MultiIndex.from_tuples(
            [(group, *_listed(effect)) for group in self.mean.index for effect in self.mean.columns],
            names=["group", *self.mean.columns.names],
        )
        return pd.DataFrame({"mean": self.mean.to_numpy().ravel(), "sd": self.sd.to_numpy().ravel()}, index=lines)

    def __str__(self) -> str:
        shown = self.mean.iloc[:MOST_LINES].map(number) + " (" + self.sd.iloc[:MOST_LINES].map(number) + ")"
        shown.columns = pd.Index([" ".join(map(str, _listed(effect))) for effect in shown.columns])
        left = len(self.mean) - len(shown)
        more = [f"... and {left} more groups: see to_frame()"] if left else []
        return "\n".join(["Random effects of groups, mean (standard deviation):", "", plain(shown), *more])


def _listed(effect: Any) -> tuple[Any, ...]:
    return effect if isinstance(effect, tuple) else (effect,)


def group_effects(fit_or_posterior: PointFit | xr.DataTree, x: Any, *, program: Program | None = None) -> GroupEffects:
    """Predicted random effects of groups: their means given the rows, E(b_g | x), and standard deviations, given the parameters.

    Within component k effects given the rows of g are normal where responses are (the best linear unbiased predictions), and else known by
    quadrature; a group is of component k with its probability given all its rows: mean and standard deviation are those of this mixture; of a
    posterior, of all its draws together. With a point fit they know nothing of the errors of the parameters. In a component without effects,
    noise for one, they are 0.

    Args:
        fit_or_posterior: a point fit, or a tree of draws, of `families.Regression(random=...)`, or of a family made of it.
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
    names = _names(bound, parts.effects)
    first, second, shift, draw = np.zeros(()), np.zeros(()), np.zeros(()), 0
    for tables in in_blocks(bound.emissions, draws, bound):
        for table in tables:
            values = {name: value[draw] for name, value in draws.items()}
            shares = softmax(law.joint(np, values, table, rows)[rows.first], axis=1).T[..., None]
            each = [_given(bound, parts, values, k, names) for k in range(len(shares))]
            mean, variance = map(np.stack, zip(*each, strict=True))
            # moments about the first draw's means: differences of squares of what lies far from 0 have few digits
            shift = (shares * mean).sum(axis=0) if draw == 0 else shift
            first = first + (shares * (mean - shift)).sum(axis=0)
            second = second + (shares * (variance + (mean - shift) ** 2)).sum(axis=0)
            draw += 1
    first, second = first / draw, second / draw
    return GroupEffects(
        *(_table(bound.x, names, part) for part in (shift + first, np.sqrt(np.maximum(second - first**2, 0.0))))
    )


def _parts_of(bound: Bound) -> Parts:
    mixture = bound.numbered.mixture
    parts = Parts() if mixture is None else parts_of(mixture.family)
    if not parts.effects:
        what = "a program of your own" if mixture is None else type(mixture.family).__name__
        raise ModelError(
            "fit",
            got=f"a model without random effects: {what}",
            expected="a mixture of families.Regression(random=...), or of a family made of it",
            advice="regression_mixture(2, formula, data=table, random='intercept'), say.",
        )
    return parts


def _given(
    bound: Bound, parts: Parts, values: Mapping[str, np.ndarray], k: int, names: list[tuple[Any, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances of all effects given the rows and one component, each (groups, effects); 0 of those that it has not."""
    assert bound.x.group_names is not None
    own, found = _of_component(bound, values, k), np.zeros((2, len(bound.x.group_names), len(names)))
    for sites in parts.effects:
        if sites.component == k or (sites.component is None and k not in parts.parameter_free_components):
            found[..., [names.index(name) for name in _names(bound, [sites])]] = effects_given(bound.x, sites, own)
    return found[0], found[1]


def _of_component(bound: Bound, values: Mapping[str, np.ndarray], k: int) -> dict[str, np.ndarray]:
    """The values of one component, those that all share among them."""
    axes = {site.name: site.component_axis for site in bound.sites.parameters}
    return {name: value if axes[name] is None else np.take(value, k, axes[name]) for name, value in values.items()}


def _names(bound: Bound, effects: Iterable[EffectSites]) -> list[tuple[Any, ...]]:
    """What effects are of, (response, effect), each once: the response's name or number, and the covariate's, or "intercept"."""
    x = bound.x
    assert x.covariates is not None  # a regression has some
    found: dict[tuple[Any, ...], None] = {}
    for sites in effects:
        numbers = sites.among.of(x.covariates.shape[1]).tolist()
        slopes = [number if x.covariate_names is None else x.covariate_names[number] for number in numbers]
        response = x.feature_names[sites.column] if x.feature_names else sites.column
        found.update(dict.fromkeys((response, effect) for effect in ("intercept", *slopes)))
    return list(found)


def _table(x: Observations, names: list[tuple[Any, ...]], values: np.ndarray) -> pd.DataFrame:
    """(groups, effects); responses are named where there are columns."""
    of_one = pd.Index([effect for _, effect in names], name="effect")
    columns = of_one if x.features is None else pd.MultiIndex.from_tuples(names, names=["response", "effect"])
    return pd.DataFrame(values, index=pd.Index(x.group_names, name="group"), columns=columns)
