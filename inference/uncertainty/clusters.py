"""Rows that may depend on each other beyond what the model says, and what is made of their scores."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from inference.uncertainty.units import Units
from mixtures import Observations
from mixtures.errors import DataError
from mixtures.tables import checked_clusters


def clusters_of(given: Any, x: Observations, units: Units) -> Int[np.ndarray, " units"] | None:
    """The cluster of each unit, numbered 0, 1, ...; None where units are by themselves.

    Args:
        given: of each row; None: the groups of rows, where there are some.
        x: the data.
        units: what is independent under the model.

    Raises:
        DataError: not one for each row, only one, or several in one unit.
    """
    if given is None:
        return x.group if x.group is not None and units.unit == "row" else None
    of_rows = checked_clusters(given, len(x))
    if of_rows.max() == 0:
        raise DataError("clusters", got="one cluster of all rows", expected="several, which are independent")
    of_units = np.zeros(len(units.times), dtype=int)
    of_units[units.of_rows] = of_rows
    differs = np.flatnonzero(of_units[units.of_rows] != of_rows)
    if len(differs):
        raise DataError(
            "clusters",
            got=f"row {differs[0]} in another cluster than other rows of its {units.unit}",
            expected=f"each {units.unit} in one cluster: its rows depend on each other under the model",
        )
    return of_units


def meat_of(units: Units, cluster: Int[np.ndarray, " units"] | None) -> Float[np.ndarray, "size size"]:
    """The covariance of the sum of scores, B = sum_c s_c s_c', s_c the sum over cluster c.

    A unit of weight w is w of them, each by itself; in a cluster it is there w times, and s_c has w s.

    Source: Liang & Zeger (1986), Biometrika 73, section 2; without their and others' corrections for few clusters.
    """
    if cluster is None:
        return units.information()
    sums = np.zeros((cluster.max() + 1, units.scores.shape[1]))
    np.add.at(sums, cluster, units.times[:, None] * units.scores)
    return sums.T @ sums
