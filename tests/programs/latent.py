"""Continuous unknowns of rows and of groups, that depend on an assignment or not."""

import numpy as np
from scipy import special, stats

from mixtures import Observations, declare
from tests.programs.case import Case, dirichlet, gamma, lognormal, normal, summed

CELLS = np.array([[0.4, -0.2], [1.3, 2.2], [-0.9, -1.6]])


@declare
def row_intercepts(ppl, x):
    """A row's two items share a number, whatever the row's component."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    tau = ppl.sample("tau", dist.LogNormal(0.0, 0.5))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        level = ppl.sample("level", dist.Normal(0.0, tau))
        with ppl.plate("items", 2):
            ppl.sample("obs", dist.Normal(centre[z] + level, 0.6), obs=x.T)


INTERCEPTS = Case(
    row_intercepts,
    CELLS,
    unknown={"assignment": (2, (3,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "tau": (tau := rng.lognormal(0, 0.5)),
        "centre": rng.normal(0, 2, 2),
        "level": rng.normal(0, tau, 3),
    },
    prior=lambda p: (
        dirichlet(p.weights) + lognormal(p.tau, 0.5) + normal(p.centre, 0, 2).sum() + normal(p.level, 0, p.tau).sum()
    ),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        normal(CELLS, (p.centre[z.assignment] + p.level)[:, None], 0.6).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(
            np.log(p.weights) + normal((CELLS - p.level[:, None])[:, :, None], p.centre, 0.6).sum(axis=1),
        ),
    ),
    labels={"weights": (0,), "centre": (0,)},
    relabels=True,
    samples=True,
    fits=True,
)


HITS, TRIALS = np.array([1.0, 4.0, 0.0, 7.0]), np.array([3.0, 5.0, 2.0, 7.0])


@declare
def beta_binomial(ppl, x, covariates):
    """An assignment that only the prior of a row's unknown depends on; totals are covariates."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        ups = ppl.sample("ups", dist.Gamma(3.0, 1.0))
        downs = ppl.sample("downs", dist.Gamma(3.0, 1.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        chance = ppl.sample("chance", dist.Beta(ups[z], downs[z]))
        ppl.sample("hits", dist.Binomial(total_count=covariates[:, 0], probs=chance), obs=x)


BETA_BINOMIAL = Case(
    beta_binomial,
    Observations(HITS, covariates=TRIALS),
    unknown={"assignment": (2, (4,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "ups": (ups := rng.gamma(3, 1, 2)),
        "downs": (downs := rng.gamma(3, 1, 2)),
        "chance": np.clip(rng.beta(ups[[0, 0, 1, 1]], downs[[0, 0, 1, 1]]), 0.01, 0.99),
    },
    prior=lambda p: dirichlet(p.weights) + gamma(p.ups, 3).sum() + gamma(p.downs, 3).sum(),
    joint=lambda p, z: (
        (
            np.log(p.weights[z.assignment]) + stats.beta.logpdf(p.chance, p.ups[z.assignment], p.downs[z.assignment])
        ).sum(),
        stats.binom.logpmf(HITS, TRIALS.astype(int), p.chance).sum(),
    ),
    by_hand=lambda p: (
        np.log((p.weights * stats.beta.pdf(p.chance[:, None], p.ups, p.downs)).sum(axis=1)).sum(),
        (
            special.xlogy(HITS, p.chance)
            + special.xlogy(TRIALS - HITS, 1 - p.chance)
            + np.log(special.comb(TRIALS, HITS))
        ).sum(),
    ),
    labels={"weights": (0,), "ups": (0,), "downs": (0,)},
    samples=True,
)


WHO = np.array([2, 0, 1, 1, 0])
X = np.array([-0.7, 1.4, 0.3, 2.1, -1.0])


@declare
def effects_of_groups(ppl, x, covariates):
    """Groups have effects, rows have assignments, and a covariate says whose row it is."""
    xp, dist = ppl.xp, ppl.dist
    who = xp.astype(covariates[:, 0], xp.int32)
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("groups", 3):
        effect = ppl.sample("effect", dist.Normal(0.0, 0.8))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", dist.Normal(centre[z] + effect[who], 1.0), obs=x)


EFFECTS = Case(
    effects_of_groups,
    Observations(X, covariates=WHO),
    unknown={"assignment": (2, (5,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "centre": rng.normal(0, 2, 2),
        "effect": rng.normal(0, 0.8, 3),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum() + normal(p.effect, 0, 0.8).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        normal(X, p.centre[z.assignment] + p.effect[WHO]).sum(),
    ),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal((X - p.effect[WHO])[:, None], p.centre))),
    labels={"weights": (0,), "centre": (0,)},
)


@declare
def kinds_of_schools(ppl, x):
    """A school's kind says what its effect is likely to be, and nothing else."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("kinds", 2):
        level = ppl.sample("level", dist.Normal(0.0, 2.0))
    with ppl.plate("schools", 3):
        kind = ppl.assign("kind", weights)
        effect = ppl.sample("effect", dist.Normal(level[kind], 0.5))
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", dist.Normal(effect[WHO], 1.0), obs=x)


SCHOOLS = Case(
    kinds_of_schools,
    X,
    unknown={"kind": (2, (3,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "level": (level := rng.normal(0, 2, 2)),
        "effect": rng.normal(level[[0, 1, 1]], 0.5),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.level, 0, 2).sum(),
    joint=lambda p, z: (
        (np.log(p.weights[z.kind]) + normal(p.effect, p.level[z.kind], 0.5)).sum(),
        normal(X, p.effect[WHO]).sum(),
    ),
    by_hand=lambda p: (
        summed(np.log(p.weights) + normal(p.effect[:, None], p.level, 0.5)),
        normal(X - p.effect[WHO]).sum(),
    ),
    row=False,
    labels={"weights": (0,), "level": (0,)},
    fits=True,
)


@declare
def errors_in_variables(ppl, x, covariates):
    """A row's true covariate is unknown, and its prior too is the component's."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        middle = ppl.sample("middle", dist.Normal(0.0, 1.0))
        slope = ppl.sample("slope", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        true = ppl.sample("true", dist.Normal(middle[z], 0.8))
        ppl.sample("seen", dist.Normal(true, 0.3), obs=covariates[:, 0])
        ppl.sample("obs", dist.Normal(slope[z] * true, 1.0), obs=x)


SEEN = np.array([0.5, 1.1, -0.4, 0.9, -0.2])


def _errors(p):
    prior = np.log(p.weights) + normal(p.true[:, None], p.middle, 0.8)
    likelihood = normal(SEEN, p.true, 0.3)[:, None] + normal(X[:, None], p.slope * p.true[:, None])
    return summed(prior), summed(prior + likelihood) - summed(prior)


ERRORS = Case(
    errors_in_variables,
    Observations(X, covariates=SEEN),
    unknown={"assignment": (2, (5,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "middle": (middle := rng.normal(size=2)),
        "slope": rng.normal(0, 2, 2),
        "true": rng.normal(middle[[0, 1, 0, 1, 1]], 0.8),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.middle).sum() + normal(p.slope, 0, 2).sum(),
    joint=lambda p, z: (
        (np.log(p.weights[z.assignment]) + normal(p.true, p.middle[z.assignment], 0.8)).sum(),
        (normal(SEEN, p.true, 0.3) + normal(X, p.slope[z.assignment] * p.true)).sum(),
    ),
    by_hand=_errors,
    labels={"weights": (0,), "middle": (0,), "slope": (0,)},
)

CASES = (INTERCEPTS, BETA_BINOMIAL, EFFECTS, SCHOOLS, ERRORS)
