"""What all approximate posteriors share: their draws as a tree, and the k-hat that says whether to trust them.

If the approximation q is close to the posterior p, the weights p / q of its draws are even. Their tail's Pareto shape k says how even:
below 0.7 importance sampling would mend what is wrong, above it nothing can be said. Yao, Vehtari, Simpson & Gelman (2018), ICML.

A small k-hat is no proof: few draws may be in the tail. So the weights must have many effective draws, and q must be at rest, as far as
its method can tell. A large one is none either where the weights are all but even: the shape of a tail that holds no weight is noise.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from inference.backends import Bound
from inference.posterior.afterwards import Steps
from inference.posterior.tree import build_tree
from inference.samplers.protocol import Draws

GOOD_K_HAT = 0.7

LEAST_DRAWS = 30
"""Fewer have a tail of five values at most, to which ArviZ 1.3 fits no Pareto distribution: their first quartile is the smallest of them."""

EFFECTIVE = 0.05
"""Share of the draws that must be effective."""

EVEN_SHARE = 0.99
"""Share of effective draws from which on weights are all but even, a standard deviation of a tenth of their mean: k-hat is not asked."""

EVEN = 1e-6
"""Log ratios that differ by no more are even: the rest is rounding."""


NOT_JUDGED = {"k_hat": float("nan"), "effective_draws": float("nan"), "is_trustworthy": 0}
"""What is said of an approximation that could not be judged."""


def approximate_tree(
    bound: Bound,
    parameters: Mapping[str, np.ndarray],
    log_density: np.ndarray,
    log_proposal: np.ndarray,
    attrs: Mapping[str, Any],
    *,
    is_at_rest: bool,
) -> xr.DataTree:
    """The tree of draws from an approximation, in one chain.

    Args:
        bound: program, data and backend.
        parameters: draws by site, (draws, ...).
        log_density: of the model at each draw of the unconstrained vector, (draws,).
        log_proposal: of the approximation, (draws,).
        attrs: what to say of the run.
        is_at_rest: whether the approximation is the best of its kind.

    Returns:
        A tree as from `sample_nuts`; `sample_stats` has `log_weight`, smoothed (Vehtari et al. 2024) and adding up to one after
        exponentiation, and the attributes have `k_hat`, NaN for fewer than 30 draws, and `effective_draws`.
    """
    stats, trust, steps = {"lp": log_density[None], "log_proposal": log_proposal[None]}, dict(NOT_JUDGED), Steps()
    with steps.step("sample_stats.log_weight and k_hat"):
        weights, trust = judged(log_density - log_proposal, is_at_rest)
        stats["log_weight"] = weights[None]
    draws = Draws({name: value[None] for name, value in parameters.items()}, stats)
    tree = build_tree(bound, draws, {**attrs, "complete": 1, **trust}, steps=steps)
    steps.warn()
    return tree


def judged(log_ratios: np.ndarray, is_at_rest: bool) -> tuple[np.ndarray, dict[str, float]]:
    """Smoothed, normalised log weights of draws, and what is to be said of them: `k_hat`, `effective_draws` and `is_trustworthy`.

    Args:
        log_ratios: log p / q at each draw, (draws,).
        is_at_rest: whether the approximation is the best of its kind.
    """
    weights, k_hat = _smoothed(log_ratios)
    # (sum w)^2 / sum w^2, of weights that are not smoothed
    effective = float(np.exp(2 * logsumexp(log_ratios) - logsumexp(2 * log_ratios)))
    share = effective / len(log_ratios)
    is_near = (k_hat < GOOD_K_HAT and share >= EFFECTIVE) or (np.isfinite(k_hat) and share >= EVEN_SHARE)
    return weights, {"k_hat": k_hat, "effective_draws": effective, "is_trustworthy": int(is_near and is_at_rest)}


def _smoothed(log_ratios: np.ndarray) -> tuple[np.ndarray, float]:
    """Smoothed, normalised log weights, and k-hat: -inf where the largest ratios are all alike, so that there is no tail; NaN, and nothing
    smoothed, where there are too few to tell, or so few tower above the others that these have no size beside them."""
    draws, plain = len(log_ratios), log_ratios - logsumexp(log_ratios)
    if draws < LEAST_DRAWS:
        return plain, float("nan")
    if np.ptp(np.sort(log_ratios)[-min(draws // 5, int(3 * np.sqrt(draws))) :]) < EVEN:
        return plain, -np.inf
    # ArviZ takes log likelihoods, whose ratios in leave-one-out are one over them
    with np.errstate(divide="ignore", invalid="ignore"):
        weights, k_hat = array_stats.psislw(-log_ratios)
    return (plain, float("nan")) if np.isnan(weights).any() else (np.asarray(weights), float(k_hat))
