"""Where restarts begin: seeded, all different, and in the user's hands."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from inference.backends import Bound
from inference.backends.predictors import Predictors
from inference.checks import check_proper
from inference.point.edge import off_the_edge
from inference.point.given import checked_values
from inference.results import PointFit
from mixtures.errors import ModelError
from mixtures.seeds import derived, generator, restart_seeds

Start = Mapping[str, Any] | PointFit
"""Constrained values by site, a fit's too; sites not named are drawn by the rule."""

Starts = Start | Sequence[Start] | Callable[[np.ndarray, np.random.Generator], Start] | None
"""What a user may give: one start or fit, or several (used first, the rest is drawn), a rule of their own, or None for the program's rule."""

ROUNDING = 1e-9
"""Spreads below it, as a share of the values, are those of equal values."""

FOR_SCALES = 16
"""Starts drawn at least, to learn how far apart starts lie."""


def draw_starts(bound: Bound, seeds: np.ndarray, verb: str, given: Starts = None) -> dict[str, np.ndarray]:
    """A start of this verb for each seed, by site: (restarts, ...).

    Raises:
        ChoiceError: a given start names a site that the program does not have.
        ModelError: no start, or one with values of a wrong shape or outside a site's support.
    """
    starts = [] if callable(given) else [checked_values("init", one, bound.sites) for one in listed(given)]
    rows = []
    for index, seed in enumerate(seeds):
        start = rule(bound, int(seed), verb)
        if callable(given):
            start |= checked_values("init", given(bound.x.x, generator(int(seed), verb, "given")), bound.sites)
        elif index < len(starts):
            given_here = (site for site in bound.sites.parameters if site.name in starts[index])
            start |= {
                site.name: off_the_edge(site, starts[index][site.name]) if site.is_simplex else starts[index][site.name]
                for site in given_here
            }
        rows.append(start)
    return {
        site.name: np.stack([np.broadcast_to(row[site.name], site.shape) for row in rows])
        for site in bound.sites.parameters
    }


def rule(bound: Bound, seed: int, verb: str) -> dict[str, np.ndarray]:
    """One start of a verb by the program's own rule: a mixture's family has one, a user's program starts at a draw from its prior."""
    if bound.program.mixture is not None:
        start = bound.program.mixture.start(bound.x, generator(seed, verb, "rule"))
        if missing := [site.name for site in bound.sites.parameters if site.name not in start]:
            raise ModelError("start", got=f"no value of {', '.join(map(repr, missing))}", expected="one of every site")
        return start
    drawn = bound.prior_draw(derived(seed, verb, "rule"))
    check_proper(drawn)
    return drawn


def listed(given: Any) -> list[Start]:
    """One start, several, or None, as a list; each is still to be checked."""
    if given is None:
        return []
    every = list(given) if isinstance(given, Sequence) and not isinstance(given, str | bytes) else [given]
    return [one.parameters if isinstance(one, PointFit) else one for one in every]


def step_scales(bound: Bound, seed: int, verb: str) -> dict[str, np.ndarray]:
    """How far apart random starts lie, for real-valued sites: the unit of step lengths, so that data's units do not matter.

    Sites with a bounded support move on a log or logit scale, where the unit is 1; linear predictors in coordinates of their own.
    """
    drawn = Predictors(np, bound.sites.predictors, bound.x.covariates).to_free(
        draw_starts(bound, restart_seeds(seed, FOR_SCALES), f"{verb}, step scales")
    )
    scales = {site.name: np.ones(()) for site in bound.sites.parameters}
    for site in bound.sites.parameters:
        if site.is_real:
            spread, size = drawn[site.name].std(axis=0), np.abs(drawn[site.name]).max(axis=0)
            # equal starts differ by the rounding of their mean
            scales[site.name] = np.broadcast_to(np.where(spread > ROUNDING * size, spread, 1.0), site.shape)
    return scales
