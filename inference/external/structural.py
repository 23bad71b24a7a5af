"""What a structural model says: how classes and one external variable go together, once the classes are measured.

All corrections solve one kind of equation. With w_ik, the share of class k in unit i, and n_i, how often the unit counts,

    sum_i n_i psi_i(theta; w_i) = 0,    psi_i = sum_k w_ik a_ik(theta) + b_i(theta),

whose roots are maximum likelihood estimates of data in which unit i is there w_ik times in class k. Shares are given once (classify-analyse,
BCH), or are the classes' probabilities given the external variable too, which depend on theta (ML, two-step).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, eq=False)
class Reported:
    """The numbers that people read, as functions offset + matrix . theta of those that are solved for.

    Args:
        lines: the class and the name of each, by class number.
        offset: (numbers,).
        matrix: (numbers, size).
        compared: places among the numbers of what is compared between classes, (classes, values): of an outcome.
    """

    lines: tuple[tuple[int, str], ...]
    offset: Float[np.ndarray, " numbers"]
    matrix: Float[np.ndarray, "numbers size"]
    compared: Int[np.ndarray, "classes values"] | None = None

    @property
    def unit(self) -> Float[np.ndarray, " numbers"]:
        """The unit of each number, those of theta being 1."""
        return np.sqrt((self.matrix**2).sum(axis=1))


class Structural(ABC):
    """A structural model of units that are complete; `theta` (size,) are its parameters."""

    @abstractmethod
    def solve(
        self,
        shares: Float[np.ndarray, "units classes"],
        times: Float[np.ndarray, " units"],
        theta: Float[np.ndarray, " size"] | None = None,
    ) -> Float[np.ndarray, " size"]:
        """The root of the equation with these shares, sought from `theta`."""

    @abstractmethod
    def log_joint(self, theta: Float[np.ndarray, " size"]) -> Float[np.ndarray, "units classes"]:
        """log p(z_i = k, y_i), or log p(z_i = k given c_i) of covariates, up to what is the same for all classes."""

    @abstractmethod
    def slopes(self, theta: Float[np.ndarray, " size"]) -> Float[np.ndarray, "units classes size"]:
        """The derivatives of `log_joint`."""

    @abstractmethod
    def by_share(self, theta: Float[np.ndarray, " size"]) -> Float[np.ndarray, "units classes size"]:
        """a_ik, by which psi_i grows with the share of class k."""

    @abstractmethod
    def estimating(
        self, theta: Float[np.ndarray, " size"], shares: Float[np.ndarray, "units classes"]
    ) -> Float[np.ndarray, "units size"]:
        """psi_i at these shares."""

    @abstractmethod
    def curvature(
        self,
        theta: Float[np.ndarray, " size"],
        shares: Float[np.ndarray, "units classes"],
        times: Float[np.ndarray, " units"],
    ) -> Float[np.ndarray, "size size"]:
        """- sum_i n_i d psi_i / d theta, the shares held."""

    @abstractmethod
    def reported(self) -> Reported:
        """What is read of `theta`."""

    @abstractmethod
    def findings(self, theta: Float[np.ndarray, " size"]) -> list[tuple[int, str]]:
        """Classes, and what a reader must know of their parameters: numbers that are on their bound, or beyond it."""
