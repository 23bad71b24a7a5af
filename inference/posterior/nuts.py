"""How uncertain are the parameters? Collapsed NUTS: assignments summed out, several chains."""

import sys
from typing import Any

import numpy as np
import xarray as xr

from inference.checks import check_count, checked, with_numbers
from inference.engines import engine
from inference.posterior.chain_starts import chain_starts
from inference.posterior.generate import with_assignments, with_predictive
from inference.posterior.tree import build_tree
from inference.posterior.warnings import raise_if_unsound
from inference.results import PointFit
from mixtures import Program
from mixtures.errors import ChoiceError
from mixtures.seeds import check_seed

SAMPLERS = ("auto", "numpyro", "pyro")


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
    predictive: bool = False,
    assignments: bool = False,
    strict: bool = False,
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
        predictive: also draw data from the posterior and from the prior.
        assignments: also draw every assignment, at every draw of the parameters (draws x rows bytes).
        strict: raise where `check_posterior` finds something wrong; the draws are then in the error's attribute `posterior`.

    Returns:
        A tree in ArviZ's schema: `posterior`, `sample_stats` (`lp` is the sampler's log density, Jacobians included; `log_posterior` is
        without, comparable with `PointFit.log_posterior`), `log_likelihood` (rows, assignments summed out), `log_prior`,
        `observed_data`, `constant_data`; on request `posterior_predictive`, `prior`, `prior_predictive`, and assignments in
        `posterior`. Program, data fingerprint, seed and versions are in its attributes.

    Raises:
        DataError, ModelError, SeedError: bad arguments.
        FitError: the draws have warnings and `strict` is set.

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
    starts = chain_starts(program, observations, backend_engine, sites, chains, seed, init)
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
    tree = build_tree(with_numbers(program, observations), observations, backend_engine, sites, drawn, attrs)
    own = np.random.SeedSequence(seed).generate_state(2)
    if predictive:
        tree = with_predictive(tree, int(own[0]))
    if assignments:
        tree = with_assignments(tree, int(own[1]))
    if strict:
        raise_if_unsound(tree)
    return tree
