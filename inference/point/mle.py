"""Maximum likelihood by gradient, for every declared program."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from inference.backends import bind
from inference.checks import (
    check_choice,
    check_count,
    check_counts,
    check_flags,
    check_has_prior,
    check_no_hyperpriors,
    check_positive,
    check_room,
    check_share,
    checked,
    sizes_of,
)
from inference.point.ascents import by_gradient, by_quasi_newton
from inference.point.best_of import best_of
from inference.point.constraints import Equal
from inference.point.gradient_steps import GradientOptions
from inference.point.objective import Objective
from inference.point.starts import Starts
from inference.results import PointFit
from mixtures import Program
from mixtures.errors import ModelError
from mixtures.renamed import formerly
from mixtures.seeds import NEEDED, check_seed, generator

OPTIMIZERS = ("adam", "sgd", "lbfgs")


@formerly(init="start", strict="raise_if_bad")
def fit_mle(
    program: Program,
    x: Any,
    *,
    optimizer: Literal["adam", "sgd", "lbfgs"] | None = None,
    learning_rate: float | None = None,
    momentum: float = 0.9,
    batch_size: int | None = None,
    epochs: int = 1000,
    restarts: int = 10,
    seed: int = NEEDED,
    init: Starts = None,
    fixed: Mapping[str, Any] | None = None,
    equal: Equal | None = None,
    row_weights: Any = None,
    labels: Any = None,
    backend: str = "numpyro",
    strict: bool = False,
) -> PointFit:
    """The parameters of highest likelihood, assignments summed out, by gradient ascent from many starts.

    All starts climb side by side by L-BFGS until they are at rest. Adam and SGD climb the mean log likelihood of the rows, so that a learning
    rate means the same whatever their number; their steps decay along a cosine. With full batches the best sound restart is refined to the
    last digit; with minibatches it is returned as it is.

    Args:
        program: a declaration; its priors play no part, except that a user's own program draws its starts from them.
        x: data, shape (rows,) or (rows, features).
        optimizer: `"lbfgs"`, `"adam"`, or `"sgd"` (with momentum); None: Adam where a learning rate or a batch size is given, else L-BFGS.
        learning_rate: of Adam and SGD, in units of the distance between random starts (on a log or logit scale: 1). None: 0.05.
        momentum: of SGD.
        batch_size: rows of a step, drawn anew in every epoch; None for all rows.
        epochs: passes over the data; iterations of L-BFGS at most.
        restarts: the number of starts.
        seed: an int in [0, 2**32).
        init: as in `fit_map`.
        fixed: `{site: values}`: parameters that are known, NaN in the place of those that are free: `{"loc": [0.0, np.nan]}`. Of probabilities
            and correlations whole rows are known, of intercepts and coefficients of weights all or none. Components keep their numbers then.
        equal: `{site: [components, ...]}`: sets of components that share a parameter: `{"scale": [[0, 1]]}`.
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
    check_no_hyperpriors(program)
    seed = check_seed(seed)
    check_counts(restarts=restarts, epochs=epochs)
    if check_positive("momentum", momentum, or_zero=True):
        check_share("momentum", momentum)
    check_flags(strict=strict)
    if optimizer is None:
        optimizer = "lbfgs" if learning_rate is None and batch_size is None else "adam"
    check_choice("optimizer", optimizer, OPTIMIZERS)
    rate = 0.05 if learning_rate is None else check_positive("learning_rate", learning_rate)
    check_room(restarts=restarts, epochs=epochs)
    check_room(restarts=restarts, **sizes_of(program, observations))
    if batch_size is not None and (optimizer == "lbfgs" or check_count("batch_size", batch_size) > len(observations)):
        raise ModelError(
            "batch_size",
            got=f"{batch_size} for {len(observations)} rows and {optimizer}",
            expected="at most the number of rows, and None for lbfgs",
            advice="L-BFGS needs exact gradients: use adam or sgd for minibatches.",
        )
    check_has_prior(program.mixture, "fit_mle", "fit_map has them, and so have the samplers.")
    bound = bind(program, observations, backend)
    if batch_size is not None:
        bound.sites.check_row_wise("minibatches")
    objective = Objective(bound, "fit_mle", seed, False, fixed, equal)
    if optimizer == "lbfgs":
        ascend = by_quasi_newton(objective, epochs)
    else:
        batches = _batches(len(observations), batch_size, epochs, seed)
        steps = epochs if batches is None else len(batches)
        ascend = by_gradient(objective, GradientOptions(optimizer, rate, steps, momentum, batches=batches))
    return best_of(objective, ascend, restarts, init, strict=strict, is_exact=batch_size is None)


def _batches(rows: int, batch_size: int | None, epochs: int, seed: int) -> np.ndarray | None:
    """The rows of each step, (steps, batch): each epoch is a permutation, its last incomplete batch left out."""
    if batch_size is None:
        return None
    rng = generator(seed, "fit_mle", "batches")
    whole = rows // batch_size * batch_size
    return np.concatenate([rng.permutation(rows)[:whole].reshape(-1, batch_size) for _ in range(epochs)])
