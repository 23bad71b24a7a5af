"""Gradients by differences of a log density's values."""

import numpy as np

STEP = 1e-5


def central_differences(density, u):
    """The gradient at u, from a step ahead and one behind along each coordinate."""
    ends = np.array([u + sign * STEP * unit for unit in np.eye(density.size) for sign in (1, -1)])
    values = density.values_and_gradients(ends)[0].reshape(-1, 2)
    return (values[:, 0] - values[:, 1]) / (2 * STEP)
