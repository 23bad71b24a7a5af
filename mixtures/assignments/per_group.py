"""All rows of a group share one assignment: repeated measures, panels, growth curves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from mixtures.assignments.dirichlet import Dirichlet
from mixtures.assignments.groups import check_groups, check_same_in_groups
from mixtures.assignments.law import Assignment, RowWise, Values
from mixtures.assignments.logarithms import logsumexp
from mixtures.errors import ModelError, in_words
from mixtures.ppl.protocol import PPL, Array
from mixtures.ppl.sums import summed
from mixtures.priors import Prior
from mixtures.rows import Rows


@dataclass(frozen=True)
class PerGroup(Assignment):
    """All rows of a group share one component: what is clustered are groups, each known by all of its rows.

    `Observations(x, group=...)` says which rows belong together: the visits of a patient, the years of a firm, the schools' pupils; as many
    rows a group as there are, in any order. With a regression as the family, components are growth curves. Given its component, a group's
    rows are independent, unless the family gives them effects in common (`families.Regression(random=...)`):

    p(x_g) = sum_k w_k prod_(i in g) p(x_i | k).

    Answers have an entry a row, the same in all rows of a group. Log likelihoods (`log_likelihood`, `loo`) have one a group, since no row can
    be left out without the others; and n, in BIC and ICL, is the number of groups, since they are what is independent. (flexmix's n is that
    of the rows.)

    Sites: those of the law of the weights.

    Args:
        weights: how groups are assigned: `Dirichlet`, or `Gating`, of covariates that are the same in all rows of a group.

    Raises:
        ModelError: another kind of law.

    Source: McLachlan & Peel (2000), section 2.14; Grün & Leisch (2008), Journal of Statistical Software 28(4), equation 3.

    Example:
        >>> PerGroup().unit
        'group'
        >>> print(PerGroup(Dirichlet(2.0)))
        PerGroup(Dirichlet(2))
    """

    weights: RowWise = field(default_factory=Dirichlet)

    unit: ClassVar = "group"
    title: ClassVar = "A mixture of groups"
    needs_groups: ClassVar[bool] = True
    shares_assignment: ClassVar[bool] = True

    def __post_init__(self):
        if not isinstance(self.weights, RowWise) or self.weights.needs_groups:
            raise ModelError(
                "weights", got=in_words(self.weights), expected="how groups are assigned, such as Dirichlet(1.0)"
            )

    @property
    def needs_covariates(self) -> bool:  # type: ignore[override]  # a law of laws
        return self.weights.needs_covariates

    @property
    def linear_predictors(self) -> tuple[Any, ...]:  # type: ignore[override]
        return self.weights.linear_predictors

    @property
    def redundant_sites(self) -> frozenset[str]:  # type: ignore[override]
        return self.weights.redundant_sites

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return self.weights.priors_by_site

    @property
    def structure(self) -> "PerGroup":
        return replace(self, weights=self.weights.structure)

    def scaled_to(self, x: np.ndarray, covariates: np.ndarray | None) -> "PerGroup":
        return replace(self, weights=self.weights.scaled_to(x, covariates))

    def check(self, components: int) -> None:
        self.weights.check(components)

    def check_rows(self, rows: Rows) -> None:
        check_groups(rows)
        for _, _, *among in self.linear_predictors:
            check_same_in_groups(rows, *among)

    def kinds(self, components: int) -> Sequence[Any]:
        return self.weights.kinds(components)

    def shares(self, values: Values) -> np.ndarray | None:
        return self.weights.shares(values)

    def favours_empty(self) -> bool:
        return self.weights.favours_empty()

    def pseudo_rows(self, components: int) -> np.ndarray | None:
        """How many groups of each component the prior stands for."""
        return self.weights.pseudo_rows(components)

    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        return self.weights.draw(ppl, draw, components, rows)

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return self.weights.start(components, rows, rng)

    def permuted(self, values: Values, permutation: np.ndarray) -> Values:
        return self.weights.permuted(values, permutation)

    def run(self, ppl: PPL, values: Values, rows: Rows, size: int, observe: Callable[..., Array], data: Any) -> Array:
        if ppl.name == "notation":  # written down, a group is assigned as a row is
            with ppl.plate("groups", "m"):  # type: ignore[arg-type]
                z = self.weights.assign(ppl, values, rows)
            with ppl.plate("rows", size):
                return observe(z, data)
        check_groups(rows)
        probs = ppl.xp.exp(self.weights.log_probs(ppl.xp, values, rows.groups))
        return ppl.groups("assignment", probs, rows.group, rows.first, observe, data)

    def _of_groups(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        """log p(x_g, assignment_g = k), (groups, components)."""
        assert rows.first is not None  # the caller has checked that there are groups
        emissions = summed(xp, table, rows.group, rows.first.shape[0])
        return emissions + self.weights.log_probs(xp, values, rows.groups)

    def log_marginal(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        """log p(x_g | parameters), (groups,)."""
        return logsumexp(xp, self._of_groups(xp, values, table, rows), 1)

    def joint(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        """As of every law; of a group's rows the first has all of its log likelihood, and the others 0."""
        assert rows.first is not None  # as above
        of_groups = self._of_groups(xp, values, table, rows)
        total = logsumexp(xp, of_groups, 1)
        is_first = rows.first[rows.group] == xp.arange(table.shape[0])
        own = xp.where(is_first, total[rows.group], xp.zeros_like(table[:, 0]))
        return (of_groups - total[:, None])[rows.group] + own[:, None]

    def mode(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        return xp.argmax(self._of_groups(xp, values, table, rows), axis=1)[rows.group]

    def log_mode(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        return xp.sum(xp.max(self._of_groups(xp, values, table, rows), axis=1))

    def sample(self, values: Values, table: np.ndarray, rows: Rows, rng: np.random.Generator) -> np.ndarray:
        of_groups = self._of_groups(np, values, table, rows)
        # argmax of log p + Gumbel noise is a draw from p (Gumbel 1954)
        return np.argmax(of_groups + rng.gumbel(size=of_groups.shape), axis=1)[rows.group]

    def __str__(self) -> str:
        return f"PerGroup({self.weights})"
