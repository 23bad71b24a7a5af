"""Fits find the truth again: of rows that NumPy draws from overlapping components, the truth lies in the confidence region around the maximum.

Twice the log likelihood ratio of the maximum and the truth has chi-squared's distribution (Wilks 1938); the truth's log likelihood is scipy's.
Nothing of the package draws rows or says what their density is. `test_recovery.py` asks the same of posteriors, of rows that the package draws.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chi2, norm

import inference
from mixtures import Mixture, Observations, families
from mixtures.assignments import GroupClasses, PerGroup
from tests.family_cases import CASES, WEIGHTS, covariates
from tests.inference.test_random_effects import dense

ROWS = 1500

LEVEL = 1e-5
"""With any seed: the level of one test."""

Draw = Callable[[np.random.Generator, dict[str, np.ndarray], np.ndarray], np.ndarray]


def skewed(rng, p, shape, df=np.inf):
    """delta |u_0| + sqrt(1 - delta^2) u_1, delta = skew / sqrt(1 + skew^2) (Azzalini 1985); of a t over the root of chi-squared / df."""
    delta = p["skew"] / np.hypot(1.0, p["skew"])
    z = delta * np.abs(rng.normal(size=shape)) + np.sqrt(1 - delta**2) * rng.normal(size=shape)
    return p["loc"] + p["scale"] * z / (1.0 if np.isinf(df) else np.sqrt(rng.chisquare(df, shape) / df))


def refused(draw, holds, size):
    """Draws of which those are drawn again that do not hold."""
    found = draw(size)
    while not (is_right := holds(found)).all():
        found[~is_right] = draw((~is_right).sum())
    return found


def line(p, c):
    return p["intercept"] + c @ p["slope"].T


def latent(rng, p, c):
    """The category that a logistic variable around the line falls into."""
    y = line(p, c) + rng.logistic(size=len(c))
    return np.searchsorted(np.append(0.0, np.cumsum(p["gaps"])), y)


def chosen(rng, p, c):
    """The category of the highest utility (McFadden 1974)."""
    return np.argmax(np.column_stack([np.zeros(len(c)), line(p, c)]) + rng.gumbel(size=(len(c), 3)), axis=1)


def gated(rng, p, c, positive):
    return np.where(rng.random(len(c)) < p["gate"], 0.0, positive)


DRAWS: dict[str, Draw] = {
    "gaussian factors": lambda rng, p, c: (
        p["loc"] + rng.normal(size=(len(c), 1)) * p["loading"] + p["scale"] * rng.normal(size=(len(c), 4))
    ),
    "student_t full": lambda rng, p, c: (
        p["loc"]
        + rng.normal(size=(len(c), 2))
        @ (p["scale"][:, None] * p["correlation_cholesky"]).T
        / np.sqrt(rng.chisquare(p["df"], (len(c), 1)) / p["df"])
    ),
    "skew_normal": lambda rng, p, c: skewed(rng, p, len(c)),
    "skew_t": lambda rng, p, c: skewed(rng, p, len(c), p["df"]),
    "zero-inflated poisson": lambda rng, p, c: gated(rng, p, c, rng.poisson(p["rate"], len(c))),
    "hurdle": lambda rng, p, c: gated(
        rng, p, c, refused(lambda size: rng.poisson(p["rate"], size), lambda x: x > 0, len(c))
    ),
    "semi-continuous": lambda rng, p, c: gated(rng, p, c, rng.gamma(p["concentration"], 1 / p["rate"], len(c))),
    "negative_binomial": lambda rng, p, c: rng.poisson(rng.gamma(p["concentration"], 1 / p["rate"], len(c))),
    "multinomial": lambda rng, p, c: rng.multinomial(6, p["probs"], len(c)),
    "dirichlet": lambda rng, p, c: rng.dirichlet(p["concentration"], len(c)),
    "dirichlet-multinomial": lambda rng, p, c: np.stack(
        [rng.multinomial(9, probs) for probs in rng.dirichlet(p["concentration"], len(c))]
    ),
    "student_t regression": lambda rng, p, c: line(p, c) + p["scale"] * rng.standard_t(p["df"], len(c)),
    "gamma regression": lambda rng, p, c: rng.gamma(p["concentration"], np.exp(line(p, c)) / p["concentration"]),
    "ordinal regression": latent,
    "multinomial regression": chosen,
}


def check(fit, at_truth, free):
    assert fit.status.is_sound
    assert fit.free_parameters == free
    ratio = 2 * (fit.log_likelihood - at_truth)
    assert -1e-6 < ratio < chi2(free).isf(LEVEL), ratio


@pytest.mark.statistical
@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWS)
def test_the_truth_of_a_family_is_in_the_confidence_region(name):
    case, rng = CASES[name], np.random.default_rng(1)
    known = covariates(ROWS)
    z = (rng.random(ROWS) < WEIGHTS[1]).astype(int)
    x = np.empty(ROWS if case.features is None else (ROWS, case.features))
    for k in (0, 1):
        x[z == k] = DRAWS[name](rng, {site: value[k] for site, value in case.parameters.items()}, known[z == k])
    data = Observations(x, covariates=known if case.covariates else None)
    fit = inference.fit_em(case.model, data, restarts=6, seed=0)
    free = sum(map(np.size, case.parameters.values())) - 1  # weights sum to 1
    # so do probabilities; a factor of correlations has one free number of four
    free -= {"multinomial": 2, "student_t full": 6}.get(name, 0)
    check(fit, logsumexp(case.table(x), axis=1).sum(), free)


def lines_of_groups(rng, groups, p):
    """Ragged groups with lines of their own, of two components that overlap."""
    group = rng.permutation(np.repeat(np.arange(groups), rng.integers(3, 8, groups)))
    c, z = rng.normal(1.0, 1.0, (len(group), 1)), (rng.random(groups) < p["weights"][1]).astype(int)
    scales = np.concatenate([p["random_intercept_scale"][:, None], p["random_slope_scale"]], axis=1)
    root = scales[..., None] * p["random_correlation_cholesky"]
    b = np.einsum("gij,gj->gi", root[z], rng.normal(size=(groups, 2)))
    k = z[group]
    mean = p["intercept"][k] + b[group, 0] + (p["slope"][k, 0] + b[group, 1]) * c[:, 0]
    return Observations(rng.normal(mean, p["scale"][k]), covariates=c, group=group)


@pytest.mark.statistical
@pytest.mark.slow
def test_the_truth_of_random_effects_is_in_the_confidence_region():
    truth = {
        "weights": np.array([0.4, 0.6]),
        "intercept": np.array([0.0, 1.0]),
        "slope": np.array([[0.6], [-0.6]]),
        "scale": np.array([0.5, 0.8]),
        "random_intercept_scale": np.array([0.7, 0.5]),
        "random_slope_scale": np.array([[0.3], [0.5]]),
        "random_correlation_cholesky": np.array([[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [-0.28, 0.96]]]),
    }
    x = lines_of_groups(np.random.default_rng(1), 300, truth)
    model = Mixture(2, families.Regression(random=[0]), PerGroup())
    fit = inference.fit_mle(model, x, restarts=6, seed=0)
    at_truth = logsumexp(np.log(truth["weights"]) + dense(x, truth, slopes=(0,)), axis=1).sum()
    check(fit, at_truth, 1 + 2 * (1 + 1 + 1 + 3))


@pytest.mark.statistical
@pytest.mark.slow
def test_the_truth_of_classes_of_groups_is_in_the_confidence_region():
    rng, groups = np.random.default_rng(1), 250
    probs, weights = np.array([0.35, 0.65]), np.array([[0.8, 0.2], [0.3, 0.7]])
    loc, scale = np.array([-1.0, 1.0]), np.array([1.0, 0.8])
    group = rng.permutation(np.repeat(np.arange(groups), rng.integers(3, 10, groups)))
    kind = (rng.random(groups) < probs[1]).astype(int)[group]
    z = (rng.random(len(group)) < weights[kind, 1]).astype(int)
    x = Observations(rng.normal(loc[z], scale[z]), group=group)
    fit = inference.fit_em(Mixture(2, families.Gaussian(), GroupClasses(2)), x, restarts=6, seed=0)
    of_rows = norm(loc, scale).pdf(x.x[:, None]) @ weights.T
    of_groups = np.stack([np.log(of_rows[x.group == g]).sum(axis=0) for g in range(groups)])
    check(fit, logsumexp(np.log(probs) + of_groups, axis=1).sum(), 1 + 2 + 4)
