"""Maximum a posteriori: AutoDelta from many starts, the best one climbed to its top."""

from typing import Any

import numpy as np
import pandas as pd

from inference.backends.protocol import Ascent
from inference.bound import Bound
from inference.checks import check_counts, check_flags, check_positive, check_room, checked, sizes_of
from inference.point.assembly import assembled, check_sound
from inference.point.judgement import Judge
from inference.point.reasons import reason_of
from inference.point.restarts import judged, numbered_by_weight, polished
from inference.point.starts import Starts, draw_starts, step_scales
from inference.results import PointFit
from mixtures import Program
from mixtures.renamed import formerly
from mixtures.seeds import check_seed, restart_seeds


@formerly(init="start", strict="raise_if_bad")
def fit_map(
    program: Program,
    x: Any,
    *,
    restarts: int = 20,
    steps: int = 500,
    learning_rate: float = 0.1,
    seed: int,
    init: Starts = None,
    row_weights: Any = None,
    labels: Any = None,
    backend: str = "numpyro",
    strict: bool = False,
) -> PointFit:
    """The parameters of highest posterior density, assignments summed out: best of many seeded starts.

    Each start runs Adam on AutoDelta's ELBO, which for a delta guide is the log posterior density in the constrained space; steps decay
    to rest. The best sound restart is then climbed to its maximum by L-BFGS. Restarts in which a component collapsed are reported and
    never chosen while a sound one exists; when all of a user's starts collapse, as many are drawn by the program's own rule.

    Args:
        program: a declaration.
        x: data, shape (rows,) or (rows, features); see `mixtures.Observations`.
        restarts: the number of starts.
        steps: gradient steps from each start.
        learning_rate: length of the first steps, in units of the distance between random starts (on a log or logit scale: 1).
        seed: an int in [0, 2**32). Each restart has one derived from it, in the table `restarts`, whose own first
            restart begins in the same place.
        init: None for the program's rule (for a Gaussian mixture: equal weights, standard deviations
            sqrt(variance / components), locations at rows drawn at random); or one start `{site: value}` or a list of them, used first; or
            a function (x, numpy Generator) -> start. Sites not named follow the rule.
        row_weights: how often each row counts, shape (rows,); also `Observations.row_weights`.
        labels: known components 0, ..., components - 1, shape (rows,), and -1 or None where unknown; also `Observations.labels`.
        backend: `"numpyro"` or `"pyro"`.
        strict: raise where the best restart is unsound, instead of returning it with its status.

    Returns:
        A `PointFit`. Where the prior treats components alike and `init` is None, they are numbered by decreasing weight.

    Raises:
        DataError, ModelError, ChoiceError, SeedError: bad arguments.
        BackendError: a backend that is not installed.
        FitError: the fit is unsound and `strict` is set.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> fit = fit_map(gaussian_mixture(2), [0.0, 1.0, 10.0, 11.0, 12.0], restarts=5, seed=0)
        >>> fit.status.word
        'converged'
    """
    observations = checked(program, x, labels=labels, row_weights=row_weights)
    seed = check_seed(seed)
    check_counts(restarts=restarts, steps=steps)
    check_positive("learning_rate", learning_rate)
    check_flags(strict=strict)
    check_room(restarts=restarts, steps=steps)
    check_room(restarts=restarts, **sizes_of(program, observations))
    bound = Bound.of(program, observations, backend)
    sites, scales = bound.sites, step_scales(bound, seed, "fit_map")

    judge = Judge(program, observations, sites)

    def climb(seeds: np.ndarray, given: Starts) -> tuple[Ascent, pd.DataFrame]:
        starts = draw_starts(bound, seeds, "fit_map", given)
        ascent = bound.engine.maximise(program, observations, starts, scales, steps=steps, learning_rate=learning_rate)
        return ascent, judged(judge, bound, ascent, seeds, scales)

    ascent, table = climb(restart_seeds(seed, restarts), init)
    if init is not None and not any(status.is_sound for status in table["status"]):
        ascent, table = _joined((ascent, table), climb(restart_seeds(seed, 2 * restarts)[restarts:], None))
    real = {site.name: scales[site.name] for site in sites.parameters if site.is_real}
    density = bound.density()
    best, parameters = polished(judge, bound, ascent, table, density, real)
    if init is None and observations.labels is None:
        parameters = numbered_by_weight(bound, parameters, with_prior=True)
    check_sound("fit_map", table, best, strict, reason_of(table.at[best, "status"], observations))
    return assembled(bound, seed, ascent, table, best, parameters, is_posterior=True)


def _joined(first: tuple[Ascent, pd.DataFrame], second: tuple[Ascent, pd.DataFrame]) -> tuple[Ascent, pd.DataFrame]:
    """Two rounds of restarts as one."""
    (a, table_a), (b, table_b) = first, second
    ascent = Ascent(
        {name: np.concatenate([a.parameters[name], b.parameters[name]]) for name in a.parameters},
        np.concatenate([a.losses, b.losses]),
        {name: np.concatenate([a.gradient_norms[name], b.gradient_norms[name]]) for name in a.gradient_norms},
    )
    return ascent, pd.concat([table_a, table_b], ignore_index=True)
