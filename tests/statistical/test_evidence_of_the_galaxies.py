"""The evidence of Richardson & Green's (1997) normals for the galaxies is that of importance sampling, in NumPy, about the modes."""

from itertools import permutations

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import log_softmax, logsumexp

import inference
from mixtures import Mixture, load_dataset
from tests.published.posteriors import richardson_and_green

X = np.asarray(load_dataset("galaxies").x) / 1000
SPAN, MIDDLE = np.ptp(X), (X.min() + X.max()) / 2
WORSE = 8.0
"""Modes whose log density is this much below the best have no share that matters."""


def log_density(u: np.ndarray, components: int) -> np.ndarray:
    """log p(x, u), Jacobians included, by the formulas of the paper.

    Args:
        u: means, log variances, logs of the gamma variables whose shares are the weights, log C0, (draws, 3 K + 1).
        components: K.
    """
    loc, log_variance, log_gamma, log_rate = np.split(u, [components, 2 * components, 3 * components], axis=1)
    # mu ~ Normal(middle, R^2), sigma^2 ~ InverseGamma(2, C0), C0 ~ Gamma(0.2, 10 / R^2), weights ~ Dirichlet(1) from Gamma(1)
    of_loc = _log_normal(loc, MIDDLE, 2 * np.log(SPAN))
    of_variance = 2 * (log_rate - log_variance) - np.exp(log_rate - log_variance)
    of_gamma = log_gamma - np.exp(log_gamma)
    of_rate = stats.gamma.logpdf(np.exp(log_rate), 0.2, scale=SPAN**2 / 10) + log_rate
    rows = logsumexp(log_softmax(log_gamma, axis=1) + _log_normal(X[:, None, None], loc, log_variance), axis=2)
    return (of_loc + of_variance + of_gamma).sum(axis=1) + of_rate[:, 0] + rows.sum(axis=0)


def _log_normal(x: np.ndarray, loc: np.ndarray | float, log_variance: np.ndarray | float) -> np.ndarray:
    return -0.5 * (np.log(2 * np.pi) + log_variance + (x - loc) ** 2 * np.exp(-log_variance))


def modes(components: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Where the density has a maximum that matters, and the inverse Hessian there, under every labelling."""
    rng, found = np.random.default_rng(0), []
    for _ in range(20):
        start = np.concatenate([rng.choice(X, components, replace=False), rng.normal(size=2 * components), [0.0]])
        end = optimize.minimize(lambda u: -log_density(u[None], components)[0], start)
        if all(abs(end.fun - other.fun) > 0.01 for other in found):
            found.append(end)
    best = min(end.fun for end in found)
    blocks = components * np.arange(3)[:, None]
    orders = [np.append((blocks + order).ravel(), 3 * components) for order in permutations(range(components))]
    return [(e.x[at], e.hess_inv[np.ix_(at, at)]) for e in found if e.fun < best + WORSE for at in orders]


def by_importance(components: int, draws: int = 48_000) -> tuple[float, float]:
    """The log evidence and its standard error: from t distributions about the modes, all alike.

    Wide ones: a component with few rows has the prior's tails. With df=5 and twice the covariance, one of 120,000 draws had 4 % of the weight.
    """
    rng = np.random.default_rng(1)
    laws = [stats.multivariate_t(at, 4 * covariance, df=3, seed=rng) for at, covariance in modes(components)]
    u = np.concatenate([law.rvs(draws // len(laws)) for law in laws])
    log_proposal = logsumexp([law.logpdf(u) for law in laws], axis=0) - np.log(len(laws))
    logs = np.concatenate([log_density(part, components) for part in np.array_split(u, 20)]) - log_proposal
    weights = np.exp(logs - logs.max())
    return float(np.log(weights.mean()) + logs.max()), float(weights.std() / weights.mean() / np.sqrt(len(u)))


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("components", [2, 3])
def test_both_have_the_same_evidence(components, record_property):
    right, error = by_importance(components)
    tree = inference.sample_smc(Mixture(components, richardson_and_green(X)), X, seed=0, progress=False)
    found, own = (tree.attrs[name] for name in ("log_evidence", "log_evidence_error"))
    record_property(
        "Evidence of the galaxies",
        {
            "components": str(components),
            "importance sampling": f"{right:.3f} ± {error:.3f}",
            "sample_smc": f"{found:.3f} ± {own:.3f}",
        },
    )
    assert error < 0.05
    assert own < 0.1
    assert abs(found - right) < 4 * np.hypot(own, error)
