"""What the curvature of a log density at its maximum says of the unconstrained vector: its covariance, where there is one.

Coordinates on a log or logit scale that are far out where the density is flat belong to parameters at an end of their values, and are held
there. Coefficients of which the likelihood knows differences alone sum to zero over components. What is then still without curvature is
lost: numbers that depend on it have no standard error (estimable functions, Searle 1971, section 5.4).
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import helmert

from inference.backends.log_density import LogDensity
from inference.backends.sites import Site, Sites
from mixtures.assignments import TO

FLAT, FAR = 0.05, 5.0
"""A curvature along a log or logit, and how far out it is looked for: where a probability is below 1 in 150, and less than a twentieth of an
event was seen of it."""

SINGULAR = 1e-5
"""An eigenvalue of the information, all coordinates in units of their own curvature, that counts as zero: standard errors along it would be
300 times what they were if all else were known, and a fit that is not wholly at rest has none that is smaller."""

NEGLIGIBLE = 1e-4
"""The share of a number's slope that may lie in what is lost."""

NEARLY_HELD = 0.05
"""The share of a number's slope that may lie in what is held: other probabilities of a row are moved by one near 0 about as much as that is."""


@dataclass(frozen=True, eq=False)
class Information:
    """The information about an unconstrained vector, taken apart.

    Args:
        root: V = root root' is the vector's covariance, (size, known).
        basis: the directions in which the vector was free, in units of the curvature along each, (size, free).
        lost: those of their combinations without curvature, (size, lost).
        held: coordinates held at an end of their values, as columns, (size, held).
        is_curved: whether the density falls in all other directions.
    """

    root: Float[np.ndarray, "size known"]
    basis: Float[np.ndarray, "size free"]
    lost: Float[np.ndarray, "size lost"]
    held: Float[np.ndarray, "size held"]
    is_curved: bool

    @classmethod
    def of(cls, matrix: np.ndarray, u: np.ndarray, is_real: np.ndarray, tangent: np.ndarray) -> "Information":
        """From minus the second derivatives, or an estimate of what these are on average.

        Args:
            matrix: (size, size).
            u: the vector.
            is_real: which coordinates are on no log or logit scale, (size,).
            tangent: the directions in which the vector was free, orthonormal columns, (size, free).
        """
        curvature = np.einsum("ij,ik,kj->j", tangent, matrix, tangent)
        is_log = (~is_real & (np.abs(u) > FAR)) @ np.abs(tangent) > 0
        is_held = (is_log & (np.abs(curvature) < FLAT)) | (curvature == 0)
        basis = tangent[:, ~is_held] / np.sqrt(np.abs(curvature[~is_held]))
        values, vectors = np.linalg.eigh(basis.T @ matrix @ basis)
        is_known = values > SINGULAR
        return cls(
            root=basis @ vectors[:, is_known] / np.sqrt(values[is_known]),
            basis=basis,
            lost=basis @ vectors[:, np.abs(values) <= SINGULAR],
            held=tangent[:, is_held],
            is_curved=bool((values >= -SINGULAR).all()),
        )

    def sandwich(self, meat: Float[np.ndarray, "size size"]) -> Float[np.ndarray, "size size"]:
        """V B V."""
        bread = self.root @ self.root.T
        return bread @ meat @ bread

    def at_ends(self, slopes: Float[np.ndarray, "values size"]) -> Bool[np.ndarray, " values"]:
        """Which numbers depend on what is held at an end, given their slopes."""
        most = np.abs(slopes).max(axis=1, initial=0)
        return np.abs(slopes @ self.held).max(axis=1, initial=0) > NEARLY_HELD * most

    def not_told(self, slopes: Float[np.ndarray, "values size"]) -> Bool[np.ndarray, " values"]:
        """Which numbers depend on directions without curvature."""
        total = np.linalg.norm(slopes @ self.basis, axis=1)
        return np.abs(slopes @ self.lost).max(axis=1, initial=0) > NEGLIGIBLE * total

    def constant(self, slopes: Float[np.ndarray, "values size"]) -> Bool[np.ndarray, " values"]:
        """Which numbers depend on nothing that was free."""
        return np.linalg.norm(slopes @ self.basis, axis=1) == 0


def tangent(sites: Sites, density: LogDensity, fixed: Collection[str], *, is_posterior: bool) -> np.ndarray:
    """The directions in which a fit was free, orthonormal columns (size, free).

    Args:
        sites: the program's.
        density: of its vector.
        fixed: the sites whose values were known.
        is_posterior: whether a prior knows what the likelihood does not.
    """
    redundant = frozenset() if sites.law is None or is_posterior else sites.law.redundant_sites
    every, columns = np.eye(density.size), [np.zeros((density.size, 0))]
    for site in sites.parameters:
        if site.name not in fixed:
            own = every[:, density.places[site.name]]
            columns.append(own @ _sums_to_zero(site) if site.name in redundant and _has_all(site) else own)
    return np.concatenate(columns, axis=1)


def _has_all(site: Site) -> bool:
    """Whether a site has a coordinate for each component; one that sums to zero by itself has one fewer."""
    return site.free == int(np.prod(site.shape))


def _sums_to_zero(site: Site) -> np.ndarray:
    """A basis of the values that sum to zero over what they are relative to, (free, free less one set)."""
    axis = site.dims.index(TO if TO in site.dims else "components")
    parts = [helmert(size).T if place == axis else np.eye(size) for place, size in enumerate(site.shape)]
    basis = np.eye(1)
    for part in parts:
        basis = np.kron(basis, part)
    return basis
