"""A program's collapsed log density as a function of one unconstrained vector: what optimisers and Laplace's method are given, in NumPy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Parameters = Mapping[str, np.ndarray]
"""Constrained values by site."""


@dataclass(frozen=True, eq=False)
class LogDensity:
    """A program's collapsed log density as a function of one unconstrained vector.

    Args:
        size: length of the vector.
        value_and_gradient: vector (size,) -> log density, gradient (size,).
        values_and_gradients: the same of many vectors, (points, size) -> (points,), (points, size); of all rows, or of those at an index
            that is given beside them.
        hessian: vector -> second derivatives of the log density, (size, size).
        places: which coordinates are a site's, indices by site in the vector's order. Of real-valued sites coordinates are their values, but
            for those of linear predictors: see `inference.backends.predictors`.
        is_real: which coordinates belong to real-valued sites, (size,); the others are on a log or logit scale.
        constrain: vector -> constrained values by site.
        unconstrain: constrained values by site -> vector.
    """

    size: int
    places: Mapping[str, np.ndarray]
    is_real: np.ndarray
    value_and_gradient: Callable[[np.ndarray], tuple[float, np.ndarray]]
    values_and_gradients: Callable[..., tuple[np.ndarray, np.ndarray]]
    hessian: Callable[[np.ndarray], np.ndarray]
    constrain: Callable[[np.ndarray], dict[str, np.ndarray]]
    unconstrain: Callable[[Parameters], np.ndarray]

    def units(self, scales: Parameters) -> np.ndarray:
        """The vector of units, given those of some sites: a number, or one for each of a real-valued site's coordinates; 1 for the others."""
        vector = np.ones(self.size)
        for name, scale in scales.items():
            vector[self.places[name]] = np.ravel(scale)
        return vector
