"""EM with its loop in Python, one restart after the other: for passes over the rows that take much longer than a call does.

An M-step begins when a pass has ended: whatever threads a pass uses, nothing that the M-step computes can wait for them.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from inference.point.em import stepwise
from inference.point.em.checkpoint import Standing
from inference.point.em.closed_form import Array, State, Statistics
from inference.point.em.e_step import LIKELIHOODS, with_prior
from inference.point.em.problem import EMProblem, EMResult, Outcome
from mixtures.errors import DataError

SHORTEST = 1e-4
"""The share of a Newton step that is tried at the least."""

SAME_ROWS = 1e-9
"""The share of all rows by which responsibilities may add up to another number: rounding."""

Pass = Callable[[State], tuple[float, Statistics]]
"""At a state: the log likelihood, and what the M-step needs to know of all rows."""


class Passed(NamedTuple):
    """What a pass has found.

    Args:
        objective: with the prior's part.
        statistics: likewise.
        occupancy: expected rows of each component.
        likelihoods: see `LIKELIHOODS`; None: it was not asked for it.
    """

    objective: float
    statistics: Statistics
    occupancy: Array
    likelihoods: Array | None = None


def run_each(
    xp: Any,
    problem: EMProblem,
    states: State,
    one_pass: Pass,
    *,
    pseudo: Statistics | None,
    fixed: Mapping[str, Array],
    singular: type[Exception],
    as_array: Callable[[np.ndarray], Array] = np.asarray,
) -> EMResult:
    """EM from every state, (restarts, ...) by name.

    Args:
        xp: the namespace of the arrays in states, statistics, `pseudo` and `fixed`.
        problem: what EM is to do; the next two are its own, as arrays of `xp`.
        states: where restarts begin.
        one_pass: over all rows.
        pseudo: what the prior adds to the statistics.
        fixed: whether parts of the parameters stay as they are.
        singular: what `xp` raises where a covariance is singular to the last digit.
        as_array: a NumPy array as one of `xp`, for states that were written down.
    """
    closed = problem.closed_form

    def e_step(state: State) -> Passed:
        objective, statistics = one_pass(state)
        likelihoods, occupancy = statistics.pop(LIKELIHOODS, None), statistics["rows"]
        if problem.source is not None and np.isfinite(objective):
            _check_as_many(problem.weight, float(xp.sum(occupancy)))
        if pseudo is not None:
            total, statistics = with_prior(xp, closed, state, objective, statistics, pseudo)
            objective = float(total)
        return Passed(objective, statistics, occupancy, likelihoods)

    def m_step(statistics: Statistics, state: State, step: float) -> State | None:
        try:
            moved = closed.m_step(xp, statistics, state, fixed, step)
        except singular:
            return None
        return moved if all(bool(xp.all(xp.isfinite(value))) for value in moved.values()) else None

    starts = [
        {name: value[restart] for name, value in states.items()} for restart in range(len(next(iter(states.values()))))
    ]
    ends = [_run(problem, start, e_step, m_step, as_array) for start in starts]
    return EMResult(
        {name: np.stack([np.asarray(end[0][name]) for end in ends]) for name in states},
        [np.array(end[1]) for end in ends],
        [end[2] for end in ends],
        np.stack([np.asarray(end[3].occupancy) for end in ends]),
        [None if end[3].likelihoods is None else np.asarray(end[3].likelihoods) for end in ends],
    )


def _check_as_many(expected: float, found: float) -> None:
    """Check that a pass over a source has met the rows that the one before EM counted.

    Raises:
        DataError: others, or fewer.
    """
    if abs(found - expected) > SAME_ROWS * expected:
        raise DataError(
            "x",
            got=f"{expected:.10g} rows before EM, and {found:.10g} in one of its passes",
            expected="a source with the same rows each time they are read",
            advice="Write rows that come anew each time, such as drawn ones, to a file first.",
        )


def _run(
    problem: EMProblem,
    state: State,
    e_step: Callable[[State], Passed],
    m_step: Callable[[Statistics, State, float], State | None],
    as_array: Callable[[np.ndarray], Array],
) -> tuple[State, list[float], Outcome, Passed]:
    """One restart's last state, its objectives, how it ended, and what the pass there found; noted, where there is a checkpoint."""
    checkpoint, start = problem.checkpoint, state
    objectives: list[float] = []
    if checkpoint is not None and (standing := checkpoint.of(start)) is not None:
        state = {name: as_array(value) for name, value in standing.state.items()}
        objectives = standing.objectives.tolist()
        if standing.occupancy is not None:
            return state, objectives, standing.outcome, Passed(objectives[-1], {}, standing.occupancy)
        objectives.pop()  # that of the state is computed again, with what the M-step wants to know
    elif problem.stepwise is not None:
        passed = stepwise.one_pass(problem, {name: np.asarray(value) for name, value in state.items()})
        state = {name: as_array(value) for name, value in passed.items()}

    def note(state: State, objectives: list[float]) -> None:
        if checkpoint is not None:
            checkpoint.note(start, Standing(state, np.array(objectives)))

    end = _steps(problem, state, objectives, e_step, m_step, note)
    if checkpoint is not None:
        checkpoint.note(start, Standing(end[0], np.array(end[1]), end[2], np.asarray(end[3].occupancy)))
    return end


def _steps(
    problem: EMProblem,
    state: State,
    objectives: list[float],
    e_step: Callable[[State], Passed],
    m_step: Callable[[Statistics, State, float], State | None],
    note: Callable[[State, list[float]], None],
) -> tuple[State, list[float], Outcome, Passed]:
    """The way from a state, before which objectives were these, to the restart's end; each state on it is noted with its objective."""
    total = problem.total_weight
    now = e_step(state)
    last = objectives[-1] if objectives else -np.inf
    while True:
        objective = now.objective
        objectives.append(objective)
        note(state, objectives)
        size = min(abs(objective), abs(objective + problem.base))
        small = problem.tolerance * max(size, total)
        if objective - last <= small:
            return state, objectives, Outcome.AT_REST, now
        if len(objectives) > problem.max_steps:
            return state, objectives, Outcome.OUT_OF_STEPS, now
        last = objective
        moved = m_step(now.statistics, state, 1.0) if np.isfinite(objective) else None
        if moved is None:
            return state, objectives, Outcome.BROKEN, now
        found, step = e_step(moved), 1.0
        # a Newton step that went too far is taken again, half as long
        while problem.closed_form.is_damped and not found.objective >= objective - small:
            step *= 0.5
            moved = m_step(now.statistics, state, step) if step > SHORTEST else None
            if moved is None:
                return state, objectives, Outcome.AT_REST, now
            found = e_step(moved)
        state, now = moved, found


def run_by_numpy(problem: EMProblem, states: State, one_pass: Pass) -> EMResult:
    """The same on NumPy's arrays."""
    with np.errstate(all="ignore"):
        return run_each(
            np,
            problem,
            states,
            one_pass,
            pseudo=problem.pseudo,
            fixed=problem.fixed,
            singular=np.linalg.LinAlgError,
        )
