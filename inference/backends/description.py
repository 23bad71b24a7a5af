"""How a program's sites come to be described, from what one trace shows; alike for both backends."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from inference.backends.derivation import derived
from inference.backends.exchange import found_exchange, named_axes
from inference.backends.probe import Probe
from inference.backends.sites import Site, Sites, Support
from mixtures import Program
from mixtures.errors import ModelError

SUPPORTS: dict[str, Support] = {
    "real": "real",
    "positive": "positive",
    "nonnegative": "positive",
    "unit_interval": "unit interval",
    "simplex": "simplex",
    "corr_cholesky": "correlation Cholesky",
}
"""The support by the name of its constraint, which NumPyro and Pyro share."""


def support_of(constraint: Any, constraints: Any) -> Support:
    """The support that a constraint of a backend stands for, given the backend's module of constraints."""
    base = getattr(constraint, "base_constraint", constraint)  # event axes change nothing
    return next((support for name, support in SUPPORTS.items() if base is getattr(constraints, name)), "other")


def knowing_mixture(program: Program, sites: Sites) -> Sites:
    """The sites, knowing which make up linear predictors, and how many free coordinates the likelihood does not depend on.

    Some models have one component's too many.
    """
    mixture = program.mixture
    if mixture is None:
        return sites
    sites = replace(sites, all=tuple(site for site in sites.all if site.name not in mixture.assignment.summed_out))
    for site in sites.assignments:
        if site.categories != mixture.components:
            raise ModelError(
                "assignment",
                got=f"a law of {site.categories} components",
                expected=f"one of {mixture.components}, as many as the mixture has",
                advice="A law of so many components alone says so in its method check.",
            )
    redundant, hyper = mixture.redundant_sites, mixture.hyper_sites
    if mixture.components == 1:  # of which all rows are, whatever the law
        hyper = hyper | frozenset(mixture.assignment.sites)
    counted = (
        replace(site, redundant=site.free)
        if site.name in hyper
        else _without_one(site)
        if site.name in redundant
        else site
        for site in sites.all
    )
    return Sites(tuple(counted), mixture.linear_predictors, law=mixture.assignment.structure)


def _without_one(site: Site) -> Site:
    """The site with one component's coordinates redundant, where components have their own."""
    if site.component_axis is None:
        return site
    components = site.shape[site.component_axis]
    # values that add up to zero over components have the coordinates of one component less to begin with
    sets = components if site.free % components == 0 else components - 1
    return replace(site, redundant=site.free // sets)


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


def mean_of(site: Mapping[str, Any]) -> Any:
    """The mean of a site's distribution.

    Raises:
        ModelError: it does not say it.
    """
    try:
        return site["fn"].mean
    except (NotImplementedError, AttributeError) as error:
        raise ModelError(
            "program",
            got=f"components whose distribution, {type(site['fn']).__name__}, does not say its mean",
            expected="one that does, to fill cells with means",
            advice="Ask for draws in place of the mean: impute(fit, x, draws=5, seed=0).",
        ) from error


def component_sizes(sites: Iterable[Mapping[str, Any]], is_assignment: Callable[[Any], bool]) -> set[int]:
    """What a simplex over components has as its length: the plate `components`, or, without one, the assignments' categories."""
    sites = list(sites)
    plates = {frame.size for site in sites for frame in site["cond_indep_stack"] if frame.name == "components"}
    return plates or {int(site["fn"].support.upper_bound) + 1 for site in sites if is_assignment(site)}


def dims_of(
    plates: tuple[str, ...],
    declared: tuple[str, ...],
    name: str,
    event: tuple[int, ...],
    is_simplex: bool,
    categories: set[int],
) -> tuple[str, ...]:
    """Names of a site's axes: plates, then event axes as declared, else `components` for a simplex of that size, else numbered."""
    if len(declared) == len(event):
        # xarray takes a variable that is called like one of its dimensions for that dimension's coordinate
        return plates + tuple(f"{name}_dim_{axis}" if dim == name else dim for axis, dim in enumerate(declared))
    if is_simplex and len(event) == 1 and event[0] in categories and "components" not in plates:
        return (*plates, "components")
    return plates + tuple(f"{name}_dim_{axis}" for axis in range(len(event)))


def kept_site(name: str, shape: tuple[int, ...], plates: Iterable[tuple[str, int]], declared: Iterable[str]) -> Site:
    """A function of the parameters that the program keeps; its axes are those of its plates, then those it names, else numbered.

    Raises:
        ModelError: more names than the value has axes beside its plates, or fewer.
    """
    inside, declared = sorted(plates, key=lambda plate: plate[1]), tuple(declared)
    event = len(declared) if declared or inside else len(shape)
    batch = shape[: len(shape) - event]
    # a value that does not vary along a plate may lack its axis
    names = [plate for plate, dim in inside if -dim <= len(batch)]
    if len(names) != len(batch) or len(shape) < event:
        raise ModelError(
            f"deterministic {name!r}",
            got=f"shape {shape}, in {', '.join(plate for plate, _ in inside) or 'no plate'}, with dims {declared}",
            expected="a name for each axis right of those of its plates",
            advice=f'Name them: ppl.deterministic("{name}", value, dims=(...)).',
        )
    rest = declared or tuple(f"{name}_dim_{axis}" for axis in range(event))
    return Site(name, "deterministic", shape, (*names, *rest), "other", False, 0)


def with_structure(sites: Sites, probe: Probe) -> Sites:
    """The sites of a user's own program, with its structure, and the components that are alike.

    Raises:
        ModelError: it has no continuous unknown, or assignments that cannot be summed out.
    """
    if not sites.parameters:
        raise ModelError(
            "program",
            got="no continuous unknown: every number is known",
            expected="at least one ppl.sample without obs, such as the weights or a location",
            advice="Give a number that you know about a narrow prior; where all are known, Bayes' rule has the components' probabilities.",
        )
    sites = replace(sites, structure=derived(probe))
    if len(probe.choices) != 1:
        return sites
    shapes = {site.name: site.shape for site in sites.parameters}
    axes, groups = found_exchange(probe, shapes, named_axes({site.name: site.dims for site in sites.parameters}))
    return replace(with_components(sites, axes), exchangeable=groups)


def with_components(sites: Sites, axes: Mapping[str, int]) -> Sites:
    """The sites with those axes called `components` that were found to run over components."""
    return replace(sites, all=tuple(_with_axis(site, axes.get(site.name)) for site in sites.all))


def _with_axis(site: Site, axis: int | None) -> Site:
    if site.kind != "parameter" or axis is None or site.component_axis == axis:
        return site
    free = (f"{site.name}_dim_{number}" if dim == "components" else dim for number, dim in enumerate(site.dims))
    return replace(site, dims=tuple("components" if number == axis else dim for number, dim in enumerate(free)))
