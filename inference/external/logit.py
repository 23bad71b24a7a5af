"""Covariates that predict the class: a multinomial logit against a reference class."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax

from inference.external.structural import Reported, Structural
from mixtures.errors import FitError

AT_REST, NEAR, MOST_STEPS = 1e-10, 1e-3, 100
"""Newton's last step, as it is taken and before it was shortened, and how many there may be: coefficients that go to infinity grow by about one
a step, to where the objective is flat to rounding and any step is too long."""

INTERCEPT = "intercept"


@dataclass(frozen=True, eq=False)
class Logit(Structural):
    """log P(z_i = k) / P(z_i = reference) = theta_k . (1, c_i), of covariates with mean 0 and variance 1.

    psi_i = sum_k (w_ik - P(z_i = k)) (1, c_i), the score of the logit; theta has the other classes' coefficients, one class after the other.

    Args:
        design: ones, and the covariates, (units, terms).
        classes: how many there are.
        reference: the class whose coefficients are 0.
        names: of the covariates.
        middle: what was taken from each covariate before it was divided by `unit`.
        unit: likewise.
    """

    design: Float[np.ndarray, "units terms"]
    classes: int
    reference: int
    names: tuple[str, ...]
    middle: Float[np.ndarray, " covariates"]
    unit: Float[np.ndarray, " covariates"]

    @property
    def _others(self) -> list[int]:
        return [k for k in range(self.classes) if k != self.reference]

    def solve(self, shares: np.ndarray, times: np.ndarray, theta: np.ndarray | None = None) -> np.ndarray:
        theta = np.zeros(len(self._others) * self.design.shape[1]) if theta is None else theta
        value = self._objective(theta, shares, times)
        for _ in range(MOST_STEPS):
            gradient = times @ self.estimating(theta, shares)
            try:
                step = whole = np.linalg.solve(self.curvature(theta, shares, times), gradient)
            except np.linalg.LinAlgError:  # probabilities that are 0 and 1
                break
            for _ in range(40):  # the objective is concave: some fraction of Newton's step goes up
                tried = self._objective(theta + step, shares, times)
                if tried >= value or np.abs(step).max() < AT_REST:
                    break
                step = step / 2
            theta, value = theta + step, tried
            if np.abs(whole).max() < NEAR and np.abs(step).max() < AT_REST:
                return theta
        raise FitError(
            "covariates",
            got="coefficients that run off to infinity: a covariate separates a class from another, or weights are negative where it matters",
            expected="covariates under which each class may occur",
            advice='Leave out or coarsen the covariate that does so; under "bch", use "two-step", which has no negative weights.',
        )

    def _objective(self, theta: np.ndarray, shares: np.ndarray, times: np.ndarray) -> float:
        return float(times @ (shares * self.log_joint(theta)).sum(axis=1))

    def _log_odds(self, theta: np.ndarray) -> np.ndarray:
        odds = np.zeros((len(self.design), self.classes))
        odds[:, self._others] = self.design @ theta.reshape(len(self._others), -1).T
        return odds

    def log_joint(self, theta: np.ndarray) -> np.ndarray:
        return log_softmax(self._log_odds(theta), axis=1)

    def slopes(self, theta: np.ndarray) -> np.ndarray:
        # d log p_k / d theta_l = (1[k = l] - p_l) (1, c)
        own = self.by_share(theta)
        return own - np.einsum("ik,ikp->ip", np.exp(self.log_joint(theta)), own)[:, None]

    def by_share(self, theta: np.ndarray) -> np.ndarray:
        indicator = np.eye(self.classes)[:, self._others]
        made = np.einsum("kl,ij->iklj", indicator, self.design)
        return made.reshape(len(self.design), self.classes, -1)

    def estimating(self, theta: np.ndarray, shares: np.ndarray) -> np.ndarray:
        away = (shares - np.exp(self.log_joint(theta)))[:, self._others]
        return (away[:, :, None] * self.design[:, None, :]).reshape(len(self.design), -1)

    def curvature(self, theta: np.ndarray, shares: np.ndarray, times: np.ndarray) -> np.ndarray:
        probs = np.exp(self.log_joint(theta))[:, self._others]
        # d p_k / d theta_l = p_k (1[k = l] - p_l) (1, c)
        of_pairs = probs[:, :, None] * (np.eye(probs.shape[1]) - probs[:, None, :])
        made = np.einsum("i,ikl,ij,im->kjlm", times, of_pairs, self.design, self.design, optimize=True)
        return made.reshape(len(theta), len(theta))

    def reported(self) -> Reported:
        terms = (INTERCEPT, *self.names)
        # theta . (1, (c - middle) / unit) = (theta_0 - sum theta_j middle_j / unit_j) + sum (theta_j / unit_j) c_j
        one = np.diag(np.concatenate([[1.0], 1 / self.unit]))
        one[0, 1:] = -self.middle / self.unit
        lines = tuple((k, term) for k in self._others for term in terms)
        return Reported(lines, np.zeros(len(lines)), np.kron(np.eye(len(self._others)), one))

    def findings(self, theta: np.ndarray) -> list[tuple[int, str]]:
        return []
