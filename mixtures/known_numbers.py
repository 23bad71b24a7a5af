"""Known numbers of a row that enter its distribution: how many trials there were, how long or how much was watched."""

from typing import Any

import numpy as np

from mixtures.errors import DataError
from mixtures.tables import numeric

KNOWN = ("trials", "exposure")

LARGEST_COUNT = 2.0**53
"""Beyond it floats skip whole numbers."""


def checked_known(name: str, given: Any, x: np.ndarray) -> np.ndarray:
    """Trials or exposures in the shape of the data, read-only; one number a row is that of all its columns.

    Args:
        name: `"trials"` or `"exposure"`.
        given: as the user gives them, (rows,) or in the shape of `x`.
        x: the data.

    Raises:
        DataError: another shape; trials that are not whole numbers >= 0, or exposures that are not finite numbers > 0.
    """
    values = numeric(given, name)
    if values.ndim == 2 and values.shape[1] == 1 and x.ndim == 1:
        values = values[:, 0]
    if values.ndim == 1 and x.ndim == 2:
        values = np.repeat(values[:, None], x.shape[1], axis=1)
    if values.shape != x.shape:
        wanted = f"({len(x)},)" if x.ndim == 1 else f"({len(x)},) or {x.shape}"
        raise DataError(
            name, got=f"shape {values.shape}", expected=f"one for each row, or each cell, of x: shape {wanted}"
        )
    with np.errstate(invalid="ignore"):
        if name == "trials":
            expected, is_right = (
                "whole numbers >= 0",
                (values >= 0) & (values == np.floor(values)) & (values <= LARGEST_COUNT),
            )
        else:
            expected, is_right = "finite numbers > 0", (values > 0) & np.isfinite(values)
    bad = np.argwhere(~is_right)
    if len(bad):
        raise DataError(name, got=f"{values[tuple(bad[0])]} at row {bad[0][0]}", expected=expected)
    values.flags.writeable = False
    return values
