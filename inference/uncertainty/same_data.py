"""The data that a fit was made from: what asks how sure the fit is must be told them again, since a fit does not keep them."""

from typing import Any

import numpy as np

from inference.assignment.responsibilities import checked_like
from inference.checks import check_result
from mixtures import Observations
from mixtures.errors import DataError, FitError


def same_data(fit: Any, x: Any) -> Observations:
    """The fit's data, checked to be them.

    Raises:
        ModelError: no point fit.
        FitError: a fit that is unsound.
        DataError: other data.
    """
    check_result("fit", fit, "restarts", "PointFit", "fit_map, fit_mle or fit_em")
    if not fit.status.is_sound:
        raise FitError(
            "fit",
            got=f"one that ended {fit.status.word}",
            expected="a sound optimum",
            advice="What went wrong is in its text: print(fit).",
        )
    observations = checked_like(fit, x)
    counts = observations.counts
    total = None if counts is None else float(counts.sum())
    is_same = observations.fingerprint == fit.origin.fingerprint
    if not is_same or not np.isclose(total or 0.0, fit.origin.total_weight or 0.0):
        raise DataError(
            "x",
            got="other row weights than those of the fit" if is_same else "other data than those of the fit",
            expected="the data that it was fitted to, with all that was said of their rows",
            advice="Labels, groups and row weights belong to them: Observations(x, labels=..., row_weights=...).",
        )
    return observations
