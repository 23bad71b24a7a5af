"""Where chains start: as restarts do, or about a point fit, scattered as widely as the posterior about it; and in which units they move."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inference.backends import Bound
from inference.backends.log_density import LogDensity
from inference.backends.sites import Sites
from inference.posterior.frame import check_digits, first_look, is_finite, possible, second_look
from inference.results import PointFit
from inference.samplers.protocol import Frame, Starts
from mixtures.errors import FitError, ModelError
from mixtures.seeds import generator

JITTER = 1.0
"""How far chains start from `init`, in units of the posterior's width along each coordinate (by the curvature at `init`)."""

HALVINGS = 40
"""How often a start is taken half way back to the fit, if need be."""


def chain_starts(bound: Bound, chains: int, seed: int, fits: Sequence[PointFit]) -> Starts:
    """Where chains start: about the fits (see `fits_of`), which they take in turn.

    Raises:
        FitError: about a fit the density is nowhere finite.
    """
    density = bound.log_density()
    vectors, first = first_look(bound, density, seed, "sample_nuts", chains)
    if not fits:
        return Starts(np.resize(possible(bound.program, density, vectors), (chains, density.size)), first)
    frames = [second_look(density, bound.sites, fit.parameters, first) for fit in fits[:chains]]
    scatter = JITTER * generator(seed, "sample_nuts", "scatter").normal(size=(chains, density.size))
    starts = [_about(density, frames[chain % len(frames)], offset) for chain, offset in enumerate(scatter)]
    return Starts(np.stack(starts), frames[0])


def frame_about(bound: Bound, fit: PointFit, seed: int, verb: str) -> Frame:
    """The posterior's own units about a fit.

    Raises:
        DataError: the data are so far from zero that the posterior's width is rounding.
    """
    density = bound.log_density(jacobian=True)
    _, first = first_look(bound, density, seed, verb)
    frame = second_look(density, bound.sites, fit.parameters, first)
    check_digits(frame)
    return frame


def _about(density: LogDensity, frame: Frame, offset: np.ndarray) -> np.ndarray:
    """The vector at an offset from the frame's centre, or nearer to it, where density and gradient are finite."""
    for _ in range(HALVINGS):
        u = frame.outward(offset)
        if is_finite(density, u):
            return u
        offset = offset / 2
    raise FitError(
        "init",
        got="a fit about which the log density or its gradient is not finite",
        expected="parameters that the data are possible under",
        advice="Start from a sound fit (see its status), or leave init out.",
    )


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


def log_posterior_of(fit: PointFit, bound: Bound) -> float:
    """The fit's log posterior density, computed where the fit, made by maximum likelihood, does not have it."""
    if fit.log_posterior is not None:
        return fit.log_posterior
    density = bound.log_density()
    return density.value_and_gradient(density.unconstrain(fit.parameters))[0]
