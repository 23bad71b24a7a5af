"""How much likelihood one component more gains, on many data sets of one shape."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inference.point.em.initial_partitions import ROWS_AT_MOST
from inference.point.em.problem import EMProblem
from inference.point.em.runs import Beginning, from_partitions
from inference.point.em.split_merge import split
from inference.selection.refits import EMOptions, Parameters, Refit, refit
from inference.status import Status
from mixtures import Mixture, Observations
from mixtures.seeds import derived, generator, restart_seeds

AS_MANY = (Status.DUPLICATE, Status.EMPTY)
"""How K + 1 components end that are K."""


def statistics_of(
    mixture: Mixture, data: Sequence[Observations], parameters: Parameters, options: EMOptions, first: int = 0
) -> tuple[np.ndarray, list[Status]]:
    """Likelihood-ratio statistics of the mixture against one of a component more, NaN where no fit is sound; how the larger fits ended.

    Args:
        mixture: of K components.
        data: the data sets.
        parameters: of K components, where their fits begin.
        options: how fits are found; `restarts` are those of K + 1 components.
        first: the number of the first data set, where they are some of many.
    """

    def given(_: int, problem: EMProblem) -> list[Beginning]:
        state = problem.closed_form.encode(parameters, problem.features, problem.frame)
        return [Beginning("given", options.seed, state)]

    smaller = refit(mixture, data, given, options, init=parameters, first=first)

    def splits(number: int, problem: EMProblem) -> list[Beginning]:
        seed = derived(options.seed, "splits", number)
        return _splits(problem, smaller[number - first], mixture.components, seed, options)

    one_more = replace(mixture, components=mixture.components + 1)
    larger = refit(one_more, data, splits, options, first=first, before=smaller)
    statistics = [_statistic(*pair) for pair in zip(smaller, larger, strict=True)]
    return np.array(statistics), [one.status for one in larger]


def _splits(problem: EMProblem, smaller: Refit, components: int, seed: int, options: EMOptions) -> list[Beginning]:
    """Starts at splits of the components that were found."""
    assert smaller.problem is not None  # both have closed M-steps, or none
    rows = np.arange(len(problem.x))
    if len(rows) > ROWS_AT_MOST:
        rows = np.sort(generator(seed, "rows").choice(rows, ROWS_AT_MOST, replace=False))
    drawn = split(smaller.problem, smaller.state, rows, restart_seeds(seed, options.restarts))
    return from_partitions(problem, drawn, components + 1, None)


def _statistic(smaller: Refit, larger: Refit) -> float:
    """2 log of the likelihood ratio; K components with one written twice are K + 1, so that it is 0 at the least."""
    if not smaller.status.is_sound or not (larger.status.is_sound or larger.status in AS_MANY):
        return np.nan
    gain = 2 * (larger.log_likelihood - smaller.log_likelihood)
    return max(0.0, gain) if np.isfinite(gain) else np.nan
