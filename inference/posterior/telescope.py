"""How many components? Draws of partition, parameters and the number of components together: the telescoping sampler."""

import os
from dataclasses import replace
from typing import Any

import xarray as xr

from inference.backends import bind
from inference.checks import check_counts, check_flags, check_options, check_path, check_room, checked, sizes_of
from inference.posterior.store import DrawStore
from inference.posterior.telescope_run import TelescopeRun, chain_starts
from inference.samplers.choice import only_in_jax
from inference.samplers.options import TelescopeOptions
from mixtures import Mixture, Observations, Program
from mixtures.assignments import Dirichlet
from mixtures.component_counts import ComponentCount
from mixtures.errors import DataError, ModelError, in_words
from mixtures.exchangeable import exchangeable
from mixtures.seeds import NEEDED, check_seed


def sample_telescope(
    program: Program,
    x: Any,
    *,
    prior_on_components: ComponentCount | None = None,
    draws: int = 1000,
    tune: int = 500,
    sweeps: int = 5,
    chains: int = 4,
    seed: int = NEEDED,
    assignments: bool = False,
    log_likelihood: bool | None = None,
    backend: str = "numpyro",
    progress: bool | None = None,
    store: str | os.PathLike[str] | None = None,
) -> xr.DataTree:
    """Draw partitions, parameters and the number of components from their joint posterior, by the telescoping sampler.

    The mixture's `components` are the most there may be. What is random is said by the law of the assignment and by the prior on their
    number K:

    - `Dirichlet(a)` and no prior: K components;
    - `SparseDirichlet(...)` and no prior: a sparse finite mixture, K components of which some stay empty;
    - `Dirichlet(a)` and a prior: a static mixture of finite mixtures;
    - `SparseDirichlet(...)` and a prior: a dynamic one, a = concentration / K (Fruhwirth-Schnatter et al. 2021);
    - `StickBreaking(...)` and no prior: a Dirichlet or Pitman-Yor process mixture.

    A component is one of the mixture; a cluster is a component that has rows: p(K) and p(K+) answer different questions. Draws have labels
    that mean nothing: `identify` finds the clusters' parameters, `partition` the clustering.

    Unlike under `sample_nuts`, the assignments are drawn: the number of components may vary, and chains pass between labellings and modes.

    Args:
        program: a mixture whose components are alike and, given what they share, independent of each other.
        x: data, shape (rows,) or (rows, features).
        prior_on_components: of K, from `mixtures.component_counts`, cut off above the mixture's components; None: K is known.
        draws: kept draws of each chain.
        tune: draws of warm-up, not kept; in the first half of 50 or more the likelihood has a power that rises to 1.
        sweeps: of the sampler, from one draw to the next: 5 draws of every assignment.
        chains: the number of chains.
        seed: an int in [0, 2**32).
        assignments: keep every draw of every assignment.
        log_likelihood: keep the log likelihood of every row at every draw; None keeps it up to 1 GB.
        backend: `"numpyro"`.
        progress: show a progress bar; None shows one on a terminal.
        store: a new folder for draws while they are made, in blocks: a run that was killed is continued by `resume(store, x)`.

    Returns:
        A tree in ArviZ's schema. `posterior` has, beside the sites of the program, `n_components` (K, where it is finite) and `n_clusters` (K+)
        of each draw; the clusters stand first, then the components without rows, then, with weight 0, those beyond K. `sample_stats` has
        `lp`, the log density of data, partition and clusters' parameters, `acceptance_rate` of clusters' moves and
        `shared_acceptance_rate` of those of what all share, and under `StickBreaking`
        `truncated_weight`, what all components beyond the mixture's would have.

    Raises:
        ModelError: components that are told apart, or tied to each other; a law without probabilities of partitions.
        DataError: known labels, or row weights.
        BackendError: another backend.
        StoredFileError: `store` exists, or cannot be written; blocks written before are intact.

    Source:
        Fruhwirth-Schnatter, Malsiner-Walli & Grun (2021), Bayesian Analysis 16, 1279; the parameters' moves: Girolami & Calderhead (2011).

    Example:
        >>> from mixtures import component_counts, gaussian_mixture
        >>> x = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]
        >>> post = sample_telescope(
        ...     gaussian_mixture(10), x, prior_on_components=component_counts.Poisson(1.0), draws=50, tune=25, chains=2, seed=0, progress=False
        ... )
        >>> dict(post.posterior.n_components.sizes)
        {'chain': 2, 'draw': 50}
    """
    observations = checked(program, x)
    options = TelescopeOptions(draws, tune, sweeps, check_seed(seed), assignments)
    check_counts(draws=draws, tune=tune, sweeps=sweeps, chains=chains)
    check_room(chains=chains, draws=draws, **sizes_of(program, observations))
    check_flags(assignments=assignments)
    check_options(progress=progress, log_likelihood=log_likelihood)
    if store is not None:
        check_path("store", store)
    _check_prior(_mixture(program, observations), prior_on_components)
    only_in_jax(backend, "telescope", got="'pyro', which has no such sampler", expected="'numpyro'")
    run = TelescopeRun(options, prior_on_components, log_likelihood)
    bound = bind(program.scaled_to(observations), observations, backend)
    starts = chain_starts(bound, chains, options.seed)
    kept = DrawStore.new(store, run.header(bound), starts) if store is not None else None
    return run.carry_out(bound, starts, kept, progress=progress, strict=False)


def _mixture(program: Program, x: Observations) -> Mixture:
    """The mixture, where its components may be drawn.

    Raises:
        ModelError, DataError: they may not.
    """
    mixture = program.mixture
    if mixture is None or mixture.assignment.clusters is None:
        law = "a program of your own" if mixture is None else f"the law {in_words(mixture.assignment)}"
        raise ModelError(
            "program",
            got=law,
            expected="a Mixture whose partitions have known probabilities: assignments.Dirichlet of one number, SparseDirichlet, StickBreaking",
            advice="Fix the number of components, and use sample_nuts.",
        )
    for name, values in (("labels", x.labels), ("row_weights", x.row_weights)):
        if values is not None:
            raise DataError(
                name,
                got=f"{name} beside x",
                expected="rows that count once, of components that are not known",
                advice="Fix the number of components, and use sample_nuts, which takes them.",
            )
    covariates = None if x.covariates is None else x.covariates.shape[1]
    alike = exchangeable(replace(mixture, assignment=Dirichlet()), mixture.components, x.features, covariates)
    if alike != (tuple(range(mixture.components)),) and mixture.components > 1:
        raise ModelError(
            "program",
            got="components that the declaration tells apart",
            expected="components that are alike before data are seen",
            advice="Use sample_nuts, under which each component may have priors, or a family, of its own.",
        )
    return mixture


def _check_prior(mixture: Mixture, prior: ComponentCount | None) -> None:
    """Check that the number of a mixture's components may have a prior.

    Raises:
        ModelError: it may not, or this is none.
    """
    clusters = mixture.assignment.clusters
    if prior is None:
        return
    if not isinstance(prior, ComponentCount):
        raise ModelError(
            "prior_on_components",
            got=in_words(prior),
            expected="a prior from mixtures.component_counts, or None",
            advice="For example component_counts.BetaNegativeBinomial(1, 4, 3).",
        )
    if clusters is not None and clusters.is_infinite:
        raise ModelError(
            "prior_on_components",
            got=f"{prior}, and the law {in_words(mixture.assignment)}",
            expected="None: the process has infinitely many components",
            advice="Use assignments.Dirichlet or SparseDirichlet with a prior on their number.",
        )
