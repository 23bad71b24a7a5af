"""Each group of rows has its own mixing weights, which are alike as far as the data say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mixtures.assignments.common_weights import log_of
from mixtures.assignments.groups import check_groups
from mixtures.assignments.law import RowWise, Values
from mixtures.assignments.logarithms import log_softmax
from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import Dirichlet as DirichletPrior
from mixtures.priors import GivenPriors, HalfNormal, Normal, Prior, freeze, override
from mixtures.rows import Rows

GROUP_PRIORS = {
    "weights": DirichletPrior(1.0),
    # two thirds of groups then have log odds within 1 of each other's, and few are more than 3 apart
    "group_scale": HalfNormal(1.0),
    "group_offset": Normal(0.0, 1.0),
}


@dataclass(frozen=True)
class GroupWeights(RowWise):
    """Each group has its own weights, and all groups the same components: shares of types by country, topics by document.

    A group's weights are logit-normal around those of a typical group: the weights of group g are proportional to

    weights_k exp(group_scale group_offset_gk), group_offset_gk ~ Normal(0, 1),

    so that groups of few rows are drawn towards the others (partial pooling), by as much as `group_scale` says; at 0 all have the same weights,
    a plain mixture. Rows are independent given the weights. `Observations(x, group=...)` says which group each row is of; rows to classify later
    must be of groups that were there when the model was fitted. Where the likelihood alone is maximised nothing pools, and no maximum is the
    best of those along which `group_scale` and the offsets trade places: `fit_mle` and `fit_em` of the likelihood refuse it.

    Sites: `weights` (components,), of a typical group; `group_scale`, how far groups differ, the standard deviation of log weights;
    `group_offset` (groups, components). Kept beside them: `group_weights` (groups, components).

    Args:
        priors: `{site: prior}` in place of the defaults.

    Raises:
        ChoiceError: a prior of another site.

    Source: Aitchison & Shen (1980), Biometrika 67 (logistic-normal weights); Gelman et al. (2013), Bayesian Data Analysis, chapter 5.

    Example:
        >>> sorted(GroupWeights().priors_by_site)
        ['group_offset', 'group_scale', 'weights']
    """

    priors: GivenPriors = ()

    title: ClassVar = "A mixture with weights of each group"
    needs_groups: ClassVar[bool] = True
    keeps_groups: ClassVar[bool] = True
    needs_prior: ClassVar[bool] = True

    def __post_init__(self):
        object.__setattr__(self, "priors", freeze(self.priors))
        override(GROUP_PRIORS, self.priors)

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(GROUP_PRIORS, self.priors)

    def check_rows(self, rows: Rows) -> None:
        check_groups(rows)

    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        groups = 1 if rows.first is None else rows.first.shape[0]  # written down, it is as if there were one
        values = {
            "weights": draw("weights", dims=("components",), event=(components,)),
            "group_scale": draw("group_scale"),
            "group_offset": draw("group_offset", shape=(groups, components), dims=("groups", "components")),
        }
        if ppl.name != "notation":
            weights = ppl.xp.exp(self._of_groups(ppl.xp, values))
            ppl.deterministic("group_weights", weights, dims=("groups", "components"))
        return values

    def assign(self, ppl: PPL, values: Values, rows: Rows) -> Array:
        if ppl.name == "notation":
            logits = ppl.xp.log(values["weights"]) + values["group_scale"] * values["group_offset"]
            return ppl.assign("assignment", logits=logits)
        return ppl.assign("assignment", logits=self.log_probs(ppl.xp, values, rows))

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        assert rows.first is not None  # the mixture has checked
        offset = 0.1 * rng.normal(size=(len(rows.first), components))
        return {
            "weights": np.full(components, 1 / components),
            "group_scale": np.array(0.5),
            "group_offset": offset,
        }

    def shares(self, values: Values) -> np.ndarray | None:
        return None  # each group has its own

    def _of_groups(self, xp: Any, values: Values) -> Array:
        """The logarithms of each group's weights, (groups, components)."""
        weights = values["weights"]
        typical = log_of(xp, weights)
        return log_softmax(xp, typical + values["group_scale"] * values["group_offset"])

    def log_probs(self, xp: Any, values: Values, rows: Rows) -> Array:
        return self._of_groups(xp, values)[rows.group]

    def permuted(self, values: Values, permutation: np.ndarray) -> Values:
        return {name: value if name == "group_scale" else value[..., permutation] for name, value in values.items()}
