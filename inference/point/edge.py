"""Values at the edge of their support, where coordinates are infinite: moved inside a little, so that there is a way from there."""

import numpy as np

from inference.backends.sites import Site

EDGE = 1e-6
"""How near the edge of their support simplexes, and correlations, may begin: a share of its width."""


def off_the_edge(site: Site, value: np.ndarray) -> np.ndarray:
    """A simplex without zeros, correlations other than 1: their coordinates hang together, so that one at the edge spoils the others."""
    value = np.asarray(value)
    if site.is_simplex:
        least = EDGE / value.shape[-1]
        raised = np.maximum(value, least)
        return np.where(value.min(axis=-1, keepdims=True) < least, raised / raised.sum(axis=-1, keepdims=True), value)
    if site.support == "correlation Cholesky" and np.diagonal(value, axis1=-2, axis2=-1).min() ** 2 < EDGE:
        matrix = value @ np.swapaxes(value, -1, -2)
        return np.linalg.cholesky((1 - EDGE) * matrix + EDGE * np.eye(value.shape[-1]))
    return value
