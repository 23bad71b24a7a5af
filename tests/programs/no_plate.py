"""Assignments of no plate: of everything, of one moment, of one group in a loop."""

import itertools

import numpy as np
from scipy import special

from mixtures import declare
from tests.programs.case import Case, dirichlet, normal, summed

X = np.array([-0.7, 1.4, 0.3, 2.1, -1.0])


@declare
def season_and_rows(ppl, x):
    """One season for all, and every row's kind, whose shares are the season's."""
    xp, dist = ppl.xp, ppl.dist
    odds = ppl.sample("odds", dist.Beta(2.0, 2.0))
    with ppl.plate("seasons", 2):
        weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    drift = ppl.sample("drift", dist.Normal(0.0, 1.0))
    season = ppl.assign("season", xp.stack([1 - odds, odds]))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights[season])
        ppl.sample("obs", dist.Normal(centre[z] + drift * season, 1.0), obs=x)


SEASON = Case(
    season_and_rows,
    X,
    unknown={"season": (2, ()), "assignment": (2, (5,))},
    draw=lambda rng: {
        "odds": rng.beta(2, 2),
        "weights": rng.dirichlet([2, 2], 2),
        "centre": rng.normal(0, 2, 2),
        "drift": rng.normal(),
    },
    prior=lambda p: (
        dirichlet([p.odds, 1 - p.odds]) + dirichlet(p.weights) + normal(p.centre, 0, 2).sum() + normal(p.drift)
    ),
    joint=lambda p, z: (
        np.log([1 - p.odds, p.odds])[z.season] + np.log(p.weights[z.season, z.assignment]).sum(),
        normal(X, p.centre[z.assignment] + p.drift * z.season).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        np.logaddexp(
            np.log(1 - p.odds) + summed(np.log(p.weights[0]) + normal(X[:, None], p.centre)),
            np.log(p.odds) + summed(np.log(p.weights[1]) + normal(X[:, None], p.centre + p.drift)),
        ),
    ),
    row=False,
    samples=True,
    fits=True,
)


@declare
def hidden_markov(ppl, x):
    """A chain over the rows, written as a loop."""
    xp, dist = ppl.xp, ppl.dist
    start = ppl.sample("start", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        moves = ppl.sample("moves", dist.Dirichlet(2.0 * xp.ones(2)), dims=("to",))
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    state = ppl.assign("state_0", start)
    ppl.sample("obs_0", dist.Normal(centre[state], 1.0), obs=x[0])
    for t in range(1, len(x)):
        state = ppl.assign(f"state_{t}", moves[state])
        ppl.sample(f"obs_{t}", dist.Normal(centre[state], 1.0), obs=x[t])


def _path(z):
    return np.array([getattr(z, f"state_{t}") for t in range(5)])


def _forward(p):
    """The forward filter."""
    filtered = np.log(p.start) + normal(X[0], p.centre)
    for x in X[1:]:
        filtered = special.logsumexp(filtered[:, None] + np.log(p.moves), axis=0) + normal(x, p.centre)
    return 0.0, special.logsumexp(filtered)


HMM = Case(
    hidden_markov,
    X,
    unknown={f"state_{t}": (2, ()) for t in range(5)},
    draw=lambda rng: {
        "start": rng.dirichlet([2, 2]),
        "moves": rng.dirichlet([2, 2], 2),
        "centre": rng.normal(0, 2, 2),
    },
    prior=lambda p: dirichlet(p.start) + dirichlet(p.moves) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.start[_path(z)[0]]) + np.log(p.moves[_path(z)[:-1], _path(z)[1:]]).sum(),
        normal(X, p.centre[_path(z)]).sum(),
    ),
    by_hand=_forward,
    row=False,
    labels={"start": (0,), "moves": (0, 1), "centre": (0,)},
    samples=True,
    fits=True,
)


@declare
def change_point(ppl, x):
    """When the level changed."""
    xp, dist = ppl.xp, ppl.dist
    before = ppl.sample("before", dist.Normal(0.0, 2.0))
    after = ppl.sample("after", dist.Normal(0.0, 2.0))
    last = ppl.assign("last", xp.ones(4) / 4)
    with ppl.plate("times", len(x)):
        ppl.sample("obs", dist.Normal(xp.where(xp.arange(len(x)) <= last, before, after), 1.0), obs=x)


CHANGE = Case(
    change_point,
    X,
    unknown={"last": (4, ())},
    draw=lambda rng: {"before": rng.normal(0, 2), "after": rng.normal(0, 2)},
    prior=lambda p: normal(p.before, 0, 2) + normal(p.after, 0, 2),
    joint=lambda p, z: (-np.log(4), normal(X, np.where(np.arange(5) <= z.last, p.before, p.after)).sum()),
    by_hand=lambda p: (
        0.0,
        special.logsumexp(normal(X, p.before).cumsum()[:4] + normal(X, p.after)[::-1].cumsum()[::-1][1:], b=1 / 4),
    ),
    row=False,
)


SIZES = (1, 3, 1)
ENDS = np.cumsum((0, *SIZES))


@declare
def groups_in_a_loop(ppl, x):
    """Three groups of unequal size, each with an assignment, a plate and a site of its own."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    for group, (begin, end) in enumerate(itertools.pairwise(ENDS)):
        z = ppl.assign(f"class_{group}", weights)
        with ppl.plate(f"members_{group}", int(end - begin)):
            ppl.sample(f"obs_{group}", dist.Normal(centre[z], 1.0), obs=x[begin:end])


LOOP = Case(
    groups_in_a_loop,
    X,
    unknown={f"class_{group}": (2, ()) for group in range(3)},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "centre": rng.normal(0, 2, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.weights[[z.class_0, z.class_1, z.class_2]]).sum(),
        normal(X, p.centre[np.repeat([z.class_0, z.class_1, z.class_2], SIZES)]).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(np.log(p.weights) + np.add.reduceat(normal(X[:, None], p.centre), ENDS[:-1], axis=0)),
    ),
    row=False,
    labels={"weights": (0,), "centre": (0,)},
)


@declare
def factor_of_no_plate(ppl, x):
    """A regime of no plate, which a factor outside all plates favours."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(3)))
    with ppl.plate("components", 3):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    z = ppl.assign("regime", weights)
    ppl.factor("favour", xp.where(z == 1, ppl.array(0.7), ppl.array(-0.2)) * centre[z])
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)


FAVOUR = np.array([-0.2, 0.7, -0.2])

FACTOR = Case(
    factor_of_no_plate,
    X,
    unknown={"regime": (3, ())},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2, 2]), "centre": rng.normal(0, 2, 3)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.regime]),
        (FAVOUR * p.centre)[z.regime] + normal(X, p.centre[z.regime]).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        special.logsumexp(np.log(p.weights) + FAVOUR * p.centre + normal(X[:, None], p.centre).sum(axis=0)),
    ),
    row=False,
    splits=False,
    labels={"weights": (0,), "centre": (0,)},
    components=3,
)

CASES = (SEASON, HMM, CHANGE, LOOP, FACTOR)
