"""Where restarts begin: seeded, all different, and in the user's hands."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from inference.engines import Engine
from inference.engines.sites import Sites
from mixtures import Mixture, Observations, Program
from mixtures.errors import ChoiceError, ModelError

Start = Mapping[str, Any]
"""Constrained values by site; sites not named are drawn by the rule."""

Starts = Start | Sequence[Start] | Callable[[np.ndarray, np.random.Generator], Start] | None
"""What a user may give: one start or several (used first, the rest is drawn), a rule of their own, or None for the program's rule."""

FOR_SCALES = 16
"""Starts drawn at least, to learn how far apart starts lie."""


def restart_seeds(seed: int, restarts: int) -> np.ndarray:
    """The seed of each restart: restart i of seed s begins where restart 0 of seed s + i does."""
    return (seed + np.arange(restarts, dtype=np.uint64)) % 2**32


def draw_starts(
    program: Program, x: Observations, engine: Engine, sites: Sites, seeds: np.ndarray, given: Starts = None
) -> dict[str, np.ndarray]:
    """A start for each seed, by site: (restarts, ...).

    Raises:
        ChoiceError: a given start names a site that the program does not have.
        ModelError: a given value has the wrong shape.
    """
    listed = [given] if isinstance(given, Mapping) else list(given) if isinstance(given, Sequence) else []
    rows = []
    for index, seed in enumerate(seeds):
        start = rule(program, x, engine, int(seed))
        if callable(given):
            start |= _checked(given(x.x, np.random.default_rng(seed)), sites)
        elif index < len(listed):
            start |= _checked(listed[index], sites)
        rows.append(start)
    return {
        site.name: np.stack([np.broadcast_to(row[site.name], site.shape) for row in rows]) for site in sites.parameters
    }


def rule(program: Program, x: Observations, engine: Engine, seed: int) -> dict[str, np.ndarray]:
    """One start by the program's own rule: a mixture's family has one, a user's program starts at a draw from its prior."""
    if isinstance(program, Mixture):
        return program.start(x, np.random.default_rng(seed))
    return engine.prior_draw(program, x, seed)


def _checked(start: Start, sites: Sites) -> dict[str, np.ndarray]:
    shapes = {site.name: site.shape for site in sites.parameters}
    for name, value in start.items():
        if name not in shapes:
            raise ChoiceError.of("start: site", name, shapes)
        if np.shape(value) != shapes[name]:
            raise ModelError(f"start[{name!r}]", got=f"shape {np.shape(value)}", expected=f"shape {shapes[name]}")
    return {name: np.asarray(value, dtype=np.float64) for name, value in start.items()}


def step_scales(program: Program, x: Observations, engine: Engine, sites: Sites, seed: int) -> dict[str, np.ndarray]:
    """How far apart random starts lie, for real-valued sites: the unit of step lengths, so that data's units do not matter.

    Sites with a bounded support move on a log or logit scale, where the unit is 1.
    """
    drawn = draw_starts(program, x, engine, sites, restart_seeds(seed, FOR_SCALES))
    scales = {site.name: np.ones(()) for site in sites.parameters}
    for site in sites.parameters:
        if site.is_real:
            spread = drawn[site.name].std(axis=0)
            scales[site.name] = np.broadcast_to(np.where(spread > 0, spread, 1.0), site.shape)
    return scales
