"""Is an end a maximum, or a place on a ridge that rises to infinity? The objective far out along the ridge tells.

Where covariates separate components or outcomes completely, slopes grow without bound; where data have no heavy tails, so do degrees of
freedom. A gradient that vanishes tells neither from a maximum: the objective is flat there. But at a maximum it falls on both sides, and
along parameters that it does not depend on it falls on none.

Source: Albert & Anderson (1984), Biometrika 71, on separation.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float

from inference.backends.log_density import LogDensity
from inference.backends.sites import Sites
from inference.status import Status

FAR = (1.0, 4.0, 16.0)
"""How far out it is looked, in units of the coordinates: logarithms, log odds, or distances between random starts."""

LEAST_UNIT = 0.01
"""The unit of a coordinate at the least, as a share of the coordinate itself."""

ROUNDING = 1e-12
"""A relative difference of objectives that is none."""

STEP = 1e-4
"""Of the finite differences that find the directions in which predictors are flat."""

Vector = Float[np.ndarray, " coordinates"]


def runs_off(
    density: LogDensity, sites: Sites, parameters: Mapping[str, np.ndarray], scales: Mapping[str, np.ndarray]
) -> Status | None:
    """What is wrong with an end that is no maximum: RUNAWAY, or LIMIT for positive parameters that grow; None for a maximum.

    Args:
        density: what was maximised.
        sites: the program's sites.
        parameters: where a climb ended.
        scales: the unit of real-valued sites.
    """
    begin = density.unconstrain(parameters)
    # where random starts hardly differ their distance is no unit
    unit = np.maximum(density.units(scales), LEAST_UNIT * np.abs(begin))
    here = density.value_and_gradient(begin)[0]
    rounding = ROUNDING * max(1.0, abs(here))

    def rise(direction: Vector, length: float) -> float:
        value = density.value_and_gradient(begin + length * unit * direction)[0] - here
        return value if np.isfinite(value) else -np.inf

    def is_ridge(direction: Vector) -> bool:
        """Whether the objective falls nowhere along the direction, and falls against it."""
        goes_on = all(rise(direction, length) >= -rounding for length in FAR)
        return goes_on and any(rise(direction, -length) < -10 * rounding for length in FAR)

    places = density.places
    with np.errstate(all="ignore"):  # far out densities may be no numbers: not the way up
        if any(is_ridge(direction) for direction in _of_reals(density, sites, places, begin, unit)):
            return Status.RUNAWAY
        if any(is_ridge(direction) for direction in _of_positives(sites, places, len(begin))):
            return Status.LIMIT
    return None


def _of_positives(sites: Sites, places: Mapping[str, np.ndarray], size: int) -> Iterator[Vector]:
    """Each positive coordinate upwards, then all of a component's together."""
    positive = [site for site in sites.parameters if site.support == "positive"]
    for site in positive:
        for place in places[site.name]:
            yield _unit_vector(size, place)
    together: dict[int, list[int]] = {}
    for site in positive:
        if site.component_axis is not None and len(places[site.name]) == int(np.prod(site.shape)):
            table = np.moveaxis(places[site.name].reshape(site.shape), site.component_axis, 0)
            for component, own in enumerate(table.reshape(len(table), -1)):
                together.setdefault(component, []).extend(own.tolist())
    for own_places in together.values():
        if len(own_places) > 1:
            yield _unit_vector(size, own_places)


def _of_reals(
    density: LogDensity, sites: Sites, places: Mapping[str, np.ndarray], begin: Vector, unit: Vector
) -> Iterator[Vector]:
    """Directions of linear predictors in which the objective may be flat, and every other real coordinate, both ways."""
    named = {name for one in sites.predictors for name in one[:2] if name is not None and name in places}
    own = np.concatenate([places[name] for name in named]) if named else np.zeros(0, dtype=int)
    if len(own):
        grown = np.zeros_like(begin)
        grown[own] = begin[own] / unit[own]
        if np.abs(grown).max() > 0:
            yield grown / np.abs(grown).max()
        for direction in _principal(density, own, begin, unit):
            yield direction
            yield -direction
    for site in sites.parameters:
        if site.is_real and site.name not in named:
            for place in places[site.name]:
                yield _unit_vector(len(begin), place)
                yield -_unit_vector(len(begin), place)


def _principal(density: LogDensity, own: np.ndarray, begin: Vector, unit: Vector) -> Iterator[Vector]:
    """The eigenvectors of the objective's curvature in some coordinates, the flattest first."""
    curvature = np.empty((len(own), len(own)))
    for column, place in enumerate(own):
        step = STEP * unit * _unit_vector(len(begin), place)
        ahead, behind = (density.value_and_gradient(begin + sign * step)[1] for sign in (1, -1))
        curvature[column] = ((ahead - behind) * unit)[own] / (2 * STEP)
    if not np.isfinite(curvature).all():
        return
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    for index in np.argsort(np.abs(values)):
        direction = np.zeros_like(begin)
        direction[own] = vectors[:, index] / np.abs(vectors[:, index]).max()
        yield direction


def _unit_vector(size: int, places: int | list[int]) -> Vector:
    vector = np.zeros(size)
    vector[places] = 1.0
    return vector
