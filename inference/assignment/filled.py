"""Numbers in the place of missing cells, in what a user handed in: a frame keeps its other columns, its index, and its names of categories."""

from typing import Any

import numpy as np
import pandas as pd

from mixtures import Observations
from mixtures.categories import BOOLEAN, Names


def filled_like(x: Any, observations: Observations, values: np.ndarray) -> Any:
    """What `x` is, with values in the place of its missing cells.

    Args:
        x: what a verb was handed.
        observations: the same, checked.
        values: of all cells, in the shape of the observations; categories by number.

    Example:
        >>> x = pd.Series(["a", None, "b"])
        >>> filled_like(x, Observations(x, missing="allow"), np.array([0.0, 1.0, 1.0])).tolist()
        ['a', 'b', 'b']
    """
    if isinstance(x, Observations):
        return observations.with_values(values)
    if not isinstance(x, pd.Series | pd.DataFrame):
        return values
    missing = np.isnan(observations.x)
    if isinstance(x, pd.Series):
        names = None if observations.categories is None else observations.categories[0]
        return _column(x, values.reshape(len(x)), missing.reshape(len(x)), names)
    made, known = x.copy(), observations.feature_names or ()
    places = [x.columns.get_loc(name) for name in known] if set(known) <= set(x.columns) else list(range(x.shape[1]))
    values, missing = values.reshape(len(x), -1), missing.reshape(len(x), -1)
    for column, place in enumerate(places):
        names = None if observations.categories is None else observations.categories[column]
        made.isetitem(place, _column(x.iloc[:, place], values[:, column], missing[:, column], names))
    return made


def _column(column: pd.Series, values: np.ndarray, missing: np.ndarray, names: Names | None) -> pd.Series:
    if not missing.any():
        return column
    if names is None:
        return pd.Series(values, index=column.index, name=column.name)
    is_categorical = isinstance(column.dtype, pd.CategoricalDtype)
    values_seen = column.cat.categories if is_categorical else column.dropna().unique()
    own = {str(value): value for value in ([False, True] if names == BOOLEAN else values_seen)}
    found = [own.get(names[int(value)], names[int(value)]) for value in values]
    made = column.astype(object).where(~missing, pd.Series(found, index=column.index, dtype=object))
    return made.astype(column.dtype) if is_categorical and set(found) <= set(own.values()) else made.infer_objects()
