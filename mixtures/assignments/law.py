"""What a mixture, and inference, ask of a law of the assignment.

A law draws its parameters and the assignments, in the words of a program; and it answers what is asked of assignments whose emissions are
known, in array code: `xp` is the namespace of NumPy, JAX or torch, and one text serves all three. A table has log p(x_i | assignment_i = k),
(rows, components), in which nothing of the law is: families know nothing of laws, and laws nothing of families.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from jaxtyping import Float, Int

from mixtures.assignments.clustering import Clusters
from mixtures.assignments.logarithms import log_softmax, logsumexp
from mixtures.errors import ModelError, check_dataclass, check_part
from mixtures.ppl.protocol import PPL, Array
from mixtures.priors import Prior
from mixtures.rows import Rows

Values = dict[str, Array]
"""Values by site."""

Self = TypeVar("Self", bound="Assignment")


class Assignment(ABC):
    """How rows are assigned to components. A law is a frozen dataclass: compiled programs are cached by it.

    Optional parts stand here with what they are where a law says nothing.
    """

    unit: ClassVar[Literal["row", "group", "sequence"]] = "row"
    """What is independent of what, given the parameters."""

    @property
    def is_row_wise(self) -> bool:
        """Whether rows are independent given the parameters."""
        return self.unit == "row"

    title: ClassVar[str] = "A mixture"
    """What a declaration with this law is called where it is printed."""

    needs_covariates: ClassVar[bool] = False
    """Whether it depends on covariates."""

    expects_empty: ClassVar[bool] = False
    """Whether it has more components than there are clusters: one without rows is then no failure of a fit."""
    needs_groups: ClassVar[bool] = False
    """Whether it depends on the groups of rows."""

    keeps_groups: ClassVar[bool] = False
    """Whether it has parameters of each group, so that rows are asked about later by the groups that it was fitted to."""

    shares_assignment: ClassVar[bool] = False
    """Whether all rows of a group share one assignment."""

    summed_out: ClassVar[frozenset[str]] = frozenset()
    """The discrete unknowns beside the assignment, which its answers sum out."""

    needs_prior: ClassVar[bool] = False
    """Whether the likelihood alone has no best parameters, so that its prior must be there when it is fitted."""

    linear_predictors: ClassVar[tuple[Any, ...]] = ()
    """Pairs of sites, intercept and slope, of which it depends on intercept + slope . covariates alone; of some of the covariates, a
    `mixtures.among.LinearPredictor`."""

    redundant_sites: ClassVar[frozenset[str]] = frozenset()
    """The sites of which one component's value is of no matter to the likelihood: no free parameter."""

    hyper_sites: ClassVar[frozenset[str]] = frozenset()
    """The sites that its other sites' priors depend on, and the likelihood does not."""

    @property
    @abstractmethod
    def priors_by_site(self) -> Mapping[str, Prior]:
        """Every site's prior."""

    @property
    def sites(self) -> tuple[str, ...]:
        """The names of its sites; a law that draws some by itself, not from a prior in the table, names them here."""
        return tuple(self.priors_by_site)

    @abstractmethod
    def draw(self, ppl: PPL, draw: Any, components: int, rows: Rows) -> Values:
        """Its sites, each drawn by `draw(site, ...)`, see `mixtures.families.family.Draw`; outside of all plates."""

    @abstractmethod
    def run(
        self, ppl: PPL, values: Values, rows: Rows, size: int, observe: Callable[[Array, Any], Array], data: Any
    ) -> Array:
        """Assign `size` rows and observe them.

        Args:
            ppl: the words of a backend.
            values: of its sites.
            rows: the rows.
            size: how many.
            observe: (assignment, data of the rows) -> the observations.
            data: what `observe` is to be given: arrays with an entry a row.
        """

    @abstractmethod
    def start(self, components: int, rows: Rows, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Every site's value where optimisation starts."""

    def check(self, components: int) -> None:  # noqa: B027  # most laws are of any number
        """Check that the law is one for so many components.

        Raises:
            ModelError: it is not.
        """

    def check_rows(self, rows: Rows) -> None:  # noqa: B027  # most laws want nothing of rows but what the mixture checks
        """Check that rows have what the law depends on, beside covariates; `rows` are NumPy's.

        Raises:
            DataError: they do not.
        """

    def kinds(self, components: int) -> Sequence[Any]:
        """Something for each component, the same for those that the law itself treats alike; hyperparameters are looked at elsewhere."""
        return [None] * components

    def shares(self, values: Values) -> Float[np.ndarray, " components"] | None:
        """The components' shares of all rows, in the long run; None where they are not the same everywhere."""
        return None

    def favours_empty(self) -> bool:
        """Whether its prior density grows without bound as a component's share falls to 0."""
        return False

    def pseudo_rows(self, components: int) -> Float[np.ndarray, " components"] | None:
        """How many rows of each component its prior stands for, where it is conjugate to counts of rows; None where it is not."""
        return None

    @property
    def clusters(self) -> Clusters | None:
        """How probable partitions of the rows are, weights summed out; None where that is not known, or components are told apart."""
        return None

    def weighted(self, weights: Float[Array, "... components"], concentration: Float[Array, "..."] | None) -> Values:
        """Values of its sites under which components have these weights: of laws that have `clusters`."""
        raise NotImplementedError

    def scaled_to(self: Self, x: np.ndarray, covariates: np.ndarray | None) -> Self:
        """The law with the priors that are scaled to the data written out as numbers."""
        return self._with({site: prior.scaled_to(x, covariates) for site, prior in self.priors_by_site.items()})

    @property
    def structure(self: Self) -> Self:
        """The law without its hyperparameters."""
        return self._with({site: prior.structure for site, prior in self.priors_by_site.items()})

    def _with(self: Self, priors: Mapping[str, Prior]) -> Self:
        """The law with other priors, where it keeps them in a field `priors`."""
        has_field = any(field.name == "priors" for field in fields(self))  # type: ignore[arg-type]  # laws are dataclasses
        return replace(self, priors=tuple(priors.items())) if has_field else self  # type: ignore[type-var]

    @abstractmethod
    def joint(
        self, xp: Any, values: Values, table: Float[Array, "rows components"], rows: Rows
    ) -> Float[Array, "rows components"]:
        """log p(x_i | the rows before) + log P(assignment_i = k | all rows): log p(x_i, assignment_i = k) where rows are independent.

        Its sums over components, in logarithms, add up to the log likelihood; normalised over components it gives assignment probabilities.
        """

    @abstractmethod
    def log_marginal(
        self, xp: Any, values: Values, table: Float[Array, "rows components"], rows: Rows
    ) -> Float[Array, " parts"]:
        """log p(x | parameters), the assignments summed out, in parts that add up to it: rows where they are independent."""

    def marginals(
        self, xp: Any, values: Values, table: Float[Array, "rows components"], rows: Rows
    ) -> Float[Array, "rows components"]:
        """P(assignment_i = k | all rows, parameters)."""
        joint = self.joint(xp, values, table, rows)
        return xp.exp(log_softmax(xp, joint))

    def filtered(
        self, xp: Any, values: Values, table: Float[Array, "rows components"], rows: Rows
    ) -> Float[Array, "rows components"]:
        """P(assignment_i = k | row i and those before it, parameters): all that matters, where rows are independent."""
        return self.marginals(xp, values, table, rows)

    def predicted(
        self, xp: Any, values: Values, table: Float[Array, "rows components"], rows: Rows
    ) -> Float[Array, "rows components"]:
        """log P(assignment_i = k | the rows before, parameters)."""
        raise NotImplementedError(f"{type(self).__name__} has no order of rows")

    def left_out(
        self, xp: Any, values: Values, table: Float[Array, "rows components"], rows: Rows
    ) -> Float[Array, "rows components"]:
        """log P(assignment_i = k | all other rows, parameters): what is known of a row's assignment but for the row itself."""
        found = []
        for row in range(table.shape[0]):  # a row that says nothing of its assignment is as good as none
            blank = xp.where((xp.arange(table.shape[0]) == row)[:, None], xp.zeros_like(table), table)
            found.append(xp.log(self.marginals(xp, values, blank, rows)[row]))
        return xp.stack(found)

    @abstractmethod
    def mode(self, xp: Any, values: Values, table: Float[Array, "rows components"], rows: Rows) -> Int[Array, " rows"]:
        """The most probable assignments of all rows together."""

    @abstractmethod
    def log_mode(self, xp: Any, values: Values, table: Float[Array, "rows components"], rows: Rows) -> Array:
        """log p(x, assignments | parameters) at the most probable assignments of all rows together, a number."""

    @abstractmethod
    def sample(
        self, values: Values, table: Float[np.ndarray, "rows components"], rows: Rows, rng: np.random.Generator
    ) -> Int[np.ndarray, " rows"]:
        """One draw of all assignments from their posterior."""

    @abstractmethod
    def permuted(self, values: Values, permutation: Int[np.ndarray, " components"]) -> Values:
        """The same law with its components numbered anew: number k is what number permutation[k] was."""


class RowWise(Assignment):
    """A law under which rows are assigned independently of each other: all answers follow from its log probabilities."""

    @abstractmethod
    def log_probs(self, xp: Any, values: Values, rows: Rows) -> Float[Array, "rows_or_one components"]:
        """log P(assignment_i = k | parameters) before x_i is seen; one row where all rows have the same.

        The probabilities are those that `assign` draws by: verbs that sum assignments out ask this, the libraries' own inference the other.
        """

    @abstractmethod
    def assign(self, ppl: PPL, values: Values, rows: Rows) -> Array:
        """The assignments, by `ppl.assign("assignment", ...)`; inside the plate `rows`."""

    def run(
        self, ppl: PPL, values: Values, rows: Rows, size: int, observe: Callable[[Array, Any], Array], data: Any
    ) -> Array:
        with ppl.plate("rows", size):
            return observe(self.assign(ppl, values, rows), data)

    def joint(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        own, (size, components) = self.log_probs(xp, values, rows), table.shape
        if tuple(own.shape) not in ((1, components), (size, components)):
            raise ModelError(
                "assignment",
                got=f"log_probs of shape {tuple(own.shape)}",
                expected=f"(1, {components}) or ({size}, {components}): one for each component, of all rows or of each",
                advice="A law of so many components alone says so in its method check.",
            )
        return table + own

    def predicted(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        return self.left_out(xp, values, table, rows)

    def left_out(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        return self.log_probs(xp, values, rows) + xp.zeros_like(table)

    def log_marginal(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        return logsumexp(xp, self.joint(xp, values, table, rows), 1)

    def mode(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        return xp.argmax(self.joint(xp, values, table, rows), axis=1)

    def log_mode(self, xp: Any, values: Values, table: Array, rows: Rows) -> Array:
        return xp.sum(xp.max(self.joint(xp, values, table, rows), axis=1))

    def sample(self, values: Values, table: np.ndarray, rows: Rows, rng: np.random.Generator) -> np.ndarray:
        joint = self.joint(np, values, table, rows)
        # argmax of log p + Gumbel noise is a draw from p (Gumbel 1954)
        return np.argmax(joint + rng.gumbel(size=joint.shape), axis=1)

    def permuted(self, values: Values, permutation: np.ndarray) -> Values:
        """The sites' first axes are those of the components; a law with other sites has a `permuted` of its own.

        Raises:
            ModelError: a site without axes.
        """
        if scalar := [name for name, value in values.items() if np.ndim(value) == 0]:
            raise ModelError(
                "assignment",
                got=f"a law with the site {scalar[0]!r}, which has no axis of components",
                expected="a method permuted(values, permutation) of the law",
            )
        return {name: value[permutation] for name, value in values.items()}


def check_assignment(what: str, value: Any) -> None:
    """Check that a part of a declaration is a law of the assignment.

    Raises:
        ModelError: something else; the text says what to write instead.
    """
    check_part(what, value, "log_marginal", "a law of the assignment, such as weights.Dirichlet(1.0)")
    check_dataclass(what, value)
