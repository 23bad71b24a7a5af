"""Maximum a posteriori: the best of many starts."""

from collections.abc import Mapping
from typing import Any, Literal

from inference.backends import bind
from inference.checks import check_choice, check_counts, check_flags, check_positive, check_room, checked, sizes_of
from inference.point.ascents import by_autodelta, by_quasi_newton
from inference.point.best_of import best_of
from inference.point.constraints import Equal
from inference.point.objective import Objective
from inference.point.starts import Starts
from inference.results import PointFit
from mixtures import Program
from mixtures.renamed import formerly
from mixtures.seeds import NEEDED, check_seed


@formerly(init="start", strict="raise_if_bad")
def fit_map(
    program: Program,
    x: Any,
    *,
    restarts: int = 20,
    steps: int = 500,
    optimizer: Literal["lbfgs", "adam"] | None = None,
    learning_rate: float | None = None,
    seed: int = NEEDED,
    init: Starts = None,
    fixed: Mapping[str, Any] | None = None,
    equal: Equal | None = None,
    row_weights: Any = None,
    labels: Any = None,
    backend: str = "numpyro",
    strict: bool = False,
) -> PointFit:
    """The parameters of highest posterior density, assignments summed out: best of many seeded starts.

    The objective is the log posterior density in the constrained space, which is what AutoDelta's ELBO with enumerated assignments is.
    All starts climb side by side by L-BFGS until they are at rest; with `optimizer="adam"` they run Adam on AutoDelta's ELBO itself, for
    a fixed number of steps of decaying length. The best sound restart is then refined to the last digit. Restarts in which a component
    collapsed are reported and never chosen while a sound one exists; when all of a user's starts collapse, as many are drawn by the
    program's own rule.

    Args:
        program: a declaration.
        x: data, shape (rows,) or (rows, features); see `mixtures.Observations`.
        restarts: the number of starts.
        steps: the number of steps of each start: at most (L-BFGS), or exactly (Adam).
        optimizer: `"lbfgs"` or `"adam"`; None: Adam where a learning rate is given.
        learning_rate: Adam's; the length of the first steps, in units of the distance between random starts (on a log or logit scale: 1).
            None: 0.1.
        seed: an int in [0, 2**32). Each restart has a seed derived from it, in the table `restarts`: the first restart
            of a run with that seed begins in the same place.
        init: None for the program's rule (for a Gaussian mixture: equal weights, standard deviations
            sqrt(variance / components), locations at rows drawn at random); or one start `{site: value}` or a list of them, used first; or
            a function (x, numpy Generator) -> start. Sites not named follow the rule.
        fixed: `{site: values}`: parameters that are known, NaN in the place of those that are free: `{"loc": [0.0, np.nan]}`. Of probabilities
            and correlations whole rows are known, of intercepts and coefficients of weights all or none. Components keep their numbers then.
        equal: `{site: [components, ...]}`: sets of components that share a parameter: `{"scale": [[0, 1]]}`. A shared parameter has the prior of
            each of them.
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
    check_flags(strict=strict)
    check_room(restarts=restarts, steps=steps)
    check_room(restarts=restarts, **sizes_of(program, observations))
    if optimizer is None:
        optimizer = "lbfgs" if learning_rate is None else "adam"
    rate = 0.1 if learning_rate is None else check_positive("learning_rate", learning_rate)
    objective = Objective(bind(program, observations, backend), "fit_map", seed, True, fixed, equal)
    if check_choice("optimizer", optimizer, ("lbfgs", "adam")) == "lbfgs":
        ascend = by_quasi_newton(objective, steps)
    else:
        ascend = by_autodelta(objective, steps, rate)
    return best_of(objective, ascend, restarts, init, strict=strict)
