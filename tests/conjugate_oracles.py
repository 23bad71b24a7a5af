"""Mixtures whose parameters integrate in closed form: evidence and posterior means by the sum over all assignments of a few rows.

Given the assignments, components are independent and conjugate to their priors, and weights are a Dirichlet (Bernardo & Smith 1994,
appendix A). Nothing here uses the package but to declare.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import betaln, gammaln, logsumexp

from mixtures import Mixture, Program, assignments, declare, families, priors

CONCENTRATION = 1.5
SPREAD, KNOWN_SCALE = 2.0, 0.8


@declare
def known_scale(ppl: Any, x: Any) -> None:
    """Two normals whose common scale is known; `loc` ~ Normal(0, SPREAD)."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(CONCENTRATION * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        loc = ppl.sample("loc", ppl.dist.Normal(0.0, SPREAD))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(loc[z], KNOWN_SCALE), obs=x)


@dataclass(frozen=True)
class Exact:
    """What is known of the posterior, none of it of labels.

    Args:
        log_evidence: log p(x).
        weights_squared: E sum_k weights_k^2.
        total: E sum_k of the component's site, all its cells.
        average: E sum_k weights_k site_k, (cells,).
        similarity: P(rows i and j share a component), (rows, rows).
    """

    log_evidence: float
    weights_squared: float
    total: np.ndarray
    average: np.ndarray
    similarity: np.ndarray


@dataclass(frozen=True)
class Conjugate:
    """A mixture of K = 2.

    Args:
        program: the declaration.
        x: the rows.
        site: the component's one site.
        log_marginal: (a component's rows) -> log p(rows).
        mean: (a component's rows) -> posterior mean of the site.
    """

    program: Program
    x: np.ndarray
    site: str
    log_marginal: Callable[[np.ndarray], float]
    mean: Callable[[np.ndarray], Any]

    def exact(self) -> Exact:
        logs, squares, totals, averages, same = [], [], [], [], []
        for z in np.array(list(product((0, 1), repeat=len(self.x)))):
            parts = [self.x[z == k] for k in (0, 1)]
            counts = CONCENTRATION + np.array([len(part) for part in parts])
            means = np.array([np.atleast_1d(self.mean(part)) for part in parts])
            # p(z) = B(a + n) / B(a)
            log_z = betaln(*counts) - betaln(CONCENTRATION, CONCENTRATION)
            logs.append(log_z + sum(self.log_marginal(part) for part in parts))
            squares.append((counts * (counts + 1)).sum() / (counts.sum() * (counts.sum() + 1)))
            totals.append(means.sum(axis=0))
            averages.append(counts / counts.sum() @ means)
            same.append(z[:, None] == z)
        evidence = logsumexp(logs)
        share = np.exp(np.array(logs) - evidence)
        return Exact(
            float(evidence), float(share @ squares), share @ totals, share @ averages, np.tensordot(share, same, 1)
        )


def _of(family: Any) -> Mixture:
    return Mixture(2, family, assignments.Dirichlet(CONCENTRATION))


def _poisson(x: np.ndarray) -> float:
    # Gamma(2, 0.5): Gamma(a + s) / Gamma(a) b^a / (b + n)^(a + s) / prod x!
    of_shape = gammaln(2.0 + x.sum()) - gammaln(2.0)
    return of_shape + 2.0 * np.log(0.5) - (2.0 + x.sum()) * np.log(0.5 + len(x)) - gammaln(x + 1).sum()


def _exponential(x: np.ndarray) -> float:
    of_shape = gammaln(2.0 + len(x)) - gammaln(2.0)
    return of_shape + 2.0 * np.log(1.5) - (2.0 + len(x)) * np.log(1.5 + x.sum())


def _categorical(x: np.ndarray) -> float:
    counts = np.bincount(x.astype(int), minlength=3)
    return gammaln(4.5) - gammaln(4.5 + len(x)) + (gammaln(1.5 + counts) - gammaln(1.5)).sum()


def _normal(x: np.ndarray) -> float:
    if not len(x):
        return 0.0
    covariance = KNOWN_SCALE**2 * np.eye(len(x)) + SPREAD**2
    return float(stats.multivariate_normal(np.zeros(len(x)), covariance).logpdf(x))


CASES = {
    "bernoulli": Conjugate(
        _of(families.Bernoulli(priors={"probs": priors.Beta(1.5, 1.0)})),
        np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]),
        "probs",
        lambda x: (betaln(1.5 + x.sum(axis=0), 1.0 + (1 - x).sum(axis=0)) - betaln(1.5, 1.0)).sum(),
        lambda x: (1.5 + x.sum(axis=0)) / (2.5 + len(x)),
    ),
    "poisson": Conjugate(
        _of(families.Poisson(priors={"rate": priors.Gamma(2.0, 0.5)})),
        np.array([0.0, 1.0, 3.0, 6.0, 8.0]),
        "rate",
        _poisson,
        lambda x: (2.0 + x.sum()) / (0.5 + len(x)),
    ),
    "exponential": Conjugate(
        _of(families.Exponential(priors={"rate": priors.Gamma(2.0, 1.5)})),
        np.array([0.1, 0.2, 1.0, 2.5, 4.0]),
        "rate",
        _exponential,
        lambda x: (2.0 + len(x)) / (1.5 + x.sum()),
    ),
    "categorical": Conjugate(
        _of(families.Categorical(3, priors={"probs": priors.Dirichlet(1.5)})),
        np.array([0.0, 0.0, 1.0, 2.0, 2.0]),
        "probs",
        _categorical,
        lambda x: (1.5 + np.bincount(x.astype(int), minlength=3)) / (4.5 + len(x)),
    ),
    "normal of known scale": Conjugate(
        known_scale,
        np.array([-1.5, -0.5, 0.3, 1.8, 2.6]),
        "loc",
        _normal,
        lambda x: x.sum() / KNOWN_SCALE**2 / (len(x) / KNOWN_SCALE**2 + 1 / SPREAD**2),
    ),
}
