"""Which components of a program are alike, so that their numbers mean nothing? Tested on the density, at random points.

Components i and j are alike if exchanging their parameters and their numbers in the assignments leaves the joint density of data, parameters
and assignments as it was. Which axis of a parameter runs over components is found so too: the one that has to be exchanged along.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from inference.backends.probe import Probe
from inference.backends.scopes import CHECKS
from inference.backends.structure import Assigned
from mixtures.exchangeable import Groups

Axes = dict[str, int]
"""By site, the axis that runs over components."""

MOST_WAYS = 256
"""Ways to choose axes that are tried: a site has two where it is square, most have one or none."""

SAME = 1e-9
"""Log densities are the same within this, relative to 1 + their size: rounding, since the same numbers are added in another order."""


def found_exchange(probe: Probe, shapes: Mapping[str, tuple[int, ...]], named: Axes) -> tuple[Axes, Groups]:
    """The axes that run over components, and the groups of components that are alike.

    Args:
        probe: a program with one assignment site.
        shapes: of its parameters.
        named: axes that the program names itself: tried first, and kept where no components are alike.
    """
    components = probe.choices[0].categories
    pairs = list(itertools.combinations(range(components), 2))
    best: tuple[Axes, list[tuple[int, int]]] = (named, [])
    for axes in itertools.islice(_ways(shapes, named, components), MOST_WAYS):
        # exchanges with the first component make all others, so that one failure among these is enough to look further
        if all(_is_alike(probe, axes, 0, other) for other in range(1, components)):
            return axes, (tuple(range(components)),) if components > 1 else ()
        alike = [pair for pair in pairs if len(pairs) > 1 and _is_alike(probe, axes, *pair)]
        if len(alike) > len(best[1]):
            best = (axes, alike)
    return best[0], _groups(best[1])


def _ways(shapes: Mapping[str, tuple[int, ...]], named: Axes, components: int):
    """Every choice of one axis or none for each site, those that the program names first."""
    options: list[list[int | None]] = []
    for site, shape in shapes.items():
        fitting: list[int | None] = [axis for axis, size in enumerate(shape) if size == components]
        first: list[int | None] = [named[site]] if site in named else []
        options.append(first + [axis for axis in [*fitting, None] if axis not in first])
    for chosen in itertools.product(*options):
        yield {site: axis for site, axis in zip(shapes, chosen, strict=True) if axis is not None}


def _is_alike(probe: Probe, axes: Axes, i: int, j: int) -> bool:
    """Whether exchanging components i and j leaves the joint density as it is, at all points and random assignments."""
    choice, rng, is_seen = probe.choices[0], np.random.default_rng(0), False
    order = np.arange(choice.categories)
    order[[i, j]] = j, i
    for parameters, _ in itertools.product(probe.points, range(CHECKS)):
        moved = {
            site: np.take(value, order, axis=axes[site]) if site in axes else value
            for site, value in parameters.items()
        }
        assigned = rng.integers(choice.categories, size=choice.shape)
        before = _total(probe, parameters, assigned)
        after = _total(probe, moved, order[assigned])
        if np.isnan(before) and np.isnan(after):  # beyond what float64 holds
            continue
        if before != after and not abs(before - after) <= SAME * (1 + abs(before)):
            return False
        is_seen |= bool(np.isfinite(before))  # where nothing is possible, everything looks alike
    return is_seen


def _total(probe: Probe, parameters: Assigned, assigned: np.ndarray) -> float:
    terms = probe.at(parameters, {probe.choices[0].name: assigned})
    return float(sum(term.sum() for term in terms.values()))


def _groups(pairs: Sequence[tuple[int, int]]) -> Groups:
    """The classes of components that pairs of alike ones make."""
    group = {k: {k} for pair in pairs for k in pair}
    for i, j in pairs:
        joined = group[i] | group[j]
        for k in joined:
            group[k] = joined
    return tuple(sorted({tuple(sorted(one)) for one in group.values()}))


def named_axes(dims: Mapping[str, tuple[str, ...]]) -> Axes:
    """The axes that sites' dims call `components`."""
    return {site: names.index("components") for site, names in dims.items() if "components" in names}
