"""A program's random variables, described: what both backends' programs are known by."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from inference.backends.structure import Structure
from mixtures import Observations
from mixtures.among import LinearPredictor
from mixtures.assignments import Assignment
from mixtures.errors import ModelError
from mixtures.exchangeable import Groups

Support = Literal["real", "positive", "unit interval", "simplex", "correlation Cholesky", "other"]
"""Which values a site may have, whatever its event axes; zero-inclusive supports count as positive."""

NESTING_OF_MIXTURES = 2
"""Rows, and at most one plate inside them."""


@dataclass(frozen=True)
class Site:
    """One random variable of a program, as one trace of it shows.

    Args:
        name: the site's name.
        kind: a parameter, an assignment, an observation, or a function of parameters that the program keeps.
        shape: of the site's value.
        dims: the name of each axis: plates, then event axes.
        support: which values it may have.
        is_discrete: whether the support is discrete.
        free: the number of free coordinates (a simplex of K has K - 1).
        categories: of an assignment, the number of components; else 0.
        redundant: of the free coordinates, how many do not change the likelihood, and are no free parameters.
    """

    name: str
    kind: Literal["parameter", "assignment", "observed", "deterministic"]
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    support: Support
    is_discrete: bool
    free: int
    categories: int = 0
    redundant: int = 0

    @property
    def is_real(self) -> bool:
        """Whether the support is the whole real line (in each coordinate)."""
        return self.support == "real"

    @property
    def is_simplex(self) -> bool:
        """Whether values are not negative and sum to one."""
        return self.support == "simplex"

    @property
    def component_axis(self) -> int | None:
        """The axis that runs over components, if there is one."""
        return self.dims.index("components") if "components" in self.dims else None

    def with_rows(self, rows: int) -> "Site":
        """The site as it is with so many rows."""
        sizes = zip(self.dims, self.shape, strict=True)
        return replace(self, shape=tuple(rows if dim == "rows" else size for dim, size in sizes))


@dataclass(frozen=True)
class Sites:
    """All random variables of a program.

    Args:
        all: the variables, in the program's order.
        predictors: the linear predictors that sites make up.
        structure: of a program that is not a mixture by construction: which terms depend on which assignments, found by looking.
        exchangeable: of such a program, the groups of components that are alike.
        law: of a mixture, the law of its assignment, without its hyperparameters; a program of a user's own has its law in its table.
    """

    all: tuple[Site, ...]
    predictors: tuple[LinearPredictor, ...] = ()
    structure: Structure | None = None
    exchangeable: Groups = ()
    law: Assignment | None = None

    @property
    def parameters(self) -> tuple[Site, ...]:
        """The continuous unknowns, in the program's order."""
        return tuple(site for site in self.all if site.kind == "parameter")

    @property
    def assignments(self) -> tuple[Site, ...]:
        """The discrete unknowns."""
        return tuple(site for site in self.all if site.kind == "assignment")

    @property
    def deterministic(self) -> tuple[Site, ...]:
        """The functions of the parameters that the program keeps."""
        return tuple(site for site in self.all if site.kind == "deterministic")

    def without_assignments(
        self, first: Mapping[str, np.ndarray], last: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Of what the program keeps, computed at the first and at the last value of every assignment, what does not depend on these."""
        return {name: value for name, value in first.items() if np.array_equal(value, last[name], equal_nan=True)}

    @property
    def has_hub(self) -> bool:
        """Whether every assignment belongs to a row, and rows are independent given the parameters or follow one another: then `log_joint` has
        all rows' probabilities, and log likelihoods that add up."""
        return self.structure.rows is not None if self.structure else len(self.assignments) > 0

    @property
    def is_row_wise(self) -> bool:
        """Whether rows with a table are independent given the parameters; those of a chain, or of a group, are not."""
        return self.law is None or self.law.is_row_wise

    @property
    def is_chain(self) -> bool:
        """Whether rows follow one another."""
        return self.law is not None and self.law.unit == "sequence"

    @property
    def is_of_groups(self) -> bool:
        """Whether groups are what is independent: their rows share an assignment, or the class of the group."""
        return self.law is not None and self.law.unit == "group"

    def is_of_law(self, name: str) -> bool:
        """Whether a site is the assignment that the law answers for, or another discrete unknown that it sums out."""
        return self.law is not None and (name == "assignment" or name in self.law.summed_out)

    @property
    def rows(self) -> str:
        """The plate of the rows, where there is a hub."""
        return (self.structure.rows if self.structure else None) or "rows"

    @property
    def nesting(self) -> int:
        """How many dimensions plates take: rows, and those inside them."""
        return self.structure.nesting if self.structure else NESTING_OF_MIXTURES

    @property
    def observed_terms(self) -> frozenset[str]:
        """The sites and factors that the data enter."""
        return self.structure.observed if self.structure else frozenset()

    @property
    def has_prior_in_rows(self) -> bool:
        """Whether rows have more of a prior than that of their assignments: then what a row adds to the density is not its likelihood alone."""
        return self.structure is not None and self.structure.has_prior_in_rows

    @property
    def is_enumerated(self) -> bool:
        """Whether assignments are left to the backend's own enumeration."""
        return self.structure is not None and self.structure.is_enumerated

    @property
    def is_summed(self) -> bool:
        """Whether assignments are summed out by `sum_product`: neither a hub nor the backend's enumeration would be right."""
        return self.structure is not None and self.structure.rows is None and not self.is_enumerated

    @property
    def has_table(self) -> bool:
        """Whether `log_joint` has a table: of the rows, or of the units that one assignment each belongs to."""
        return self.has_hub or (self.is_summed and self.structure is not None and self.structure.is_of_units)

    def check_table(self, needed_for: str) -> None:
        """Check that there is a table of assignments.

        Raises:
            ModelError: assignments hang together, so that they have no probabilities one by one.
        """
        if not self.has_table:
            names = ", ".join(repr(site.name) for site in self.assignments) or "none"
            raise ModelError(
                "program",
                got=f"assignments ({names}) that cannot be looked at one by one",
                expected=f"one assignment a row, or a group of rows, for {needed_for}",
                advice="Its log posterior density is known, and so are fit_map and sample_nuts; ask these.",
            )

    def check_hub(self, needed_for: str) -> None:
        """Check that rows are independent given the parameters.

        Raises:
            ModelError: they are not.
        """
        if not self.has_hub:
            raise ModelError(
                "program",
                got="rows that are not independent given the parameters",
                expected=f"rows that are, each with its assignment, for {needed_for}",
                advice="The log likelihood of all rows together is in the fit, and in sample_stats of a posterior.",
            )

    def check_row_weights(self, x: Observations) -> None:
        """Check that rows can count more or less than once.

        Raises:
            ModelError: row weights, and rows that are not independent, or have unknowns of their own.
        """
        if x.row_weights is None:
            return
        self.check_hub("row weights")
        self.check_row_wise("row weights")
        if self.has_prior_in_rows:
            raise ModelError(
                "row_weights",
                got=f"weights of rows that have unknowns of their own: {', '.join(self.latent)}",
                expected="rows whose only unknown is their assignment",
                advice="Pass the data without row_weights, each row as often as it counts.",
            )

    def check_row_wise(self, needed_for: str) -> None:
        """Check that rows do not hang together.

        Raises:
            ModelError: they are steps of a chain, or rows of a group.
        """
        if not self.is_row_wise:
            raise ModelError(
                "program",
                got=self.together,
                expected=f"rows that are independent given the parameters, for {needed_for}",
            )

    @property
    def together(self) -> str:
        """Of rows that are not independent, how they hang together, in words."""
        if self.is_chain:
            return "rows that follow one another, a hidden Markov chain"
        is_one = self.law is not None and self.law.shares_assignment
        return f"rows of groups, which share {'an assignment' if is_one else 'a class'}"

    @property
    def latent(self) -> tuple[str, ...]:
        """The continuous unknowns on which a row's likelihood is conditional: every row has its own, or they depend on an assignment."""
        return self.structure.latent if self.structure else ()

    @property
    def is_trivial(self) -> bool:
        """Whether no row has a choice: every assignment has one category. NumPyro's enumeration refuses such programs."""
        return all(site.categories == 1 for site in self.assignments)

    @property
    def observed_is_discrete(self) -> bool:
        """Whether all that is observed is discrete."""
        return all(site.is_discrete for site in self.all if site.kind == "observed")

    def combinations(self) -> dict[str, np.ndarray]:
        """Every joint value of a row's assignments: by site, (combinations,); with one assignment, 0, ..., components - 1.

        What a law sums out beside them has any value: emissions do not depend on it.
        """
        grid = np.indices([site.categories for site in self.assignments])
        found = {site.name: values.reshape(-1) for site, values in zip(self.assignments, grid, strict=True)}
        of_law = () if self.law is None else self.law.summed_out
        return found | {name: np.zeros(1, dtype=np.int64) for name in of_law}

    def marginals(self, table: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities over joint values, (..., combinations), as each site's own, (..., components)."""
        sizes = [site.categories for site in self.assignments]
        grid = table.reshape(*table.shape[:-1], *sizes)
        axes = range(-len(sizes), 0)
        return {
            site.name: grid.sum(axis=tuple(other for other in axes if other != axis))
            for axis, site in zip(axes, self.assignments, strict=True)
        }

    @property
    def coordinates(self) -> int:
        """The number of free coordinates: the length of the unconstrained vector."""
        return sum(site.free for site in self.parameters)

    @property
    def joint_categories(self) -> int:
        """The number of joint values of a row's assignments: the components of the table."""
        return math.prod(site.categories for site in self.assignments)

    def places(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """Which coordinates of the unconstrained vector are a site's, given the order of the sites in it."""
        free, ends = {site.name: site.free for site in self.parameters}, 0
        found = {}
        for name in names:
            found[name] = np.arange(ends, ends := ends + free[name])
        return found

    def are_real(self, names: Iterable[str]) -> np.ndarray:
        """Which coordinates of the unconstrained vector belong to real-valued sites, given the order of the sites in it."""
        by_name = {site.name: site for site in self.parameters}
        parts = [np.full(by_name[name].free, by_name[name].is_real) for name in names]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)

    @property
    def free_parameters(self) -> int:
        """The number of free parameters, on which the likelihood depends: what information criteria count."""
        return sum(site.free - site.redundant for site in self.parameters)
