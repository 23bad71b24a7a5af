"""Families under laws whose samplers are calibrated: every law, and families of every kind of site. Priors make components overlap."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import log_softmax, softmax

from mixtures import assignments, families, priors
from tests.statistical.calibration import COVARIATES, GROUP, ROWS, Classes, Component, Pair, Path, Units, Values

NORMAL = {"loc": priors.Normal(0.0, 2.0), "scale": priors.LogNormal(0.0, 0.5)}


@dataclass(frozen=True)
class TwoColumns:
    """Normal rows of two columns, the second given the first."""

    sites: Values

    def rvs(self, random_state: np.random.Generator) -> np.ndarray:
        first = self._first.rvs(random_state=random_state)
        return np.stack([first, self._second(first).rvs(random_state=random_state)], axis=-1)

    def logpdf(self, x: np.ndarray) -> np.ndarray:
        return self._first.logpdf(x[..., 0]) + self._second(x[..., 0]).logpdf(x[..., 1])

    @property
    def _first(self) -> Any:
        return stats.norm(self.sites["loc"][..., 0], self.sites["scale"][..., 0])

    def _second(self, first: np.ndarray) -> Any:
        loc, scale, rho = self.sites["loc"], self.sites["scale"], self.sites["correlation"][..., 0]
        line = loc[..., 1] + rho * scale[..., 1] / scale[..., 0] * (first - loc[..., 0])
        return stats.norm(line, scale[..., 1] * np.sqrt(1 - rho**2))


COMPONENTS = {
    "tied gaussian": Component(
        families.Gaussian("tied", priors=NORMAL),
        lambda rng: {"loc": rng.normal(0.0, 2.0, 2), "scale": rng.lognormal(0.0, 0.5)},
        lambda p, w: stats.norm(p["loc"], p["scale"]),
    ),
    "full gaussian": Component(
        families.Gaussian("full", priors={**NORMAL, "correlation_cholesky": priors.LKJCholesky(2.0)}),
        lambda rng: {
            "loc": rng.normal(0.0, 2.0, (2, 2)),
            "scale": rng.lognormal(0.0, 0.5, (2, 2)),
            # LKJ(2) of two columns: (1 + rho) / 2 ~ Beta(2, 2) (Lewandowski, Kurowicka & Joe 2009)
            "correlation": 2 * rng.beta(2.0, 2.0, (2, 1)) - 1,
        },
        lambda p, w: TwoColumns(p),
    ),
    "student_t": Component(
        families.StudentT(priors={**NORMAL, "df": priors.Gamma(2.0, 0.2)}),
        lambda rng: {
            "loc": rng.normal(0.0, 2.0, 2),
            "scale": rng.lognormal(0.0, 0.5, 2),
            "df": rng.gamma(2.0, 5.0, 2),
        },
        lambda p, w: stats.t(p["df"], p["loc"], p["scale"]),
    ),
    "poisson": Component(
        families.Poisson(priors={"rate": priors.Gamma(2.0, 0.5)}),
        lambda rng: {"rate": rng.gamma(2.0, 2.0, 2)},
        lambda p, w: stats.poisson(p["rate"]),
    ),
    "negative binomial": Component(
        families.NegativeBinomial(priors={"concentration": priors.LogNormal(0.5, 0.7), "rate": priors.LogNormal()}),
        lambda rng: {"concentration": rng.lognormal(0.5, 0.7, 2), "rate": rng.lognormal(0.0, 1.0, 2)},
        lambda p, w: stats.nbinom(p["concentration"], p["rate"] / (1 + p["rate"])),
    ),
    "binomial": Component(
        families.Binomial(6, priors={"probs": priors.Beta(2.0, 1.0)}),
        lambda rng: {"probs": rng.beta(2.0, 1.0, 2)},
        lambda p, w: stats.binom(6, p["probs"]),
    ),
    "bernoulli": Component(
        families.Bernoulli(priors={"probs": priors.Beta(1.0, 1.0)}),
        lambda rng: {"probs": rng.beta(1.0, 1.0, (2, 3))},
        lambda p, w: stats.bernoulli(p["probs"]),
    ),
    "gamma": Component(
        families.Gamma(priors={"concentration": priors.LogNormal(1.0, 0.7), "rate": priors.LogNormal()}),
        lambda rng: {"concentration": rng.lognormal(1.0, 0.7, 2), "rate": rng.lognormal(0.0, 1.0, 2)},
        lambda p, w: stats.gamma(p["concentration"], scale=1 / p["rate"]),
    ),
    "beta": Component(
        families.Beta(priors={"concentration1": priors.LogNormal(1.0), "concentration0": priors.LogNormal(1.0, 0.5)}),
        lambda rng: {"concentration1": rng.lognormal(1.0, 1.0, 2), "concentration0": rng.lognormal(1.0, 0.5, 2)},
        lambda p, w: stats.beta(p["concentration1"], p["concentration0"]),
    ),
    "regression": Component(
        families.Regression(
            priors={"intercept": priors.Normal(), "slope": priors.Normal(0.0, 2.0), "scale": priors.LogNormal(0.0, 0.5)}
        ),
        lambda rng: {
            "intercept": rng.normal(0.0, 1.0, 2),
            "slope": rng.normal(0.0, 2.0, (2, 1)),
            "scale": rng.lognormal(0.0, 0.5, 2),
        },
        lambda p, w: stats.norm(p["intercept"] + (p["slope"] * w).sum(axis=-1), p["scale"]),
    ),
}

ALONE = np.arange(ROWS)


def _common(p: Values) -> np.ndarray:
    return np.log(p["weights"])[:, None]


def _sparse(rng: np.random.Generator) -> Values:
    total = rng.gamma(4.0)
    return {"weight_concentration": total, "weights": rng.dirichlet([total / 2, total / 2])}


LAWS = {
    "Dirichlet": Units(assignments.Dirichlet(2.0), lambda rng: {"weights": rng.dirichlet([2.0, 2.0])}, _common, ALONE),
    "SparseDirichlet": Units(assignments.SparseDirichlet(priors.Gamma(4.0, 1.0)), _sparse, _common, ALONE),
    "StickBreaking": Units(
        assignments.StickBreaking(1.5),
        lambda rng: {"sticks": rng.beta(1.0, 1.5, 1)},
        lambda p: np.log(np.stack([p["sticks"], 1 - p["sticks"]], axis=2)),
        ALONE,
    ),
    "Gating": Units(
        assignments.Gating({"gating_intercept": priors.Normal(), "gating_slope": priors.Normal()}),
        lambda rng: {"gating_intercept": rng.normal(size=2), "gating_slope": rng.normal(size=(2, 1))},
        lambda p: log_softmax(
            p["gating_intercept"][:, None] + COVARIATES @ p["gating_slope"].transpose(0, 2, 1), axis=2
        ),
        ALONE,
    ),
    "PerGroup": Units(
        assignments.PerGroup(assignments.Dirichlet(2.0)),
        lambda rng: {"weights": rng.dirichlet([2.0, 2.0])},
        _common,
        GROUP,
    ),
    "GroupClasses": Classes(
        assignments.GroupClasses(2, weights=2.0),
        lambda rng: {"class_probs": rng.dirichlet([1.0, 1.0]), "class_weights": rng.dirichlet([2.0, 2.0], 2)},
    ),
    "GroupWeights": Units(
        assignments.GroupWeights(),
        lambda rng: {
            "weights": rng.dirichlet([1.0, 1.0]),
            "group_scale": abs(rng.normal()),
            "group_offset": rng.normal(size=(4, 2)),
        },
        lambda p: log_softmax(_common(p) + p["group_scale"][:, None, None] * p["group_offset"], axis=2)[:, GROUP],
        ALONE,
    ),
    "Markov": Path(
        assignments.Markov(transition=2.0),
        lambda rng: {"initial": rng.dirichlet([1.0, 1.0]), "transition": rng.dirichlet([2.0, 2.0], 2)},
        lambda p: np.broadcast_to(p["transition"][:, None], (len(p["initial"]), ROWS, 2, 2)),
    ),
    "MarkovGating": Path(
        assignments.MarkovGating(priors={"transition_intercept": priors.Normal(), "transition_slope": priors.Normal()}),
        lambda rng: {
            "initial": rng.dirichlet([1.0, 1.0]),
            "transition_intercept": rng.normal(size=(2, 2)),
            "transition_slope": rng.normal(size=(2, 2, 1)),
        },
        lambda p: softmax(
            p["transition_intercept"][:, None] + p["transition_slope"][:, None, ..., 0] * COVARIATES[:, :, None], axis=3
        ),
    ),
}

SAMPLED_BY = {
    "sample_nuts, nutpie": [
        ("bernoulli", "Dirichlet"),
        ("beta", "Dirichlet"),
        ("full gaussian", "SparseDirichlet"),
        ("poisson", "Markov"),
        ("regression", "Gating"),
        ("tied gaussian", "Dirichlet"),
    ],
    "sample_nuts, numpyro": [
        ("binomial", "MarkovGating"),
        ("gamma", "PerGroup"),
        ("tied gaussian", "GroupClasses"),
        ("negative binomial", "GroupWeights"),
        ("poisson", "Dirichlet"),
        ("student_t", "StickBreaking"),
    ],
    "sample_nuts, pyro": [("bernoulli", "PerGroup")],
    "sample_smc": [("poisson", "StickBreaking"), ("tied gaussian", "Gating")],
}

PAIRS = {
    (family, law): Pair(COMPONENTS[family], LAWS[law], sampler)
    for sampler, several in SAMPLED_BY.items()
    for family, law in several
}
