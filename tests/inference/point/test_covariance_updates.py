"""Each covariance structure's update, taken again and again, ends at the maximum that scipy finds over volumes, shapes and orientations.

Celeux & Govaert (1995): Sigma_k = lambda_k D_k A_k D_k', where the code says which of volume, shape and orientation are equal (E), vary (V)
or are the identity (I).
"""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from inference.point.em.m_steps.covariances import UPDATES

RNG = np.random.default_rng(1)
K, D = 3, 3
ROWS = np.array([20.0, 35.0, 45.0])
ROOTS = 0.4 * RNG.normal(size=(K, D, D)) + np.diag([1.2, 0.8, 0.4])
SCATTER = ROWS[:, None, None] * ROOTS @ ROOTS.swapaxes(1, 2)
"""W_k, of ellipsoids of different volumes, shapes and orientations."""


def covariances(code: str, u: np.ndarray) -> np.ndarray:
    """Of a free vector, which is read from its front."""

    def part(letter: str, size: int) -> np.ndarray:
        nonlocal u
        count = {"E": 1, "V": K, "I": 0}[letter] * size
        own, u = u[:count].reshape(-1, size), u[count:]
        return np.resize(own if count else np.zeros((1, size)), (K, size))

    volume, shape, turn = part(code[0], 1), part(code[1], D - 1), part(code[2], D)
    log_variance = volume + np.hstack([shape, -shape.sum(axis=1, keepdims=True)])
    axes = Rotation.from_rotvec(turn).as_matrix()
    return (axes * np.exp(log_variance)[:, None, :]) @ axes.swapaxes(1, 2)


def deviance(sigma: np.ndarray) -> float:
    """-2 log likelihood but for a constant: sum_k n_k log |Sigma_k| + tr(Sigma_k^-1 W_k)."""
    return float(ROWS @ np.linalg.slogdet(sigma)[1] + np.trace(np.linalg.solve(sigma, SCATTER), axis1=1, axis2=2).sum())


@pytest.mark.parametrize("code", UPDATES)
def test_updates_end_at_scipys_maximum(code):
    identity = np.tile(np.eye(D), (K, 1, 1))
    spread = {"root": identity, "whiten": identity, "log_det": np.zeros(K), "volume": np.ones(K), "axes": np.eye(D)}
    found = [np.inf]
    for _ in range(150):
        spread = UPDATES[code](np, SCATTER, ROWS, spread)
        found.append(deviance(spread["root"] @ spread["root"].swapaxes(1, 2)))
    assert np.diff(found).max() < 1e-9 * abs(found[-1])
    best = minimize(
        lambda u: deviance(covariances(code, u)), 0.1 * np.ones(K * (1 + D - 1 + D)), options={"gtol": 1e-4}
    )
    assert found[-1] == pytest.approx(best.fun, rel=1e-8)
    np.testing.assert_allclose(spread["root"] @ spread["root"].swapaxes(1, 2), covariances(code, best.x), atol=2e-3)
    np.testing.assert_allclose(spread["root"] @ spread["whiten"], identity, atol=1e-12)
    np.testing.assert_allclose(spread["log_det"], np.linalg.slogdet(spread["root"])[1], atol=1e-12)
