"""Correlations stand in `posterior`, where people and ArviZ's tables read them; their Cholesky factors, which densities take, in a group of
their own.

A factor's entries mean nothing one by one, and some of them are constant. Verbs put the factors back where the program has them
(`with_factors`), and take them out of what they return (`readable`).
"""

from itertools import combinations

import numpy as np
import xarray as xr

from inference.factor_names import is_factor, shown_name
from mixtures.errors import DataError

GROUPS = {"posterior": "factors", "posterior_raw": "factors_raw"}
"""Where the factors of a group are."""

PAIRS = "pairs"
ROUNDING = 1e-6
"""Between correlations of the same draws, which a file may keep in single precision."""


def readable(tree: xr.DataTree) -> xr.DataTree:
    """The tree with correlations in `posterior` (and `posterior_raw`), and their factors in `factors` (and `factors_raw`)."""
    made = tree.copy(deep=False)
    for name, beside in GROUPS.items():
        group = tree[name].to_dataset() if name in tree.children else xr.Dataset()
        factors = [variable for variable in group.data_vars if is_factor(variable)]
        if factors:
            made[name] = xr.DataTree(with_correlations(group))
            made[beside] = xr.DataTree(group[factors])
    return made


def with_factors(tree: xr.DataTree) -> xr.DataTree:
    """The tree with the factors in the place of the correlations, as the program has them.

    Raises:
        DataError: the factors in one group are not those of the correlations in the other.
    """
    made = tree.copy(deep=False)
    for name, beside in GROUPS.items():
        if name in tree.children and beside in tree.children:
            group, factors = tree[name].to_dataset(), tree[beside].to_dataset()
            _check_same(name, beside, group, factors)
            group = group.drop_dims(PAIRS, errors="ignore")
            made[name] = xr.DataTree(group.assign(factors.data_vars))
            del made[beside]
    return made


def _check_same(name: str, beside: str, group: xr.Dataset, factors: xr.Dataset) -> None:
    right = with_correlations(factors)
    for shown in right.data_vars:
        if shown not in group or not _is_close(group[shown], right[shown]):
            raise DataError(
                "posterior",
                got=f"{shown!r} in the group {name!r} that is not of the factors in {beside!r}",
                expected="draws of both in the same order, under the same labels",
                advice=f"What is done to {name!r} is to be done to {beside!r} too: tree.isel(...) does.",
            )


def _is_close(one: xr.DataArray, other: xr.DataArray) -> bool:
    if set(one.dims) != set(other.dims) or any(one.sizes[dim] != other.sizes[dim] for dim in one.dims):
        return False
    return bool(np.allclose(one.transpose(*other.dims).values, other.values, rtol=0, atol=ROUNDING, equal_nan=True))


def with_correlations(group: xr.Dataset) -> xr.Dataset:
    """A group with the correlations of every pair of columns, each once, in place of Cholesky factors."""
    factors = [str(name) for name in group.data_vars if is_factor(name)]
    correlations = {shown_name(name): _correlations(group[name]) for name in factors}
    unused = {str(dim) for name in factors for dim in group[name].dims[-2:]}
    left = group.drop_vars(factors)
    kept = {dim for variable in left.data_vars.values() for dim in variable.dims}
    return left.drop_vars([dim for dim in unused - kept if dim in left.coords]).assign(correlations)


def _correlations(factor: xr.DataArray) -> xr.DataArray:
    """R = C C', above the diagonal, (..., pairs)."""
    root = factor.values
    return pairs_of(factor.copy(data=root @ np.swapaxes(root, -1, -2)))


def pairs_of(matrix: xr.DataArray) -> xr.DataArray:
    """What is above the diagonal of a matrix, whose axes are the last two, (..., pairs); a pair is called by the names of its columns."""
    *others, first, _ = matrix.dims
    names = matrix[first].values if first in matrix.coords else np.arange(matrix.sizes[first])
    pairs = list(combinations(range(matrix.sizes[first]), 2))
    rows, columns = np.array(pairs, dtype=int).reshape(-1, 2).T
    coords = {dim: matrix[dim] for dim in others if dim in matrix.coords}
    labels = [f"{names[i]}, {names[j]}" for i, j in pairs]
    return xr.DataArray(matrix.values[..., rows, columns], dims=(*others, PAIRS), coords={**coords, PAIRS: labels})
