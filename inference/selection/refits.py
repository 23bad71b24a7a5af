"""One mixture fitted to many data sets of one shape by EM: replicates of a bootstrap, or folds, whose left-out rows have weight 0.

With closed M-steps every start on every data set is a restart of one program: short runs of all, of which the best of each data set runs on
to the full tolerance (Biernacki, Celeux & Govaert 2003). A family without them is fitted to one data set after the other.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inference.point.em.closed_em import closed_task
from inference.point.em.closed_form import State
from inference.point.em.fit import fit_em
from inference.point.em.m_steps.grouped import GroupedEM
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.problem import EMProblem, EMResult
from inference.point.em.restarts import run_each_on_its_own
from inference.point.em.runs import Beginning, problem_of, spread_of, stacked, status_of
from inference.point.em.settings import is_in_part
from inference.status import SEVERITY, Status
from mixtures import Mixture, Observations
from mixtures.errors import MixturesError
from mixtures.seeds import derived

SHORT_TOLERANCE = 1e-5
"""Relative gain at which the first, short runs of all starts stop."""

SHORT_STEPS = 100
"""M-steps of the short runs at most."""

Parameters = dict[str, np.ndarray]


@dataclass(frozen=True)
class EMOptions:
    """How each fit is found, see `fit_em`; of sites that are known as a whole the values have the sites' shapes."""

    restarts: int
    seed: int
    tolerance: float
    max_steps: int
    backend: str
    fixed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Refit:
    """The best fit to one data set.

    Args:
        log_likelihood: log p(x | parameters); NaN where the fit ended without numbers.
        status: how it ended; the best start's where none ended soundly.
        known: values by site that are not in `state`: those held fixed; all of them where M-steps are not closed; none where there is no fit.
        state: where EM ended, in its coordinates, where M-steps are closed.
        problem: what EM did, where M-steps are closed.
    """

    log_likelihood: float
    status: Status
    known: Parameters = field(default_factory=dict)
    state: State = field(default_factory=dict)
    problem: EMProblem | None = None

    @functools.cached_property
    def parameters(self) -> Parameters:
        """Constrained values by site, when first asked for: a test by thousands of fits asks for none."""
        if self.problem is None:
            return self.known
        return self.problem.closed_form.decode(self.state, self.problem.features, self.problem.frame) | self.known


StartsOf = Callable[[int, EMProblem], list[Beginning]]
"""The number of a data set, and what EM is to do with it -> where its restarts begin."""


def refit(
    mixture: Mixture,
    data: Sequence[Observations],
    starts_of: StartsOf,
    options: EMOptions,
    init: Parameters | None = None,
    first: int = 0,
    before: Sequence[Refit] = (),
) -> list[Refit]:
    """The best fit to each of the data sets.

    Args:
        mixture: the declaration.
        data: data sets of one shape, with the same cells missing.
        starts_of: the starts on each, where M-steps are closed.
        options: how fits are found.
        init: one start for every data set, where they are not; None: `options.restarts` starts by the rule of `fit_em`.
        first: the number of the first one, where they are some of many.
        before: fits to the same data with another number of components, by the same options: what EM has made of the data serves again.
    """
    numbers = range(first, first + len(data))
    known = dict(options.fixed)
    task = None if is_in_part(known) else closed_task(mixture, data[0], frozenset(known), is_posterior=False)
    # `fit_em` alone lays the rows of groups out, and gives missing steps of a chain their weights
    is_alone = task is None or isinstance(task.closed.law, GroupedEM)
    if task is None or is_alone or (task.closed.law.follows and data[0].observed is not None):
        each = zip(numbers, data, strict=True)
        return [alone(mixture, x, replace(options, seed=derived(options.seed, i)), init) for i, x in each]
    with np.errstate(all="ignore"):  # of a component that collapses there are no numbers, which its status says
        problems = _served_again(before, task.closed) or [
            problem_of(
                (task.closed,),
                0,
                x,
                row_weights=x.counts,
                fixed=task.held,
                tolerance=options.tolerance,
                max_steps=options.max_steps,
            )
            for x in data
        ]
        starts = [starts_of(i, problem) for i, problem in zip(numbers, problems, strict=True)]
        return [replace(end, known=known) for end in _side_by_side(problems, starts, options)]


def _served_again(before: Sequence[Refit], closed: MixtureEM) -> list[EMProblem]:
    """The problems of these fits, if they are by this closed form: most do not know how many components there are."""
    problems = [one.problem for one in before if one.problem is not None and one.problem.closed_form == closed]
    return problems if len(problems) == len(before) else []


def alone(mixture: Mixture, x: Observations, options: EMOptions, init: Parameters | None = None) -> Refit:
    """One data set by `fit_em`; one that the family cannot describe has no fit."""
    settings: Any = {"tolerance": options.tolerance, "max_steps": options.max_steps, "backend": options.backend}
    restarts = options.restarts if init is None else 1
    try:
        fit = fit_em(
            mixture, x, init=init, restarts=restarts, seed=options.seed, fixed=options.fixed or None, **settings
        )
    except MixturesError:
        return Refit(np.nan, Status.NOT_FINITE)
    return Refit(fit.log_likelihood, fit.status, fit.parameters)


def _side_by_side(problems: list[EMProblem], starts: list[list[Beginning]], options: EMOptions) -> list[Refit]:
    """All data sets in the lanes of one program."""
    is_single = all(len(several) == 1 for several in starts)
    waiting = starts if is_single else _by_promise(problems, starts, options)
    found: list[Refit | None] = [None] * len(problems)
    while some := [i for i, several in enumerate(waiting) if several]:
        ends = run_each_on_its_own(
            options.backend, [problems[i] for i in some], stacked([waiting[i].pop(0) for i in some])
        )
        for restart, i in enumerate(some):
            end = _end(problems[i], ends, restart)
            found[i] = _better(found[i], end)
            if end.status.is_sound:
                waiting[i] = []
    return [one for one in found if one is not None]


def _by_promise(problems: list[EMProblem], starts: list[list[Beginning]], options: EMOptions) -> list[list[Beginning]]:
    """Where short runs stand, the most promising of each data set first."""
    of = [i for i, several in enumerate(starts) for _ in several]
    short = [
        replace(
            problem,
            tolerance=max(options.tolerance, SHORT_TOLERANCE),
            max_steps=min(options.max_steps, SHORT_STEPS),
        )
        for problem in problems
    ]
    together = [start for several in starts for start in several]
    ends = run_each_on_its_own(options.backend, [short[i] for i in of], stacked(together))
    objectives = np.nan_to_num([_last(series) for series in ends.objectives], nan=-np.inf)
    order = np.lexsort((-objectives, np.array(of)))
    waiting: list[list[Beginning]] = [[] for _ in problems]
    for restart in order:
        state = {name: value[restart] for name, value in ends.states.items()}
        waiting[of[restart]].append(replace(together[restart], state=state))
    return waiting


def _end(problem: EMProblem, ends: EMResult, restart: int) -> Refit:
    state = {name: value[restart] for name, value in ends.states.items()}
    status = status_of(problem, state, spread_of(problem), ends.occupancy[restart], ends.outcomes[restart])
    log_likelihood = _last(ends.objectives[restart]) + problem.offset
    return Refit(log_likelihood, status, state=state, problem=problem)


def _last(objectives: np.ndarray) -> float:
    """Where a restart ended; NaN for one that never had an objective."""
    return float(objectives[-1]) if len(objectives) else np.nan


def _better(first: Refit | None, second: Refit) -> Refit:
    """The one that ended better; of two that ended alike, the one of higher likelihood."""
    if first is None:
        return second
    ranks = [SEVERITY.index(one.status) * (not one.status.is_sound) for one in (first, second)]
    if ranks[0] != ranks[1]:
        return first if ranks[0] < ranks[1] else second
    return second if second.log_likelihood > first.log_likelihood else first
