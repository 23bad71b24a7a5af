"""Expectation maximisation: closed-form M-steps where the family has them, from many starts at once."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, Literal

import numpy as np

from inference.backends import bind
from inference.checks import (
    check_choice,
    check_counts,
    check_flags,
    check_has_prior,
    check_no_hyperpriors,
    check_path,
    check_positive,
    check_room,
    sizes_of,
)
from inference.point.assembly import check_sound, distinct_optima, parts
from inference.point.em.closed_em import closed_em, closed_task
from inference.point.em.finish import check_brought, finished
from inference.point.em.generalised import generalised_em
from inference.point.em.m_steps.registry import closed_form, is_brought, is_slow
from inference.point.em.settings import (
    Settings,
    check_fixed,
    check_mixture,
    check_possible,
    check_starts,
    check_stepwise,
    freed_by,
    is_in_part,
)
from inference.point.em.streamed import Streamed, check_source
from inference.point.reasons import reason_of
from inference.point.restarts import best_restart, by_weight, numbered_by_weight, permuted
from inference.point.simpler import simpler
from inference.point.starts import Start
from inference.results import Origin, PointFit
from mixtures import Mixture, Observations, Source
from mixtures.errors import ModelError
from mixtures.families.members import with_covariates
from mixtures.renamed import formerly
from mixtures.seeds import NEEDED, check_seed

OBJECTIVES = ("likelihood", "posterior")

FINISHED_AT_MOST = 500
"""Numbers in the parameters up to which a slow EM is finished by gradient: to look whether an end is one takes their square."""


@formerly(init="start", strict="raise_if_bad")
def fit_em(
    mixture: Mixture,
    x: Any,
    *,
    restarts: int = 50,
    tolerance: float = 1e-9,
    max_steps: int = 2000,
    hard: bool = False,
    objective: Literal["likelihood", "posterior"] = "likelihood",
    seed: int = NEEDED,
    init: Start | list[Start] | None = None,
    fixed: Mapping[str, Any] | None = None,
    row_weights: Any = None,
    labels: Any = None,
    backend: str = "numpyro",
    strict: bool = False,
    checkpoint: str | PathLike[str] | None = None,
    stepwise: float | None = None,
) -> PointFit:
    """The parameters of highest likelihood, or posterior density, by EM: best of many starts.

    The E-step finds each row's responsibilities, the M-step the parameters that are best given these; the objective never falls.
    Families with closed-form M-steps (the Gaussian in all fourteen covariance structures, the log-normal, Poisson, exponential, Bernoulli,
    binomial, categorical and multinomial, linear regressions, and products of these) run all restarts in one compiled program; so does the
    posterior, where priors are conjugate (Poisson to multinomial, as they are by default). Poisson and Bernoulli regressions, and
    weights that depend on covariates, take one Newton step an iteration, shortened where the likelihood would fall. Elsewhere the M-step
    is a gradient ascent, for all restarts side by side; once M-steps gain little, the objective itself is climbed by gradient (Jamshidian &
    Jennrich 1997). Missing cells of Gaussians are replaced by their conditional moments (Ghahramani & Jordan 1994).

    For a hidden Markov chain the E-step sums over all paths (Baum-Welch), or takes the most probable one (`hard=True`). Moves that depend on
    covariates take a Newton step from each component, stationary initial probabilities a step uphill. The family needs closed M-steps:
    `fit_mle` and `fit_map` fit others, and rows with some of their cells missing.

    Args:
        mixture: a declaration.
        x: data, shape (rows,) or (rows, features); or a `mixtures.Source`, whose rows need not fit into memory, where M-steps are closed
            and rows independent.
        restarts: the number of starts: partitions by agglomeration, Ward's method and quantiles, then k-means++, random rows and random
            labels. With three components or more the second half begins from the best fit so far, two of its components merged and a
            third split.
        tolerance: a restart is at rest when an iteration gains less than this share of the objective (or of the number of rows).
        max_steps: M-steps at most. EM of factor analysers, and of rows measured with errors, is slow: its best end is climbed from there by
            gradient, unless `tolerance` is 0.
        hard: each row goes wholly to its most probable component (classification EM, Celeux & Govaert 1992); the objective is then
            log p(x, z). With `EII` and weights fixed to be equal this is k-means.
        objective: maximise the likelihood, or the likelihood times the prior.
        seed: an int in [0, 2**32).
        init: one start `{site: value}`, a fit, or a list of these, used first; all sites must be given. With more `restarts`, the
            rest is drawn by the rule. Components keep the first start's numbering, and are not numbered by weight.
        fixed: `{site: value}`: parameters that are known; NaN where values are free, and the M-step then climbs by gradient.
        row_weights: how often each row counts, shape (rows,); also `Observations.row_weights`. A row of weight 2 is a row that is there
            twice, in BIC's n too. The steps of a chain all count once.
        labels: known components 0, ..., components - 1, shape (rows,), and -1 or None where unknown; also `Observations.labels`.
        backend: `"numpyro"` or `"pyro"`.
        strict: raise where the best restart is unsound, instead of returning it with its status.
        checkpoint: of a source, a file in which it is written down every few seconds how far EM has come: where the process was ended,
            the same call goes on from there.
        stepwise: of a source, alpha in (0.5, 1]: each restart begins with a pass of stepwise EM, an M-step after every block of 65,536 rows by
            a running average of the blocks' statistics, of rate (t + 2)^-alpha at step t = 0, 1, ... after the first; then EM goes on as
            ever. With many blocks it is worth many of EM's. 1 weighs all blocks alike; 0.6 forgets a poor start sooner.

    Returns:
        A `PointFit`: `losses` are negative objectives, one a step; `restarts` also says by which rule a restart began and which distinct
        optimum it reached (0 is the best; -1: none). Components are numbered by decreasing weight (a chain's by their stationary probability)
        unless their numbers mean something (`init`, `labels`, `fixed`).

    Raises:
        DataError, ModelError, ChoiceError, SeedError: bad arguments; more components than rows.
        BackendError: a backend that is not installed.
        FitError: the fit is unsound and `strict` is set.
        StoredFileError: a checkpoint of another call, or one that was altered or cannot be written.

    Source: Dempster, Laird & Rubin (1977); Celeux & Govaert (1995). Cappe & Moulines (2009) and Liang & Klein (2009) for `stepwise`.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> fit = fit_em(gaussian_mixture(2, "tied"), [0.0, 1.0, 10.0, 11.0, 12.0], restarts=5, seed=0)
        >>> fit.parameters["loc"].round(6).tolist()
        [11.0, 0.5]
    """
    seed = check_seed(seed)
    check_counts(restarts=restarts, max_steps=max_steps)
    check_positive("tolerance", tolerance, or_zero=True)
    check_flags(hard=hard, strict=strict)
    check_choice("objective", objective, OBJECTIVES)
    streamed = None
    if isinstance(x, Source):
        mixture, streamed = check_source(mixture, x, seed, labels=labels, row_weights=row_weights)
        x = streamed.sample
    _check_of_source(streamed, checkpoint=checkpoint, stepwise=stepwise)
    if streamed is not None and stepwise is not None:
        streamed = streamed.begun_stepwise(closed_form(mixture.family), check_stepwise(stepwise))
    observations = check_mixture(mixture, x, labels, row_weights)
    check_no_hyperpriors(mixture)
    check_room(restarts=restarts, **sizes_of(mixture, observations))
    bound = bind(mixture, observations, backend)
    sites = bound.sites
    if objective == "likelihood":
        check_has_prior(mixture, "fit_em", "objective='posterior'; or fit_map.")
    constraint = fixed if is_in_part(fixed) else None
    known = check_fixed(fixed if constraint is None else None, sites)
    check_possible(known, observations)
    given = check_starts(init, known, sites)
    settings = Settings(
        restarts, seed, given, known, observations.counts, hard, float(tolerance), max_steps, constraint
    )
    is_posterior = objective == "posterior"
    if streamed is not None and checkpoint is not None:
        streamed = streamed.kept(check_path("checkpoint", checkpoint), mixture, settings, f"{objective} {backend}")
    task = None if constraint else closed_task(mixture, observations, frozenset(known), is_posterior)
    if streamed is not None and task is None:
        held, kind = "sites held in part" if constraint else repr(objective), type(mixture.family).__name__
        closed = "'likelihood', or conjugate priors, and no part of a spread held fixed"
        raise ModelError(
            "fixed" if constraint else "objective",
            got=f"{held} of {kind} components of a source of rows, whose M-step is not closed",
            expected="whole sites" if constraint else closed,
            advice="Fit rows in memory: x.take(rows) of the source.",
        )
    if task is None:
        if sites.is_chain or (sites.is_of_groups and hard):
            what = "a hidden Markov chain" if sites.is_chain else "hard=True for groups"
            raise ModelError(
                "mixture",
                got=f"{what} {'with sites held in part' if constraint else _without_m_step(mixture, observations, is_posterior)}",
                expected="one all of whose M-steps have a closed form",
                advice="fit_mle and fit_map fit it by gradient."
                if sites.is_chain
                else "hard=False climbs by gradient.",
            )
        runs = generalised_em(bound, mixture, settings, is_posterior)
    else:
        with np.errstate(all="ignore"):  # of a component that collapses there are no numbers, which its status says
            runs = closed_em(bound, mixture, task, settings, streamed)
    # of steps that were counted none is added
    may_be_finished = tolerance > 0 and sites.coordinates <= FINISHED_AT_MOST
    is_unfinished = task is None or task.closed.is_damped or (may_be_finished and is_slow(task.closed.family))
    if is_unfinished and not hard:
        runs = finished(bound, settings, runs, is_posterior)
    best = best_restart(runs.table)
    status = runs.table.at[best, "status"]
    reason = reason_of(status, observations)
    check_sound("fit_em", runs.table, best, strict, reason)
    parameters = runs.parameters(best) | known
    if init is None and not fixed and observations.labels is None:
        if task is None or is_posterior:  # families or priors that may tell components apart
            parameters = numbered_by_weight(bound, parameters, with_prior=is_posterior)
        elif (order := by_weight(parameters, sites)) is not None:
            parameters = permuted(parameters, sites, order)
    likelihood, classified = runs.likelihoods(best)
    if task is not None and streamed is None and is_brought(mixture.family):
        check_brought(bound, likelihood, runs.losses[best], parameters)
    prior = None
    if is_posterior:
        single = {name: value[None] for name, value in parameters.items()}
        prior = float(bound.log_priors(single)[0])
    origin = Origin.of(bound.numbered, observations, backend, seed)
    return PointFit(
        **parts(sites, parameters),
        log_likelihood=likelihood,
        log_posterior=None if prior is None else likelihood + prior,
        classification_log_likelihood=classified,
        losses=runs.losses[best],
        gradient_norms={},
        restarts=runs.table,
        status=status,
        free_parameters=sites.free_parameters - runs.lost - freed_by(known, sites),
        origin=origin if streamed is None else streamed.origin(origin),
        optima=distinct_optima(runs.table, parameters, lambda restart: runs.parameters(restart) | known),
        reason=reason or simpler(bound, parameters, status),
    )


def _check_of_source(streamed: Streamed | None, **arguments: Any) -> None:
    """Check that what is for sources alone is given with one."""
    for name, given in arguments.items():
        if streamed is None and given is not None:
            raise ModelError(name, got="one, and rows in memory", expected="a source: mixtures.source(x)")


def _without_m_step(mixture: Mixture, x: Observations, is_posterior: bool) -> str:
    """What of a chain, or of groups, has no closed M-step."""
    name = type(mixture.family).__name__
    if closed_form(with_covariates(mixture.family, 0 if x.covariates is None else x.covariates.shape[1])) is None:
        return f"of {name} components, which have no closed M-step"
    if is_posterior:
        return f"of {name} components under priors that are not conjugate, or have no mode"
    return f"of {name} components with single cells missing, and not whole rows"
