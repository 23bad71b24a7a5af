"""How uncertain are the parameters? Collapsed NUTS: assignments summed out, several chains."""

import sys
from typing import Any

import numpy as np
import xarray as xr

from inference.checks import check_count, checked, with_numbers
from inference.engines import Engine, engine
from inference.engines.protocol import Sites
from inference.point.starts import draw_starts, restart_seeds
from inference.posterior.tree import build_tree
from inference.results import PointFit
from mixtures import Observations, Program
from mixtures.errors import ChoiceError, ModelError
from mixtures.seeds import check_seed

SAMPLERS = ("auto", "numpyro", "pyro")

JITTER = 1.0
"""How far chains start from `init`, in units of the posterior's width along each coordinate (by the curvature at `init`)."""


def sample_nuts(
    program: Program,
    x: Any,
    *,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    seed: int,
    sampler: str = "auto",
    init: PointFit | None = None,
    target_accept: float = 0.8,
    backend: str = "numpyro",
    progress: bool | None = None,
) -> xr.DataTree:
    """Draw from the posterior of the parameters by the backend's NUTS, with the assignments summed out exactly.

    The components' labels mean nothing to the posterior and may differ between chains and switch within them: see `diagnose_labels`
    and `relabel` before reading any mean of a component.

    Args:
        program: a declaration.
        x: data, shape (rows,) or (rows, features).
        draws: kept draws of each chain.
        tune: warm-up draws of each chain, not kept.
        chains: the number of chains.
        seed: an int in [0, 2**32).
        sampler: `"auto"` (the backend's own) or the name of a backend.
        init: a point fit to start from, each chain a little off it; None starts chains as `fit_map` starts restarts.
        target_accept: the acceptance rate that step sizes are tuned for.
        backend: `"numpyro"` or `"pyro"`.
        progress: show a progress bar; None shows one on a terminal.

    Returns:
        A tree in ArviZ's schema: `posterior`, `sample_stats` (`lp` is the sampler's log density, Jacobians included; `log_posterior` is
        without, comparable with `PointFit.log_posterior`), `log_likelihood` (rows, assignments summed out), `observed_data`,
        `constant_data`; program, data fingerprint, seed and versions are in its attributes.

    Raises:
        DataError, ModelError, SeedError: bad arguments.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> post = sample_nuts(gaussian_mixture(2, "tied"), x, draws=50, tune=100, chains=2, seed=0, progress=False)
        >>> dict(post.posterior.loc.sizes)
        {'chain': 2, 'draw': 50, 'components': 2}
    """
    observations = checked(program, x)
    seed = check_seed(seed)
    for name, value in {"draws": draws, "tune": tune, "chains": chains}.items():
        check_count(name, value)
    if sampler not in SAMPLERS:
        raise ChoiceError.of("sampler", sampler, SAMPLERS)
    backend_engine = engine(backend if sampler == "auto" else sampler)
    sites = backend_engine.sites(program, observations)
    starts = _starts(program, observations, backend_engine, sites, chains, seed, init)
    drawn = backend_engine.nuts(
        program,
        observations,
        starts,
        draws=draws,
        tune=tune,
        target_accept=target_accept,
        seed=seed,
        progress=sys.stderr.isatty() if progress is None else progress,
    )
    attrs = {"seed": seed, "sampler": f"{backend_engine.name} NUTS", "tune": tune, "target_accept": target_accept}
    if init is not None and init.log_posterior is not None:
        attrs["init_log_posterior"] = init.log_posterior
    return build_tree(with_numbers(program, observations), observations, backend_engine, sites, drawn, attrs)


def _starts(
    program: Program, x: Observations, engine: Engine, sites: Sites, chains: int, seed: int, init: PointFit | None
) -> dict[str, np.ndarray]:
    """Where chains start, (chains, ...) by site."""
    if init is None:
        return draw_starts(program, x, engine, sites, restart_seeds(seed, chains))
    shapes = {site.name: site.shape for site in sites.parameters}
    found = {name: np.shape(value) for name, value in init.parameters.items()}
    if shapes != found:
        raise ModelError("init", got=f"a fit with sites {found}", expected=f"a fit of this program, sites {shapes}")
    density = engine.log_density(program, x)
    centre = density.unconstrain(init.parameters)
    scatter = JITTER * np.random.default_rng(seed).normal(size=(chains, density.size)) * _widths(density, centre)
    rows = [density.constrain(centre + offset) for offset in scatter]
    return {name: np.stack([row[name] for row in rows]) for name in shapes}


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
