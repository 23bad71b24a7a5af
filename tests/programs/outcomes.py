"""Outcomes: several sites a row, events of every kind, integers, cut and censored values, mixtures within components."""

import numpy as np
from scipy import special, stats

from mixtures import Observations, declare
from tests.programs.case import Case, dirichlet, gamma, lognormal, normal, summed

X = np.array([0.9, 1.6, 0.3, 2.4])
FOUR = {"assignment": (2, (4,))}
ITEMS = np.array([[0.4, 2.0, 1.0], [-1.1, 0.0, 0.0], [1.9, 5.0, 1.0], [0.2, 1.0, 0.0]])


@declare
def items_in_a_loop(ppl, x):
    """A site for every item, each of another family."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        values = [
            ppl.sample("loc_0", dist.Normal(0.0, 2.0)),
            ppl.sample("rate_1", dist.Gamma(3.0, 1.0)),
            ppl.sample("probs_2", dist.Beta(2.0, 2.0)),
        ]
    makers = [lambda loc: dist.Normal(loc, 1.0), dist.Poisson, lambda probs: dist.Bernoulli(probs=probs)]
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        for item, (make, value) in enumerate(zip(makers, values, strict=True)):
            ppl.sample(f"item_{item}", make(value[z]), obs=x[:, item])


LOOP = Case(
    items_in_a_loop,
    ITEMS,
    unknown=FOUR,
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "loc_0": rng.normal(0, 2, 2),
        "rate_1": rng.gamma(3, 1, 2),
        "probs_2": rng.beta(2, 2, 2),
    },
    prior=lambda p: (
        dirichlet(p.weights)
        + normal(p.loc_0, 0, 2).sum()
        + gamma(p.rate_1, 3).sum()
        + stats.beta.logpdf(p.probs_2, 2, 2).sum()
    ),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        normal(ITEMS[:, 0], p.loc_0[z.assignment]).sum()
        + stats.poisson.logpmf(ITEMS[:, 1], p.rate_1[z.assignment]).sum()
        + stats.bernoulli.logpmf(ITEMS[:, 2], p.probs_2[z.assignment]).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        np.log(
            (
                p.weights
                * stats.norm.pdf(ITEMS[:, :1], p.loc_0)
                * stats.poisson.pmf(ITEMS[:, 1:2], p.rate_1)
                * np.where(ITEMS[:, 2:] == 1, p.probs_2, 1 - p.probs_2)
            ).sum(axis=1)
        ).sum(),
    ),
    labels={"weights": (0,), "loc_0": (0,), "rate_1": (0,), "probs_2": (0,)},
)


GRADES, DOSE = np.array([0.0, 2.0, 1.0, 2.0]), np.array([-0.5, 0.8, 0.2, 1.7])


@declare
def proportional_odds(ppl, x, covariates):
    """Ordered grades with a slope for every component, and cutpoints that are unknown."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    low = ppl.sample("low", dist.Normal(-1.0, 1.0))
    gap = ppl.sample("gap", dist.LogNormal(0.0, 0.5))
    with ppl.plate("components", 2):
        slope = ppl.sample("slope", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        cuts = xp.stack([low, low + gap])
        ppl.sample("grade", dist.OrderedLogistic(slope[z] * covariates[:, 0], cuts), obs=xp.astype(x, xp.int32))


def _grades(p, slope):
    """log P(grade), by the difference of two logistic functions, in the shape of `slope`."""
    cuts = np.array([-np.inf, p.low, p.low + p.gap, np.inf])
    grade = GRADES.astype(int).reshape(-1, *(1,) * (np.ndim(slope) - 1))
    predictor = slope * DOSE.reshape(grade.shape)
    return np.log(special.expit(cuts[grade + 1] - predictor) - special.expit(cuts[grade] - predictor))


ODDS = Case(
    proportional_odds,
    Observations(GRADES, covariates=DOSE),
    unknown=FOUR,
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "low": rng.normal(-1),
        "gap": rng.lognormal(0, 0.5),
        "slope": rng.normal(0, 2, 2),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.low, -1) + lognormal(p.gap, 0.5) + normal(p.slope, 0, 2).sum(),
    joint=lambda p, z: (np.log(p.weights[z.assignment]).sum(), _grades(p, p.slope[z.assignment]).sum()),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + _grades(p, np.broadcast_to(p.slope, (4, 2))))),
    labels={"weights": (0,), "slope": (0,)},
)


VOTES = np.array([[4.0, 0.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 3.0], [2.0, 2.0, 0.0]])


@declare
def tallies(ppl, x):
    """How four votes of each row are spread over three parties."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        probs = ppl.sample("probs", dist.Dirichlet(1.5 * xp.ones(3)), dims=("parties",))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("votes", dist.Multinomial(total_count=4, probs=probs[z]), obs=x, dims=("parties",))


TALLIES = Case(
    tallies,
    VOTES,
    unknown=FOUR,
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "probs": rng.dirichlet([1.5] * 3, 2)},
    prior=lambda p: dirichlet(p.weights) + dirichlet(p.probs, 1.5),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        sum(
            stats.multinomial.logpmf(votes, 4, probs) for votes, probs in zip(VOTES, p.probs[z.assignment], strict=True)
        ),
    ),
    by_hand=lambda p: (
        0.0,
        summed(
            np.log(p.weights)
            + special.xlogy(VOTES[:, None], p.probs).sum(axis=2)
            + (special.gammaln(5) - special.gammaln(VOTES + 1).sum(axis=1))[:, None]
        ),
    ),
    labels={"weights": (0,), "probs": (0,)},
    relabels=True,
    samples=True,
)


MIXED = np.array(
    [[0.2, -1.0, 0.5, 0.3, 0.2], [1.4, 0.6, 0.1, 0.7, 0.2], [-0.3, 0.4, 0.25, 0.25, 0.5], [0.9, 1.8, 0.6, 0.2, 0.2]]
)
ROOT = np.array([[1.0, 0.0], [0.5, 0.8]])


@declare
def events_of_every_kind(ppl, x):
    """A vector and a composition in every row."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        loc = ppl.sample("loc", dist.Normal(xp.zeros(2), 2.0).to_event(1), dims=("axes",))
        strength = ppl.sample("strength", dist.Gamma(3.0 * xp.ones(3), 1.0).to_event(1), dims=("parts",))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("vector", dist.MultivariateNormal(loc[z], scale_tril=ppl.array(ROOT)), obs=x[:, :2])
        ppl.sample("shares", dist.Dirichlet(strength[z]), obs=x[:, 2:])


def _events(p, k):
    composition = dirichlet_rows(MIXED[:, 2:], p.strength[k])
    return stats.multivariate_normal(p.loc[k], ROOT @ ROOT.T).logpdf(MIXED[:, :2]) + composition


def dirichlet_rows(shares, strength):
    """The density of every row."""
    return special.gammaln(strength.sum()) - special.gammaln(strength).sum() + np.log(shares) @ (strength - 1)


EVENTS = Case(
    events_of_every_kind,
    MIXED,
    unknown=FOUR,
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "loc": rng.normal(0, 2, (2, 2)),
        "strength": rng.gamma(3, 1, (2, 3)),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.loc, 0, 2).sum() + gamma(p.strength, 3).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        sum(
            stats.multivariate_normal.logpdf(row[:2], p.loc[k], ROOT @ ROOT.T)
            + stats.dirichlet.logpdf(row[2:], p.strength[k])
            for row, k in zip(MIXED, z.assignment, strict=True)
        ),
    ),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + np.column_stack([_events(p, 0), _events(p, 1)]))),
    labels={"weights": (0,), "loc": (0,), "strength": (0,)},
)


@declare
def vectors_with_dims(ppl, x):
    """Components' values as events of one site, whose axes are named."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(3)))
    loc = ppl.sample("loc", dist.Normal(xp.zeros((3, 2)), 2.0).to_event(2), dims=("components", "features"))
    scale = ppl.sample("scale", dist.LogNormal(xp.zeros(3), 0.5).to_event(1), dims=("components",))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", dist.Normal(loc[z], scale[z][..., None]).to_event(1), obs=x)


VECTORS = Case(
    vectors_with_dims,
    MIXED[:, :2],
    unknown={"assignment": (3, (4,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2, 2]),
        "loc": rng.normal(0, 2, (3, 2)),
        "scale": rng.lognormal(0, 0.5, 3),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.loc, 0, 2).sum() + lognormal(p.scale, 0.5).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        normal(MIXED[:, :2], p.loc[z.assignment], p.scale[z.assignment][:, None]).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(np.log(p.weights) + normal(MIXED[:, None, :2], p.loc, p.scale[:, None]).sum(axis=2)),
    ),
    labels={"weights": (0,), "loc": (0,), "scale": (0,)},
    components=3,
    relabels=True,
    samples=True,
)


@declare
def truncated(ppl, x):
    """Only positive values are seen, which a factor says."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 1.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)
        ppl.factor("seen", -xp.log(1 - dist.Normal(centre[z], 1.0).cdf(ppl.array(0.0))))


TRUNCATED = Case(
    truncated,
    X,
    unknown=FOUR,
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "centre": rng.normal(size=2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        stats.truncnorm.logpdf(X, -p.centre[z.assignment], np.inf, loc=p.centre[z.assignment]).sum(),
    ),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(X[:, None], p.centre) - special.log_ndtr(p.centre))),
    splits=False,
    labels={"weights": (0,), "centre": (0,)},
    fits=True,
)


@declare
def censored(ppl, x):
    """Two rows failed; two others were still alive when last seen, and of these there is only a factor."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        rate = ppl.sample("rate", dist.Gamma(2.0, 2.0))
    with ppl.plate("failed", 2):
        z = ppl.assign("kind of the failed", weights)
        ppl.sample("age", dist.Exponential(rate[z]), obs=x[:2])
    with ppl.plate("alive", 2):
        z = ppl.assign("kind of the living", weights)
        ppl.factor("survived", -rate[z] * x[2:])


def _kinds(z):
    return np.concatenate([vars(z)["kind of the failed"], vars(z)["kind of the living"]])


CENSORED = Case(
    censored,
    X,
    unknown={"kind of the failed": (2, (2,)), "kind of the living": (2, (2,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "rate": rng.gamma(2, 0.5, 2)},
    prior=lambda p: dirichlet(p.weights) + gamma(p.rate, 2, 2).sum(),
    joint=lambda p, z: (
        np.log(p.weights[_kinds(z)]).sum(),
        stats.expon.logpdf(X[:2], scale=1 / p.rate[_kinds(z)[:2]]).sum()
        + stats.expon.logsf(X[2:], scale=1 / p.rate[_kinds(z)[2:]]).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        np.log((p.weights * p.rate * np.exp(-np.outer(X[:2], p.rate))).sum(axis=1)).sum()
        + np.log(np.exp(-np.outer(X[2:], p.rate)) @ p.weights).sum(),
    ),
    row=False,
    splits=False,
    labels={"weights": (0,), "rate": (0,)},
    samples=True,
)


HOLES = np.array([[0.4, np.nan], [-1.1, 0.8], [np.nan, 1.5], [0.2, -0.6]])


@declare
def holes(ppl, x, observed):
    """Cells that were not observed are masked."""
    xp, dist = ppl.xp, ppl.dist
    is_seen = (observed != 0).T
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("features", 2), ppl.plate("components", 2):
        loc = ppl.sample("loc", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        with ppl.plate("columns", 2):
            cells = dist.Normal(loc[z, xp.arange(2)[:, None]], 1.0).mask(is_seen)
            ppl.sample("obs", cells, obs=xp.where(is_seen, x.T, ppl.array(0.0)))


HOLE = Case(
    holes,
    Observations(HOLES, missing="allow"),
    unknown=FOUR,
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "loc": rng.normal(0, 2, (2, 2))},
    prior=lambda p: dirichlet(p.weights) + normal(p.loc, 0, 2).sum(),
    joint=lambda p, z: (np.log(p.weights[z.assignment]).sum(), np.nansum(normal(HOLES, p.loc[z.assignment]))),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + np.nansum(normal(HOLES[:, None], p.loc), axis=2))),
    labels={"weights": (0,), "loc": (0,)},
)


@declare
def mixtures_within(ppl, x):
    """A component is itself a mixture, of two normals beside one another."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    share = ppl.sample("share", dist.Beta(2.0, 2.0))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        within = dist.Categorical(probs=xp.stack([share, 1 - share]))
        humps = dist.Normal(centre[z][..., None] + xp.asarray([-0.5, 1.0]), 0.7)
        ppl.sample("obs", dist.MixtureSameFamily(within, humps), obs=x)


WITHIN = Case(
    mixtures_within,
    X,
    unknown=FOUR,
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "share": rng.beta(2, 2), "centre": rng.normal(0, 2, 2)},
    prior=lambda p: dirichlet(p.weights) + stats.beta.logpdf(p.share, 2, 2) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        np.logaddexp(
            np.log(p.share) + normal(X, p.centre[z.assignment] - 0.5, 0.7),
            np.log(1 - p.share) + normal(X, p.centre[z.assignment] + 1, 0.7),
        ).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(
            np.log(np.outer(p.weights, [p.share, 1 - p.share]))
            + normal(X[:, None, None], np.add.outer(p.centre, [-0.5, 1.0]), 0.7)
        ),
    ),
    labels={"weights": (0,), "centre": (0,)},
)

CASES = (LOOP, ODDS, TALLIES, EVENTS, VECTORS, TRUNCATED, CENSORED, HOLE, WITHIN)
