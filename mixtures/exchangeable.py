"""Which components of a program are alike a priori, so that their numbers mean nothing and may be exchanged?

A labelling can only be changed where the program is the same under another one. Components are told apart by a family that
gives one of them a part of its own (noise), by sites of their own, or by priors with other numbers for each.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mixtures.families.members import parts_of, with_covariates
from mixtures.mixture import Mixture
from mixtures.ppl.notation import Notation, Symbol
from mixtures.rows import Rows

Groups = tuple[tuple[int, ...], ...]
"""Components that may be exchanged with one another, two or more in each group."""


def exchangeable(
    program: Mixture, components: int, features: int | None = None, covariates: int | None = None
) -> Groups:
    """The groups of components within which the program is the same under any numbering.

    Args:
        program: a mixture; of a user's own program, whose parts are not declared, `inference` asks the density.
        components: how many it has.
        features: the number of columns of the data; None for one variable.
        covariates: the number of covariates, if any.

    Example:
        >>> from mixtures import families, gaussian_mixture, priors
        >>> exchangeable(gaussian_mixture(3), 3)
        ((0, 1, 2),)
        >>> exchangeable(Mixture(3, families.WithNoise(families.Gaussian(), -9.0, 9.0)), 3)
        ((1, 2),)
        >>> exchangeable(Mixture(3, families.Poisson(priors={"rate": priors.Gamma([2.0, 2.0, 9.0], 1.0)})), 3)
        ((0, 1),)
    """
    apart = parts_of(program.family).distinct_components
    numbers = [value for table in _numbers_of_components(program, features, covariates) for value in table]
    kinds = program.assignment.kinds(components)
    return grouped(
        [(k if k in apart else -1, kinds[k], *(table[k].tobytes() for table in numbers)) for k in range(components)]
    )


def grouped(kinds: list[Any]) -> Groups:
    """The positions of equal entries, where there are two or more.

    >>> grouped(["a", "b", "a", "c"])
    ((0, 2),)
    """
    members: dict[Any, list[int]] = {}
    for k, kind in enumerate(kinds):
        members.setdefault(kind, []).append(k)
    return tuple(tuple(group) for group in members.values() if len(group) > 1)


def _numbers_of_components(program: Mixture, features: int | None, covariates: int | None) -> list[list[np.ndarray]]:
    """Of each site, those numbers of its prior that are given for each component: leading axis components."""
    found: list[list[np.ndarray]] = []
    priors = program.priors

    def drawing(in_plate: bool) -> Callable[..., Symbol]:
        def draw(site: str, *, shape: Any = (), dims: Any = (), event: Any = (), **_: Any) -> Symbol:
            # The plate's axis is not in the site's own shape; where a site is drawn outside the plate, its first axis is.
            axes = len(shape) + len(event) + in_plate
            numbers = [np.asarray(value) for _, value in priors[site].parameters if isinstance(value, tuple)]
            if in_plate or dims[:1] == ("components",):
                found.append([table for table in numbers if table.ndim == axes and len(table) == program.components])
            return Symbol(site)

        return draw

    if not any(isinstance(value, tuple) for prior in priors.values() for _, value in prior.parameters):
        return found
    table = None if covariates is None else Symbol("covariates[i]", shape=("n", covariates))
    family = program.family if covariates is None else with_covariates(program.family, covariates)
    program.assignment.draw(Notation(), drawing(False), program.components, Rows(None, covariates=table))
    family.per_component(Notation(), drawing(True), features)
    return found
