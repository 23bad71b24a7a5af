"""EM without closed-form M-steps, be it for the family, the objective, or a site held in part: they climb by gradient, restarts side by side.

Each M-step takes a few quasi-Newton steps on the expected log joint density, and keeps them only if it has risen: a generalised EM, whose
objective never falls (Dempster, Laird & Rubin 1977). EM is sure far from an optimum and slow near one: where its gains have become small,
quasi-Newton steps on the objective itself take over (Jamshidian & Jennrich 1997, Journal of the Royal Statistical Society B 59).
"""

from dataclasses import dataclass

import numpy as np

from inference.backends import Bound
from inference.backends.ascent import Ascent
from inference.point.ascents import drawn_out
from inference.point.em.initial_partitions import Partition, Partitions, matched
from inference.point.em.objective import EMObjective, Points
from inference.point.em.problem import Outcome
from inference.point.em.runs import Runs
from inference.point.em.settings import Settings
from inference.point.judgement import Judge
from inference.point.restarts import judged, optima
from inference.point.starts import draw_starts
from inference.status import Status
from mixtures import Mixture, Observations
from mixtures.completed import completed
from mixtures.seeds import generator, restart_seeds

SMALL_GAIN = 1e-4
"""Gain of an M-step, in log density for each row, below which quasi-Newton steps on the objective take over."""

EM_STEPS = 3
"""M-steps after which they take over in any case."""

CELLS = 4_000_000
"""Numbers in the tables, restarts x rows x components, of restarts that go side by side."""


def generalised_em(bound: Bound, mixture: Mixture, settings: Settings, is_posterior: bool) -> Runs:
    """All restarts, from the family's own starts."""
    seeds = restart_seeds(settings.seed, settings.restarts)
    objective = EMObjective(bound, settings, is_posterior)
    starts, rules = _starts(bound, mixture, settings, objective, seeds)
    together = restarts_together(bound.x, mixture)
    ends = [
        _run(objective, settings, starts[first : first + together]) for first in range(0, settings.restarts, together)
    ]
    parameters = objective.values(np.concatenate([end.vectors for end in ends]))
    losses = [np.array(series) for end in ends for series in end.losses]
    outcomes = [outcome for end in ends for outcome in end.outcomes]
    longest = max(map(len, losses))
    ascent = Ascent(
        parameters,
        np.stack([drawn_out(series, longest) for series in losses]),
        {site.name: np.zeros((len(losses), 1)) for site in bound.sites.parameters},
        np.array([len(series) - 1 for series in losses]),
    )
    constraint = objective.constraint
    known = constraint.known if constraint else settings.fixed
    table = judged(Judge(bound, is_bounded=is_posterior, fixed=known), bound, ascent, seeds)
    table["status"] = [
        Status.CONVERGED if status is Status.MAX_STEPS and outcome is Outcome.AT_REST else status
        for status, outcome in zip(table["status"], outcomes, strict=True)
    ]
    table["rule"] = rules
    table["optimum"] = optima(table)

    def of_restart(restart: int) -> dict[str, np.ndarray]:
        return {name: value[restart] for name, value in parameters.items()}

    return Runs(
        of_restart,
        lambda restart: objective.likelihoods(of_restart(restart)),
        losses,
        table,
        constraint.lost if constraint else 0,
    )


def restarts_together(x: Observations, mixture: Mixture) -> int:
    """How many restarts go side by side."""
    return max(1, CELLS // (len(x) * mixture.components))


def _starts(
    bound: Bound, mixture: Mixture, settings: Settings, objective: EMObjective, seeds: np.ndarray
) -> tuple[Points, list[str]]:
    """Vectors where restarts begin, (restarts, size), and by which rules: those that were given first."""
    given = min(len(settings.starts), settings.restarts)
    starts = draw_starts(bound, seeds, "fit_em", settings.starts or None)
    vectors = objective.vectors(starts)
    if not (settings.fixed or settings.constraint) or given == settings.restarts:
        return vectors, ["given"] * given + ["rows"] * (settings.restarts - given)
    drawn = _partitions(mixture, bound.x, settings)
    together = restarts_together(bound.x, mixture)
    for first in range(given, settings.restarts, together):
        some = slice(first, first + together)
        vectors[some] = objective.from_partitions(vectors[some], drawn[first - given :][:together], mixture.components)
    return vectors, ["given"] * given + [partition.rule for partition in drawn]


def _partitions(mixture: Mixture, x: Observations, settings: Settings) -> list[Partition]:
    """Where EM begins if some parameters are known: starts at rows may differ in those alone, and then end at components that are one."""
    values = completed(x, generator(settings.seed, "fit_em", "missing cells"))
    count = settings.restarts - len(settings.starts)
    drawn = Partitions(values.reshape(len(values), -1), settings.seed, "fit_em").draw(mixture.components, count)
    return drawn if x.labels is None else [matched(partition, x.labels, mixture.components) for partition in drawn]


@dataclass(frozen=True, eq=False)
class _Ends:
    """Where restarts ended.

    Args:
        vectors: (restarts, size).
        losses: negative objectives of each, before each step and at the end.
        outcomes: how each ended.
    """

    vectors: Points
    losses: list[list[float]]
    outcomes: list[Outcome]


def _run(objective: EMObjective, settings: Settings, starts: Points) -> _Ends:
    """EM from every start, until its gains are small; then quasi-Newton steps, where assignments are not hard."""
    vectors, size = starts.copy(), objective.rows
    losses: list[list[float]] = [[] for _ in starts]
    outcomes = np.full(len(starts), Outcome.RUNNING)
    is_running, last = np.ones(len(starts), dtype=bool), np.full(len(starts), -np.inf)
    while True:
        tables, found = objective.evaluated(vectors)
        for restart in np.flatnonzero(is_running):
            losses[restart].append(-float(found[restart]))
        with np.errstate(invalid="ignore"):  # infinity less infinity
            gain = found - last
        enough = settings.tolerance * np.maximum(np.abs(found), size) if settings.is_hard else SMALL_GAIN * size
        outcomes[is_running & ~np.isfinite(found)] = Outcome.BROKEN
        is_running &= np.isfinite(found)
        is_out = np.array([len(series) > settings.max_steps for series in losses])
        outcomes[is_running & is_out] = Outcome.OUT_OF_STEPS
        is_running &= ~is_out & ~(gain <= enough)
        if not settings.is_hard:
            is_running &= np.array([len(series) <= EM_STEPS for series in losses])
        if not is_running.any():
            break
        moved = objective.m_step(vectors, objective.responsibilities(tables))
        vectors, last = np.where(is_running[:, None], moved, vectors), found
    is_slow = outcomes == Outcome.RUNNING
    if settings.is_hard:
        outcomes[is_slow] = Outcome.AT_REST
    elif is_slow.any():
        left = 1 + settings.max_steps - max(len(losses[restart]) for restart in np.flatnonzero(is_slow))
        tops, way = objective.climbed(vectors, max(1, left))
        vectors = np.where(is_slow[:, None], tops, vectors)
        is_flat = objective.is_flat(way)
        for restart in np.flatnonzero(is_slow):
            losses[restart] += np.minimum.accumulate(way.values[restart])[1:].tolist()
            outcomes[restart] = Outcome.AT_REST if is_flat[restart] else Outcome.OUT_OF_STEPS
    return _Ends(vectors, losses, [Outcome(outcome) for outcome in outcomes])
