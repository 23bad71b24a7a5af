"""The root of the equation of a structural model whose shares follow its parameters: EM, then Newton's last digits."""

import numpy as np
from jaxtyping import Float
from scipy import optimize

from inference.external.evidence import Evidence
from inference.external.structural import Structural

NEAR, AT_REST = 1e-4, 1e-9
"""How little the largest parameter moves in a step of EM before Newton takes over, and where EM alone may end."""

MOST_STEPS = 5000


def solve(
    structural: Structural, evidence: Evidence, times: Float[np.ndarray, " units"], start: Float[np.ndarray, " size"]
) -> tuple[Float[np.ndarray, " size"], bool]:
    """Parameters at which the equation holds, and whether it does: the maximum likelihood estimate that EM climbs to."""
    theta, tolerance = start, NEAR
    for _ in range(MOST_STEPS):
        former, theta = theta, structural.solve(evidence.shares(structural.log_joint(theta)), times, theta)
        moved = np.abs(theta - former).max()
        if moved < tolerance:
            polished = _polished(structural, evidence, times, theta)
            if polished is not None:
                return polished, True
            if tolerance == AT_REST or moved < AT_REST:
                return theta, moved < AT_REST
            tolerance = max(tolerance / 10, AT_REST)
    return theta, False


def _polished(
    structural: Structural, evidence: Evidence, times: np.ndarray, theta: np.ndarray
) -> Float[np.ndarray, " size"] | None:
    """The root near `theta`; None where Newton's steps lead elsewhere."""

    def equation(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shares = evidence.shares(structural.log_joint(at))
        slope = evidence.feedback(structural, at, times) - structural.curvature(at, shares, times)
        return times @ structural.estimating(at, shares), slope

    def is_maximum(at: np.ndarray) -> bool:
        """Whether EM would come back: it is a step by the curvature at given shares, of which the feedback leaves some (Louis 1982)."""
        held = structural.curvature(at, evidence.shares(structural.log_joint(at)), times)
        left = np.linalg.solve(held, held - evidence.feedback(structural, at, times))
        return bool((np.linalg.eigvals(left).real > 0).all())

    with np.errstate(all="ignore"):  # steps beyond the bounds, which are not taken
        try:
            found = optimize.root(equation, theta, jac=True, options={"xtol": 1e-12})
            before = evidence.log_likelihood(structural.log_joint(theta), times)
            after = evidence.log_likelihood(structural.log_joint(found.x), times)
            is_above = after >= before - 1e-9 * abs(before) and is_maximum(found.x)
        except (ValueError, np.linalg.LinAlgError):
            return None
    is_near = np.abs(found.x - theta).max() < 100 * NEAR * (1 + np.abs(theta).max())
    return found.x if found.success and is_near and is_above else None
