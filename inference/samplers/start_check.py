"""Whether chains can start where they are told to: found before a sampler is called, whose own words would be of its inside."""

import numpy as np
from jaxtyping import Float

from mixtures.errors import FitError


def check_starts(
    log_densities: Float[np.ndarray, " chains"],
    gradients: Float[np.ndarray, "chains coordinates"],
    needs_slope: bool = False,
    first: int = 0,
) -> None:
    """Check the log density and its gradient at every chain's start.

    Args:
        log_densities: of the unconstrained vector.
        gradients: of it.
        needs_slope: whether a derivative that is exactly zero is refused: the sampler learns its units from it.
        first: the number of the first of the chains.

    Raises:
        FitError: a start outside the support, or where the density is flat; the text names the chains.
    """
    if not np.isfinite(log_densities).all():
        found = {
            f"chain {chain}: {value:g}" for chain, value in enumerate(log_densities, first) if not np.isfinite(value)
        }
        got = f"starts without a finite log density ({', '.join(sorted(found))})"
    elif not np.isfinite(gradients).all():
        got = f"starts without a finite gradient (chains {_named(~np.isfinite(gradients), first)})"
    elif needs_slope and (gradients == 0).any():
        got = f"starts where the log density does not change along some coordinate (chains {_named(gradients == 0, first)})"
    else:
        return
    raise FitError(
        "sample_nuts",
        got=got,
        expected="starts inside the support, where the log density and its gradient are finite, and a parameter that matters in each site",
        advice="Start from a sound fit (see its status): init=fit_map(program, x, seed=...); and see whether every prior is proper.",
    )


def _named(is_bad: np.ndarray, first: int) -> str:
    return ", ".join(map(str, first + np.flatnonzero(is_bad.any(axis=1))))
