"""Known numbers of a row that enter its distribution: how many trials there were, how long or how much was watched, how exactly was
measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixtures.errors import DataError
from mixtures.tables import numeric

KNOWN = ("trials", "exposure", "errors")

LARGEST_COUNT = 2.0**53
"""Beyond it floats skip whole numbers."""


def checked_known(name: str, given: Any, x: np.ndarray) -> np.ndarray:
    """Trials, exposures or errors in the shape of the data, read-only; one number a row is that of all its columns.

    Args:
        name: `"trials"`, `"exposure"` or `"errors"`.
        given: as the user gives them, (rows,) or in the shape of `x`.
        x: the data.

    Raises:
        DataError: another shape; trials that are not whole numbers >= 0, exposures that are not finite numbers > 0, or errors that are no
            numbers >= 0 and no covariance matrices.
    """
    values = numeric(given, name)
    if name == "errors":
        return _checked_errors(values, x)
    if values.ndim == 2 and values.shape[1] == 1 and x.ndim == 1:
        values = values[:, 0]
    if values.ndim == 1 and x.ndim == 2:
        values = np.repeat(values[:, None], x.shape[1], axis=1)
    if values.shape != x.shape:
        wanted = f"({len(x)},)" if x.ndim == 1 else f"({len(x)},) or {x.shape}"
        raise DataError(
            name, got=f"shape {values.shape}", expected=f"one for each row, or each cell, of x: shape {wanted}"
        )
    # what is known of a missing cell is of no matter
    values = np.where(np.isnan(x) & np.isnan(values), 1.0, values)
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


def _checked_errors(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Standard errors in the shape of the data, or covariance matrices, (rows, features, features); 0 where a cell is missing."""
    if values.ndim == 2 and values.shape[1] == 1 and x.ndim == 1:
        values = values[:, 0]
    is_blank = np.isnan(x)
    if values.shape == x.shape:
        values = np.where(is_blank & np.isnan(values), 0.0, values)
        _refuse_rows(~((values >= 0) & np.isfinite(values)), values, "standard errors: finite numbers >= 0")
    elif x.ndim == 2 and values.shape == (*x.shape, x.shape[1]):
        no_part = is_blank[:, :, None] | is_blank[:, None, :]
        values = np.where(no_part & np.isnan(values), 0.0, values)
        _refuse_rows(~np.isfinite(values), values, "covariance matrices of finite numbers")
        scale = np.abs(values).max(axis=(1, 2), initial=0.0)
        apart = np.abs(values - np.swapaxes(values, 1, 2)).max(axis=(1, 2)) > 1e-9 * scale
        _refuse_rows(apart[:, None, None] & np.ones_like(values, dtype=bool), values, "symmetric covariance matrices")
        least = np.linalg.eigvalsh(values)[:, 0]
        _refuse_rows(
            (least < -1e-9 * scale)[:, None, None] & np.ones_like(values, dtype=bool),
            values,
            "covariance matrices, whose variances are >= 0 in every direction",
        )
    else:
        shapes = f"({len(x)},)" if x.ndim == 1 else f"{x.shape} or {(*x.shape, x.shape[1])}"
        raise DataError(
            "errors",
            got=f"shape {values.shape}",
            expected=f"standard errors or covariances of each row, shape {shapes}",
        )
    values.flags.writeable = False
    return values


def _refuse_rows(is_bad: np.ndarray, values: np.ndarray, expected: str) -> None:
    bad = np.argwhere(is_bad)
    if len(bad):
        raise DataError("errors", got=f"{values[tuple(bad[0])]} at row {bad[0][0]}", expected=expected)


def as_arguments(known: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The known numbers as programs take them: of covariance matrices S, which may be singular, `error_roots` E with E E' = S."""
    found = dict(known)
    if "errors" in known and known["errors"].ndim == 3:
        variances, directions = np.linalg.eigh(found.pop("errors"))
        found["error_roots"] = directions * np.sqrt(np.maximum(variances, 0.0))[:, None, :]
    return found
