"""EM's restarts: where they begin, how they ended, and the table that says so."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from inference.point.em.closed_form import State, Statistics
from inference.point.em.initial_partitions import Partition, Partitions, matched
from inference.point.em.likelihoods import likelihoods_at
from inference.point.em.mixture_em import MixtureEM
from inference.point.em.problem import EMProblem, EMResult, Outcome
from inference.point.judgement import EMPTY_ROWS, knows_spread, rows_of_one
from inference.point.moments import moments
from inference.point.restarts import optima
from inference.point.spurious import spurious_components
from inference.status import Status
from mixtures import Observations

COLLAPSED = 1e-24
"""A component whose variance along some direction is below this share of the data's own has collapsed: its standard deviation is as small as
the rounding of its rows. No larger share will do: beside one row that lies a million standard deviations away, all others are narrow."""

SAME = 1e-3
"""Components nearer to each other than this, in standard deviations, whose spreads differ by less than this share, are one."""

SHRINKAGE = 1.0
"""Rows of average scatter that a component of a first partition is given, so that single rows do not start as spikes."""


@dataclass(frozen=True, eq=False)
class Runs:
    """What became of every restart.

    Args:
        parameters: the restart's number -> its parameters.
        likelihoods: the restart's number -> log p(x | parameters), and log p(x, z | parameters) at the most probable z.
        losses: negative objectives of each restart.
        table: see `PointFit.restarts`.
        lost: how many coordinates are free no more where sites are held in part.
    """

    parameters: Callable[[int], dict[str, np.ndarray]]
    likelihoods: Callable[[int], tuple[float, float]]
    losses: list[np.ndarray]
    table: pd.DataFrame
    lost: int = 0


@dataclass(frozen=True, eq=False)
class Beginning:
    """Where a restart begins.

    Args:
        rule: how the start was made.
        seed: with which seed.
        state: in EM's coordinates.
    """

    rule: str
    seed: int
    state: State


def problem_of(
    closed_forms: tuple[MixtureEM, ...],
    which: int,
    x: Observations,
    *,
    row_weights: np.ndarray | None,
    fixed: Mapping[str, bool],
    is_hard: bool = False,
    tolerance: float,
    max_steps: int,
    pseudo: Statistics | None = None,
) -> EMProblem:
    """What EM is to do with these data, in its own coordinates; see `EMProblem`."""
    closed = closed_forms[which]
    values = closed.columns(x)
    frame = closed.frame(values)
    rows = closed.log_base(x)
    weights = np.ones(len(rows)) if row_weights is None else row_weights
    base = float(np.sum(weights * rows))
    return EMProblem(
        closed_forms=closed_forms,
        which=which,
        x=values,
        frame=frame,
        features=x.features,
        offset=base + float(np.sum(weights * closed.log_jacobian(frame, values))),
        row_weights=row_weights,
        labels=x.labels,
        fixed=fixed,
        is_hard=is_hard,
        tolerance=tolerance,
        max_steps=max_steps,
        pseudo=pseudo,
        base=base,
    )


def beginnings(
    problem: EMProblem,
    components: int,
    count: int,
    seed: int,
    *,
    given: Sequence[Mapping[str, np.ndarray]] = (),
    fixed: Mapping[str, np.ndarray] | None = None,
    partitions: Partitions | None,
) -> list[Beginning]:
    """The starts: those given, then partitions; parameters that are fixed have their values from the beginning."""
    encode = functools.partial(problem.closed_form.encode, features=problem.features, frame=problem.frame)
    first = [Beginning("given", seed, encode(start)) for start in given[:count]]
    drawn = [] if partitions is None else partitions.draw(components, count - len(first))
    return first + from_partitions(problem, drawn, components, fixed)


def from_partitions(
    problem: EMProblem, drawn: Sequence[Partition], components: int, fixed: Mapping[str, np.ndarray] | None
) -> list[Beginning]:
    """A start from each partition, numbered like the known labels, with fixed parameters in their place."""
    if problem.labels is not None:
        drawn = [matched(partition, problem.labels, components) for partition in drawn]
    rest = [_from_partition(problem, partition, components) for partition in drawn]
    return [replace(start, state=_with_fixed(problem, start.state, fixed)) for start in rest] if fixed else rest


def _from_partition(problem: EMProblem, partition: Partition, components: int) -> Beginning:
    """The M-step's answer to a partition."""
    closed, frame = problem.closed_form, problem.frame
    sample = ((problem.x[partition.rows] - frame.centre) / frame.unit).T
    blank = closed.blank(components, len(sample))
    responsibilities = (partition.labels == np.arange(components)[:, None]).astype(np.float64)
    seen = closed.log_joint(np, blank, sample)[1]
    statistics = closed.shrunk(closed.statistics(np, responsibilities, sample, seen), SHRINKAGE)
    free = dict.fromkeys(closed.fixable, False)
    return Beginning(partition.rule, partition.seed, closed.m_step(np, statistics, blank, free))


def _with_fixed(problem: EMProblem, state: State, fixed: Mapping[str, np.ndarray]) -> State:
    """The state with known parameters in their place."""
    parameters = problem.closed_form.decode(state, problem.features, problem.frame)
    return problem.closed_form.encode(parameters | dict(fixed), problem.features, problem.frame)


def stacked(starts: Sequence[Beginning]) -> State:
    """The states of all starts, (restarts, ...) by name."""
    return {name: np.stack([start.state[name] for start in starts]) for name in starts[0].state}


def padded(closed: MixtureEM, start: Beginning, components: int) -> Beginning:
    """The start with components of weight 0 added, so that several numbers of components share a compiled program."""
    own = len(start.state["weights"])
    blank = closed.blank(components, start.state["loc"].shape[-1])
    state = {
        name: np.concatenate([value, blank[name][own:]]) if name in closed.per_component else value
        for name, value in start.state.items()
    }
    state["weights"][own:] = 0.0
    return Beginning(start.rule, start.seed, state)


def part_of(closed: MixtureEM, result: EMResult, restarts: slice, components: int) -> EMResult:
    """Some restarts of a result, without the components of weight 0 that were added."""
    return EMResult(
        {
            name: value[restarts, :components] if name in closed.per_component else value[restarts]
            for name, value in result.states.items()
        },
        result.objectives[restarts],
        result.outcomes[restarts],
        result.occupancy[restarts, :components],
    )


def summarise(problem: EMProblem, starts: Sequence[Beginning], result: EMResult) -> Runs:
    """The table of restarts, and the way to their parameters."""
    offset = problem.offset + problem.prior_offset
    losses = [-(objectives + offset) for objectives in result.objectives]
    spread = spread_of(problem)
    restarts = range(len(starts))
    states = [{name: value[restart] for name, value in result.states.items()} for restart in restarts]
    table = table_of(
        starts=[(start.rule, start.seed) for start in starts],
        losses=losses,
        statuses=[
            status_of(problem, state, spread, result.occupancy[restart], result.outcomes[restart])
            for restart, state in enumerate(states)
        ],
        occupancy=list(result.occupancy),
    )
    return Runs(
        lambda restart: problem.closed_form.decode(states[restart], problem.features, problem.frame),
        lambda restart: likelihoods_at(
            problem, states[restart], result.likelihoods[restart] if result.likelihoods else None
        ),
        losses,
        table,
    )


def table_of(
    starts: Sequence[tuple[str, int]],
    losses: Sequence[np.ndarray],
    statuses: Sequence[Status],
    occupancy: Sequence[np.ndarray],
) -> pd.DataFrame:
    """The table of restarts, with the rule of each start and the optimum it reached."""
    table = pd.DataFrame(
        {
            "seed": np.array([seed for _, seed in starts], dtype=np.int64),
            "initial_objective": [series[0] for series in losses],
            "objective": [series[-1] for series in losses],
            "steps": [len(series) - 1 for series in losses],
            "status": pd.Series(list(statuses), dtype=object),
            "occupancy": pd.Series(list(occupancy), dtype=object),
            "rule": [rule for rule, _ in starts],
        }
    )
    table["optimum"] = optima(table)
    return table


def spread_of(problem: EMProblem) -> np.ndarray:
    """The data's covariance in EM's coordinates, lifted a little where the data have no spread at all."""
    columns, unit = problem.x.shape[1], problem.frame.unit
    covariance = moments(problem.x, problem.row_weights)[1] / (unit[:, None] * unit)
    return covariance + 1e-12 * max(float(np.trace(covariance)) / columns, 1e-150) * np.eye(columns)


def status_of(problem: EMProblem, state: State, spread: np.ndarray, occupancy: np.ndarray, outcome: Outcome) -> Status:
    """How a restart ended; `spread` is `spread_of` its problem."""
    closed = problem.closed_form
    if outcome is Outcome.BROKEN or closed.narrowest(state, spread) < COLLAPSED:
        return Status.COLLAPSED
    occupancy = occupancy * rows_of_one(problem.row_weights)
    if occupancy.min() < EMPTY_ROWS:
        return Status.EMPTY
    if np.triu(closed.apart(state) < SAME, 1).any():
        return Status.DUPLICATE
    if _is_spurious(problem, state, occupancy):
        return Status.SPURIOUS
    return Status.CONVERGED if outcome is Outcome.AT_REST else Status.MAX_STEPS


def _is_spurious(problem: EMProblem, state: State, occupancy: np.ndarray) -> bool:
    """Whether a component owes its likelihood to a few close rows; one whose rows or spread are known does not."""
    covariances = problem.closed_form.covariances(state)
    if covariances is None or knows_spread(part for part, is_held in problem.fixed.items() if is_held):
        return False
    return bool(spurious_components(covariances, occupancy, problem.labels).any())
