"""Where chains start: as restarts do, or about a point fit, scattered as widely as the posterior about it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inference.engines import Engine
from inference.engines.sites import Sites
from inference.point.starts import draw_starts
from inference.results import PointFit
from mixtures import Observations, Program
from mixtures.errors import ModelError
from mixtures.seeds import generator, restart_seeds

JITTER = 1.0
"""How far chains start from `init`, in units of the posterior's width along each coordinate (by the curvature at `init`)."""


def chain_starts(
    program: Program, x: Observations, engine: Engine, sites: Sites, chains: int, seed: int, fits: Sequence[PointFit]
) -> dict[str, np.ndarray]:
    """Where chains start, (chains, ...) by site: about the fits (see `fits_of`), which they take in turn."""
    if not fits:
        return draw_starts(program, x, engine, sites, restart_seeds(seed, chains), "sample_nuts")
    density = engine.log_density(program, x)
    centres = [density.unconstrain(fit.parameters) for fit in fits[:chains]]
    widths = [_widths(density, centre) for centre in centres]
    scatter = JITTER * generator(seed, "sample_nuts", "scatter").normal(size=(chains, density.size))
    turns = [chain % len(centres) for chain in range(chains)]
    rows = [
        density.constrain(centres[turn] + widths[turn] * offset) for turn, offset in zip(turns, scatter, strict=True)
    ]
    return {site.name: np.stack([row[site.name] for row in rows]) for site in sites.parameters}


def fits_of(init: PointFit | Sequence[PointFit] | None, sites: Sites, spread: bool = False) -> list[PointFit]:
    """The point fits that a run is to start from, none for None; each distinct optimum is one, if they are to be spread.

    Raises:
        ModelError: not a point fit or several, or of another program; nothing to spread.
    """
    fits: list[Any] = [] if init is None else list(init) if isinstance(init, list | tuple) else [init]
    if init is not None and not fits:
        raise ModelError("init", got="an empty list", expected="a point fit, or a list of them")
    shapes = {site.name: site.shape for site in sites.parameters}
    for fit in fits:
        if not isinstance(fit, PointFit):
            raise ModelError(
                "init",
                got=f"{type(fit).__name__}",
                expected="a point fit, or a list of them",
                advice="fit_map(program, x, seed=...) makes one.",
            )
        found = {name: np.shape(value) for name, value in fit.parameters.items()}
        if shapes != found:
            raise ModelError("init", got=f"a fit with sites {found}", expected=f"a fit of this program, sites {shapes}")
    if not spread:
        return fits
    if not any(fit.optima for fit in fits):
        raise ModelError(
            "init",
            got="no sound optimum",
            expected="a point fit to spread over",
            advice="fit_map(program, x, seed=...).",
        )
    return [
        replace(fit, parameters={name: value[row] for name, value in fit.optima.items()})
        for fit in fits
        for row in range(len(next(iter(fit.optima.values()), ())))
    ]


def log_posterior_of(fit: PointFit, program: Program, x: Observations, engine: Engine) -> float:
    """The fit's log posterior density, computed where the fit, made by maximum likelihood, does not have it."""
    if fit.log_posterior is not None:
        return fit.log_posterior
    density = engine.log_density(program, x)
    return density.value_and_gradient(density.unconstrain(fit.parameters))[0]


def _widths(density: Any, centre: np.ndarray, share: float = 1e-4) -> np.ndarray:
    """The posterior's rough width along each coordinate, from the curvature at the mode."""
    widths = np.ones(density.size)
    for index in range(density.size):
        step = np.zeros(density.size)
        step[index] = share * max(1.0, abs(centre[index]))
        curvature = -(density.value_and_gradient(centre + step)[1] - density.value_and_gradient(centre - step)[1])[
            index
        ]
        curvature /= 2 * step[index]
        if np.isfinite(curvature) and curvature > 0:
            widths[index] = 1 / np.sqrt(curvature)
    return widths
