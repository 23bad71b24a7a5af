"""A program's random variables, described: what both backends' programs are known by."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mixtures import Mixture, Program
from mixtures.errors import ModelError

Support = Literal["real", "positive", "unit interval", "simplex", "correlation Cholesky", "other"]
"""Which values a site may have, whatever its event axes; zero-inclusive supports count as positive."""

SUPPORTS: dict[str, Support] = {
    "real": "real",
    "positive": "positive",
    "nonnegative": "positive",
    "unit_interval": "unit interval",
    "simplex": "simplex",
    "corr_cholesky": "correlation Cholesky",
}
"""The support by the name of its constraint, which NumPyro and Pyro share."""


@dataclass(frozen=True)
class Site:
    """One random variable of a program, as one trace of it shows.

    Args:
        name: the site's name.
        kind: a parameter, an assignment, or an observation.
        shape: of the site's value.
        dims: the name of each axis: plates, then event axes.
        support: which values it may have.
        is_discrete: whether the support is discrete.
        free: the number of free coordinates (a simplex of K has K - 1).
        categories: of an assignment, the number of components; else 0.
        spare: of the free coordinates, how many do not change the likelihood, and are no free parameters.
    """

    name: str
    kind: Literal["parameter", "assignment", "observed"]
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    support: Support
    is_discrete: bool
    free: int
    categories: int = 0
    spare: int = 0

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


@dataclass(frozen=True)
class Sites:
    """All random variables of a program.

    Args:
        all: the variables, in the program's order.
        predictors: pairs of sites, intercept and slope, of linear predictors.
    """

    all: tuple[Site, ...]
    predictors: tuple[tuple[str, str], ...] = ()

    @property
    def parameters(self) -> tuple[Site, ...]:
        """The continuous unknowns, in the program's order."""
        return tuple(site for site in self.all if site.kind == "parameter")

    @property
    def assignments(self) -> tuple[Site, ...]:
        """The discrete unknowns."""
        return tuple(site for site in self.all if site.kind == "assignment")

    @property
    def has_hub(self) -> bool:
        """Whether every assignment belongs to a row, so that rows are independent: then `log_joint` answers everything."""
        return len(self.assignments) > 0 and all(site.dims == ("rows",) for site in self.assignments)

    @property
    def is_trivial(self) -> bool:
        """Whether no row has a choice: every assignment has one category. NumPyro's enumeration refuses such programs."""
        return all(site.categories == 1 for site in self.assignments)

    @property
    def observed_is_discrete(self) -> bool:
        """Whether all that is observed is discrete."""
        return all(site.is_discrete for site in self.all if site.kind == "observed")

    def combinations(self) -> dict[str, np.ndarray]:
        """Every joint value of a row's assignments: by site, (combinations,); with one assignment, 0, ..., components - 1."""
        grid = np.indices([site.categories for site in self.assignments])
        return {site.name: values.reshape(-1) for site, values in zip(self.assignments, grid, strict=True)}

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

    def are_real(self, names: Iterable[str]) -> np.ndarray:
        """Which coordinates of the unconstrained vector belong to real-valued sites, given the order of the sites in it."""
        by_name = {site.name: site for site in self.parameters}
        parts = [np.full(by_name[name].free, by_name[name].is_real) for name in names]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)

    @property
    def free_parameters(self) -> int:
        """The number of free parameters, on which the likelihood depends: what information criteria count."""
        return sum(site.free - site.spare for site in self.parameters)


def support_of(constraint: Any, constraints: Any) -> Support:
    """The support that a constraint of a backend stands for, given the backend's module of constraints."""
    base = getattr(constraint, "base_constraint", constraint)  # event axes change nothing
    return next((support for name, support in SUPPORTS.items() if base is getattr(constraints, name)), "other")


def of_program(program: Program, sites: Sites) -> Sites:
    """The sites, knowing which make up linear predictors, and how many free coordinates the likelihood does not depend on.

    Some models have one component's too many.
    """
    if not isinstance(program, Mixture):
        return sites
    spare = program.spare_sites
    counted = (_without_one(site) if site.name in spare else site for site in sites.all)
    return Sites(tuple(counted), program.linear_predictors)


def _without_one(site: Site) -> Site:
    """The site with one component's coordinates spare, where components have their own."""
    if site.component_axis is None:
        return site
    components = site.shape[site.component_axis]
    # values that add up to zero over components have the coordinates of one component less to begin with
    sets = components if site.free % components == 0 else components - 1
    return replace(site, spare=site.free // sets)


@contextmanager
def proper_priors() -> Iterator[None]:
    """Say in words what backends say of a prior that is no distribution: that it has no draws, or of which parameter it has no value."""
    try:
        yield
    except (NotImplementedError, ValueError) as error:
        if isinstance(error, ValueError) and "distribution got invalid" not in str(error):
            raise
        raise ModelError(
            "program",
            got=str(error) or "a distribution without draws, such as ImproperUniform",
            expected="proper distributions, which can be drawn from",
            advice="Give every unknown a proper prior, as wide as you like.",
        ) from error


def component_sizes(sites: Iterable[Mapping[str, Any]], is_assignment: Callable[[Any], bool]) -> set[int]:
    """What a simplex over components has as its length: the plate `components`, or, without one, the assignments' categories."""
    sites = list(sites)
    plates = {frame.size for site in sites for frame in site["cond_indep_stack"] if frame.name == "components"}
    return plates or {int(site["fn"].support.upper_bound) + 1 for site in sites if is_assignment(site)}


def dims_of_event(
    declared: tuple[str, ...], name: str, shape: tuple[int, ...], is_simplex: bool, categories: set[int]
) -> tuple[str, ...]:
    """Names of a site's event axes: as declared, else `components` for a simplex of that size, else numbered."""
    if len(declared) == len(shape):
        return declared
    if is_simplex and len(shape) == 1 and shape[0] in categories:
        return ("components",)
    return tuple(f"{name}_dim_{axis}" for axis in range(len(shape)))
