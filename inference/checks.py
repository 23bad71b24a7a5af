"""What every verb checks before it starts."""

from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Int

from mixtures import Mixture, Observations, Program
from mixtures.errors import DataError, ModelError
from mixtures.families.members import can_be

WIDEST = 1e150
"""Columns vary by no more than this, and by no less than its inverse."""


def checked(program: Program, x: Any) -> Observations:
    """`x` as observations that the program can describe.

    Raises:
        ModelError: `program` is not a declaration.
        DataError: `x` cannot be used, or lies outside the family's support; or a row cannot be of the component that its label says.
    """
    if not isinstance(program, Program):
        raise ModelError(
            "program",
            got=f"{program!r} ({type(program).__name__})",
            expected="a declaration",
            advice="Use gaussian_mixture(2), Mixture(...), or decorate your own function with @mixtures.declare.",
        )
    observations = Observations.of(x)
    if isinstance(program, Mixture):
        check_squares(observations)
        program.check(observations)
        observations.check_labels(program.components)
        _check_possible(program, observations)
    elif observations.labels is not None:
        raise DataError(
            "labels",
            got="known labels, and a program of your own",
            expected="a Mixture, whose assignment they can be held against",
            advice='Say it in the program: ppl.factor("labels", ...), as Mixture does; or pass the data without labels.',
        )
    return observations


def check_squares(x: Observations) -> None:
    """Check that columns that vary do so by numbers whose squares are numbers: variances are made of these.

    Raises:
        DataError: a column varies by less than 1e-150 or by more than 1e150.
    """
    values = x.x if x.x.ndim == 2 else x.x[:, None]
    with np.errstate(over="ignore"):
        width = np.fmax.reduce(values) - np.fmin.reduce(values)  # NaN has no part in these
    bad = np.flatnonzero(((width > 0) & (width < 1 / WIDEST)) | (width > WIDEST))
    if len(bad):
        index = int(bad[0])
        name = x.feature_names[index] if x.feature_names else index
        raise DataError(
            "x",
            got=f"values of column {name!r} that differ by {width[index]:.3g} at most",
            expected=f"differences between {1 / WIDEST:g} and {WIDEST:g}, whose squares float64 can hold",
            advice="Measure the column in another unit.",
        )


def _check_possible(mixture: Mixture, x: Observations) -> None:
    """Check that each known component can be that of its row: backends would answer with a log likelihood of -100,000.

    Raises:
        DataError: a row lies beyond the bounds of the component that its label says.
    """
    if x.labels is None:
        return
    is_possible = can_be(mixture.family, x.x, mixture.components)
    bad = np.flatnonzero((x.labels >= 0) & ~is_possible[np.arange(len(x)), x.labels])
    if len(bad):
        row = int(bad[0])
        name = "" if x.row_names is None else f" ({x.row_names[row]!r})"
        more = f", and so for {len(bad) - 1} more" if len(bad) > 1 else ""
        left = np.flatnonzero(is_possible[row])
        raise DataError(
            "labels",
            got=f"{x.labels[row]} at row {row}{name}, which cannot be of that component: x there is {x.x[row]}{more}",
            expected=f"one of the components that the row can be of, {left.tolist()}, or -1"
            if len(left)
            else "a row that some component can describe",
            advice="Mend the label or the row, or widen the component's bounds.",
        )


def with_numbers(program: Program, x: Observations) -> Program:
    """The program with the numbers of its priors written out."""
    return program.scaled_to(x) if isinstance(program, Mixture) else program


def check_count(name: str, value: Any, least: int = 1) -> int:
    """An argument that counts something.

    Raises:
        ModelError: not an int, or less than `least`.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < least:
        raise ModelError(name, got=f"{value!r} ({type(value).__name__})", expected=f"an int >= {least}")
    return value.__index__()


def check_share(name: str, value: Any) -> float:
    """An argument that is a share strictly between 0 and 1.

    Raises:
        ModelError: not a number, or outside.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating) or not 0 < value < 1:
        raise ModelError(name, got=repr(value), expected="a share between 0 and 1")
    return float(value)


def check_positive(name: str, value: Any, or_zero: bool = False) -> float:
    """An argument that is a positive number (or zero, where that makes sense).

    Raises:
        ModelError: not a number, or not positive and finite.
    """
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not is_number or not 0 <= value < float("inf") or (value == 0 and not or_zero):
        raise ModelError(name, got=repr(value), expected=f"a {'number >= 0' if or_zero else 'positive number'}")
    return float(value)


def check_tree(posterior: Any) -> xr.DataTree:
    """A tree with draws and the data that they are of.

    Raises:
        DataError: something else, or a tree without the groups `posterior` and `observed_data`.
    """
    if not isinstance(posterior, xr.DataTree):
        got = type(posterior).__name__
    else:
        absent = [group for group in ("posterior", "observed_data") if group not in posterior.children]
        if not absent:
            return posterior
        got = f"a tree without {' and '.join(f'a group {group!r}' for group in absent)}"
    raise DataError(
        "posterior",
        got=got,
        expected="an xarray.DataTree in ArviZ's schema",
        advice="Pass what sample_nuts returned.",
    )


def check_rows(rows: Any, total: int) -> Int[np.ndarray, " rows"] | None:
    """Indices of rows, as an array; None means all rows and stays None.

    Args:
        rows: indices, from the end where negative, or a mask of all rows.
        total: how many rows there are.

    Raises:
        DataError: no row, an index that no row has, or something that is not an index.
    """
    if rows is None:
        return None
    indices = np.atleast_1d(np.asarray(rows))
    if indices.dtype == bool and indices.shape == (total,):
        indices = np.flatnonzero(indices)
    is_index = indices.dtype.kind in "iu" and indices.ndim == 1
    if indices.size and is_index and -total <= indices.min() and indices.max() < total:
        return indices
    bad = indices[(indices < -total) | (indices >= total)][:3].tolist() if is_index else []
    got = f"indices {bad}" if bad else "no row" if not indices.size else f"{rows!r}"[:60]
    raise DataError("rows", got=got, expected=f"indices of {total} rows, 0 to {total - 1}")
