"""Classes of groups, each of which has components in other shares: multilevel latent class analysis."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from mixtures.assignments.groups import check_groups
from mixtures.assignments.law import Assignment, Values
from mixtures.assignments.logarithms import log_of, log_softmax, logsumexp
from mixtures.assignments.markov import concentration
from mixtures.checks import check_count
from mixtures.errors import ModelError
from mixtures.ppl.protocol import PPL, Array
from mixtures.ppl.sums import summed
from mixtures.priors import Dirichlet as DirichletPrior
from mixtures.priors import Prior
from mixtures.rows import Rows


@dataclass(frozen=True)
class GroupClasses(Assignment):
    """Two levels: groups are of classes, and what a class says is in which shares its groups' rows are of the components.

    Schools of a few kinds, whose pupils are of the same types everywhere, in shares that go with the kind of school (multilevel latent class
    analysis). `Observations(x, group=...)` says which rows belong together. Given the class c of its group, a row is of component k with
    probability `class_weights[c, k]`, and rows are independent:

    p(x_g) = sum_c w_c prod_(i in g) sum_k pi_ck p(x_i | k).

    Answers have an entry a row, its component, with the class of its group summed out; `inference.group_classes` has the classes. The most
    probable assignments are those of components and classes together. Log likelihoods have one entry a group, and n, in BIC and ICL, is the
    number of groups, since they are what is independent. With one class it is the plain mixture; where each class has one component alone,
    `PerGroup`.

    Results number classes as they number components: the first has the largest share of component 0.

    Sites: `class_probs` (classes,), the shares of the groups; `class_weights` (classes, components).

    Args:
        classes: how many classes of groups.
        weights: the Dirichlet concentration of each class's weights of the components, a positive number or one for each component.
        probs: that of the classes' shares, a positive number: classes are alike.

    Raises:
        ModelError: no such number of classes, or an invalid concentration.

    Source: Vermunt (2003), Sociological Methodology 33 (multilevel latent class models, classes of groups as nonparametric random effects).

    Example:
        >>> sorted(GroupClasses(3).priors_by_site)
        ['class_probs', 'class_weights']
    """

    classes: int = 2
    weights: float | tuple[float, ...] = 1.0
    probs: float = 1.0

    unit: ClassVar = "group"
    title: ClassVar = "A multilevel mixture"
    needs_groups: ClassVar[bool] = True
    summed_out: ClassVar[frozenset[str]] = frozenset({"group_class"})

    def __post_init__(self):
        check_count("classes", self.classes)
        object.__setattr__(self, "weights", concentration("weights", self.weights))
        object.__setattr__(self, "probs", concentration("probs", self.probs))
        if np.ndim(self.probs):
            raise ModelError("probs", got=str(self.probs), expected="one number, since classes are alike")

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return {"class_probs": DirichletPrior(self.probs), "class_weights": DirichletPrior(self.weights)}

    @property
    def structure(self) -> "GroupClasses":
        return replace(self, weights=1.0, probs=1.0)

    def check(self, components: int) -> None:
        if np.shape(self.weights) not in ((), (components,)):
            got = f"numbers of shape {np.shape(self.weights)}"
            raise ModelError("weights", got=got, expected=f"one number, or {components} of them")

    def check_rows(self, rows: Rows) -> None:
        check_groups(rows)

    def kinds(self, components: int) -> Sequence[Any]:
        return np.broadcast_to(self.weights, (components,)).tolist()

    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        probs = draw("class_probs", event=(self.classes,), dims=("classes",))
        with ppl.plate("classes", self.classes):
            weights = draw("class_weights", event=(components,), dims=("components",))
        return {"class_probs": probs, "class_weights": weights}

    def run(self, ppl: PPL, values: Values, rows: Rows, size: int, observe: Callable[..., Array], data: Any) -> Array:
        if ppl.name != "notation":
            check_groups(rows)
        of_rows = ("assignment", values["class_weights"])
        return ppl.groups("group_class", values["class_probs"][None], rows.group, rows.first, observe, data, of_rows)

    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        # classes of the same weights would stay the same
        weights = rng.dirichlet(np.full(components, 2.0), self.classes)
        return {"class_probs": np.full(self.classes, 1 / self.classes), "class_weights": weights}

    def shares(self, values: Values) -> np.ndarray:
        return np.asarray(values["class_probs"] @ values["class_weights"])

    def favours_empty(self) -> bool:
        return bool(min(np.min(self.weights), self.probs) < 1)

    def permuted(self, values: Values, permutation: np.ndarray) -> Values:
        """Classes are numbered anew too, by decreasing shares of component 0, of component 1 where these are equal, and so on."""
        weights = values["class_weights"][:, permutation]
        order = np.lexsort(-weights.T[::-1])
        return {"class_probs": values["class_probs"][order], "class_weights": weights[order]}

    def _of_rows(self, xp: Any, values: Values, table: Array) -> Array:
        """log p(x_i, assignment_i = k | class of the group), (rows, classes, components)."""
        return table[:, None, :] + log_of(xp, values["class_weights"])[None]

    def _of_groups(self, xp: Any, values: Values, of_rows: Array, rows: Rows) -> Array:
        """log p(x_g, class of g), (groups, classes), where rows have log p(x_i | class), (rows, classes)."""
        assert rows.first is not None  # the caller has checked that there are groups
        return summed(xp, of_rows, rows.group, rows.first.shape[0]) + log_of(xp, values["class_probs"])

    def log_marginal(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        """log p(x_g | parameters), (groups,)."""
        return logsumexp(xp, self._of_groups(xp, values, logsumexp(xp, self._of_rows(xp, values, table), 2), rows), 1)

    def class_marginals(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        """P(class of g = c | all rows, parameters), (groups, classes)."""
        of_groups = self._of_groups(xp, values, logsumexp(xp, self._of_rows(xp, values, table), 2), rows)
        return xp.exp(log_softmax(xp, of_groups))

    def joint(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        """As of every law; of a group's rows the first has all of its log likelihood, and the others 0."""
        assert rows.first is not None  # as above
        of_rows = self._of_rows(xp, values, table)
        of_class = logsumexp(xp, of_rows, 2)
        of_groups = self._of_groups(xp, values, of_class, rows)
        total = logsumexp(xp, of_groups, 1)
        # log P(class of i's group, assignment_i = k | all rows); a class that cannot produce the row has no share to hand on
        handed = (of_groups - total[:, None])[rows.group] - xp.where(
            xp.isfinite(of_class), of_class, xp.zeros_like(of_class)
        )
        is_first = rows.first[rows.group] == xp.arange(table.shape[0])
        own = xp.where(is_first, total[rows.group], xp.zeros_like(table[:, 0]))
        return logsumexp(xp, handed[:, :, None] + of_rows, 1) + own[:, None]

    def _best(self, xp: Any, values: Values, table: Array, rows: Rows) -> tuple[Array, Array]:
        """log p(x_i, assignment_i = k | class), as above, and log p(x_g, class, its most probable assignments), (groups, classes)."""
        of_rows = self._of_rows(xp, values, table)
        return of_rows, self._of_groups(xp, values, xp.max(of_rows, axis=2), rows)

    def mode(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        """The components of the most probable components and classes together."""
        of_rows, of_groups = self._best(xp, values, table, rows)
        best = xp.argmax(of_groups, axis=1)[rows.group]
        return xp.argmax(of_rows[xp.arange(table.shape[0]), best], axis=1)

    def log_mode(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        """log p(x, assignments, classes | parameters) at the most probable assignments and classes together; of one component log p(x), since
        nothing tells its classes apart."""
        if table.shape[1] == 1:
            return xp.sum(self.log_marginal(xp, values, table, rows))
        return xp.sum(xp.max(self._best(xp, values, table, rows)[1], axis=1))

    def sample(self, values: Values, table: np.ndarray, rows: Rows, rng: np.random.Generator) -> np.ndarray:
        of_rows = self._of_rows(np, values, table)
        of_groups = self._of_groups(np, values, logsumexp(np, of_rows, 2), rows)
        # argmax of log p + Gumbel noise is a draw from p (Gumbel 1954)
        drawn = np.argmax(of_groups + rng.gumbel(size=of_groups.shape), axis=1)[rows.group]
        given = of_rows[np.arange(len(table)), drawn]
        return np.argmax(given + rng.gumbel(size=given.shape), axis=1)

    def __str__(self) -> str:
        return f"GroupClasses({self.classes})"
