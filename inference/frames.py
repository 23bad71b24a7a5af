"""Frames in, frames out: what has an entry a row comes back under the index of the pandas object that was handed in."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import xarray as xr

from inference.results import PointFit


def like(x: Any, values: Any, columns: Sequence[Any] | None = None) -> Any:
    """`values` as the rows of `x` are: a Series or DataFrame where `x` is one, else as they are.

    Args:
        x: what a verb was handed.
        values: (rows,) or (rows, components); or several of them, in a tuple or by site.
        columns: the components' names, of a table.

    Example:
        >>> import numpy as np
        >>> import pandas as pd
        >>> like(pd.Series([1.0, 2.0], index=["a", "b"]), np.array([0.25, 0.75]))
        a    0.25
        b    0.75
        dtype: float64
        >>> like([1.0, 2.0], np.array([0.25, 0.75]))
        array([0.25, 0.75])
    """
    if not isinstance(x, pd.Series | pd.DataFrame):
        return values
    if isinstance(values, dict):
        return {name: like(x, value, columns) for name, value in values.items()}
    if isinstance(values, tuple):
        made = [like(x, value, columns) for value in values]
        return type(values)(*made) if hasattr(values, "_fields") else tuple(made)
    if values.shape[0] != len(x):  # assignments of other units than rows
        return values
    if values.ndim == 1:
        return pd.Series(values, index=x.index)
    names = columns if columns is not None and len(columns) == values.shape[1] else range(values.shape[1])
    return pd.DataFrame(values, index=x.index, columns=pd.Index(names, name="component"))


def classes_like(x: Any, classes: Any, names: Sequence[Any]) -> Any:
    """Components of rows as `like` gives them; as categories where the components have names."""
    found = like(x, classes)
    if not isinstance(found, pd.Series):
        return {site: classes_like(x, one, names) for site, one in found.items()} if isinstance(found, dict) else found
    if all(isinstance(name, str) for name in names) and names:
        found = pd.Series(pd.Categorical.from_codes(found.to_numpy(), list(names)), index=found.index)
    return found.rename("component")


def components_of(result: PointFit | xr.DataTree) -> tuple[Any, ...]:
    """The names of a result's components, or their numbers."""
    if isinstance(result, PointFit):
        return result.components
    group = result["posterior"].to_dataset()
    return tuple(group["components"].values.tolist()) if "components" in group.coords else ()
