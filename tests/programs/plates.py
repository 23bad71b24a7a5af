"""Plates of any name, in any order, of equal lengths: assignments of columns, of groups and their members, of cells, of subsets of rows."""

import numpy as np
from scipy import special, stats

from mixtures import declare
from tests.programs.case import Case, dirichlet, gamma, lognormal, normal, summed

SQUARE = np.array([[0.1, -1.4, 2.2], [0.9, -0.3, 1.6], [-0.5, 0.7, 1.1]])


@declare
def kinds_of_columns(ppl, x):
    """The columns have the assignments; as many rows as columns as components."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(3)))
    with ppl.plate("components", 3):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 2.0))
    with ppl.plate("columns", 3):
        z = ppl.assign("assignment", weights)
        with ppl.plate("rows", 3):
            ppl.sample("obs", ppl.dist.Normal(centre[z], 0.8), obs=x)


COLUMNS = Case(
    kinds_of_columns,
    SQUARE,
    unknown={"assignment": (3, (3,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2, 2]), "centre": rng.normal(0, 2, 3)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (np.log(p.weights[z.assignment]).sum(), normal(SQUARE, p.centre[z.assignment], 0.8).sum()),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(SQUARE.T[:, :, None], p.centre, 0.8).sum(axis=1))),
    row=False,
    labels={"weights": (0,), "centre": (0,)},
    components=3,
    samples=True,
)


WARDS = np.array([[0.3, -0.9, 1.8], [1.2, -0.2, 0.4]])


@declare
def wards_and_patients(ppl, x):
    """A ward's kind says how its patients' kinds are mixed."""
    xp, dist = ppl.xp, ppl.dist
    mix = ppl.sample("mix", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("kinds of wards", 2):
        weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("wards", 3):
        ward = ppl.assign("ward", mix)
        with ppl.plate("patients", len(x)):
            z = ppl.assign("assignment", weights[ward])
            ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)


def _wards(p):
    table = special.logsumexp(  # (wards, kinds of wards, patients)
        np.log(p.weights)[:, None] + normal(WARDS.T[:, None, :, None], p.centre), axis=3
    )
    return 0.0, summed(np.log(p.mix) + table.sum(axis=2))


WARD = Case(
    wards_and_patients,
    WARDS,
    unknown={"ward": (2, (3,)), "assignment": (2, (2, 3))},
    draw=lambda rng: {
        "mix": rng.dirichlet([2, 2]),
        "weights": rng.dirichlet([2, 2], 2),
        "centre": rng.normal(0, 2, 2),
    },
    prior=lambda p: dirichlet(p.mix) + dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.mix[z.ward]).sum() + np.log(p.weights[z.ward, z.assignment]).sum(),
        normal(WARDS, p.centre[z.assignment]).sum(),
    ),
    by_hand=_wards,
    row=False,
)


WORDS = np.array([[0.0, 1.0, 1.0], [2.0, 1.0, 2.0]])


@declare
def topics(ppl, x):
    """Latent Dirichlet allocation: every word has a topic, every document its own shares of topics."""
    xp, dist = ppl.xp, ppl.dist
    with ppl.plate("topics", 2):
        speech = ppl.sample("speech", dist.Dirichlet(2.0 * xp.ones(3)))
    with ppl.plate("documents", len(x)):
        shares = ppl.sample("shares", dist.Dirichlet(1.5 * xp.ones(2)))
        with ppl.plate("words", 3):
            topic = ppl.assign("topic", shares)
            ppl.sample("word", dist.Categorical(speech[topic]), obs=xp.astype(x.T, xp.int32))


TOPICS = Case(
    topics,
    WORDS,
    unknown={"topic": (2, (3, 2))},
    draw=lambda rng: {"speech": rng.dirichlet([2, 2, 2], 2), "shares": rng.dirichlet([1.5, 1.5], 2)},
    prior=lambda p: dirichlet(p.speech) + dirichlet(p.shares, 1.5),
    joint=lambda p, z: (
        np.log(p.shares[[0, 1], z.topic]).sum(),
        np.log(p.speech[z.topic, WORDS.T.astype(int)]).sum(),
    ),
    by_hand=lambda p: (0.0, np.log((p.shares @ p.speech)[[[0], [1]], WORDS.astype(int)]).sum()),
    row=False,
    labels={"speech": (0,), "shares": (1,)},
    samples=True,
)


ANSWERS = np.array([[0.0, 1.0, 0.0], [2.0, 2.0, 1.0], [1.0, 1.0, 1.0], [0.0, 2.0, 0.0]])


@declare
def raters(ppl, x):
    """Dawid and Skene: raters confuse the classes of items, each in a way of its own."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("raters", 3), ppl.plate("classes", 2):
        confusion = ppl.sample("confusion", dist.Dirichlet(2.0 * xp.ones(3)))
    with ppl.plate("items", len(x)):
        z = ppl.assign("class", weights)
        with ppl.plate("answers", 3):
            probs = confusion[z, xp.arange(3)[:, None]]
            ppl.sample("answer", dist.Categorical(probs), obs=xp.astype(x.T, xp.int32))


RATERS = Case(
    raters,
    ANSWERS,
    unknown={"class": (2, (4,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "confusion": rng.dirichlet([2, 2, 2], (2, 3))},
    prior=lambda p: dirichlet(p.weights) + dirichlet(p.confusion),
    joint=lambda p, z: (
        np.log(p.weights[vars(z)["class"]]).sum(),
        np.log(p.confusion[vars(z)["class"][:, None], np.arange(3), ANSWERS.astype(int)]).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(np.log(p.weights) + np.log(p.confusion[:, np.arange(3), ANSWERS.astype(int)]).sum(axis=2).T),
    ),
    labels={"weights": (0,), "confusion": (0,)},
    samples=True,
    fits=True,
)


FIVE = np.array([-0.7, 1.4, 0.3, 2.1, -1.0])


@declare
def two_cohorts(ppl, x):
    """Two sets of rows, of 3 and of 2, with assignments and spreads of their own."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("cohorts", 2):
        spread = ppl.sample("spread", dist.LogNormal(0.0, 0.5))
    with ppl.plate("old", 3):
        z = ppl.assign("z_old", weights)
        ppl.sample("obs_old", dist.Normal(centre[z], spread[0]), obs=x[:3])
    with ppl.plate("new", 2):
        z = ppl.assign("z_new", weights)
        ppl.sample("obs_new", dist.Normal(centre[z], spread[1]), obs=x[3:])


COHORT = np.array([0, 0, 0, 1, 1])

COHORTS = Case(
    two_cohorts,
    FIVE,
    unknown={"z_old": (2, (3,)), "z_new": (2, (2,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "centre": rng.normal(0, 2, 2),
        "spread": rng.lognormal(0, 0.5, 2),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum() + lognormal(p.spread, 0.5).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.z_old]).sum() + np.log(p.weights[z.z_new]).sum(),
        normal(FIVE[:3], p.centre[z.z_old], p.spread[0]).sum() + normal(FIVE[3:], p.centre[z.z_new], p.spread[1]).sum(),
    ),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(FIVE[:, None], p.centre, p.spread[COHORT][:, None]))),
    row=False,
    labels={"weights": (0,), "centre": (0,)},
    samples=True,
    fits=True,
)


KNOWN = np.array([0, 1, 1])


@declare
def half_labelled(ppl, x):
    """Some rows' components are known, which is data too."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("labelled", 3):
        ppl.sample("known", dist.Categorical(probs=weights), obs=xp.asarray(KNOWN))
        ppl.sample("obs_labelled", dist.Normal(centre[KNOWN], 1.0), obs=x[:3])
    with ppl.plate("unlabelled", 2):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs_unlabelled", dist.Normal(centre[z], 1.0), obs=x[3:])


HALF = Case(
    half_labelled,
    FIVE,
    unknown={"assignment": (2, (2,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "centre": rng.normal(0, 2, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        np.log(p.weights[KNOWN]).sum() + normal(FIVE, p.centre[np.concatenate([KNOWN, z.assignment])]).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        (np.log(p.weights[KNOWN]) + normal(FIVE[:3], p.centre[KNOWN])).sum()
        + summed(np.log(p.weights) + normal(FIVE[3:, None], p.centre)),
    ),
    row=False,
    labels={"weights": (0,), "centre": (0,)},
    samples=True,
)


@declare
def rows_reopened(ppl, x):
    """One plate of rows is entered twice, and something else is drawn in between."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    rows = ppl.plate("rows", len(x))
    with rows:
        z = ppl.assign("assignment", weights)
    scale = ppl.sample("scale", dist.LogNormal(0.0, 0.5))
    with rows:
        ppl.sample("obs", dist.Normal(centre[z], scale), obs=x)


REOPENED = Case(
    rows_reopened,
    FIVE,
    unknown={"assignment": (2, (5,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "centre": rng.normal(0, 2, 2),
        "scale": rng.lognormal(0, 0.5),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum() + lognormal(p.scale, 0.5),
    joint=lambda p, z: (np.log(p.weights[z.assignment]).sum(), normal(FIVE, p.centre[z.assignment], p.scale).sum()),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(FIVE[:, None], p.centre, p.scale))),
)


@declare
def rows_named_twice(ppl, x):
    """The plate of rows is made anew, under its name, where the assignments are used."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Normal(centre[z], 0.9), obs=x)


TWICE = Case(
    rows_named_twice,
    FIVE,
    unknown={"assignment": (2, (5,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "centre": rng.normal(0, 2, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (np.log(p.weights[z.assignment]).sum(), normal(FIVE, p.centre[z.assignment], 0.9).sum()),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(FIVE[:, None], p.centre, 0.9))),
    may_refuse=True,
    fits=True,
)


@declare
def steps_between_rows(ppl, x):
    """A switching autoregression: there is one assignment less than there are rows."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("regimes", 2):
        pull = ppl.sample("pull", ppl.dist.Normal(0.0, 1.0))
    with ppl.plate("steps", len(x) - 1):
        z = ppl.assign("regime", weights)
        ppl.sample("obs", ppl.dist.Normal(pull[z] * x[:-1], 0.8), obs=x[1:])


STEPS = Case(
    steps_between_rows,
    FIVE,
    unknown={"regime": (2, (4,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "pull": rng.normal(size=2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.pull).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.regime]).sum(),
        normal(FIVE[1:], p.pull[z.regime] * FIVE[:-1], 0.8).sum(),
    ),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + normal(FIVE[1:, None], np.outer(FIVE[:-1], p.pull), 0.8))),
    row=False,
    labels={"weights": (0,), "pull": (0,)},
    samples=True,
)


WHO = np.array([1, 0, 1, 2, 1, 1, 2])
SEVEN = np.array([0.2, -1.5, 1.1, 0.4, 2.3, -0.6, 0.9])


@declare
def ragged_hospitals(ppl, x):
    """Hospitals of 1, 4 and 2 patients; a hospital has a kind, and an effect of its own."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("kinds", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("hospitals", 3):
        kind = ppl.assign("kind", weights)
        effect = ppl.sample("effect", dist.Normal(0.0, 0.5))
    with ppl.plate("patients", len(x)):
        ppl.sample("obs", dist.Normal(centre[kind[WHO]] + effect[WHO], 1.0), obs=x)


def _hospitals(p):
    table = normal(SEVEN[:, None], p.centre + p.effect[WHO][:, None])
    return 0.0, summed(np.log(p.weights) + np.stack([table[who == WHO].sum(axis=0) for who in range(3)]))


HOSPITALS = Case(
    ragged_hospitals,
    SEVEN,
    unknown={"kind": (2, (3,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "centre": rng.normal(0, 2, 2),
        "effect": rng.normal(0, 0.5, 3),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.centre, 0, 2).sum() + normal(p.effect, 0, 0.5).sum(),
    joint=lambda p, z: (np.log(p.weights[z.kind]).sum(), normal(SEVEN, p.centre[z.kind[WHO]] + p.effect[WHO]).sum()),
    by_hand=_hospitals,
    row=False,
    labels={"weights": (0,), "centre": (0,)},
    samples=True,
    fits=True,
)


BLOCKS = np.array([[0.2, -1.0, 0.8], [1.9, 0.3, -0.6], [0.5, 0.4, 1.2], [-0.9, 1.4, 0.1]])


@declare
def latent_blocks(ppl, x):
    """Rows and columns have kinds, and a cell's distribution is that of both."""
    xp, dist = ppl.xp, ppl.dist
    of_rows = ppl.sample("of_rows", dist.Dirichlet(2.0 * xp.ones(2)))
    of_columns = ppl.sample("of_columns", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("kinds of columns", 2), ppl.plate("kinds of rows", 2):
        centre = ppl.sample("centre", dist.Normal(0.0, 2.0))
    with ppl.plate("rows", 4):
        r = ppl.assign("r", of_rows)
    with ppl.plate("columns", 3):
        c = ppl.assign("c", of_columns)
    with ppl.plate("over columns", 3), ppl.plate("over rows", 4):
        ppl.sample("obs", dist.Normal(centre[r[:, None], c], 1.0), obs=x)


def _blocks(p):
    """Given the kinds of the rows, the columns are independent."""
    kinds = np.indices((2,) * 4).reshape(4, -1).T
    cells = normal(BLOCKS[..., None], p.centre[kinds][:, :, None, :])  # (paths, rows, columns, kinds of columns)
    columns = special.logsumexp(np.log(p.of_columns) + cells.sum(axis=1), axis=2).sum(axis=1)
    return 0.0, special.logsumexp(np.log(p.of_rows)[kinds].sum(axis=1) + columns)


BLOCK = Case(
    latent_blocks,
    BLOCKS,
    unknown={"r": (2, (4,)), "c": (2, (3,))},
    draw=lambda rng: {
        "of_rows": rng.dirichlet([2, 2]),
        "of_columns": rng.dirichlet([2, 2]),
        "centre": rng.normal(0, 2, (2, 2)),
    },
    prior=lambda p: dirichlet(p.of_rows) + dirichlet(p.of_columns) + normal(p.centre, 0, 2).sum(),
    joint=lambda p, z: (
        np.log(p.of_rows[z.r]).sum() + np.log(p.of_columns[z.c]).sum(),
        normal(BLOCKS, p.centre[z.r[:, None], z.c]).sum(),
    ),
    by_hand=_blocks,
    row=False,
    may_refuse=True,
    fits=True,
)


ONE_END, OTHER_END = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 2, 3, 2, 3, 3])
EDGES = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0])


@declare
def network(ppl, x):
    """Stochastic block model: an edge's probability is that of the kinds of its two ends."""
    xp, dist = ppl.xp, ppl.dist
    weights = ppl.sample("weights", dist.Dirichlet(2.0 * xp.ones(2)))
    with ppl.plate("to", 2), ppl.plate("from", 2):
        tie = ppl.sample("tie", dist.Beta(1.5, 2.0))
    with ppl.plate("nodes", 4):
        z = ppl.assign("kind", weights)
    with ppl.plate("edges", len(x)):
        ppl.sample("edge", dist.Bernoulli(probs=tie[z[ONE_END], z[OTHER_END]]), obs=x)


def _network(p):
    """Node 3 is summed out where the kinds of the others are given."""
    total = -np.inf
    for a, b, c in np.ndindex(2, 2, 2):
        among = bernoulli(EDGES[[0, 1, 3]], p.tie[[a, a, b], [b, c, c]]).sum()
        to_last = sum(bernoulli(edge, p.tie[k]) for edge, k in zip(EDGES[[2, 4, 5]], (a, b, c), strict=True))
        last = special.logsumexp(np.log(p.weights) + to_last)
        total = np.logaddexp(total, np.log(p.weights[[a, b, c]]).sum() + among + last)
    return 0.0, total


def bernoulli(seen, probs):
    return np.log(np.where(seen == 1, probs, 1 - probs))


NETWORK = Case(
    network,
    EDGES,
    unknown={"kind": (2, (4,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "tie": rng.beta(1.5, 2, (2, 2))},
    prior=lambda p: dirichlet(p.weights) + stats.beta.logpdf(p.tie, 1.5, 2).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.kind]).sum(),
        stats.bernoulli.logpmf(EDGES, p.tie[z.kind[ONE_END], z.kind[OTHER_END]]).sum(),
    ),
    by_hand=_network,
    row=False,
    may_refuse=True,
    labels={"weights": (0,), "tie": (0, 1)},
    fits=True,
)

EIGHT = np.array([0.8, 19.2, 11.4, 3.3, 16.9, 7.5, 12.6, 0.4])
GROUPS = np.array([2, 0, 1, 2, 0, 1, 1, 2])


@declare
def reaches_of_groups(ppl, x):
    """Where the prior lies, most of the data are impossible, so that nothing shows there of whose they are."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("kinds", 2):
        reach = ppl.sample("reach", ppl.dist.Gamma(2.0, 1.0))
    with ppl.plate("groups", 3):
        kind = ppl.assign("kind", weights)
    with ppl.plate("lines", len(x)):
        ppl.sample("obs", ppl.dist.Uniform(0.0, reach[kind[GROUPS]]), obs=x)


def _uniform(upper):
    return np.where(upper >= EIGHT, -np.log(upper), -np.inf)


REACHES = Case(
    reaches_of_groups,
    EIGHT,
    unknown={"kind": (2, (3,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "reach": rng.uniform(20, 30, 2)},
    prior=lambda p: dirichlet(p.weights) + gamma(p.reach, 2).sum(),
    joint=lambda p, z: (np.log(p.weights[z.kind]).sum(), _uniform(p.reach[z.kind[GROUPS]]).sum()),
    by_hand=lambda p: (
        0.0,
        summed(
            np.log(p.weights)
            + np.array([[_uniform(reach)[group == GROUPS].sum() for reach in p.reach] for group in range(3)])
        ),
    ),
    row=False,
)


@declare
def effects_above_a_threshold(ppl, x):
    """Where the prior lies, components are all alike: effects below zero are none."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("kinds", 2):
        effect = ppl.sample("effect", ppl.dist.Normal(-3.0, 1.0))
    with ppl.plate("groups", 3):
        kind = ppl.assign("kind", weights)
    with ppl.plate("lines", len(x)):
        ppl.sample("obs", ppl.dist.Normal(ppl.xp.maximum(effect, 0.0 * effect)[kind[GROUPS]], 9.0), obs=x)


THRESHOLD = Case(
    effects_above_a_threshold,
    EIGHT,
    unknown={"kind": (2, (3,))},
    draw=lambda rng: {"weights": rng.dirichlet([2, 2]), "effect": rng.uniform(-1, 9, 2)},
    prior=lambda p: dirichlet(p.weights) + normal(p.effect, -3).sum(),
    joint=lambda p, z: (
        np.log(p.weights[z.kind]).sum(),
        normal(EIGHT, np.maximum(p.effect, 0)[z.kind[GROUPS]], 9.0).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(
            np.log(p.weights)
            + np.stack(
                [normal(EIGHT[group == GROUPS, None], np.maximum(p.effect, 0), 9.0).sum(axis=0) for group in range(3)]
            )
        ),
    ),
    row=False,
)


CASES = (
    COLUMNS,
    WARD,
    TOPICS,
    RATERS,
    COHORTS,
    HALF,
    REOPENED,
    TWICE,
    STEPS,
    HOSPITALS,
    BLOCK,
    NETWORK,
    REACHES,
    THRESHOLD,
)
