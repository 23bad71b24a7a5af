"""EM by closed M-steps and Newton steps: from many starts, the second half of which begins where the best so far can be improved."""

from dataclasses import dataclass, replace

import numpy as np

from inference.backends import Bound
from inference.point.em.closed_form import State, Statistics
from inference.point.em.e_step import with_prior
from inference.point.em.initial_partitions import Partitions
from inference.point.em.m_steps.chain import ChainEM
from inference.point.em.m_steps.grouped import GroupedEM
from inference.point.em.m_steps.registry import closed_form, closed_law, for_known, for_missing
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.problem import EMProblem, joined
from inference.point.em.restarts import run_restarts
from inference.point.em.runs import Beginning, Runs, beginnings, from_partitions, problem_of, stacked, summarise
from inference.point.em.settings import Settings
from inference.point.em.split_merge import FEWEST_COMPONENTS, split_and_merge
from inference.point.em.streamed import Streamed, of_source
from inference.point.restarts import best_restart
from inference.point.starts import draw_starts
from inference.status import Status
from mixtures import Mixture, Observations
from mixtures.completed import completed
from mixtures.families.members import with_covariates
from mixtures.seeds import generator, restart_seeds


@dataclass(frozen=True, eq=False)
class ClosedTask:
    """What EM in closed form is to do: with which M-steps, what is held, and what the prior adds to the statistics."""

    closed: MixtureEM
    held: dict[str, bool]
    pseudo: Statistics | None


def closed_task(mixture: Mixture, x: Observations, fixed: frozenset[str], is_posterior: bool) -> ClosedTask | None:
    """The task, if all of it has a closed form."""
    covariates = 0 if x.covariates is None else x.covariates.shape[1]
    family = closed_form(with_covariates(mixture.family, covariates))
    law = closed_law(mixture.assignment, covariates)
    if family is None or law is None:
        return None
    if x.known_of_cells:
        family = None if isinstance(law, GroupedEM) else for_known(family, x)
        if family is None:
            return None
    is_chain = isinstance(law, ChainEM)
    if x.observed is not None and not is_chain:
        family = for_missing(family, x.observed)
    if x.observed is not None and not (family.takes_missing or (is_chain and _misses_rows(x))):
        return None
    closed = MixtureEM(family, law)
    held = closed.held(fixed, x.features)
    if held is None or not is_posterior:
        return None if held is None else ClosedTask(closed, held, None)
    of_law = law.pseudo(mixture.assignment, mixture.components)
    pseudo = closed.pseudo(mixture.scaled_to(x).family.priors_by_site, mixture.components, x.features)
    return None if pseudo is None or of_law is None else ClosedTask(closed, held, {**of_law, **pseudo})


def _misses_rows(x: Observations) -> bool:
    """Whether cells are missing by whole rows: of a chain, steps in time."""
    assert x.observed is not None  # the caller has checked
    cells = x.observed.reshape(len(x), -1)
    return bool((cells.all(axis=1) | ~cells.any(axis=1)).all())


def closed_em(bound: Bound, mixture: Mixture, task: ClosedTask, settings: Settings, streamed: Streamed | None) -> Runs:
    """All restarts by closed-form M-steps; of a source of rows, of which the problem is bound to a sample."""
    if not bound.sites.is_chain and bound.x.counts is not None and (bound.x.counts == 0).any():
        # a row that does not count has no say in coordinates and starts either
        is_there = bound.x.counts > 0
        bound = bound.on(bound.x.take(is_there))
        settings = replace(settings, row_weights=bound.x.counts)
    x = bound.x
    if isinstance(task.closed.law, GroupedEM):
        law, x, weights = task.closed.law.laid_out(x)
        task = replace(task, closed=replace(task.closed, law=law))
        settings = replace(settings, row_weights=weights)
    if isinstance(task.closed.law, ChainEM) and x.observed is not None and not task.closed.family.takes_missing:
        # a row that was not seen keeps its place, with a weight of 0 and any value
        is_seen = np.asarray(x.observed.reshape(len(x), -1).all(axis=1), dtype=np.float64)
        settings = replace(settings, row_weights=is_seen)
        values = completed(x, generator(settings.seed, "fit_em", "missing rows"))
        x = Observations(values, x.feature_names, covariates=x.covariates, labels=x.labels, sequence=x.sequence)
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
    if streamed is not None:
        problem = of_source(problem, streamed)
    is_drawn = settings.restarts > len(settings.starts)
    partitions = Partitions(complete_columns(mixture, x, settings.seed), settings.seed, "fit_em") if is_drawn else None
    by_rule = task.closed.family.starts_at_rows and not settings.fixed
    is_bred = partitions is not None and not by_rule and not settings.starts and mixture.components >= FEWEST_COMPONENTS
    first = settings.restarts - (settings.restarts // 2 if is_bred else 0)
    if by_rule:
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
    found = run_restarts(bound.backend, problem, stacked(starts))
    runs = summarise(problem, starts, found)
    # the second half begins where the best so far can be improved, half of it where the first half of it came to
    for count in _halves(settings.restarts - first):
        seeds = restart_seeds(settings.seed, len(starts) + count)[len(starts) :]
        # a spurious maximum is no answer, but as good a place to begin from: the component on a few rows is free to move
        source = best_restart(runs.table, accepted=(Status.SPURIOUS,))
        best = {name: value[source] for name, value in found.states.items()}
        drawn = split_and_merge(problem, best, partitions.rows, seeds)  # type: ignore[union-attr]
        more = from_partitions(problem, drawn, mixture.components, settings.fixed)
        found = joined([found, run_restarts(bound.backend, problem, stacked(more))])
        starts = starts + more
        runs = summarise(problem, starts, found)
    return runs


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


def _prior_offset(bound: Bound, problem: EMProblem, state: State) -> float:
    """The constant by which the log prior density exceeds what pseudo-statistics say of it, found at one state."""
    assert problem.pseudo is not None  # the caller has checked
    closed = problem.closed_form
    nothing = {name: np.zeros_like(value) for name, value in problem.pseudo.items()}
    known, _ = with_prior(np, closed, state, 0.0, nothing, problem.pseudo)
    parameters = closed.decode(state, bound.x.features, problem.frame)
    full = bound.log_priors({name: value[None] for name, value in parameters.items()})[0]
    return float(full - known)


def complete_columns(mixture: Mixture, x: Observations, seed: int) -> np.ndarray:
    """The family's columns with missing cells drawn anew: rows that miss the same cells are not alike for that."""
    covariates = 0 if x.covariates is None else x.covariates.shape[1]
    family = closed_form(with_covariates(mixture.family, covariates))
    assert family is not None  # the task has it
    if x.observed is None:
        return family.columns(x)
    return family.columns(Observations(completed(x, generator(seed, "fit_em", "missing cells")), x.feature_names))


def _halves(count: int) -> list[int]:
    """`count` in two parts, empty ones left out."""
    return [part for part in (count - count // 2, count // 2) if part]
