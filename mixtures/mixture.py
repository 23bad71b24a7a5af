"""Mixture: THE program.

A frozen dataclass whose call is the program, so that a declaration can be compared, hashed (compiled programs are cached by it), printed
and saved. The hyperparameters may come in as data (`hyper`): other numbers, or data of another scale, need no new compilation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from mixtures.among import Among, LinearPredictor, chosen_in, numbered, of_all
from mixtures.assignments import Assignment, Dirichlet
from mixtures.assignments.law import check_assignment
from mixtures.checks import check_count
from mixtures.completed import check_not_blank, completed
from mixtures.errors import DataError, ModelError, in_words
from mixtures.families.bounds import check_bounds
from mixtures.families.by_column import check_categories
from mixtures.families.common import check_numbers
from mixtures.families.family import Family
from mixtures.families.known_numbers import check_known, points_of, scaled_values
from mixtures.families.members import (
    check_family,
    parts_of,
    started,
    with_covariates,
)
from mixtures.formula import Formula
from mixtures.observations import CELLS, Observations
from mixtures.ppl.notation import Extent, Notation, Symbol
from mixtures.ppl.protocol import PPL, Array
from mixtures.prior_numbers import check_prior_numbers
from mixtures.priors import Prior, Statistic, format_number
from mixtures.program import Program
from mixtures.renamed import formerly, warn_of_former
from mixtures.rows import Rows, first_rows
from mixtures.sources import Source
from mixtures.typeset import typeset

Hyper = Mapping[str, Mapping[str, Array]]
"""The hyperparameters: site -> argument -> array."""


@dataclass(frozen=True)
class Mixture(Program):
    """A finite mixture: every row comes from one of K components, which one is not observed.

    weights ~ Dirichlet; each component's parameters ~ their priors; assignment_i ~ Categorical(weights), or as another law of the assignment
    says; obs_i ~ family(parameters of component assignment_i).

    Args:
        components: the number K of components.
        family: what a component looks like.
        assignment: the law of the assignment: how rows are assigned to components, see `mixtures.assignments`.
        formula: how a table is read: which columns are the response, and what the covariates are made of; None: `x` is the response, and
            covariates stand beside it.
        covariate_names: the covariates that family and law choose by name (`among=["age"]`), which fill this in and have numbers from then on.
            Of data these covariates are taken, in this order; then the others, where a part depends on all.

    Raises:
        ModelError: `components` is not an int >= 1; no family, no law, or a law of another number of components; covariates by number beside
            others by name; a formula with a bar, and a law that depends on no covariates.

    Example:
        >>> from mixtures import families
        >>> model = Mixture(2, families.Gaussian())
        >>> model.numpyro  # doctest: +ELLIPSIS
        NativeModel(program=Mixture(components=2, ...), backend='numpyro')
    """

    components: int
    family: Family
    assignment: Assignment = field(default_factory=Dirichlet)
    formula: Formula | None = field(default=None, kw_only=True, repr=False)
    covariate_names: tuple[str, ...] = field(default=(), kw_only=True, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "components", check_count("components", self.components))
        check_family("family", self.family)
        check_assignment("assignment", self.assignment)
        if self.formula is not None and not isinstance(self.formula, Formula):
            raise ModelError(
                "formula", got=in_words(self.formula), expected="a formula read on data: Formula.of(text, data)"
            )
        self._number_covariates()
        self.assignment.check(self.components)
        bound = parts_of(self.family).components
        if bound not in (None, self.components):
            raise ModelError("components", got=f"{self.components}", expected=f"{bound}, one for each of the families")
        if parts_of(self.family).ties_groups and not self.assignment.shares_assignment:
            raise ModelError(
                "assignment",
                got=f"{in_words(self.assignment)}, and rows of a group that have effects in common",
                expected="PerGroup(): what has effects in common has one component",
                advice="Mixture(2, family, PerGroup()), of Observations(x, covariates=..., group=...).",
            )

    def _number_covariates(self) -> None:
        """Give the covariates that family and law choose by name their numbers, and those before and behind a formula's bar to each."""
        formula, given = self.formula, self.covariate_names
        if not isinstance(given, tuple) or not all(isinstance(name, str) for name in given):
            raise ModelError("covariate_names", got=in_words(given), expected="names, filled in by among=[...]")
        family, law = self.family, self.assignment
        if formula is not None and formula.of_response is not None and formula.of_weights is not None:
            if not law.needs_covariates:
                raise ModelError(
                    "assignment",
                    got=f"{in_words(law)}, and {formula.text!r}",
                    expected="weights that depend on the covariates behind the bar: weights.Gating()",
                    advice="Or leave out the bar, and what is behind it.",
                )
            family, law = of_all(family, Among(formula.of_response)), of_all(law, Among(formula.of_weights))
        names, numbers = chosen_in(family, law)
        known = self.covariate_names if formula is None else formula.covariates
        if names and numbers and not known:
            raise ModelError(
                "among",
                got=f"{list(names)} by name, {list(numbers)} by number",
                expected="all covariates by name, or all by number",
            )
        if formula is None:
            known = tuple(dict.fromkeys((*known, *names)))
            object.__setattr__(self, "covariate_names", known)
        if names:
            family, law = numbered(family, known), numbered(law, known)
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "assignment", law)

    @property
    def mixture(self) -> "Mixture":
        return self

    @property
    def weights(self) -> Assignment:
        """The law of the assignment, by its former name."""
        warn_of_former("Mixture.weights is called Mixture.assignment now")
        return self.assignment

    @cached_property
    def priors(self) -> dict[str, Prior]:
        """The prior of every site."""
        table = {**self.assignment.priors_by_site, **self.family.priors_by_site}
        return {**_hyperpriors(table), **table}

    @property
    def needs_covariates(self) -> bool:
        """Whether the data must bring covariates."""
        return self.assignment.needs_covariates or parts_of(self.family).needs_covariates

    @property
    def linear_predictors(self) -> tuple[LinearPredictor, ...]:
        """The sites on which rows depend only through intercept + slope . covariates."""
        stated = (*parts_of(self.family).linear_predictors, *self.assignment.linear_predictors)
        return tuple(LinearPredictor(*one) for one in stated)

    @property
    def hyper_sites(self) -> frozenset[str]:
        """The sites that other sites' priors depend on, and the likelihood does not."""
        return frozenset(_hyperpriors(self.priors)) | self.assignment.hyper_sites

    @property
    def redundant_sites(self) -> frozenset[str]:
        """The sites of which one component's value is of no matter to the likelihood: no free parameter."""
        return parts_of(self.family).redundant_sites | self.assignment.redundant_sites

    def __call__(  # type: ignore[override]  # a mixture names its run arguments
        self,
        ppl: PPL,
        x: Array | None = None,
        *,
        size: int | tuple[int, ...] | None = None,
        hyper: Hyper | None = None,
        observed: Array | None = None,
        lower: Array | None = None,
        upper: Array | None = None,
        trials: Array | None = None,
        exposure: Array | None = None,
        errors: Array | None = None,
        error_roots: Array | None = None,
        covariates: Array | None = None,
        labels: Array | None = None,
        sequence: Array | None = None,
        group: Array | None = None,
        groups: Mapping[str, Array] | None = None,
    ) -> Array:
        """The program.

        Args:
            ppl: the words of a backend.
            x: data, shape (rows,) or (rows, features); None draws them from the prior predictive.
            size: with `x=None`, the shape of the data to draw: rows, or (rows, features).
            hyper: hyperparameters, in place of the declaration's.
            observed: which cells of `x` were observed, in its shape; the others drop out of the likelihood. None: all.
            lower: lower bounds of cells that were not observed, in the shape of `x`, -infinity where there is none. None: nowhere.
            upper: upper bounds likewise.
            trials: of each cell, in the shape of `x`; None where nothing depends on them.
            exposure: likewise.
            errors: standard errors, likewise.
            error_roots: of errors that are correlated roots E of their covariances E E', (rows, features, features).
            covariates: what regressions and gating weights depend on, (rows, covariates).
            labels: known components of the rows, -1 where unknown.
            sequence: the series of each row, numbers.
            group: the group of each row, numbers 0, 1, ...
            groups: `{"first": the first row of each group}`, where `group` is not known until the program runs.

        Returns:
            The observations: `x`, or the draws; nothing where a library runs a chain row by row.
        """
        rows, features = _shape(x, size)
        numbers = hyper if hyper is not None else self._numbers(ppl, x, covariates)
        table = self.priors
        hyper_sites = {site: prior.sample(ppl, site, numbers[site]) for site, prior in _hyperpriors(table).items()}

        def draw(site: str, **structure: Any) -> Array:
            learned = {key: hyper_sites[f"{site}_{key}"] for key in table[site].learned}
            return table[site].sample(ppl, site, {**numbers[site], **learned}, **structure)

        family = self._in_context(covariates)
        first = first_rows(group) if groups is None and group is not None else (groups or {}).get("first")
        of_rows = Rows(x, covariates, sequence, group, first)
        law = self.assignment.draw(ppl, draw, self.components, of_rows)
        shared = family.shared(ppl, draw, features)
        relative = parts_of(family).jointly(ppl, draw, self.components, features)
        with ppl.plate("components", self.components):
            own = family.per_component(ppl, draw, features)
        own = relative | own

        def observe(z: Array, row: dict[str, Array]) -> Array:
            if "labels" in row:
                is_excluded = (row["labels"] >= 0) & (row["labels"] != z)
                ppl.factor("labels", ppl.xp.where(is_excluded, ppl.array(-np.inf), ppl.array(0.0)))
            chosen = {name: value[z] for name, value in own.items()}
            context = {"covariates": row["covariates"]} if "covariates" in row else {}
            if "observed" in row:
                context["observed"] = row["observed"] != 0
            context |= {name: row[name] for name in (*CELLS, "error_roots") if name in row}
            if "group" in row:
                assert first is not None  # the law has checked that there are groups
                context |= {"group": row["group"], "groups": first.shape[0]}
            return _observe(family, ppl, {**shared, **chosen, **context, "assignment": z}, features, row.get("x"))

        data = {"x": x, "observed": observed, "lower": lower, "upper": upper, "labels": labels}
        data |= {"trials": trials, "exposure": exposure, "errors": errors, "error_roots": error_roots}
        if self.needs_covariates:
            data["covariates"] = covariates
        if parts_of(family).ties_groups:
            data["group"] = group
        given = {name: value for name, value in data.items() if value is not None}
        return self.assignment.run(ppl, law, of_rows, rows, observe, given)

    def _in_context(self, covariates: Array | None) -> Family:
        """The family, knowing the number of covariates."""
        if not self.needs_covariates:
            return self.family
        if covariates is None:
            raise missing_covariates()
        return with_covariates(self.family, covariates.shape[1])

    def _numbers(self, ppl: PPL, x: Array | None, covariates: Array | None) -> Hyper:
        points = None if x is None else points_of(self.family, _shape(x, None)[1])
        if x is not None and points is not None:
            x = ppl.xp.where(x == ppl.array(points), ppl.array(np.nan), x)
        return {site: prior.numbers(ppl, x, covariates) for site, prior in self.priors.items()}

    def read(self, x: Any) -> Observations:
        """`x` as observations; a table as the formula reads it, covariates in the order of the names by which they were chosen."""
        data = Observations.of(x if self.formula is None else self.formula.observations(x))
        return data.with_covariates_first(self.covariate_names)

    def scaled_to(self, x: Any) -> "Mixture":
        """This declaration, its data-scaled priors written out as numbers."""
        known: Any  # a summary has the same statistics as the rows
        if isinstance(x, Source):
            known, covariates = x.summary, None
        else:
            data = self.read(x)
            known, covariates = scaled_values(self.family, data), data.covariates
        table = {site: prior.scaled_to(known, covariates) for site, prior in self.family.priors_by_site.items()}
        family = replace(self.family, priors=tuple(table.items()))  # type: ignore[type-var]
        return replace(self, family=family, assignment=self.assignment.scaled_to(known, covariates))

    @cached_property
    def structure(self) -> "Mixture":
        """The declaration without its numbers: what a compiled program depends on once the numbers come in as `hyper`."""
        table = tuple((site, prior.structure) for site, prior in self.family.priors_by_site.items())
        family = replace(self.family, priors=table)  # type: ignore[type-var]
        return replace(self, family=family, assignment=self.assignment.structure, formula=None, covariate_names=())

    def hyper(self, x: Any) -> dict[str, dict[str, np.ndarray]]:
        """The hyperparameters on data `x`, to be passed beside `structure`; None: as for data of mean 0 and standard deviation 1."""
        known: Any = None
        covariates = None
        if x is not None:
            data = self.read(x)
            covariates = data.covariates if self.needs_covariates else None
            known = scaled_values(self.family, data)
        return {
            site: {
                key: np.asarray(value, dtype=np.float64)
                for key, value in prior.scaled_to(known, covariates).parameters
                if not isinstance(value, Prior)
            }
            for site, prior in self.priors.items()
        }

    def start(self, x: Any, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Where one optimisation starts: the rules of weights and family, the latter's at randomly drawn rows."""
        data = self.read(x)
        rows = rng.choice(len(data), self.components, replace=len(data) < self.components)
        known = scaled_values(self.family, data)
        values = completed(data, rng, known)
        law = self.assignment.start(self.components, data.rows, rng)
        scaled = {site: prior.scaled_to(known, data.covariates) for site, prior in _hyperpriors(self.priors).items()}
        learned = {site: np.array(prior.centre) for site, prior in scaled.items()}
        return {**learned, **law, **started(self.family, values, rows, self.components, data.covariates)}

    def check(self, x: Observations) -> None:
        """Check that the model can describe the data.

        Raises:
            DataError: values outside the family's support, names where it wants numbers, or no covariates where the model needs them.
        """
        if self.needs_covariates and x.covariates is None:
            raise missing_covariates()
        if x.covariates is not None:
            for one in self.linear_predictors:
                check_numbers(one.among.numbers, x.covariates.shape[1], "among")
        self.check_rows(x)
        check_prior_numbers(self, x)
        if not all(prior.is_scaled for prior in self.priors.values()):
            check_not_blank(x)

    def check_rows(self, x: Observations) -> None:
        """The part of it that each row is looked at for: some of the rows may be checked by themselves.

        Raises:
            DataError: as for `check`.
        """
        check_categories(self.family, x)
        self.assignment.check_rows(x.rows)
        self.family.check(x)
        check_bounds(self.family, x)
        check_known(self.family, x)

    def __str__(self) -> str:
        numbers = [value for prior in self.priors.values() for _, value in prior.parameters]
        is_open = any(isinstance(value, Statistic | tuple) for value in numbers)
        hyper = {
            site: {key: Symbol(format_number(value)) for key, value in prior.parameters if not isinstance(value, Prior)}
            for site, prior in self.priors.items()
        }
        notation = Notation()
        size = ("n", Extent(2)) if is_open and not self.needs_covariates else "n"
        chosen = [int(number) for one in self.linear_predictors for number in one.among.numbers]
        chosen += map(int, chosen_in(self.family)[1])  # slopes of groups
        count = Extent(max([2, *(number + 1 for number in chosen)]), "p")
        count = count if self.formula is None else len(self.formula.covariates)  # type: ignore[assignment]
        covariates = Symbol("covariates[i]", shape=("n", count)) if self.needs_covariates else None
        parts = parts_of(self.family)
        # a total is always there, of trials or of a row's own counts
        known: dict[str, Any] = {name: Symbol(f"{name}[i]") for name in parts.needs | (parts.takes & {"trials"})}
        if parts.ties_groups:
            known |= {"group": Symbol("g[i]"), "groups": {"first": Symbol("first", shape=("m",))}}
        title = f"{self.assignment.title} of {self.components} component{'s' if self.components > 1 else ''}"
        title += "" if self.formula is None else f", {self.formula.text}"
        try:
            self(notation, size=size, hyper=hyper, covariates=covariates, **known)  # type: ignore[arg-type]
        except Exception as error:  # a user's family may do with arrays what symbols cannot
            cannot = f"(the family cannot be written in symbols: {type(error).__name__}: {error})"
            return "\n".join([title, "", f"    {self.family!r}", f"    {self.assignment!r}", "", f"    {cannot}"])
        return notation.text(title)

    def _repr_html_(self) -> str:
        return typeset(str(self))


Mixture.__init__ = formerly(assignment="weights")(Mixture.__init__)  # type: ignore[method-assign]


def _hyperpriors(table: Mapping[str, Prior]) -> dict[str, Prior]:
    """The priors of parameters of priors, by their sites' names."""
    return {f"{site}_{key}": own for site, prior in table.items() for key, own in prior.learned.items()}


def _shape(x: Array | None, size: Any) -> tuple[int, int | None]:
    """(rows, features) of the data, or of the data to draw."""
    if x is None and size is None:
        raise ModelError(
            "x", got="None", expected="data, or size=", advice="Pass size=n to draw n rows from the prior predictive."
        )
    shape = tuple(x.shape) if x is not None else size if isinstance(size, tuple) else (size,)
    return shape[0], shape[1] if len(shape) > 1 else None


def _observe(family: Family, ppl: PPL, parameters: dict[str, Array], features: int | None, x: Array | None) -> Array:
    """The observed rows: one site, `obs`, unless the family has sites of its own."""
    parts = parts_of(family)
    if parts.observe is not None:
        return parts.observe(ppl, parameters, x)
    if x is not None and "observed" in parameters:
        # a legal value in the place of missing ones: their log density is masked, but its gradient must be finite
        x = ppl.xp.where(parameters["observed"], x, parts.support.example)
    return ppl.sample("obs", family.emission(ppl, parameters, features), obs=x)


def missing_covariates() -> DataError:
    """The error of data without covariates."""
    return DataError(
        "covariates",
        got="none",
        expected="covariates, which this model's rows depend on",
        advice="Pass Observations(x, covariates=...), for new rows too.",
    )
