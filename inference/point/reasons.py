"""Why is a fit not sound? What the data say of it, in words."""

import numpy as np

from inference.status import Status
from mixtures import Observations
from mixtures.tables import MAX_NAMED

ROWS_AT_MOST = 5000
"""Of more rows, about so many say whether columns depend on each other."""

DEPENDENT = 1e-7
"""Standardised columns with a smaller ratio of singular values depend on each other: the ratio's square is near float64's last digit."""


def reason_of(status: Status, x: Observations) -> str:
    """A sentence that names columns of one value, or that depend on each other, around which densities have no largest value; else empty.

    Example:
        >>> reason_of(Status.COLLAPSED, Observations([[1.0, 2.0], [3.0, 2.0]]))
        'column 1 has one value in all rows, 2.0: drop it'
    """
    if status in (Status.CONVERGED, Status.LIMIT):
        return ""
    constant = constant_columns(x)
    if not constant:
        dependent = [] if status.is_sound else dependent_columns(x)
        return f"columns {', '.join(map(repr, dependent))} are linearly dependent: drop one" if dependent else ""
    if x.features is None:
        return f"all rows have one value, {constant[0][1]}"
    named = " and ".join(
        f"column {x.feature_names[index] if x.feature_names else index!r} has one value in all rows, {value}"
        for index, value in constant[:MAX_NAMED]
    )
    more = f", and so have {len(constant) - MAX_NAMED} more" if len(constant) > MAX_NAMED else ""
    return f"{named}{more}: drop {'it' if len(constant) == 1 else 'them'}"


def constant_columns(x: Observations) -> list[tuple[int, float]]:
    """The columns whose cells, but for missing ones, are all alike, and their value."""
    values = x.x if x.x.ndim == 2 else x.x[:, None]
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)  # NaN has no part in these
    return [(int(index), float(low[index])) for index in np.flatnonzero(low == high)] if len(values) > 1 else []


def dependent_columns(x: Observations) -> list[str | int]:
    """The columns of which one is a linear combination of the others, up to rounding; none where cells are missing, or rows are few."""
    if x.features is None or len(x) <= x.features or x.observed is not None:
        return []
    some = x.x[:: max(1, len(x) // ROWS_AT_MOST)]
    spread = some.std(axis=0)
    if not spread.all():
        return []
    # seen from a row amid the others, each at distance 1: rows far away, beside which the others are one, say no more than these
    amid = np.argmin(np.abs((some - np.median(some, axis=0)) / spread).sum(axis=1))
    apart = (some - some[amid]) / spread
    distance = np.linalg.norm(apart, axis=1, keepdims=True)
    _, size, directions = np.linalg.svd(apart / np.where(distance > 0, distance, 1.0), full_matrices=False)
    if size[-1] > DEPENDENT * size[0]:
        return []
    return [x.feature_names[i] if x.feature_names else int(i) for i in np.flatnonzero(np.abs(directions[-1]) > 0.01)]
