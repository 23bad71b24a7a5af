"""Logarithms of probabilities that may be 0, in array code."""

from typing import Any

import numpy as np

Array = Any


def log_of(xp: Any, probs: Array) -> Array:
    """The logarithm of probabilities, minus infinity of 0, where it has no gradient."""
    is_possible = probs > 0
    return xp.where(
        is_possible, xp.log(xp.where(is_possible, probs, xp.ones_like(probs))), xp.full_like(probs, -np.inf)
    )


def logsumexp(xp: Any, values: Array, axis: int) -> Array:
    """log sum exp along an axis; of what is impossible all along it minus infinity, and a gradient of 0."""
    # rounded, it has no gradient: a compiled one looks for the entry that equals the largest, and where it computes entries anew none may
    peak = xp.floor(xp.max(values, axis=axis))
    peak = xp.where(xp.isfinite(peak), peak, xp.zeros_like(peak))
    total = xp.sum(xp.exp(values - xp.expand_dims(peak, axis=axis)), axis=axis)
    return peak + log_of(xp, total)


def log_softmax(xp: Any, logits: Array) -> Array:
    """Logarithms of probabilities along the last axis, given up to a constant."""
    return logits - xp.expand_dims(logsumexp(xp, logits, -1), axis=-1)
