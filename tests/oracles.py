"""Independent routes to the numbers that the package computes: scipy densities, brute force over assignments, quadrature.

Nothing here uses the package.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import gammaln, logsumexp

FIVE_POINTS = np.array([0.0, 1.0, 10.0, 11.0, 12.0])
"""The data of Pyro's Gaussian mixture tutorial."""


def gaussian_log_joint(x, weights, loc, covariance):
    """log w_k N(x_i; loc_k, covariance_k), (rows, components), by scipy's multivariate normal."""
    x = x.reshape(len(x), -1)
    loc, covariance = np.asarray(loc).reshape(len(weights), -1), np.asarray(covariance)
    columns = [
        np.log(weight) + stats.multivariate_normal(mean, matrix).logpdf(x)
        for weight, mean, matrix in zip(weights, loc, covariance, strict=True)
    ]
    return np.stack([np.atleast_1d(column) for column in columns], axis=1)


def brute_force_log_likelihood(table):
    """log sum over all K^n assignments of prod_i p(x_i, z_i), from a (rows, components) table: no row is summed by itself."""
    rows, components = table.shape
    paths = itertools.product(range(components), repeat=rows)
    return logsumexp([sum(table[row, z] for row, z in enumerate(path)) for path in paths])


@dataclass(frozen=True)
class TutorialPosterior:
    """Exact posterior expectations of the tutorial's model, all of them unchanged when labels are exchanged."""

    log_scale: float
    loc_distance_squared: float
    weights_squared: float
    similarity: np.ndarray
    log_evidence: float


@dataclass(frozen=True)
class TutorialGivenScale:
    """The same given the scale, for each of several: what holds in every mode, however often a chain has been there."""

    loc_distance_squared: np.ndarray
    weights_squared: np.ndarray
    similarity: np.ndarray


def exact_tutorial_posterior(
    x=FIVE_POINTS, concentration=0.5, loc_scale=10.0, log_scale_sd=2.0, points=4001, below=np.inf
) -> TutorialPosterior:
    """weights ~ Dirichlet(a, a), scale ~ LogNormal(0, 2), loc ~ Normal(0, 10), z ~ weights, x ~ Normal(loc_z, scale).

    All 2^n assignments are enumerated; given one of them and the scale, weights and locations integrate in closed form (Dirichlet and
    normal conjugacy); the scale is left to a trapezoidal rule over its logarithm, up to `below`.
    """
    grid = np.linspace(-8.0, 8.0, points)
    log_measure = stats.norm(0, log_scale_sd).logpdf(grid) + np.log(grid[1] - grid[0])
    log_joint, distance, weights_squared, same = _assignments_given_scale(grid, x, concentration, loc_scale)
    terms = np.where(grid < below, log_joint + log_measure, -np.inf)
    log_evidence = logsumexp(terms)
    probability = np.exp(terms - log_evidence)
    return TutorialPosterior(
        log_scale=float(np.sum(probability * grid)),
        loc_distance_squared=float(np.sum(probability * distance)),
        weights_squared=float(probability.sum(axis=1) @ weights_squared),
        similarity=np.einsum("a,aij->ij", probability.sum(axis=1), same),
        log_evidence=float(log_evidence),
    )


def exact_tutorial_given_scale(log_scale, x=FIVE_POINTS, concentration=0.5, loc_scale=10.0) -> TutorialGivenScale:
    """The tutorial's model (see above) given log scales (draws,): everything else integrates in closed form."""
    log_joint, distance, weights_squared, same = _assignments_given_scale(log_scale, x, concentration, loc_scale)
    probability = np.exp(log_joint - logsumexp(log_joint, axis=0))
    return TutorialGivenScale(
        np.sum(probability * distance, axis=0),
        weights_squared @ probability,
        np.einsum("ad,aij->dij", probability, same),
    )


def _assignments_given_scale(log_scale, x, concentration, loc_scale):
    """For all assignments: log p(x, z | scale), E (loc_0 - loc_1)^2 (assignments, scales), E sum weights^2, and which rows are together."""
    variance = np.exp(2 * np.asarray(log_scale))
    log_joint, distances, weight_squares = [], [], []
    z = np.array(list(itertools.product((0, 1), repeat=len(x))))
    for assignment in z:
        counts = np.bincount(assignment, minlength=2)
        log_prior_z = gammaln(2 * concentration) - gammaln(2 * concentration + len(x))
        log_prior_z += np.sum(gammaln(concentration + counts) - gammaln(concentration))
        log_marginal, mean, spread = np.zeros(len(variance)), [], []
        for k in (0, 1):
            part = x[assignment == k]
            precision = len(part) / variance + 1 / loc_scale**2
            centre = part.sum() / variance / precision
            log_marginal += -0.5 * len(part) * np.log(2 * np.pi * variance) - 0.5 * np.log(precision * loc_scale**2)
            log_marginal += -0.5 * (np.sum(part**2) / variance - centre**2 * precision)
            mean.append(centre)
            spread.append(1 / precision)
        log_joint.append(log_prior_z + log_marginal)
        distances.append((mean[0] - mean[1]) ** 2 + spread[0] + spread[1])
        posterior_counts = counts + concentration
        total = posterior_counts.sum()
        weight_squares.append(np.sum(posterior_counts * (posterior_counts + 1)) / (total * (total + 1)))
    same = (z[:, :, None] == z[:, None, :]).astype(float)
    return np.array(log_joint), np.array(distances), np.array(weight_squares), same
