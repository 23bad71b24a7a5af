"""Maximum likelihood by gradient, for every declared program."""

from typing import Any, Literal

import numpy as np
from scipy import optimize

from inference.backends.protocol import Ascent, GradientOptions, LogDensity
from inference.backends.sites import Sites
from inference.bound import Bound
from inference.checks import (
    check_choice,
    check_count,
    check_counts,
    check_flags,
    check_positive,
    check_room,
    check_share,
    checked,
    sizes_of,
)
from inference.point.assembly import assembled, check_sound
from inference.point.judgement import Judge
from inference.point.reasons import reason_of
from inference.point.restarts import best_restart, judged, numbered_by_weight, polished
from inference.point.starts import Starts, draw_starts, step_scales
from inference.results import PointFit
from mixtures import Program
from mixtures.errors import ModelError
from mixtures.renamed import formerly
from mixtures.seeds import check_seed, generator, restart_seeds

OPTIMIZERS = ("adam", "sgd", "lbfgs")


@formerly(init="start", strict="raise_if_bad")
def fit_mle(
    program: Program,
    x: Any,
    *,
    optimizer: Literal["adam", "sgd", "lbfgs"] = "adam",
    learning_rate: float = 0.05,
    momentum: float = 0.9,
    batch_size: int | None = None,
    epochs: int = 1000,
    restarts: int = 10,
    seed: int,
    init: Starts = None,
    row_weights: Any = None,
    labels: Any = None,
    backend: str = "numpyro",
    strict: bool = False,
) -> PointFit:
    """The parameters of highest likelihood, assignments summed out, by gradient ascent from many starts.

    The objective is the mean log likelihood of the rows, so that a learning rate means the same whatever their number. Steps decay along a
    cosine. With full batches the best sound restart is climbed to its top by L-BFGS; with minibatches it is returned as it is.

    Args:
        program: a declaration; its priors play no part, except that a user's own program draws its starts from them.
        x: data, shape (rows,) or (rows, features).
        optimizer: `"adam"`, `"sgd"` (with momentum) or `"lbfgs"`.
        learning_rate: of Adam and SGD, in units of the distance between random starts (on a log or logit scale: 1).
        momentum: of SGD.
        batch_size: rows of a step, drawn anew in every epoch; None for all rows.
        epochs: passes over the data; iterations of L-BFGS at most.
        restarts: the number of starts.
        seed: an int in [0, 2**32).
        init: as in `fit_map`.
        row_weights: how often each row counts, shape (rows,); also `Observations.row_weights`.
        labels: known components 0, ..., components - 1, shape (rows,), and -1 or None where unknown; also `Observations.labels`.
        backend: `"numpyro"` or `"pyro"`.
        strict: raise where the best restart is unsound, instead of returning it with its status.

    Returns:
        A `PointFit`; `losses` are negative log likelihoods before each step, of minibatches scaled to all rows. Where the declaration treats
        components alike and `init` is None, they are numbered by decreasing weight.

    Raises:
        DataError, ModelError, ChoiceError, SeedError: bad arguments.
        BackendError: a backend that is not installed.
        FitError: the fit is unsound and `strict` is set.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> fit = fit_mle(gaussian_mixture(1), [1.0, 2.0, 6.0], restarts=1, epochs=50, seed=0)
        >>> float(fit.parameters["loc"][0].round(4))
        3.0
    """
    observations = checked(program, x, labels=labels, row_weights=row_weights)
    seed = check_seed(seed)
    check_counts(restarts=restarts, epochs=epochs)
    if check_positive("momentum", momentum, or_zero=True):
        check_share("momentum", momentum)
    check_positive("learning_rate", learning_rate)
    check_flags(strict=strict)
    check_choice("optimizer", optimizer, OPTIMIZERS)
    check_room(restarts=restarts, epochs=epochs)
    check_room(restarts=restarts, **sizes_of(program, observations))
    if batch_size is not None and (optimizer == "lbfgs" or check_count("batch_size", batch_size) > len(observations)):
        raise ModelError(
            "batch_size",
            got=f"{batch_size} for {len(observations)} rows and {optimizer}",
            expected="at most the number of rows, and None for lbfgs",
            advice="L-BFGS needs exact gradients: use adam or sgd for minibatches.",
        )
    bound = Bound.of(program, observations, backend)
    sites, scales = bound.sites, step_scales(bound, seed, "fit_mle")
    density = bound.density(prior=False)
    real = {site.name: scales[site.name] for site in sites.parameters if site.is_real}
    seeds = restart_seeds(seed, restarts)
    drawn = draw_starts(bound, seeds, "fit_mle", init)
    starts = np.stack([density.unconstrain({name: v[i] for name, v in drawn.items()}) for i in range(restarts)])
    units = density.units(real)
    if optimizer == "lbfgs":
        ascent = _quasi_newton(density, starts, units, sites, epochs)
    else:
        batches = _batches(len(observations), batch_size, epochs, seed)
        steps = epochs if batches is None else len(batches)
        options = GradientOptions(optimizer, learning_rate, momentum, steps, batches)
        ascent = bound.engine.maximise_likelihood(program, observations, starts, units, options)
    units_of_rest = scales if batch_size is None else None
    judge = Judge(program, observations, sites, is_bounded=False)
    table = judged(judge, bound, ascent, seeds, units_of_rest)
    if batch_size is None:
        best, parameters = polished(judge, bound, ascent, table, density, real)
    else:
        best = best_restart(table)
        parameters = {name: value[best] for name, value in ascent.parameters.items()}
    if init is None and observations.labels is None:
        parameters = numbered_by_weight(bound, parameters, with_prior=False)
    check_sound("fit_mle", table, best, strict, reason_of(table.at[best, "status"], observations))
    return assembled(bound, seed, ascent, table, best, parameters, is_posterior=False)


def _batches(rows: int, batch_size: int | None, epochs: int, seed: int) -> np.ndarray | None:
    """The rows of each step, (steps, batch): each epoch is a permutation, its last incomplete batch left out."""
    if batch_size is None:
        return None
    rng = generator(seed, "fit_mle", "batches")
    whole = rows // batch_size * batch_size
    return np.concatenate([rng.permutation(rows)[:whole].reshape(-1, batch_size) for _ in range(epochs)])


def _quasi_newton(density: LogDensity, starts: np.ndarray, units: np.ndarray, sites: Sites, epochs: int) -> Ascent:
    """L-BFGS from every start in turn."""
    ends, series = [], []
    for start in starts:
        last: list[tuple[float, np.ndarray]] = []

        def objective(v: np.ndarray, start: np.ndarray = start, last: list = last) -> tuple[float, np.ndarray]:
            value, gradient = density.value_and_gradient(start + units * v)
            last[:] = [(-value, gradient)]
            return -value, -gradient * units

        objective(np.zeros(density.size))
        climbed = last.copy()
        result = optimize.minimize(
            objective,
            np.zeros(density.size),
            jac=True,
            method="L-BFGS-B",
            # a step ends where the line search looked last
            callback=lambda _, last=last, climbed=climbed: climbed.extend(last),
            options={"maxiter": epochs, "ftol": 1e-14, "gtol": 1e-8},
        )
        ends.append(density.constrain(start + units * result.x))
        series.append(climbed)
    steps = max(map(len, series))
    losses = np.array([_drawn_out([loss for loss, _ in climbed], steps + 1) for climbed in series])
    gradients = np.array([_drawn_out([gradient for _, gradient in climbed], steps) for climbed in series])
    norms = {
        site.name: np.linalg.norm(gradients[:, :, density.units({site.name: np.zeros(())}) == 0], axis=2)
        for site in sites.parameters
    }
    return Ascent({name: np.stack([end[name] for end in ends]) for name in ends[0]}, losses, norms)


def _drawn_out(values: list[Any], length: int) -> list[Any]:
    """The values, the last one repeated until there are so many."""
    return values + values[-1:] * (length - len(values))
