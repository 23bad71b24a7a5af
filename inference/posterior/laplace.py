"""The posterior as a normal distribution about its mode: second derivatives instead of sampling (Laplace 1774)."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import optimize
from scipy.linalg import cho_solve, solve_triangular

from inference.backends import bind
from inference.backends.log_density import LogDensity
from inference.checks import check_counts, check_room, checked, sizes_of
from inference.point.map import fit_map
from inference.posterior.approximate import approximate_tree
from inference.posterior.chain_starts import fits_of, frame_about
from inference.posterior.rehearsal import rehearse
from inference.results import PointFit
from inference.samplers.protocol import Frame
from mixtures import Program
from mixtures.errors import FitError
from mixtures.seeds import NEEDED, check_seed, derived, generator

AT_REST = 1e-3
"""How far from its mode the density may have been expanded, in standard deviations."""


def fit_laplace(
    program: Program,
    x: Any,
    *,
    init: PointFit | None = None,
    draws: int = 1000,
    seed: int = NEEDED,
    row_weights: Any = None,
    labels: Any = None,
    backend: str = "numpyro",
) -> xr.DataTree:
    """Approximate the posterior by a normal distribution of the unconstrained parameters about their mode.

    One labelling is described: that of `init`. The attribute `is_trustworthy` says whether the approximation may be trusted: its
    draws' importance weights have a thin tail (`k_hat` below 0.7) and are spread over many draws (`effective_draws`), or are all but even
    (99 draws of 100 effective), and the mode was reached.

    Args:
        program: a declaration.
        x: data, shape (rows,) or (rows, features).
        init: a point fit near the mode; None fits one.
        draws: how many draws to take from the approximation.
        seed: an int in [0, 2**32).
        row_weights: how often each row counts, shape (rows,); also `Observations.row_weights`.
        labels: known components 0, ..., components - 1, shape (rows,), and -1 or None where unknown; also `Observations.labels`.
        backend: `"numpyro"` or `"pyro"`.

    Returns:
        A tree as from `sample_nuts`, of one chain; attributes `is_trustworthy`, `k_hat`, `effective_draws`, and `log_evidence`, the Laplace
        approximation of log p(x) counting this labelling alone (add log K! where the prior treats components alike and they are well apart).

    Raises:
        ModelError: `init` is no point fit of this program.
        FitError: the log density is not concave at its mode, so that no normal distribution fits.

    Example:
        >>> from mixtures import gaussian_mixture
        >>> post = fit_laplace(gaussian_mixture(2, "tied"), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0], draws=100, seed=0)
        >>> dict(post.posterior.loc.sizes)
        {'chain': 1, 'draw': 100, 'components': 2}
    """
    observations = checked(program, x, labels=labels, row_weights=row_weights)
    seed = check_seed(seed)
    check_counts(draws=draws)
    check_room(draws=draws, **sizes_of(program, observations))
    bound = bind(program, observations, backend)
    own = derived(seed, "fit_laplace", "fit_map")
    fit = fit_map(program, observations, seed=own, backend=backend) if init is None else fits_of(init, bound.sites)[0]
    rehearse(bound)
    density = bound.log_density(jacobian=True)
    frame = frame_about(bound, fit, seed, "fit_laplace")
    v = _climb(density, frame)
    mode = frame.outward(v)
    factor = _precision_factor(density, frame, v)
    rest = solve_triangular(factor, frame.unit * density.value_and_gradient(mode)[1], lower=True)
    standard = generator(seed, "fit_laplace").normal(size=(draws, density.size))
    # precision = L L' in the frame, so v + L'^-1 z has covariance precision^-1
    u = frame.outward(v + solve_triangular(factor, standard.T, lower=True, trans="T").T)
    log_determinant = np.log(np.diag(factor) / frame.unit).sum()
    log_proposal = log_determinant - 0.5 * (standard**2).sum(axis=1) - 0.5 * density.size * np.log(2 * np.pi)
    # log p(x) ~ log p(x, mode) + (d / 2) log 2 pi - (1 / 2) log |precision|
    log_evidence = density.value_and_gradient(mode)[0] + 0.5 * density.size * np.log(2 * np.pi) - log_determinant
    values = [density.constrain(row) for row in u]
    return approximate_tree(
        bound,
        {name: np.stack([value[name] for value in values]) for name in values[0]},
        np.array([density.value_and_gradient(row)[0] for row in u]),
        log_proposal,
        {"seed": seed, "sampler": "Laplace", "log_evidence": float(log_evidence)},
        is_at_rest=bool(np.abs(rest).max() < AT_REST),
    )


def _climb(density: LogDensity, frame: Frame) -> np.ndarray:
    """The mode of the unconstrained vector's density, in the frame: near the constrained one, but not the same."""

    def negative(v: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = density.value_and_gradient(frame.outward(v))
        return -value, -gradient * frame.unit

    v = optimize.minimize(negative, np.zeros(density.size), jac=True, method="BFGS", options={"gtol": 1e-8}).x
    for _ in range(3):  # Newton's last digits
        factor = _precision_factor(density, frame, v)
        v = v - cho_solve((factor, True), negative(v)[1])
    return v


def _precision_factor(density: LogDensity, frame: Frame, v: np.ndarray) -> np.ndarray:
    """The Cholesky factor of the negative Hessian in the frame."""
    try:
        return np.linalg.cholesky(-density.hessian(frame.outward(v)) * np.outer(frame.unit, frame.unit))
    except np.linalg.LinAlgError as error:
        raise FitError(
            "fit_laplace",
            got="a log density that is not curved downwards in every direction at its mode",
            expected="a mode with a normal neighbourhood",
            advice="Use fewer components or tighter priors, or sample the posterior: sample_nuts, sample_smc.",
        ) from error
