"""Components under other numbers: number k is what number permutation[k] was. Of the law's sites the law says how; others have an axis."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from mixtures.assignments import Assignment

if TYPE_CHECKING:
    import xarray as xr


def renumbered(
    parameters: Mapping[str, np.ndarray],
    axes: Mapping[str, int | None],
    permutation: Int[np.ndarray, " components"],
    law: Assignment | None,
) -> dict[str, np.ndarray]:
    """One value of each site under other numbers.

    Args:
        parameters: by site.
        axes: each site's axis of components; None where it has none.
        permutation: the components.
        law: the law of the assignment, where one is declared.

    Example:
        >>> from mixtures.assignments import Dirichlet
        >>> values = {"weights": np.array([0.2, 0.8]), "loc": np.array([5.0, 6.0]), "scale": np.array(1.0)}
        >>> renumbered(values, {"weights": 0, "loc": 0}, np.array([1, 0]), Dirichlet())["loc"].tolist()
        [6.0, 5.0]
    """
    own = _of_law(parameters, law)
    moved = {
        name: value if axes.get(name) is None else np.take(value, permutation, axis=axes[name])
        for name, value in parameters.items()
        if name not in own
    }
    return moved | (law.permuted(own, permutation) if law is not None and own else {})


def draws_of_law(
    draws: "xr.Dataset", permutations: Int[np.ndarray, "draws components"], law: Assignment | None
) -> "dict[str, xr.DataArray]":
    """The draws of the law's sites, each draw under its own numbers."""
    found = _of_law(dict(draws.data_vars), law)
    if law is None or not found:
        return {}
    ordered = {name: variable.transpose("chain", "draw", ...) for name, variable in found.items()}
    flat = {name: one.values.reshape(len(permutations), *one.shape[2:]) for name, one in ordered.items()}
    each = [law.permuted({name: v[t] for name, v in flat.items()}, one) for t, one in enumerate(permutations)]
    return {
        name: one.copy(data=np.stack([values[name] for values in each]).reshape(one.shape)).transpose(*found[name].dims)
        for name, one in ordered.items()
    }


def _of_law(values: Mapping, law: Assignment | None) -> dict:
    """Those of the values that are the law's."""
    return {} if law is None else {name: values[name] for name in law.sites if name in values}
