"""Numbers from around a program: lists, mappings, arrays of one number a row, cells of a function; programs that are objects."""

import numpy as np
from scipy import stats

from mixtures import declare
from tests.programs.case import Case, dirichlet, gamma, normal, summed

MANY = 270
_RNG = np.random.default_rng(4)
SETTINGS = {
    "errors": _RNG.uniform(0.3, 1.2, MANY),
    "site": {"of": _RNG.integers(0, 3, MANY), "offsets": [0.0, -0.5, 0.8]},
    "prior": (0.0, 2.0),
}
LONG = _RNG.normal(0.3, 1.5, MANY)


@declare
def settings_from_outside(ppl, x):
    """Mappings, lists and arrays of 270 rows, none of which are arguments."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(*SETTINGS["prior"]))
    offset = ppl.array(SETTINGS["site"]["offsets"])[SETTINGS["site"]["of"]]
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(centre[z] + offset, ppl.array(SETTINGS["errors"])), obs=x)


OFFSET = np.array(SETTINGS["site"]["offsets"])[SETTINGS["site"]["of"]]


def _long(p):
    return np.log(p.weights) + normal((LONG - OFFSET)[:, None], p.centre, SETTINGS["errors"][:, None])


OUTSIDE = Case(
    settings_from_outside,
    LONG,
    unknown={},  # too many to write out: every row is summed out by itself
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "centre": rng.normal(0, 2, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (0.0, np.log(np.exp(_long(p)) @ np.ones(2)).sum()),
    by_hand=lambda p: (0.0, summed(_long(p))),
    labels={"weights": (0,), "centre": (0,)},
    relabels=True,
    samples=True,
    fits=True,
)


X = np.array([0.9, -1.6, 0.3, 2.4])
FOUR = {"assignment": (2, (4,))}


class Spread:
    """A program that is an object, and holds a number."""

    def __init__(self, spread):
        self.spread = spread

    def __call__(self, ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
        with ppl.plate("components", 2):
            centre = ppl.sample("centre", ppl.dist.Normal(0.0, 2.0))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", weights)
            ppl.sample("obs", ppl.dist.Normal(centre[z], self.spread), obs=x)


def _two(spread):
    """The densities of two normals."""
    return {
        "draw": lambda rng: {"weights": rng.dirichlet([2, 2]), "centre": rng.normal(0, 2, 2)},
        "prior": lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
        "joint": lambda p, z: (
            np.log(p.weights[z.assignment]).sum(),
            normal(X, p.centre[z.assignment], spread).sum(),
        ),
        "by_hand": lambda p: (0.0, summed(np.log(p.weights) + normal(X[:, None], p.centre, spread))),
        "labels": {"weights": (0,), "centre": (0,)},
    }


OBJECT = Case(
    declare(Spread(0.7)), X, unknown=FOUR, may_refuse=True, samples=True, fits=True, name="an object", **_two(0.7)
)


def with_defaults(ppl, x, spread=0.9, names=("weights", "centre"), *, rows="rows"):
    """The names of sites and plates are arguments with defaults."""
    weights = ppl.sample(names[0], ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample(names[1], ppl.dist.Normal(0.0, 2.0))
    with ppl.plate(rows, len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(centre[z], spread), obs=x)
    return z


DEFAULTS = Case(declare(with_defaults), X, unknown=FOUR, relabels=True, samples=True, name="defaults", **_two(0.9))

RATES = [2.0, 1.0]
"""Shape and rate of a prior: a list, whose numbers a test changes in place."""


def with_a_cell():
    """A program of a number in a list around all functions, of another in a mapping, and of a third in a cell that can be set."""
    exposure, times = 1.0, {"per row": np.array([1.0, 2.0, 0.5, 1.5])}

    @declare
    def counts(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
        with ppl.plate("components", 2):
            rate = ppl.sample("rate", ppl.dist.Gamma(*RATES))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", weights)
            ppl.sample("obs", ppl.dist.Poisson(exposure * rate[z] * ppl.array(times["per row"])), obs=x)

    def set_exposure(value):
        nonlocal exposure
        exposure = value

    return counts, set_exposure, times


SEEN = np.array([0.0, 3.0, 1.0, 6.0])


def counts_density(p, exposure, times, rates):
    """log p(x, parameters) of `with_a_cell`'s program."""
    table = stats.poisson.logpmf(SEEN[:, None], exposure * np.outer(times, p["rate"]))
    return summed(np.log(p["weights"]) + table) + dirichlet(p["weights"]) + gamma(p["rate"], *rates).sum()


CASES = (OUTSIDE, OBJECT, DEFAULTS)
