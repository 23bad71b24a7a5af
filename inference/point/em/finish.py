"""What is done when EM's restarts have ended: the best is climbed to its top, and what came from elsewhere is checked."""

import numpy as np

from inference.backends import Bound
from inference.point.em.objective import EMObjective
from inference.point.em.runs import Runs
from inference.point.em.settings import Settings
from inference.point.restarts import best_restart, optima
from inference.status import Status
from mixtures.errors import ModelError

DIFFERENT = 1e-8
"""Relative difference from which on two log likelihoods are not the same to rounding."""


def check_brought(bound: Bound, likelihood: float, losses: np.ndarray, parameters: dict[str, np.ndarray]) -> None:
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


def finished(bound: Bound, settings: Settings, runs: Runs, is_posterior: bool) -> Runs:
    """The best restart climbed to its top by quasi-Newton steps, and told from one whose parameters run off for ever.

    EM is slow near a maximum that is flat, and a Newton step knows no maximum from a slope. The next best is looked at where one runs off.
    """
    climber = EMObjective(bound, settings, is_posterior)
    while runs.table.at[best := best_restart(runs.table), "status"].is_sound:
        values = runs.parameters(best)
        # before the climb, which may go so far that the objective is flat all around
        end = climber.runs_off(values)
        if end is None:
            losses = list(runs.losses[best])
            top, is_flat = climber.leap(values, losses, settings.max_steps)
            runs = _with_end(runs, best, top, climber, losses)
            if is_flat and runs.table.at[best, "status"] is Status.MAX_STEPS:
                runs.table.at[best, "status"] = Status.CONVERGED
            end = climber.runs_off(top)
        if end is None or runs.table.at[best, "status"] is end:
            break
        runs.table.at[best, "status"] = end
    runs.table["optimum"] = optima(runs.table)
    return runs


def _with_end(runs: Runs, best: int, top: dict[str, np.ndarray], climber: EMObjective, losses: list[float]) -> Runs:
    """The restarts, of which one ends elsewhere."""
    table, series = runs.table.copy(), list(runs.losses)
    series[best] = np.array(losses)
    table.at[best, "objective"], table.at[best, "steps"] = losses[-1], len(losses) - 1

    def likelihoods(restart: int) -> tuple[float, float]:
        return climber.likelihoods(top) if restart == best else runs.likelihoods(restart)

    return Runs(
        lambda restart: top if restart == best else runs.parameters(restart), likelihoods, series, table, runs.lost
    )
