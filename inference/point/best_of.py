"""The best of many starts, climbed to its top: what gradient fits share."""

import numpy as np
import pandas as pd

from inference.backends.ascent import Ascent
from inference.point.ascents import Ascend, drawn_out
from inference.point.assembly import assembled, check_sound
from inference.point.judgement import Judge
from inference.point.objective import Objective
from inference.point.reasons import reason_of
from inference.point.restarts import best_restart, judged, numbered_by_weight, polished
from inference.point.starts import Starts, draw_starts
from inference.results import PointFit
from mixtures.seeds import restart_seeds

Round = tuple[Ascent, pd.DataFrame]
"""Where starts led, and the table that says how they ended."""


def best_of(
    objective: Objective,
    ascend: Ascend,
    restarts: int,
    init: Starts,
    *,
    strict: bool,
    is_exact: bool = True,
) -> PointFit:
    """The fit of the best restart.

    Args:
        objective: what is climbed.
        ascend: how.
        restarts: the number of starts.
        init: see `fit_map`. When all of a user's starts collapse, as many are drawn by the program's own rule.
        strict: raise where the best restart is unsound.
        is_exact: whether an ascent ends at the objective's own maximum, up to the last digits; one by minibatches stays where it ended.

    Raises:
        FitError: the fit is unsound and `strict` is set.
    """
    bound = objective.bound
    constraint = objective.constraint
    judge = Judge(bound, is_bounded=objective.is_posterior, fixed=constraint.known if constraint else ())

    def ended(seeds: np.ndarray, given: Starts) -> Round:
        ascent = ascend(draw_starts(bound, seeds, objective.verb, given))
        return ascent, judged(judge, bound, ascent, seeds, objective.scales if is_exact else None)

    ascent, table = ended(restart_seeds(objective.seed, restarts), init)
    if init is not None and not any(status.is_sound for status in table["status"]):
        more = restart_seeds(objective.seed, 2 * restarts)[restarts:]
        ascent, table = _joined((ascent, table), ended(more, None))
    if is_exact:
        best, parameters = polished(judge, bound, ascent, table, objective.density, objective.real_scales)
    else:
        best = best_restart(table)
        parameters = {name: value[best] for name, value in ascent.parameters.items()}
    if init is None and bound.x.labels is None and constraint is None:
        parameters = numbered_by_weight(bound, parameters, with_prior=objective.is_posterior)
    check_sound(objective.verb, table, best, strict, reason_of(table.at[best, "status"], bound.x))
    lost = constraint.lost if constraint else 0
    return assembled(
        bound, objective.seed, ascent, table, best, parameters, is_posterior=objective.is_posterior, lost=lost
    )


def _joined(first: Round, second: Round) -> Round:
    """Two rounds of restarts as one."""
    (a, table_a), (b, table_b) = first, second
    length = max(a.losses.shape[1], b.losses.shape[1])

    def both(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.concatenate([drawn_out(one, length, 1), drawn_out(other, length, 1)])

    ascent = Ascent(
        {name: np.concatenate([a.parameters[name], b.parameters[name]]) for name in a.parameters},
        both(a.losses, b.losses),
        {name: both(a.gradient_norms[name], b.gradient_norms[name]) for name in a.gradient_norms},
        None if a.steps is None or b.steps is None else np.concatenate([a.steps, b.steps]),
    )
    return ascent, pd.concat([table_a, table_b], ignore_index=True)
