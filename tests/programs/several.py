"""Two assignments a row or more: nested, crossed, in a chain, of unequal numbers of categories."""

import numpy as np
from scipy import stats

from mixtures import declare
from tests.programs.case import Case, dirichlet, gamma, normal, summed

X = np.array([-0.8, 1.3, 0.2])


@declare
def nested_kinds(ppl, x):
    """What part a patient belongs to depends on the kind."""
    xp, dist = ppl.xp, ppl.dist
    kinds = ppl.sample("kinds", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("branches", 2):
        parts = ppl.sample("parts", dist.Dirichlet(2.0 * xp.ones(3)))
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("places", 3):
        shift = ppl.sample("shift", dist.Normal(0.0, 1.0))
    with ppl.plate("patients", len(x)):
        kind = ppl.assign("kind", kinds)
        part = ppl.assign("part", parts[kind])
        ppl.sample("y", dist.Normal(centre[kind] + shift[part], 0.7), obs=x)


NESTED = Case(
    nested_kinds,
    X,
    unknown={"kind": (2, (3,)), "part": (3, (3,))},
    draw=lambda rng: {
        "kinds": rng.dirichlet([2, 2]),
        "parts": rng.dirichlet([2, 2, 2], 2),
        "centre": rng.normal(0, 2, 2),
        "shift": rng.normal(size=3),
    },
    prior=lambda p: dirichlet(p.kinds) + dirichlet(p.parts) + normal(p.centre, 0, 2).sum() + normal(p.shift).sum(),
    joint=lambda p, z: (
        np.log(p.kinds[z.kind] * p.parts[z.kind, z.part]).sum(),
        normal(X, p.centre[z.kind] + p.shift[z.part], 0.7).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(np.log(p.kinds[:, None] * p.parts) + normal(X[:, None, None], p.centre[:, None] + p.shift, 0.7)),
    ),
    fits=True,
)


PAIRS = np.array([[0.4, 2.0], [-1.1, 0.0], [1.9, 5.0]])


@declare
def two_outcomes(ppl, x):
    """A row's outcomes have an assignment each, of 2 and of 3 categories, which hang together."""
    xp, dist = ppl.xp, ppl.dist
    cells = ppl.sample("cells", dist.Dirichlet(2.0 * xp.ones(6))).reshape((2, 3))
    with ppl.plate("forms", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("sources", 3):
        rate = ppl.sample("rate", dist.Gamma(3.0, 1.0))
    with ppl.plate("rows", len(x)):
        form = ppl.assign("form", cells.sum(-1))
        source = ppl.assign("source", (cells / cells.sum(-1)[:, None])[form])
        ppl.sample("y", dist.Normal(centre[form], 1.0), obs=x[:, 0])
        ppl.sample("counts", dist.Poisson(rate[source]), obs=x[:, 1])


OUTCOMES = Case(
    two_outcomes,
    PAIRS,
    unknown={"form": (2, (3,)), "source": (3, (3,))},
    draw=lambda rng: {
        "cells": rng.dirichlet(2 * np.ones(6)),
        "centre": rng.normal(0, 2, 2),
        "rate": rng.gamma(3, 1, 3),
    },
    prior=lambda p: dirichlet(p.cells) + normal(p.centre, 0, 2).sum() + gamma(p.rate, 3).sum(),
    joint=lambda p, z: (
        np.log(p.cells[3 * z.form + z.source]).sum(),
        (normal(PAIRS[:, 0], p.centre[z.form]) + stats.poisson.logpmf(PAIRS[:, 1], p.rate[z.source])).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(
            np.log(p.cells).reshape(2, 3)
            + normal(PAIRS[:, :1], p.centre)[:, :, None]
            + stats.poisson.logpmf(PAIRS[:, 1:], p.rate)[:, None]
        ),
    ),
)


@declare
def three_links(ppl, x):
    """A chain of three assignments within every row."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("here", 2):
        first = ppl.sample("first", dist.Dirichlet(2.0 * xp.ones(2)))
        then = ppl.sample("then", dist.Dirichlet(2.0 * xp.ones(2)))
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
        level = ppl.sample("level", dist.Normal(0.0, 1.0))
    spread = ppl.sample("spread", dist.HalfNormal(1.0))
    with ppl.plate("observations", len(x)):
        a = ppl.assign("a", weights)
        b = ppl.assign("b", first[a])
        c = ppl.assign("c", then[b])
        ppl.sample("obs", dist.Normal(centre[a] + level[c], spread + 0.2), obs=x)


LINKS = Case(
    three_links,
    X,
    unknown={"a": (2, (3,)), "b": (2, (3,)), "c": (2, (3,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "first": rng.dirichlet([2, 2], 2),
        "then": rng.dirichlet([2, 2], 2),
        "centre": rng.normal(0, 2, 2),
        "level": rng.normal(size=2),
        "spread": np.abs(rng.normal()),
    },
    prior=lambda p: (
        dirichlet(p.weights)
        + dirichlet(p.first)
        + dirichlet(p.then)
        + normal(p.centre, 0, 2).sum()
        + normal(p.level).sum()
        + stats.halfnorm.logpdf(p.spread)
    ),
    joint=lambda p, z: (
        np.log(p.weights[z.a] * p.first[z.a, z.b] * p.then[z.b, z.c]).sum(),
        normal(X, p.centre[z.a] + p.level[z.c], p.spread + 0.2).sum(),
    ),
    by_hand=lambda p: (  # b is summed out by a product of matrices
        0.0,
        summed(
            np.log(p.weights[:, None] * (p.first @ p.then))
            + normal(X[:, None, None], p.centre[:, None] + p.level, p.spread + 0.2)
        ),
    ),
)


COUNTS = np.array([0.0, 3.0, 0.0, 1.0])


@declare
def extra_zeros(ppl, x):
    """Zeros beyond those of the components, by an assignment of their own."""
    xp, dist = ppl.xp, ppl.dist
    share = ppl.sample("share", dist.Beta(2.0, 3.0))
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        rate = ppl.sample("rate", dist.Gamma(3.0, 1.0))
    with ppl.plate("rows", len(x)):
        excess = ppl.assign("excess", xp.stack([1 - share, share]))
        z = ppl.assign("assignment", weights)
        ppl.sample("counts", dist.Poisson(xp.where(excess == 1, ppl.array(1e-3), rate[z])), obs=x)


ZEROS = Case(
    extra_zeros,
    COUNTS,
    unknown={"excess": (2, (4,)), "assignment": (2, (4,))},
    draw=lambda rng: {"share": rng.beta(2, 3), "weights": rng.dirichlet([2, 2]), "rate": rng.gamma(3, 1, 2)},
    prior=lambda p: stats.beta.logpdf(p.share, 2, 3) + dirichlet(p.weights) + gamma(p.rate, 3).sum(),
    joint=lambda p, z: (
        np.log(np.where(z.excess, p.share, 1 - p.share) * p.weights[z.assignment]).sum(),
        stats.poisson.logpmf(COUNTS, np.where(z.excess, 1e-3, p.rate[z.assignment])).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        np.log(
            p.share * stats.poisson.pmf(COUNTS, 1e-3)
            + (1 - p.share) * (p.weights * stats.poisson.pmf(COUNTS[:, None], p.rate)).sum(axis=1)
        ).sum(),
    ),
)


@declare
def only_one_kind(ppl, x):
    """One of two assignments has one category."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("single", 1):
        extra = ppl.sample("extra", dist.Normal(0.0, 1.0))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        always = ppl.assign("always", xp.ones(1))
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", dist.Normal(centre[z] + extra[always], 1.0), obs=x)


ONE_KIND = Case(
    only_one_kind,
    X,
    unknown={"always": (1, (3,)), "assignment": (2, (3,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "extra": rng.normal(size=1), "centre": rng.normal(0, 2, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.extra).sum() + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        normal(X, p.centre[z.assignment] + p.extra[z.always]).sum(),
    ),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(X[:, None], p.centre + p.extra[0]))),
    fits=True,
)


@declare
def nothing_to_choose(ppl, x):
    """The only assignment has one category."""
    centre = ppl.sample("centre", ppl.dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", ppl.xp.ones(1))
        ppl.sample("obs", ppl.dist.Normal(centre + z, 1.0), obs=x)


NO_CHOICE = Case(
    nothing_to_choose,
    X,
    unknown={"assignment": (1, (3,))},
    draw=lambda rng: {"centre": np.array(rng.normal(0, 2))},
    prior=lambda p: normal(p.centre, 0, 2),
    joint=lambda p, z: (0.0, normal(X, p.centre + z.assignment).sum()),
    by_hand=lambda p: (0.0, normal(X - p.centre).sum()),
)


@declare
def sum_of_two(ppl, x):
    """What is seen is the sum of two draws from the same components."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        one = ppl.assign("one", weights)
        other = ppl.assign("other", weights)
        ppl.sample("total", ppl.dist.Normal(centre[one] + centre[other], 0.5), obs=x)


SUM = Case(
    sum_of_two,
    X,
    unknown={"one": (2, (3,)), "other": (2, (3,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "centre": rng.normal(0, 2, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.one] * p.weights[z.other]).sum(),
        normal(X, p.centre[z.one] + p.centre[z.other], 0.5).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(
            np.log(np.outer(p.weights, p.weights)) + normal(X[:, None, None], np.add.outer(p.centre, p.centre), 0.5)
        ),
    ),
    labels={"weights": (0,), "centre": (0,)},
    samples=True,
)


MOMENTS = np.array([[0.3, -1.2], [1.5, 1.1], [-0.4, 0.6]])


@declare
def two_moments(ppl, x):
    """Every animal is seen twice, its state moving by a matrix in between."""
    xp, dist = ppl.xp, ppl.dist
    start = ppl.sample("start", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        moves = ppl.sample("moves", dist.Dirichlet(xp.asarray([1.5, 2.5]) * xp.ones(2)), dims=("to",))
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("animals", len(x)):
        before = ppl.assign("before", start)
        after = ppl.assign("after", moves[before])
        ppl.sample("first", dist.Normal(centre[before], 1.0), obs=x[:, 0])
        ppl.sample("second", dist.Normal(centre[after], 1.0), obs=x[:, 1])


TWO_MOMENTS = Case(
    two_moments,
    MOMENTS,
    unknown={"before": (2, (3,)), "after": (2, (3,))},
    draw=lambda rng: {
        "start": rng.dirichlet([2, 2]),
        "moves": rng.dirichlet([1.5, 2.5], 2),
        "centre": rng.normal(0, 2, 2),
    },
    prior=lambda p: dirichlet(p.start) + dirichlet(p.moves, [1.5, 2.5]) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.start[z.before] * p.moves[z.before, z.after]).sum(),
        (normal(MOMENTS[:, 0], p.centre[z.before]) + normal(MOMENTS[:, 1], p.centre[z.after])).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(
            np.log(p.start[:, None] * p.moves)
            + normal(MOMENTS[:, :1], p.centre)[:, :, None]
            + normal(MOMENTS[:, 1:], p.centre)[:, None]
        ),
    ),
    labels={"start": (0,), "moves": (0, 1), "centre": (0,)},  # the prior of moves tells the states apart
    samples=True,
)

CASES = (NESTED, OUTCOMES, LINKS, ZEROS, ONE_KIND, NO_CHOICE, SUM, TWO_MOMENTS)
