"""What samplers are told of a run: every NUTS, whatever drives it, and the telescoping sampler."""

from dataclasses import dataclass

from mixtures.checks import check_choice

PRECISIONS = ("float64", "float32")
METRICS = ("auto", "diagonal", "dense")

LEAST_DENSE = 10
"""Coordinates from which correlations are worth learning: with fewer, as one-dimensional components have, trees are short anyhow."""

WARM_UP = 10
"""Warm-up draws a coordinate that it takes to learn them."""

TARGET_ACCEPT = {"diagonal": 0.8, "dense": 0.9}
"""The acceptance rate by metric, if none is asked for. Along a ridge that bends, the long steps of a dense metric diverge at 0.8: 11 to 26
of 4000 draws for 5000 rows in three overlapping components, and 0 or 1 at 0.9."""


@dataclass(frozen=True)
class NutsOptions:
    """Options of a run of NUTS.

    Args:
        draws: kept draws of each chain.
        tune: warm-up draws of each chain.
        target_accept: the acceptance rate that step sizes are tuned for.
        seed: an int in [0, 2**32).
        precision: of the log density and its gradient, one of `PRECISIONS`.
        metric: what warm-up learns of the posterior's shape: `"diagonal"` for scales, `"dense"` for correlations too.
        max_rows: by how many rows, drawn at random, the log likelihood is estimated; None: by all, and not estimated.
    """

    draws: int
    tune: int
    target_accept: float
    seed: int
    precision: str = "float64"
    metric: str = "diagonal"
    max_rows: int | None = None

    @property
    def is_dense(self) -> bool:
        """Whether correlations are learnt."""
        return self.metric == "dense"


@dataclass(frozen=True)
class TelescopeOptions:
    """Options of a run of the telescoping sampler.

    Args:
        draws: kept draws of each chain.
        tune: warm-up draws of each chain.
        sweeps: from one draw to the next.
        seed: an int in [0, 2**32).
        keeps_assignments: whether every draw of every assignment is kept.
    """

    draws: int
    tune: int
    sweeps: int
    seed: int
    keeps_assignments: bool = False


def choose_metric(asked: str, coordinates: int, tune: int) -> str:
    """The metric to use: dense where there are correlations and warm-up enough to learn them.

    Args:
        asked: one of `METRICS`.
        coordinates: the length of the unconstrained vector.
        tune: warm-up draws of each chain.

    Raises:
        ChoiceError: no such metric.
    """
    check_choice("metric", asked, METRICS)
    if asked != "auto":
        return asked
    return "dense" if LEAST_DENSE <= coordinates <= tune / WARM_UP else "diagonal"
