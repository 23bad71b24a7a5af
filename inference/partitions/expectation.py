"""The expected loss of a partition draw by draw, and the Monte Carlo error of its mean."""

from collections.abc import Callable

import numpy as np
from arviz_stats.base import array_stats
from jaxtyping import Float, Int

from inference.partitions.evidence import Evidence
from inference.partitions.losses import Loss, contingency, distances


def loss_series(labels: Int[np.ndarray, " rows"], evidence: Evidence, loss: Loss) -> Float[np.ndarray, " draws"]:
    """One number a draw, whose mean is the expected loss of the partition.

    Where the expected loss is a smooth function of posterior means, as with the similarity matrix, the numbers are its
    linearisation at those means (delta method): their spread is right to first order.
    """
    sampled = evidence.sampled
    if loss.overlap == "sampled":
        return distances(labels, sampled.partitions, loss)[sampled.index]
    own = loss.potential(np.bincount(labels)).sum()
    if loss.overlap == "pairs":
        theirs, joint = _pair_sums(labels, evidence.responsibilities)
    else:
        theirs, joint = _bound_sums(labels, evidence, loss)
    return _linearised(lambda b, j: loss.combine(own, b, j, len(labels)), theirs, joint, 1e-3 * len(labels))


def monte_carlo_error(series: Float[np.ndarray, " draws"], chains: int = 1) -> float:
    """Standard error of the series' mean, from its effective sample size; NaN for fewer than four draws a chain.

    Args:
        series: one number a draw, chains one after the other.
        chains: the number of chains.

    Source: Vehtari et al. (2021), Bayesian Analysis 16, as in ArviZ.
    """
    if np.ptp(series) <= 1e-12 * max(1.0, np.abs(series).max()):
        return 0.0
    if len(series) < 4 * chains:
        return float("nan")
    return float(array_stats.mcse(series.reshape(chains, -1), method="mean"))


def _pair_sums(labels: np.ndarray, responsibilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected numbers of ordered pairs together in z, and in both c and z, given each draw."""
    # sum_{i, j in c, i != j} r_i . r_j = |sum_{i in c} r_i|^2 - sum_{i in c} |r_i|^2, and each row is with itself
    rows = responsibilities.shape[1]
    alone = rows - np.square(responsibilities).sum(axis=(1, 2))
    theirs = np.square(responsibilities.sum(axis=1)).sum(axis=1) + alone
    joint = sum(np.square(responsibilities[:, labels == k].sum(axis=1)).sum(axis=1) for k in np.unique(labels)) + alone
    return theirs, joint


def _bound_sums(labels: np.ndarray, evidence: Evidence, loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the lower bound of VI for each draw, linear in the draw's similarities."""
    sampled = evidence.sampled
    sizes = contingency(np.zeros_like(labels), sampled.partitions, 1)[:, :, 0]
    joint = np.zeros(len(evidence.responsibilities))
    for k in np.unique(labels):
        inside = evidence.responsibilities[:, labels == k]
        # M_ti = 1 + r_ti . sum_{j in c(i), j != i} r_tj, and M_i is its mean over draws
        shared = 1.0 + (inside * (inside.sum(axis=1, keepdims=True) - inside)).sum(axis=2)
        mean = shared.mean(axis=0)
        # log2 M_i + (M_ti - M_i) / (M_i ln 2)
        joint += (np.log2(mean) + (shared / mean - 1.0) / np.log(2.0)).sum(axis=1)
    return loss.potential(sizes).sum(axis=1)[sampled.index], joint


def _linearised(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], theirs: np.ndarray, joint: np.ndarray, step: float
) -> Float[np.ndarray, " draws"]:
    """f at the means of its two arguments, plus its slopes (central differences) times their deviations."""
    b, j = theirs.mean(), joint.mean()
    slope_b = (function(b + step, j) - function(b - step, j)) / (2 * step)
    slope_j = (function(b, j + step) - function(b, j - step)) / (2 * step)
    return function(b, j) + slope_b * (theirs - b) + slope_j * (joint - j)
