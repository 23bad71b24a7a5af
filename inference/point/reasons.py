"""Why is a fit not sound? What the data say of it, in words."""

import numpy as np

from inference.status import Status
from mixtures import Observations
from mixtures.tables import MAX_NAMED


def reason_of(status: Status, x: Observations) -> str:
    """A sentence that names the columns with one value alone, around which densities have no largest value; empty where there are none.

    Example:
        >>> reason_of(Status.COLLAPSED, Observations([[1.0, 2.0], [3.0, 2.0]]))
        'column 1 has one value in all rows, 2.0: drop it'
    """
    if status.is_sound:
        return ""
    constant = constant_columns(x)
    if not constant:
        return ""
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
