"""An outcome that differs between classes (a distal outcome): theta are the classes' shares, then the moments of the outcome in each."""

from dataclasses import dataclass

import numpy as np

from inference.external.kinds import Kind
from inference.external.structural import Reported, Structural
from mixtures.errors import DataError


@dataclass(frozen=True, eq=False)
class Distal(Structural):
    """p(z_i = k, y_i) = pi_k p(y_i given moments_k).

    psi_i has w_ik - pi_k, and w_ik (residual of y_i from moments_k): zero in sum where shares are mean weights, and moments weighted means.

    Args:
        kind: the outcome.
        classes: how many there are.
        middle: what was taken from the outcome before it was divided by `unit`; 0 and 1 of what has no unit.
        unit: likewise.
    """

    kind: Kind
    classes: int
    middle: float = 0.0
    unit: float = 1.0

    def _parts(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return theta[: self.classes], theta[self.classes :].reshape(self.classes, -1)

    def solve(self, shares: np.ndarray, times: np.ndarray, theta: np.ndarray | None = None) -> np.ndarray:
        weights = shares * times[:, None]
        totals = weights.sum(axis=0)
        if (totals <= 0).any():
            k = int(totals.argmin())
            raise DataError(
                "outcome",
                got=f"weights of component {k} that sum to {totals[k]:.3g} over the rows whose outcome is known",
                expected="rows of each component",
                advice='Use assignment="proportional", correction="two-step", or a fit with fewer components.',
            )
        return np.concatenate([totals / times.sum(), self.kind.moments(weights / totals).ravel()])

    def log_joint(self, theta: np.ndarray) -> np.ndarray:
        shares, moments = self._parts(theta)
        with np.errstate(divide="ignore"):  # a class that lost all its units
            return np.log(np.maximum(shares, 0.0)) + self.kind.log_density(moments)

    def slopes(self, theta: np.ndarray) -> np.ndarray:
        shares, moments = self._parts(theta)
        # d log pi_k / d pi_k = 1 / pi_k
        return self._placed(1.0 / np.maximum(shares, 1e-300), self.kind.slopes(moments))

    def by_share(self, theta: np.ndarray) -> np.ndarray:
        _, moments = self._parts(theta)
        return self._placed(np.ones(self.classes), self.kind.residuals(moments))

    def estimating(self, theta: np.ndarray, shares: np.ndarray) -> np.ndarray:
        own, moments = self._parts(theta)
        of_moments = shares[:, :, None] * self.kind.residuals(moments)
        return np.concatenate([shares - own, of_moments.reshape(len(shares), -1)], axis=1)

    def curvature(self, theta: np.ndarray, shares: np.ndarray, times: np.ndarray) -> np.ndarray:
        _, moments = self._parts(theta)
        made, width = np.zeros((len(theta), len(theta))), moments.shape[1]
        made[: self.classes, : self.classes] = times.sum() * np.eye(self.classes)
        for k, block in enumerate(self.kind.mixed(moments, shares * times[:, None])):
            at = slice(self.classes + k * width, self.classes + (k + 1) * width)
            made[at, at] = block
        return made

    def _placed(self, of_share: np.ndarray, of_moments: np.ndarray) -> np.ndarray:
        """Numbers of each class at its own places in theta, 0 elsewhere; (units, classes, size)."""
        units, classes, width = of_moments.shape
        made = np.zeros((units, classes, classes * (1 + width)))
        for k in range(classes):
            made[:, k, k] = of_share[k]
            made[:, k, classes + k * width : classes + (k + 1) * width] = of_moments[:, k]
        return made

    def reported(self) -> Reported:
        shown, names = self.kind.shown, self.kind.values
        lines = [(k, names[value]) for k in range(self.classes) for value in shown]
        matrix = np.zeros((len(lines), self.classes * (1 + len(names))))
        offset = np.zeros(len(lines))
        for line, (k, value) in enumerate((k, value) for k in range(self.classes) for value in shown):
            # y = middle + unit y', whose variance is unit^2 that of y'
            matrix[line, self.classes + k * len(names) + value] = self.unit ** (2 if names[value] == "variance" else 1)
            offset[line] = self.middle if names[value] == "mean" else 0.0
        of_class = np.arange(len(lines)).reshape(self.classes, len(shown))
        return Reported(tuple(lines), offset, matrix, of_class[:, [shown.index(v) for v in self.kind.compared]])

    def findings(self, theta: np.ndarray) -> list[tuple[int, str]]:
        return self.kind.findings(self._parts(theta)[1])
