"""Mixtures with users' families: one beside covariates, one beside noise, one a column of a table."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from mixtures import Mixture, priors, weights
from mixtures.families import Columns, Poisson, Product, WithNoise
from tests.programs.case import Case, dirichlet, gamma, lognormal, normal, summed

X = np.array([0.9, -1.6, 0.3, 2.4])


@dataclass(frozen=True)
class SkewedTies:
    """Gumbel components of one scale, with a shift that all share."""

    priors: tuple = (
        ("loc", priors.Normal(0.0, 2.0)),
        ("shift", priors.Normal(0.0, 0.5)),
        ("scale", priors.LogNormal(0.0, 0.5)),
    )

    @property
    def priors_by_site(self):
        return dict(self.priors)

    def shared(self, ppl, draw, features):
        return {"shift": draw("shift"), "scale": draw("scale")}

    def per_component(self, ppl, draw, features):
        return {"loc": draw("loc")}

    def emission(self, ppl, parameters, features):
        return ppl.dist.Gumbel(parameters["loc"] + parameters["shift"], parameters["scale"])

    def start(self, x, rows, components):
        return {"loc": x[rows], "shift": 0.0, "scale": x.std()}

    def check(self, x):
        pass


def _gumbel(p):
    return stats.gumbel_r.logpdf(X[:, None], p.loc + p.shift, p.scale)


FOUR = {"assignment": (2, (4,))}

GUMBEL = Case(
    Mixture(2, SkewedTies(), weights.Dirichlet(2.0)),
    X,
    unknown=FOUR,
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "loc": rng.normal(0, 2, 2),
        "shift": rng.normal(0, 0.5),
        "scale": rng.lognormal(0, 0.5),
    },
    prior=lambda p: (
        dirichlet(p.weights) + normal(p.loc, 0, 2).sum() + normal(p.shift, 0, 0.5) + lognormal(p.scale, 0.5)
    ),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        stats.gumbel_r.logpdf(X, p.loc[z.assignment] + p.shift, p.scale).sum(),
    ),
    by_hand=lambda p: (0.0, summed(np.log(p.weights) + _gumbel(p))),
    labels={"weights": (0,), "loc": (0,)},
    fits=True,
    name="a family with shared sites",
)


class Logistic(Columns):
    """Rows are logistic within a component."""

    default_priors = {  # noqa: RUF012 (as a user would write it)
        "loc": priors.Normal(0.0, 2.0),
        "scale": priors.LogNormal(0.0, 0.5),
    }

    def cell(self, ppl, parameters):
        return ppl.dist.Logistic(parameters["loc"], parameters["scale"])

    def start(self, x, rows, components):
        return {"loc": x[rows], "scale": np.full(x[rows].shape, x.std() / 2)}


def _noisy(p):
    """Component 0 is uniform on [-3, 3]."""
    table = stats.logistic.logpdf(X[:, None], p.loc, p.scale)
    return np.column_stack([np.full(4, -np.log(6)), table[:, 1:]])


NOISY = Case(
    Mixture(3, WithNoise(Logistic(), -3.0, 3.0), weights.Dirichlet(2.0)),
    X,
    unknown={"assignment": (3, (4,))},
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2, 2]),
        "loc": rng.normal(0, 2, 3),
        "scale": rng.lognormal(0, 0.5, 3),
    },
    prior=lambda p: dirichlet(p.weights) + normal(p.loc, 0, 2).sum() + lognormal(p.scale, 0.5).sum(),
    joint=lambda p, z: (np.log(p.weights[z.assignment]).sum(), _noisy(p)[range(4), z.assignment].sum()),
    by_hand=lambda p: (0.0, np.log(np.exp(_noisy(p)) @ p.weights).sum()),
    labels={"weights": (0,), "loc": (0,), "scale": (0,)},
    components=3,
    name="a family beside noise",
)


TABLE = np.column_stack([X, [0.0, 3.0, 1.0, 6.0]])

PRODUCT = Case(
    Mixture(
        2,
        Product({"length": Logistic(), "visits": Poisson(priors={"rate": priors.Gamma(2.0, 1.0)})}),
        weights.Dirichlet(2.0),
    ),
    TABLE,
    unknown=FOUR,
    draw=lambda rng: {
        "weights": rng.dirichlet([2, 2]),
        "length_loc": rng.normal(0, 2, 2),
        "length_scale": rng.lognormal(0, 0.5, 2),
        "visits_rate": rng.gamma(2, 1, 2),
    },
    prior=lambda p: (
        dirichlet(p.weights)
        + normal(p.length_loc, 0, 2).sum()
        + lognormal(p.length_scale, 0.5).sum()
        + gamma(p.visits_rate, 2).sum()
    ),
    joint=lambda p, z: (
        np.log(p.weights[z.assignment]).sum(),
        stats.logistic.logpdf(X, p.length_loc[z.assignment], p.length_scale[z.assignment]).sum()
        + stats.poisson.logpmf(TABLE[:, 1], p.visits_rate[z.assignment]).sum(),
    ),
    by_hand=lambda p: (
        0.0,
        summed(
            np.log(p.weights)
            + stats.logistic.logpdf(X[:, None], p.length_loc, p.length_scale)
            + stats.poisson.logpmf(TABLE[:, 1:], p.visits_rate)
        ),
    ),
    labels={"weights": (0,), "length_loc": (0,), "length_scale": (0,), "visits_rate": (0,)},
    name="a family for one column",
)

CASES = (GUMBEL, NOISY, PRODUCT)
