"""How far a Monte Carlo estimate is from what is known, in standard errors."""

import arviz_stats
import numpy as np
import xarray as xr


def standard_error(indicator: np.ndarray, share: float) -> float:
    """The standard error of an event's frequency, (chains, draws), by its effective draws, where its probability is known."""
    values = xr.Dataset({"one": (("chain", "draw"), indicator.astype(float))})
    effective = float(arviz_stats.ess(values, method="mean")["one"])
    # the variance under the truth: draws that miss an event would have none
    return float(np.sqrt(share * (1 - share) / effective))


def standard_score(indicator: np.ndarray, share: float) -> float:
    """Standard errors between an event's frequency, (chains, draws), and its probability."""
    return float((indicator.mean() - share) / standard_error(indicator, share))
