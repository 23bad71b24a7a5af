"""How a response's log density moves with its linear predictor eta, one function a kind.

Each gives log p(y | eta) but for what eta does not move, its first derivative, and minus its second, which is >= 0: in eta all of these
densities are log-concave (McCullagh & Nelder 1989, chapter 2; Pratt 1981 for ordered categories). Array code of any backend.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mixtures.families.columns import exposed
from mixtures.ppl.protocol import Array

Kernel = Callable[[Any, Array, Array, Mapping[str, Array]], tuple[Array, Array, Array]]
"""(array namespace, y, eta, parameters beside the line) -> value, slope, curvature."""


def poisson(xp: Any, y: Array, eta: Array, parameters: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """y eta - mean."""
    mean = exposed(xp.exp(eta), parameters)
    return y * eta - mean, y - mean, mean


def negative_binomial(xp: Any, y: Array, eta: Array, parameters: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """y eta - (y + c) log(1 + mean / c)."""
    concentration, mean = parameters["concentration"], exposed(xp.exp(eta), parameters)
    share = mean / (concentration + mean)
    slope = y - (y + concentration) * share
    return (
        y * eta - (y + concentration) * xp.log1p(mean / concentration),
        slope,
        (y + concentration) * share * (1 - share),
    )


def gamma(xp: Any, y: Array, eta: Array, parameters: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """-c (eta + y exp(-eta))."""
    concentration, ratio = parameters["concentration"], y * xp.exp(-eta)
    return -concentration * (eta + ratio), concentration * (ratio - 1), concentration * ratio


def bernoulli(xp: Any, y: Array, eta: Array, parameters: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """y eta - log(1 + exp(eta))."""
    share = _inverse_logit(xp, eta)
    return y * eta - _softplus(xp, eta), y - share, share * (1 - share)


def binomial(xp: Any, y: Array, eta: Array, parameters: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """y eta - n log(1 + exp(eta))."""
    trials, share = parameters["trials"], _inverse_logit(xp, eta)
    return y * eta - trials * _softplus(xp, eta), y - trials * share, trials * share * (1 - share)


def ordinal(xp: Any, y: Array, eta: Array, parameters: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """log(F(a) - F(b)) = -log(1 + exp(-a)) - log(1 + exp(b)) + what a - b alone says, a and b from the category's two cutpoints to eta."""
    if "gaps" not in parameters:
        return bernoulli(xp, y, eta, parameters)
    cutpoints = xp.cumulative_sum(parameters["gaps"], axis=-1, include_initial=True)
    top = cutpoints.shape[-1]
    below = eta - sum(xp.where(y == c + 1, cutpoints[..., c], 0.0) for c in range(top))
    above = eta - sum(xp.where(y == c, cutpoints[..., c], 0.0) for c in range(top))
    has_below, has_above = xp.where(y > 0, 1.0, 0.0), xp.where(y < top, 1.0, 0.0)
    not_over, over = _inverse_logit(xp, -below), _inverse_logit(xp, above)
    value = -has_below * _softplus(xp, -below) - has_above * _softplus(xp, above)
    curvature = has_below * not_over * (1 - not_over) + has_above * over * (1 - over)
    return value, has_below * not_over - has_above * over, curvature


def _inverse_logit(xp: Any, eta: Array) -> Array:
    return 0.5 + 0.5 * xp.tanh(0.5 * eta)


def _softplus(xp: Any, eta: Array) -> Array:
    return xp.logaddexp(eta, xp.zeros_like(eta))
