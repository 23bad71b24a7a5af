"""Components that are alike, and components that the program tells apart: by priors, by numbers, by order, by construction."""

import numpy as np

from mixtures import declare
from tests.programs.case import Case, dirichlet, lognormal, normal, summed

X = np.array([-0.9, 1.6, 0.3, 2.4])
THREE = {"assignment": (3, (4,))}


@declare
def identical_pair(ppl, x):
    """Two of three components are one and the same, but for their weights."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(3)))
    a = ppl.sample("a", dist.Normal(0.0, 2.0))
    b = ppl.sample("b", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", dist.Normal(xp.stack([a, b, b])[z], 1.0), obs=x)


PAIR = Case(
    identical_pair,
    X,
    unknown=THREE,
    draw=lambda rng: {"weights": rng.dirichlet([2, 2, 2]), "a": rng.normal(0, 2), "b": rng.normal(0, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.a, 0, 2) + normal(p.b, 0, 2),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        normal(X, np.where(z.assignment == 0, p.a, p.b)).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        np.logaddexp(np.log(p.weights[0]) + normal(X, p.a), np.log(p.weights[1:].sum()) + normal(X, p.b)).sum(),
    ),
    labels={"weights": (0,)},
    components=3,
    samples=True,
)


@declare
def priors_tell_apart(ppl, x):
    """Two of three components have one prior, the third another."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(3)))
    with ppl.plate("components", 3):
        centre = ppl.sample("centre", dist.Normal(xp.asarray([0.0, 1.5, 0.0]), 1.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)


PRIORS = Case(
    priors_tell_apart,
    X,
    unknown=THREE,
    draw=lambda rng: {"weights": rng.dirichlet([2, 2, 2]), "centre": rng.normal([0, 1.5, 0])},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, [0, 1.5, 0]).sum(),
    joint=lambda p, z: (np.log(p.weights[z.assignment]).sum(), normal(X, p.centre[z.assignment]).sum()),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(X[:, None], p.centre))),
    labels={"weights": (0,), "centre": (0,)},
    components=3,
    relabels=True,
    samples=True,
)


@declare
def numbers_tell_apart(ppl, x):
    """One prior for all centres; numbers in the likelihood make them mean different things."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 1.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", dist.Normal(centre[z] + xp.asarray([0.0, 1.5])[z], 1.0), obs=x)


NUMBERS = Case(
    numbers_tell_apart,
    X,
    unknown={"assignment": (2, (4,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "centre": rng.normal(size=2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        normal(X, p.centre[z.assignment] + 1.5 * z.assignment).sum(),
    ),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(X[:, None], p.centre + np.array([0, 1.5])))),
    labels={"weights": (0,), "centre": (0,)},
    samples=True,
    fits=True,
)


@declare
def outliers(ppl, x):
    """Two components with centres, and a third, without, for whatever else there is."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(3)))
    with ppl.plate("proper", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        is_stray = z == 2
        loc = xp.where(is_stray, ppl.array(0.0), centre[z * (z < 2)])
        ppl.sample("obs", dist.Normal(loc, xp.where(is_stray, ppl.array(8.0), ppl.array(1.0))), obs=x)


def _proper_first(p):
    """Both proper components, and then the strays."""
    return np.column_stack([normal(X[:, None], p.centre), normal(X, 0, 8)])


OUTLIERS = Case(
    outliers,
    X,
    unknown=THREE,
    draw=lambda rng: {"weights": rng.dirichlet([2, 2, 2]), "centre": rng.normal(0, 2, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        normal(X, np.append(p.centre, 0)[z.assignment], np.array([1, 1, 8])[z.assignment]).sum(),
    ),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + _proper_first(p))),
    components=3,
    fits=True,
)


@declare
def one_hot(ppl, x):
    """The assignment is a vector of zeros and a one."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(3)))
    with ppl.plate("components", 3):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
        scale = ppl.sample("scale", dist.LogNormal(0.0, 0.5))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        hot = z[..., None] == xp.arange(3)
        ppl.sample("obs", dist.Normal((hot * centre).sum(-1), (hot * scale).sum(-1)), obs=x)


HOT = Case(
    one_hot,
    X,
    unknown=THREE,
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2, 2]),
        "centre": rng.normal(0, 2, 3),
        "scale": rng.lognormal(0, 0.5, 3),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum() + lognormal(p.scale, 0.5).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        normal(X, p.centre[z.assignment], p.scale[z.assignment]).sum(),
    ),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(X[:, None], p.centre, p.scale))),
    labels={"weights": (0,), "centre": (0,), "scale": (0,)},
    components=3,
    relabels=True,
    samples=True,
)


@declare
def levels(ppl, x):
    """The assignment is a number: how many steps above the base."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(3)))
    base = ppl.sample("base", dist.Normal(0.0, 2.0))
    step = ppl.sample("step", dist.LogNormal(0.0, 0.5))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("steps", weights)
        ppl.sample("obs", dist.Normal(base + step * z, 0.5 + 0.25 * (z * 2)), obs=x)


LEVELS = Case(
    levels,
    X,
    unknown={"steps": (3, (4,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2, 2]), "base": rng.normal(0, 2), "step": rng.lognormal(0, 0.5)},
    prior=lambda p: dirichlet(p.weights) + normal(p.base, 0, 2) + lognormal(p.step, 0.5),
    joint=lambda p, z: (
        np.log(p.weights[z.steps]).sum(),
        normal(X, p.base + p.step * z.steps, 0.5 + z.steps / 2).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(np.log(p.weights) + normal(X[:, None], p.base + p.step * np.array([0, 1, 2]), np.array([0.5, 1, 1.5]))),
    ),
    labels={"weights": (0,)},
    components=3,
    samples=True,
)


@declare
def rising_centres(ppl, x):
    """Centres that rise by positive gaps, in a plate of their own."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(3)))
    first = ppl.sample("first", dist.Normal(0.0, 2.0))
    with ppl.plate("gaps", 2):
        gap = ppl.sample("gap", dist.LogNormal(0.0, 0.5))
    centre = first + xp.concatenate([xp.zeros(1), xp.cumsum(gap, 0)])
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)


RISING = Case(
    rising_centres,
    X,
    unknown=THREE,
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2, 2]),
        "first": rng.normal(0, 2),
        "gap": rng.lognormal(0, 0.5, 2),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.first, 0, 2) + lognormal(p.gap, 0.5).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        normal(X, np.array([p.first, p.first + p.gap[0], p.first + p.gap.sum()])[z.assignment]).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(np.log(p.weights) + normal(X[:, None], p.first + np.array([0, p.gap[0], p.gap[0] + p.gap[1]]))),
    ),
    labels={"weights": (0,)},
    components=3,
)


@declare
def fixed_weights(ppl, x):
    """Equal centres' priors, but weights that are numbers, two of them equal."""
    xp, dist = ppl.xp, ppl.dist
    with ppl.plate("components", 3):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", xp.asarray([0.25, 0.5, 0.25]))
        ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)


SHARES = np.array([0.25, 0.5, 0.25])

FIXED = Case(
    fixed_weights,
    X,
    unknown=THREE,
    draw=lambda rng: {"centre": rng.normal(0, 2, 3)},
    prior=lambda p: normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (np.log(SHARES[z.assignment]).sum(), normal(X, p.centre[z.assignment]).sum()),
    by_hand=lambda p: (0.0, summed(np.log(SHARES) + normal(X[:, None], p.centre))),
    labels={"centre": (0,)},
    components=3,
    relabels=True,
    samples=True,
)


@declare
def repelled(ppl, x):
    """A factor of no row and no assignment keeps the centres apart."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    ppl.factor("apart", -1.0 / (0.1 + (centre[0] - centre[1]) ** 2))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)


REPELLED = Case(
    repelled,
    X,
    unknown={"assignment": (2, (4,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "centre": rng.normal(0, 2, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum() - 1 / (0.1 + (p.centre[0] - p.centre[1]) ** 2),
    joint=lambda p, z: (np.log(p.weights[z.assignment]).sum(), normal(X, p.centre[z.assignment]).sum()),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(X[:, None], p.centre))),
    splits=False,
    labels={"weights": (0,), "centre": (0,)},
    relabels=True,
    samples=True,
)

CASES = (PAIR, PRIORS, NUMBERS, OUTLIERS, HOT, LEVELS, RISING, FIXED, REPELLED)
