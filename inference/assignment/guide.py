"""Assignments by enumeration in the guide: a variational distribution over them, fitted while the parameters stay as they are."""

from typing import Any

import numpy as np
from scipy.special import logsumexp

from inference.assignment.responsibilities import checked_like, log_joint, one_or_all, responsibilities
from inference.backends import Bound, bind
from inference.checks import check_count, check_positive
from inference.results import GuideFit, PointFit
from inference.status import Status
from mixtures import Observations, Program
from mixtures.seeds import NEEDED, check_seed, derived

AT_REST = 1e-4
"""The negative ELBO changes by less than this over the last tenth of the steps: the fit has come to rest."""


def fit_guide(fit: PointFit, x: Any, *, steps: int = 300, learning_rate: float = 0.2, seed: int = NEEDED) -> GuideFit:
    """Assignment probabilities of each row, by SVI with the assignment enumerated in the guide.

    Slower than `responsibilities`, which it reproduces, but the same construction works within larger variational models.

    Args:
        fit: a point fit, whose parameters are held.
        x: rows with the columns of the fitted data.
        steps: gradient steps.
        learning_rate: length of the first steps, on the logit scale; it decays along a cosine.
        seed: an int in [0, 2**32).

    Returns:
        A `GuideFit`, with `assignment_probs` (rows, components). Its last loss equals the negative log posterior density if `x` are the
        fitted data and the guide has converged. Rows of known component have probability one there.

    Raises:
        DataError: other columns than the model was fitted to.
        ModelError, SeedError: `steps` or `learning_rate` not above 0, a bad seed.

    Example:
        >>> from inference import fit_map
        >>> from mixtures import gaussian_mixture
        >>> x = [0.0, 1.0, 10.0, 11.0, 12.0]
        >>> fit = fit_map(gaussian_mixture(2), x, restarts=5, seed=0)
        >>> fit_guide(fit, x, seed=0).assignment_probs.round(3)[0].tolist()
        [0.0, 1.0]
    """
    observations = checked_like(fit, x)
    check_count("steps", steps)
    check_positive("learning_rate", learning_rate)
    seed = check_seed(seed)
    is_open = _open_rows(fit.program, observations)
    bound = bind(fit.program, observations, fit.backend)
    bound.sites.check_row_wise("a guide in which they have probabilities one by one")
    if bound.sites.is_trivial or not is_open.any():
        return _nothing_to_learn(fit, bound, steps)
    unknown = bound if is_open.all() else bound.on(observations.take(is_open).with_labels(None))
    ascent = unknown.enumerate_guide(
        fit.parameters, steps=steps, learning_rate=learning_rate, seed=derived(seed, "fit_guide")
    )
    probs = one_or_all(ascent.probs)
    losses = ascent.losses
    if not is_open.all():
        # a known row's guide is sure of its label: it adds log p(x_i, label_i) to the ELBO, and has nothing to learn
        known = log_joint(fit, observations.take(~is_open))
        losses = losses - logsumexp(known, axis=1).sum()
        every = np.eye(known.shape[1])[observations.labels]
        every[is_open] = probs
        probs = every
    late = losses[-max(2, steps // 10) :]
    is_at_rest = np.ptp(late) <= AT_REST * max(1.0, abs(late[-1]))
    status = Status.CONVERGED if is_at_rest else Status.MAX_STEPS
    return GuideFit(probs, losses, ascent.gradient_norms, status, fit.origin)


def _open_rows(program: Program, x: Observations) -> np.ndarray:
    """Which rows the guide has to decide about: those whose component is not known, (rows,)."""
    if x.labels is None or program.mixture is None:
        return np.ones(len(x), dtype=bool)
    return x.labels < 0


def _nothing_to_learn(fit: PointFit, bound: Bound, steps: int) -> GuideFit:
    """Every row has one possible component: the negative ELBO is the negative log posterior density from the start."""
    single = {name: np.asarray(value)[None] for name, value in fit.parameters.items()}
    likelihood, prior = bound.log_densities(single)
    loss = -(likelihood + prior)[0]
    return GuideFit(responsibilities(fit, bound.x), np.full(steps + 1, loss), {}, Status.CONVERGED, fit.origin)
