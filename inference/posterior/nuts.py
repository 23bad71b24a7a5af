"""How uncertain are the parameters? Collapsed NUTS: assignments summed out, several chains."""

import os
from collections.abc import Sequence
from typing import Any

import xarray as xr

from inference.backends import bind, engine
from inference.checks import (
    check_choice,
    check_count,
    check_counts,
    check_flags,
    check_options,
    check_path,
    check_room,
    check_share,
    checked,
    sizes_of,
)
from inference.point.map import fit_map
from inference.posterior.chain_starts import chain_starts, fits_of, log_posterior_of
from inference.posterior.frame import check_digits
from inference.posterior.nuts_run import NutsRun
from inference.posterior.some_rows import check_one_reference, check_some_rows
from inference.posterior.store import DrawStore
from inference.results import PointFit
from inference.samplers.choice import choose_sampler
from inference.samplers.options import METRICS, PRECISIONS, TARGET_ACCEPT, NutsOptions, choose_metric
from inference.workers import meshed
from mixtures import Program
from mixtures.memory import check_memory
from mixtures.ppl import PIP
from mixtures.seeds import NEEDED, check_seed, derived


def sample_nuts(
    program: Program,
    x: Any,
    *,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    seed: int = NEEDED,
    sampler: str = "auto",
    init: PointFit | Sequence[PointFit] | None = None,
    spread: bool = False,
    target_accept: float | None = None,
    row_weights: Any = None,
    labels: Any = None,
    backend: str = "numpyro",
    progress: bool | None = None,
    predictive: bool = False,
    assignments: bool = False,
    log_likelihood: bool | None = None,
    precision: str = "float64",
    metric: str = "auto",
    max_rows: int | None = None,
    store: str | os.PathLike[str] | None = None,
    strict: bool = False,
) -> xr.DataTree:
    """Draw from the posterior of the parameters by NUTS, with the assignments summed out exactly.

    The components' labels are arbitrary and may differ between chains and switch within them: see `diagnose_labels` and `relabel` before
    interpreting any mean of a component, and `check_posterior` before interpreting anything.

    Ctrl-C stops NumPyro's chains within about a second, or after one draw, nutpie's and Pyro's at once. The draws made so far are returned,
    marked by the attribute `complete` = 0. Pyro's chains run one after the other: those that are finished are kept, or all that have
    begun, cut to the length of the last, whichever is more draws. A second Ctrl-C interrupts at once, as does one in warm-up, when there
    are no draws yet. Under `cluster` a chain is a worker's task, unless it goes to a store: Ctrl-C calls off all, and no progress is shown.

    Args:
        program: a declaration.
        x: data, shape (rows,) or (rows, features).
        draws: kept draws of each chain.
        tune: warm-up draws of each chain, not kept.
        chains: the number of chains.
        seed: an int in [0, 2**32).
        sampler: `"numpyro"`, `"nutpie"` (an extra: Rust, on NumPyro's density), `"pyro"`, or `"auto"`: nutpie where it is installed and
            the backend is NumPyro on a CPU, or rows are on a mesh (`cluster`), else the backend's own. The attributes `sampler` and
            `sampler_reason` say which, and why.
        init: a point fit to start from, each chain scattered about it as widely as the posterior; several fits, which chains take in
            turn, spread the chains over different optima; None starts chains as `fit_map` starts restarts.
        spread: chains start in turn from the distinct optima that the restarts of `init` reached, the best first, not from the best alone.
        target_accept: the acceptance rate that step sizes are tuned for; None: 0.8, and 0.9 in a dense metric, whose steps are longer.
        row_weights: how often each row counts, shape (rows,); also `Observations.row_weights`.
        labels: known components 0, ..., components - 1, shape (rows,), and -1 or None where unknown; also `Observations.labels`.
        backend: `"numpyro"` or `"pyro"`.
        progress: show a progress bar; None shows one on a terminal.
        predictive: also draw data from the posterior and from the prior.
        assignments: also draw every assignment, at every draw of the parameters (draws x rows bytes).
        log_likelihood: keep the log likelihood of every row at every draw, which leave-one-out needs (8 x draws x rows bytes); None
            keeps it up to 1 GB. `inference.log_likelihood(posterior, x)` computes it later.
        precision: `"float64"`, or `"float32"` for the log density and its gradient while NumPyro samples: faster on accelerators. The
            draws are then mapped to the parameters, and their log likelihoods computed, in float64 again.
        metric: what warm-up learns of the posterior's shape: `"diagonal"`, scales, or `"dense"`, correlations too, which overlapping
            components have: fewer steps a draw, but a longer warm-up. `"auto"`: dense from 10 parameters, if warm-up is at least ten
            draws for each of them. nutpie learns the strongest correlations (its low-rank metric).
        max_rows: estimate the log likelihood by a random subset of so many rows, drawn anew little by little: a step then costs the same
            whatever the number of rows. It is an approximation, the perturbed posterior (Dang, Quiroz, Kohn, Tran & Villani 2019, JMLR
            20), about one fit and its labelling, that of `init` or else of `fit_map`; attributes `is_trustworthy`, `k_hat` and
            `effective_draws` say how near it is, as for `fit_vi`, and `check_posterior` warns where it is not. NumPyro's sampler alone.
            None, or no fewer than there are: all rows.
        store: a new folder for draws while they are made, in blocks: a run that was killed is continued by `resume(store, x)`.
        strict: raise where `check_posterior` finds something wrong; the draws are then in the error's attribute `posterior`.

    Returns:
        A tree in ArviZ's schema: `posterior`, `sample_stats` (`lp` is the sampler's log density, Jacobians included; `log_posterior` is
        without, comparable with `PointFit.log_posterior`), `log_likelihood` (rows, assignments summed out), `log_prior`,
        `observed_data`, `constant_data`; on request `posterior_predictive`, `prior`, `prior_predictive`, and assignments in
        `posterior`. Program, data fingerprint, seed and versions are in its attributes.

    Raises:
        DataError, ModelError, SeedError, ChoiceError: bad arguments.
        ModelError: `max_rows` for rows that are not independent, for a program that is no `Mixture`, in single precision, or with several
            fits to start from.
        BackendError: a sampler that is not installed, or that cannot store blocks, sample in that precision or by some of the rows.
        TooLargeError: there is not enough memory for the log likelihoods or assignments that were asked for, or for the parabolas of
            `max_rows` rows.
        StoredFileError: `store` exists, or cannot be written; blocks written before are intact.
        FitError: a chain's start without a finite log density and gradient; the draws have warnings and `strict` is set.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> post = sample_nuts(gaussian_mixture(2, "tied"), x, draws=50, tune=100, chains=2, seed=0, progress=False)
        >>> dict(post.posterior.loc.sizes)
        {'chain': 2, 'draw': 50, 'components': 2}
    """
    observations = checked(program, x, labels=labels, row_weights=row_weights)
    seed = check_seed(seed)
    check_counts(draws=draws, tune=tune, chains=chains)
    check_room(chains=chains, draws=draws, **sizes_of(program, observations))
    if target_accept is not None:
        check_share("target_accept", target_accept)
    check_flags(spread=spread, predictive=predictive, assignments=assignments, strict=strict)
    check_options(progress=progress, log_likelihood=log_likelihood)
    check_choice("backend", backend, PIP)
    check_choice("precision", precision, PRECISIONS)
    check_choice("metric", metric, METRICS)
    if store is not None:
        check_path("store", store)
    if max_rows is not None and check_count("max_rows", max_rows, least=2) >= len(observations):
        max_rows = None
    on_cpu = backend != "numpyro" or engine(backend).is_on_cpu
    chosen = choose_sampler(
        sampler,
        backend,
        is_stored=store is not None,
        is_on_cpu=on_cpu,
        is_single=precision == "float32",
        is_meshed=meshed() is not None,
        is_of_some=max_rows is not None,
    )
    each = (16.0 if log_likelihood else 0.0) + (2.0 if assignments else 0.0)  # bytes a draw and row
    check_memory(
        "log_likelihood, assignments", each * chains * draws * len(observations), "Do without: both can be had later."
    )
    bound = bind(program, observations, chosen.backend)
    sites = bound.sites
    metric = choose_metric(metric, sites.coordinates, tune)
    target = TARGET_ACCEPT[metric] if target_accept is None else target_accept
    fits = fits_of(init, sites)
    if max_rows is not None:
        check_some_rows("max_rows", "a random subset of them", program, sites)
        check_one_reference(fits, precision, spread=spread)
        check_memory("max_rows", 8.0 * chains * max_rows * sites.coordinates**2, "Lower max_rows, or leave it out.")
        fits = fits or [fit_map(program, observations, seed=derived(seed, "sample_nuts", "fit_map"))]
    centres = fits_of(init, sites, spread=True) if spread else fits
    starts = chain_starts(bound, chains, seed, centres)
    check_digits(starts.frame, precision)
    heights = [log_posterior_of(fit, bound) for fit in fits]
    run = NutsRun(
        nuts=NutsOptions(draws, tune, target, seed, precision, metric, max_rows),
        sampler=chosen,
        predictive=predictive,
        assignments=assignments,
        log_likelihood=log_likelihood,
        init_log_posterior=max(heights, default=None),
    )
    numbered, begin = bind(bound.numbered, observations, chosen.backend), starts.packed()
    kept = DrawStore.new(store, run.header(numbered), begin) if store is not None else None
    return run.carry_out(numbered, begin, kept, progress=progress, strict=strict)
