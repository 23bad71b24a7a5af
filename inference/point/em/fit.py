"""Expectation maximisation: closed-form M-steps where the family has them, from many starts at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.special import logsumexp

from inference.bound import Bound
from inference.checks import (
    check_choice,
    check_counts,
    check_flags,
    check_positive,
    check_room,
    sizes_of,
)
from inference.point.assembly import check_sound, distinct_optima, parts
from inference.point.em.closed_form import ClosedForm, State, Statistics
from inference.point.em.e_step import with_prior
from inference.point.em.generalised import ObjectiveByGradient, generalised_em
from inference.point.em.initial_partitions import Partitions
from inference.point.em.m_steps.registry import closed_form, closed_law, is_brought
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.problem import EMProblem
from inference.point.em.restarts import run_restarts
from inference.point.em.runs import Beginning, Runs, beginnings, from_partitions, joined, problem_of, stacked, summarise
from inference.point.em.settings import Settings, check_fixed, check_mixture, check_starts
from inference.point.em.split_merge import FEWEST_COMPONENTS, split_and_merge
from inference.point.reasons import reason_of
from inference.point.restarts import best_restart, by_weight, numbered_by_weight, permuted
from inference.point.starts import Start, draw_starts
from inference.results import Origin, PointFit
from inference.status import Status
from mixtures import Mixture, Observations
from mixtures.errors import ModelError
from mixtures.families.members import with_covariates
from mixtures.mixture import completed
from mixtures.renamed import formerly
from mixtures.seeds import check_seed, generator, restart_seeds

OBJECTIVES = ("likelihood", "posterior")

DIFFERENT = 1e-8
"""Relative difference from which on two log likelihoods are not the same to rounding."""


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
    seed: int,
    init: Start | list[Start] | None = None,
    fixed: Mapping[str, Any] | None = None,
    row_weights: Any = None,
    labels: Any = None,
    backend: str = "numpyro",
    strict: bool = False,
) -> PointFit:
    """The parameters of highest likelihood, or posterior density, by EM: best of many starts.

    The E-step finds each row's responsibilities, the M-step the parameters that are best given these; the objective never falls.
    Families with closed-form M-steps (the Gaussian in all fourteen covariance structures, the log-normal, Poisson, exponential, Bernoulli,
    binomial, categorical and multinomial, linear regressions, and products of these) run all restarts in one compiled program; so does the
    posterior, where priors are conjugate (Poisson to multinomial, as they are by default). Regressions of counts and of yes or no, and
    weights that depend on covariates, take one Newton step an iteration, shortened where the likelihood would fall. Elsewhere restarts run
    one after the other, the M-step climbs by gradient, and, once an M-step gains little, so does the objective itself (Jamshidian &
    Jennrich 1997).

    Args:
        mixture: a declaration.
        x: data, shape (rows,) or (rows, features).
        restarts: the number of starts: partitions by agglomeration, Ward's method and quantiles, then k-means++, random rows and random
            labels. With three components or more the second half begins from the best fit so far, two of its components merged and a
            third split.
        tolerance: a restart is at rest when an iteration gains less than this share of the objective (or of the number of rows).
        max_steps: M-steps at most.
        hard: each row goes wholly to its most probable component (classification EM, Celeux & Govaert 1992); the objective is then
            log p(x, z). With `EII` and weights fixed to be equal this is k-means.
        objective: maximise the likelihood, or the likelihood times the prior.
        seed: an int in [0, 2**32).
        init: one start `{site: value}`, a fit, or a list of these, used first; all sites must be given. With more `restarts`, the
            rest is drawn by the rule. Components keep the first start's numbering, and are not numbered by weight.
        fixed: `{site: value}`: parameters that are known.
        row_weights: how often each row counts, shape (rows,); also `Observations.row_weights`. A row of weight 2 is a row that is there
            twice, in BIC's n too.
        labels: known components 0, ..., components - 1, shape (rows,), and -1 or None where unknown; also `Observations.labels`.
        backend: `"numpyro"` or `"pyro"`.
        strict: raise where the best restart is unsound, instead of returning it with its status.

    Returns:
        A `PointFit`: `losses` are negative objectives, one a step; `restarts` also says by which rule a restart began and which distinct
        optimum it reached (0 is the best; -1: none). Components are numbered by decreasing weight unless their numbers mean something
        (`init`, `labels`, `fixed`).

    Raises:
        DataError, ModelError, ChoiceError, SeedError: bad arguments; more components than rows.
        BackendError: a backend that is not installed.
        FitError: the fit is unsound and `strict` is set.

    Source: Dempster, Laird & Rubin (1977); Celeux & Govaert (1995).

    Example:
        >>> from mixtures import gaussian_mixture
        >>> fit = fit_em(gaussian_mixture(2, "tied"), [0.0, 1.0, 10.0, 11.0, 12.0], restarts=5, seed=0)
        >>> fit.parameters["loc"].round(6).tolist()
        [11.0, 0.5]
    """
    observations = check_mixture(mixture, x, labels, row_weights)
    seed = check_seed(seed)
    check_counts(restarts=restarts, max_steps=max_steps)
    check_positive("tolerance", tolerance, or_zero=True)
    check_flags(hard=hard, strict=strict)
    check_choice("objective", objective, OBJECTIVES)
    check_room(restarts=restarts, **sizes_of(mixture, observations))
    bound = Bound.of(mixture, observations, backend)
    sites = bound.sites
    known = check_fixed(fixed, sites)
    given = check_starts(init, known, sites)
    settings = Settings(restarts, seed, given, known, observations.counts, hard, float(tolerance), max_steps)
    is_posterior = objective == "posterior"
    task = _closed_task(mixture, observations, frozenset(known), is_posterior)
    runs = (
        generalised_em(bound, mixture, settings, is_posterior)
        if task is None
        else _closed_em(bound, mixture, task, settings)
    )
    if task is not None and task.closed.is_damped and not hard:
        runs = _finished(bound, settings, runs, is_posterior)
    best = best_restart(runs.table)
    reason = reason_of(runs.table.at[best, "status"], observations)
    check_sound("fit_em", runs.table, best, strict, reason)
    parameters = runs.parameters(best) | known
    if init is None and not known and observations.labels is None:
        if task is None or is_posterior:  # families or priors that may tell components apart
            parameters = numbered_by_weight(bound, parameters, with_prior=is_posterior)
        elif (order := by_weight(parameters, sites)) is not None:
            parameters = permuted(parameters, sites, order)
    likelihood, classified = runs.likelihoods(best)
    if task is not None and is_brought(mixture.family):
        _check_brought(bound, likelihood, runs.losses[best], parameters)
    prior = None
    if is_posterior:
        single = {name: value[None] for name, value in parameters.items()}
        prior = float(bound.log_priors(single)[0])
    return PointFit(
        **parts(sites, parameters),
        log_likelihood=likelihood,
        log_posterior=None if prior is None else likelihood + prior,
        classification_log_likelihood=classified,
        losses=runs.losses[best],
        gradient_norms={},
        restarts=runs.table,
        status=runs.table.at[best, "status"],
        free_parameters=sites.free_parameters
        - sum(site.free - site.redundant for site in sites.parameters if site.name in known),
        origin=Origin.of(bound.numbered, observations, backend, seed),
        optima=distinct_optima(runs.table, parameters, lambda restart: runs.parameters(restart) | known),
        reason=reason,
    )


@dataclass(frozen=True, eq=False)
class _ClosedTask:
    """What EM in closed form is to do: with which M-steps, what is held, and what the prior adds to the statistics."""

    closed: MixtureEM
    held: dict[str, bool]
    pseudo: Statistics | None


def _closed_task(mixture: Mixture, x: Observations, fixed: frozenset[str], is_posterior: bool) -> _ClosedTask | None:
    """The task, if all of it has a closed form."""
    covariates = 0 if x.covariates is None else x.covariates.shape[1]
    family = closed_form(with_covariates(mixture.family, covariates))
    law = closed_law(mixture.assignment, covariates)
    if family is None or law is None or (x.observed is not None and not family.takes_missing):
        return None
    closed = MixtureEM(family, law)
    held = closed.held(fixed, x.features)
    if held is None or not is_posterior:
        return None if held is None else _ClosedTask(closed, held, None)
    priors, rows = mixture.scaled_to(x).family.priors_by_site, mixture.assignment.pseudo_rows(mixture.components)
    if rows is None or rows.min() < 0:
        return None
    pseudo = closed.pseudo(priors, mixture.components, x.features)
    return None if pseudo is None else _ClosedTask(closed, held, {"rows": rows, **pseudo})


def _closed_em(bound: Bound, mixture: Mixture, task: _ClosedTask, settings: Settings) -> Runs:
    """All restarts by closed-form M-steps."""
    x = bound.x
    problem = problem_of(
        (task.closed,),
        0,
        x,
        row_weights=settings.row_weights,
        fixed=task.held,
        is_hard=settings.is_hard,
        tolerance=settings.tolerance,
        max_steps=settings.max_steps,
        pseudo=task.pseudo,
    )
    is_drawn = settings.restarts > len(settings.starts)
    partitions = (
        Partitions(_complete(task.closed.family, x, settings.seed), settings.seed, "fit_em") if is_drawn else None
    )
    is_bred = partitions is not None and not settings.starts and mixture.components >= FEWEST_COMPONENTS
    first = settings.restarts - (settings.restarts // 2 if is_bred else 0)
    if task.closed.family.starts_at_rows and not settings.fixed:
        starts = _by_rule(bound, problem, settings, first)
    else:
        starts = beginnings(
            problem,
            mixture.components,
            first,
            settings.seed,
            given=settings.starts,
            fixed=settings.fixed,
            partitions=partitions,
        )
    if task.pseudo is not None:
        problem = replace(problem, prior_offset=_prior_offset(bound, problem, starts[0].state))
    found = run_restarts(bound.engine.name, problem, stacked(starts))
    runs = summarise(problem, starts, found)
    # the second half begins where the best so far can be improved, half of it where the first half of it came to
    for count in _halves(settings.restarts - first):
        seeds = restart_seeds(settings.seed, len(starts) + count)[len(starts) :]
        # a spurious maximum is no answer, but as good a place to begin from: the component on a few rows is free to move
        source = best_restart(runs.table, accepted=(Status.SPURIOUS,))
        best = {name: value[source] for name, value in found.states.items()}
        drawn = split_and_merge(problem, best, partitions.rows, seeds)  # type: ignore[union-attr]
        more = from_partitions(problem, drawn, mixture.components, settings.fixed)
        found = joined(found, run_restarts(bound.engine.name, problem, stacked(more)))
        starts = starts + more
        runs = summarise(problem, starts, found)
    return runs


def _check_brought(bound: Bound, likelihood: float, losses: np.ndarray, parameters: dict[str, np.ndarray]) -> None:
    """Check a closed form that came with its family against the family's own density, and that its M-steps do not lower it.

    Raises:
        ModelError: they do, or the densities differ.
    """
    right = float(bound.log_likelihoods({name: value[None] for name, value in parameters.items()})[0])
    if not np.isclose(likelihood, right, rtol=DIFFERENT, atol=DIFFERENT * len(bound.x)):
        raise ModelError(
            "closed_form",
            got=f"a log likelihood of {likelihood:.10g} where the family's emission has {right:.10g}",
            expected="the same density",
            advice="Compare its log_density with the family's emission, row by row: a constant, log_base, or the columns differ.",
        )
    rise = float(np.max(np.diff(losses), initial=0.0))
    if rise > DIFFERENT * max(abs(right), len(bound.x)):
        raise ModelError(
            "closed_form",
            got=f"an M-step after which the log likelihood is {rise:.4g} lower",
            expected="the maximum of the expected log density: EM never falls",
            advice="Check `best` against a numerical maximum of coefficients . sums.",
        )


def _by_rule(bound: Bound, problem: EMProblem, settings: Settings, count: int) -> list[Beginning]:
    """Starts by the family's own rule, after those that were given."""
    seeds = restart_seeds(settings.seed, count)
    starts = draw_starts(bound, seeds, "fit_em", settings.starts or None)
    rules = ["given"] * len(settings.starts) + ["rows"] * count
    each = [{name: value[run] for name, value in starts.items()} for run in range(count)]
    return [
        Beginning(rule, int(seed), problem.closed_form.encode(start, problem.features, problem.frame))
        for rule, seed, start in zip(rules, seeds, each, strict=False)
    ]


def _finished(bound: Bound, settings: Settings, runs: Runs, is_posterior: bool) -> Runs:
    """The best restart climbed to its top by quasi-Newton steps, and told from one whose parameters run off for ever.

    EM is slow near a maximum that is flat, and a Newton step knows no maximum from a slope. The next best is looked at where one runs off.
    """
    climber = ObjectiveByGradient(bound, settings, is_posterior)
    while runs.table.at[best := best_restart(runs.table), "status"].is_sound:
        losses = list(runs.losses[best])
        top, _ = climber.leap(runs.parameters(best), losses, settings.max_steps)
        runs = _with_end(runs, best, top, climber, losses)
        end = climber.runs_off(top)
        if end is None or runs.table.at[best, "status"] is end:
            break
        runs.table.at[best, "status"] = end
    return runs


def _with_end(
    runs: Runs, best: int, top: dict[str, np.ndarray], climber: ObjectiveByGradient, losses: list[float]
) -> Runs:
    """The restarts, of which one ends elsewhere."""
    table, series = runs.table.copy(), list(runs.losses)
    series[best] = np.array(losses)
    table.at[best, "objective"], table.at[best, "steps"] = losses[-1], len(losses) - 1

    def likelihoods(restart: int) -> tuple[float, float]:
        if restart != best:
            return runs.likelihoods(restart)
        joint = climber.log_joint(top)
        return climber.total(logsumexp(joint, axis=1)), climber.total(joint.max(axis=1))

    return Runs(lambda restart: top if restart == best else runs.parameters(restart), likelihoods, series, table)


def _prior_offset(bound: Bound, problem: EMProblem, state: State) -> float:
    """The constant by which the log prior density exceeds what pseudo-statistics say of it, found at one state."""
    assert problem.pseudo is not None  # the caller has checked
    closed = problem.closed_form
    nothing = {name: np.zeros_like(value) for name, value in problem.pseudo.items()}
    known, _ = with_prior(np, closed, state, 0.0, nothing, problem.pseudo)
    parameters = closed.decode(state, bound.x.features, problem.frame)
    full = bound.log_priors({name: value[None] for name, value in parameters.items()})[0]
    return float(full - known)


def _complete(family: ClosedForm, x: Observations, seed: int) -> np.ndarray:
    """The family's columns with missing cells drawn anew: rows that miss the same cells are not alike for that."""
    if x.observed is None:
        return family.columns(x)
    return family.columns(Observations(completed(x, generator(seed, "fit_em", "missing cells")), x.feature_names))


def _halves(count: int) -> list[int]:
    """`count` in two parts, empty ones left out."""
    return [part for part in (count - count // 2, count // 2) if part]
