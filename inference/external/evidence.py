"""What is known of each unit's class beside the external variable: the misclassification of its assignment (ML), or its rows (two-step).

A unit has one record, or, where assignments are proportional, one for each class it may be assigned to, which count by its probability
(Vermunt 2010): psi_i is then the sum of its records', and errors are robust to their hanging together.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from inference.external.structural import Structural


@dataclass(frozen=True, eq=False)
class Evidence:
    """log p(what is known in record s of unit i | z_i = k), held.

    Args:
        table: (units, records, classes), or (one, records, classes) where all units have the same.
        counts: how much each record of a unit counts, (units, records).
    """

    table: Float[np.ndarray, "units_or_one records classes"]
    counts: Float[np.ndarray, "units records"]

    def posterior(self, log_joint: Float[np.ndarray, "units classes"]) -> Float[np.ndarray, "units records classes"]:
        """P(z_i = k | record s, external variable)."""
        joint = log_joint[:, None, :] + self.table
        return np.exp(joint - logsumexp(joint, axis=2, keepdims=True))

    def shares(self, log_joint: Float[np.ndarray, "units classes"]) -> Float[np.ndarray, "units classes"]:
        """w_ik: the probabilities of a unit's classes, averaged over its records."""
        return np.einsum("is,isk->ik", self.counts, self.posterior(log_joint))

    def log_likelihood(
        self, log_joint: Float[np.ndarray, "units classes"], times: Float[np.ndarray, " units"]
    ) -> float:
        """sum_i n_i sum_s counts_is log sum_k p(record s, external variable, z_i = k)."""
        return float(times @ (self.counts * logsumexp(log_joint[:, None, :] + self.table, axis=2)).sum(axis=1))

    def feedback(
        self, structural: Structural, theta: Float[np.ndarray, " size"], times: Float[np.ndarray, " units"]
    ) -> Float[np.ndarray, "size size"]:
        """sum_i n_i sum_k a_ik d w_ik / d theta: how the equation answers to the shares, as they follow the parameters."""
        posterior, slopes = self.posterior(structural.log_joint(theta)), structural.slopes(theta)
        weighted = self.counts[:, :, None] * posterior
        # d r_isk = r_isk (d log p_ik - sum_l r_isl d log p_il), w_ik = sum_s counts_is r_isk
        mean = np.einsum("isk,ikp->isp", posterior, slopes)
        moved = weighted.sum(axis=1)[:, :, None] * slopes - np.einsum("isk,isp->ikp", weighted, mean)
        return np.einsum("i,ikp,ikq->pq", times, structural.by_share(theta), moved, optimize=True)
