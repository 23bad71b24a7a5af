"""How far the posterior spreads around a partition: the credible ball and its bounds.

Source: Wade & Ghahramani (2018), "Bayesian cluster analysis: point estimation and credible balls", Bayesian Analysis
13, section 4. The ball holds those sampled partitions that lie within its radius.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from inference.partitions.losses import LOSSES, Loss, distances
from inference.partitions.sampled import SampledPartitions
from mixtures.errors import ModelError


@dataclass(frozen=True, eq=False)
class CredibleBall:
    """The smallest ball around a partition that holds a share of the posterior.

    Args:
        level: the share that the ball shall hold.
        distance: name of the metric, `vi` (bits) or `binder`.
        radius: the smallest that holds the share.
        mass: the share it does hold, >= level.
        horizontal: the partitions in the ball farthest from the estimate.
        upper: those with the fewest clusters, and among these farthest (vertical upper bound).
        lower: those with the most clusters, and among these farthest (vertical lower bound).
    """

    level: float
    distance: str
    radius: float
    mass: float
    horizontal: Int[np.ndarray, "horizontals rows"]
    upper: Int[np.ndarray, "uppers rows"]
    lower: Int[np.ndarray, "lowers rows"]

    def __str__(self) -> str:
        fewest, most = (int(bound[0].max()) + 1 for bound in (self.upper, self.lower))
        clusters = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        return (
            f"credible ball: {self.mass:.0%} of the posterior is within {self.distance} {self.radius:.3g} of this partition, "
            f"in partitions of {clusters} cluster{'s' if most > 1 else ''}"
        )


def credible_ball(
    labels: Int[np.ndarray, " rows"], sampled: SampledPartitions, *, distance: str = "vi", level: float = 0.95
) -> CredibleBall:
    """The credible ball around a partition.

    Args:
        labels: the partition, labels 0, 1, ...
        sampled: partitions drawn from the posterior.
        distance: a metric between partitions, `vi` or `binder`.
        level: the share of the posterior that the ball shall hold.

    Raises:
        ModelError: a level outside (0, 1), or a loss that is not a metric.

    Example:
        >>> import numpy as np
        >>> sampled = SampledPartitions.of(np.array([[0, 0, 1], [0, 0, 1], [0, 0, 0], [0, 1, 2]]))
        >>> ball = credible_ball(np.array([0, 0, 1]), sampled, level=0.9)
        >>> ball.upper.tolist(), ball.lower.tolist(), ball.mass
        ([[0, 0, 0]], [[0, 1, 2]], 1.0)
    """
    if not 0 < level < 1:
        raise ModelError("level", got=repr(level), expected="a share between 0 and 1, 0.95 say")
    if distance not in ("vi", "binder"):
        raise ModelError("distance", got=repr(distance), expected="'vi' or 'binder', which are metrics")
    metric: Loss = LOSSES[distance]
    # Rounded, so that equal distances, summed in different orders, are equal.
    far = np.round(distances(labels, sampled.partitions, metric), 10)
    radius = _quantile(far, sampled.weights, level)
    inside = np.flatnonzero(far <= radius)
    clusters = sampled.clusters[inside]
    groups = {
        "horizontal": inside,
        "upper": inside[clusters == clusters.min()],
        "lower": inside[clusters == clusters.max()],
    }
    bounds = {name: sampled.partitions[_farthest(group, far)] for name, group in groups.items()}
    return CredibleBall(level, distance, float(radius), float(sampled.weights[inside].sum()), **bounds)


def _quantile(
    values: Float[np.ndarray, " partitions"], weights: Float[np.ndarray, " partitions"], level: float
) -> float:
    """The least value v such that P(value <= v) >= level."""
    order = np.argsort(values)
    # rounding of the sum must not ask for one partition more
    return values[order][np.searchsorted(np.cumsum(weights[order]), level - 1e-12)]


def _farthest(group: Int[np.ndarray, " some"], far: Float[np.ndarray, " partitions"]) -> Int[np.ndarray, " fewer"]:
    return group[far[group] == far[group].max()]
