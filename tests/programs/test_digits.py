"""A likelihood keeps its digits beside the prior of a number that runs to infinity, however assignments are summed out."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from inference.backends import bind
from mixtures import Observations, declare

CENTRE, WEIGHTS = np.array([-0.5, 1.0]), np.array([0.3, 0.7])
SIZE = 1e17
"""Its log prior density is -1e17, of which the last digit is sixteen."""

COLUMNS = np.array([[0.1, -1.4, 2.2], [0.9, -0.3, 1.6]])


@declare
def kinds_of_columns(ppl, x):
    size = ppl.sample("size", ppl.dist.Exponential(1.0))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 2.0))
    with ppl.plate("columns", 3):
        z = ppl.assign("assignment", ppl.xp.asarray(WEIGHTS))
        with ppl.plate("rows", len(x)):
            ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0 + 1.0 / size), obs=x)


def of_columns():
    tables = np.log(WEIGHTS) + norm.logpdf(COLUMNS[:, :, None], CENTRE).sum(axis=0)
    return logsumexp(tables, axis=1).sum()


STEPS = np.random.default_rng(0).normal(0.2, 1.2, size=13)
MOVES = np.array([[0.8, 0.2], [0.35, 0.65]])


@declare
def chain(ppl, x):
    """So many assignments that their joint values are not tried one by one: the backend's own enumeration sums them out."""
    size = ppl.sample("size", ppl.dist.Exponential(1.0))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 2.0))
    probs = ppl.xp.asarray(WEIGHTS)
    for t in range(len(x)):
        z = ppl.assign(f"state_{t}", probs)
        ppl.sample(f"obs_{t}", ppl.dist.Normal(centre[z], 1.0 + 1.0 / size), obs=x[t])
        probs = ppl.xp.asarray(MOVES)[z]


def of_chain():
    """The forward filter."""
    filtered = np.log(WEIGHTS) + norm.logpdf(STEPS[0], CENTRE)
    for step in STEPS[1:]:
        filtered = logsumexp(filtered[:, None] + np.log(MOVES), axis=0) + norm.logpdf(step, CENTRE)
    return logsumexp(filtered)


@pytest.mark.quick("numpyro-columns", "pyro-*", reason="each way of summing, and each backend")
@pytest.mark.parametrize(
    ("program", "x", "right"),
    [(kinds_of_columns, COLUMNS, of_columns), (chain, STEPS, of_chain)],
    ids=["columns", "chain"],
)
def test_a_prior_without_bound_takes_no_digits(program, x, right, backend):
    bound = bind(program, Observations(x), backend)
    likelihood, prior = bound.log_densities({"size": np.array([SIZE]), "centre": CENTRE[None]})
    np.testing.assert_allclose(likelihood, right(), rtol=1e-12)
    np.testing.assert_allclose(prior, -SIZE, rtol=1e-12)
