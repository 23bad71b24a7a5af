"""Assignments whose probabilities depend on covariates, on groups, on known numbers of each row."""

import numpy as np
from scipy import special

from mixtures import Observations, declare
from tests.programs.case import Case, dirichlet, lognormal, normal, summed

X = np.array([-0.9, 1.6, 0.3, 2.4])
Z = np.array([0.5, -1.2, 0.1, 1.4])


@declare
def experts(ppl, x, covariates):
    """A gate and a regression for every expert; every row has its own odds, as logits."""
    dist, c = ppl.dist, covariates[:, 0]
    with ppl.plate("components", 3):
        gate = ppl.sample("gate", dist.Normal(0.0, 1.0))
        tilt = ppl.sample("tilt", dist.Normal(0.0, 1.0))
        intercept = ppl.sample("intercept", dist.Normal(0.0, 2.0))
        slope = ppl.sample("slope", dist.Normal(0.0, 2.0))
    spread = ppl.sample("spread", dist.LogNormal(0.0, 0.5))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("expert", logits=gate + tilt * c[:, None])
        ppl.sample("y", dist.Normal(intercept[z] + slope[z] * c, spread), obs=x)


def _gates(p):
    return special.log_softmax(p.gate + p.tilt * Z[:, None], axis=1)


EXPERTS = Case(
    experts,
    Observations(X, covariates=Z),
    unknown={"expert": (3, (4,))},
    draw=lambda rng: {
        "gate": rng.normal(size=3),
        "tilt": rng.normal(size=3),
        "intercept": rng.normal(0, 2, 3),
        "slope": rng.normal(0, 2, 3),
        "spread": rng.lognormal(0, 0.5),
    },
    prior=lambda p: (
        normal(p.gate).sum()
        + normal(p.tilt).sum()
        + normal(p.intercept, 0, 2).sum()
        + normal(p.slope, 0, 2).sum()
        + lognormal(p.spread, 0.5)
    ),
    joint=lambda p, z: (
        _gates(p)[range(4), z.expert].sum(),
        normal(X, p.intercept[z.expert] + p.slope[z.expert] * Z, p.spread).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(_gates(p) + normal(X[:, None], p.intercept + np.outer(Z, p.slope), p.spread)),
    ),
    labels={"gate": (0,), "tilt": (0,), "intercept": (0,), "slope": (0,)},
    components=3,
    relabels=True,
    samples=True,
    fits=True,
)


GROUP = np.array([1, 0, 1, 1])


@declare
def weights_of_groups(ppl, x, covariates):
    """Every group mixes the same components in its own way; a covariate says whose row it is."""
    xp, dist = ppl.xp, ppl.dist
    group = xp.astype(covariates[:, 0], xp.int32)
    with ppl.plate("groups", 2):
        weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(3)), dims=("components",))
    with ppl.plate("components", 3):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights[group])
        ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)


GROUPS = Case(
    weights_of_groups,
    Observations(X, covariates=GROUP),
    unknown={"assignment": (3, (4,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2, 2], 2), "centre": rng.normal(0, 2, 3)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (np.log(p.weights[GROUP, z.assignment]).sum(), normal(X, p.centre[z.assignment]).sum()),
    by_hand=lambda p: (0.0, summed(np.log(p.weights)[GROUP] + normal(X[:, None], p.centre))),
    labels={"weights": (1,), "centre": (0,)},
    components=3,
    relabels=True,
    samples=True,
)


@declare
def square_weights(ppl, x, covariates):
    """As many groups as components, and no name for the axis of the components."""
    xp, dist = ppl.xp, ppl.dist
    group = xp.astype(covariates[:, 0], xp.int32)
    with ppl.plate("groups", 2):
        weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights[group])
        ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)


SQUARE = Case(
    square_weights,
    Observations(X, covariates=GROUP),
    unknown={"assignment": (2, (4,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2], 2), "centre": rng.normal(0, 2, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (np.log(p.weights[GROUP, z.assignment]).sum(), normal(X, p.centre[z.assignment]).sum()),
    by_hand=lambda p: (0.0, summed(np.log(p.weights)[GROUP] + normal(X[:, None], p.centre))),
    labels={"weights": (1,), "centre": (0,)},
    samples=True,
)


@declare
def logistic_sticks(ppl, x, covariates):
    """Sticks that break where a covariate says."""
    xp, dist, c = ppl.xp, ppl.dist, covariates[:, 0]
    with ppl.plate("breaks", 2):
        a = ppl.sample("a", dist.Normal(0.0, 1.0))
        b = ppl.sample("b", dist.Normal(0.0, 1.0))
    with ppl.plate("components", 3):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    broken = 1 / (1 + xp.exp(-(a + b * c[:, None])))
    first, second = broken[:, 0], broken[:, 1]
    probs = xp.stack([first, (1 - first) * second, (1 - first) * (1 - second)], -1)
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", probs)
        ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)


def _sticks(p):
    log_in, log_out = special.log_expit(p.a + np.outer(Z, p.b)), special.log_expit(-(p.a + np.outer(Z, p.b)))
    return np.column_stack([log_in[:, 0], log_out[:, 0] + log_in[:, 1], log_out.sum(axis=1)])


STICKS = Case(
    logistic_sticks,
    Observations(X, covariates=Z),
    unknown={"assignment": (3, (4,))},
    draw=lambda rng: {"a": rng.normal(size=2), "b": rng.normal(size=2), "centre": rng.normal(0, 2, 3)},
    prior=lambda p: normal(p.a).sum() + normal(p.b).sum() + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (_sticks(p)[range(4), z.assignment].sum(), normal(X, p.centre[z.assignment]).sum()),
    by_hand=lambda p: (0.0, summed(_sticks(p) + normal(X[:, None], p.centre))),
    components=3,
)


MEMBERSHIPS = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5], [0.05, 0.95]])


@declare
def known_memberships(ppl, x):
    """Every row's odds are known beforehand, and stand outside the program."""
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", ppl.array(MEMBERSHIPS))
        ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=x)


MEMBERS = Case(
    known_memberships,
    X,
    unknown={"assignment": (2, (4,))},
    draw=lambda rng: {"centre": rng.normal(0, 2, 2)},
    prior=lambda p: normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (np.log(MEMBERSHIPS[range(4), z.assignment]).sum(), normal(X, p.centre[z.assignment]).sum()),
    by_hand=lambda p: (0.0, summed(np.log(MEMBERSHIPS) + normal(X[:, None], p.centre))),
    labels={"centre": (0,)},
    samples=True,
)

CASES = (EXPERTS, GROUPS, SQUARE, STICKS, MEMBERS)
