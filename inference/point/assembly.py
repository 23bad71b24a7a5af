"""From restarts that were judged to a `PointFit`: what `fit_map` and `fit_mle` share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from inference.backends import Bound
from inference.backends.ascent import Ascent
from inference.backends.sites import Sites
from inference.point.reasons import reason_of
from inference.point.restarts import optima
from inference.point.simpler import simpler
from inference.results import Origin, PointFit
from mixtures.errors import FitError

Parameters = dict[str, np.ndarray]


def check_sound(verb: str, table: pd.DataFrame, best: int, strict: bool, reason: str) -> None:
    """Raise FitError if the best restart is unsound and that was asked for."""
    status = table.at[best, "status"]
    if strict and not status.is_sound:
        raise FitError(
            verb,
            got=f"{status.value} ({reason})" if reason else status.value,
            expected="a sound optimum",
            advice="See the restarts of the fit without strict.",
        )


def assembled(
    bound: Bound,
    seed: int,
    ascent: Ascent,
    table: pd.DataFrame,
    best: int,
    parameters: Parameters,
    *,
    is_posterior: bool,
    lost: int = 0,
) -> PointFit:
    """The fit of gradient ascents, of which `best` ended at `parameters`, so many of them no free ones; the optima are numbered in the table."""
    table["optimum"] = optima(table)
    likelihood, prior, classified = densities(bound, parameters)
    status = table.at[best, "status"]
    looks = ascent.losses.shape[1] - 1 if ascent.steps is None else int(ascent.steps[best]) + 1
    return PointFit(
        **parts(bound.sites, parameters),
        log_likelihood=likelihood,
        log_posterior=likelihood + prior if is_posterior else None,
        classification_log_likelihood=classified,
        losses=ascent.losses[best, :looks],
        gradient_norms={name: norms[best, :looks] for name, norms in ascent.gradient_norms.items()},
        restarts=table,
        status=status,
        free_parameters=bound.sites.free_parameters - lost,
        origin=Origin.of(bound.numbered, bound.x, bound.backend, seed),
        optima=distinct_optima(
            table, parameters, lambda restart: {name: v[restart] for name, v in ascent.parameters.items()}
        ),
        reason=reason_of(status, bound.x) or simpler(bound, parameters, status),
    )


def parts(sites: Sites, parameters: Parameters) -> dict[str, Any]:
    """The parameters in the program's order, and the names of their axes."""
    return {
        "parameters": {site.name: parameters[site.name] for site in sites.parameters},
        "dims": {site.name: site.dims for site in sites.parameters},
    }


def distinct_optima(table: pd.DataFrame, parameters: Parameters, of_restart: Callable[[int], Parameters]) -> Parameters:
    """Every distinct sound optimum, (optima, ...) by site: `parameters`, those of the best, then others; none if no restart is sound."""
    sound = table[table["optimum"] >= 0].sort_values("objective").drop_duplicates("optimum")
    ends = [parameters, *(of_restart(restart) for restart in sound.index[1:])]
    return {name: np.stack([end[name] for end in ends]) for name in parameters} if len(sound) else {}


def densities(bound: Bound, parameters: Parameters) -> tuple[float, float, float]:
    """log p(x | parameters), log p(parameters), and log p(x, z | parameters) at the most probable z (NaN without a hub)."""
    single = {name: np.asarray(value)[None] for name, value in parameters.items()}
    likelihood, prior = (float(values[0]) for values in bound.log_densities(single))
    if not bound.sites.has_hub:
        return likelihood, prior, float("nan")
    if not bound.sites.is_row_wise:
        return likelihood, prior, path_log_joint(bound, parameters)
    # a row with everything missing has no z worth guessing, and counts for nothing
    highest = bound.log_joint(parameters).max(axis=1)
    return likelihood, prior, float(bound.x.times @ np.where(bound.x.times > 0, highest, 0.0))


def path_log_joint(bound: Bound, parameters: Parameters) -> float:
    """log p(x, z | parameters) of a chain at its most probable path."""
    law = bound.sites.law
    assert law is not None  # the caller has checked
    return float(law.log_mode(np, dict(parameters), bound.emissions_at(parameters), bound.x.rows))
