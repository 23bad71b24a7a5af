"""What every NUTS is told, whatever drives it."""

from dataclasses import dataclass

PRECISIONS = ("float64", "float32")
METRICS = ("diagonal", "dense")


@dataclass(frozen=True)
class NutsOptions:
    """Options of a run of NUTS.

    Args:
        draws: kept draws of each chain.
        tune: warm-up draws of each chain.
        target_accept: the acceptance rate that step sizes are tuned for.
        seed: an int in [0, 2**32).
        precision: of the log density and its gradient, one of `PRECISIONS`.
        metric: what warm-up learns of the posterior's shape, one of `METRICS`: scales, or correlations too.
    """

    draws: int
    tune: int
    target_accept: float
    seed: int
    precision: str = "float64"
    metric: str = "diagonal"

    @property
    def is_dense(self) -> bool:
        """Whether correlations are learnt."""
        return self.metric == "dense"
