"""The register of families under test: one entry makes a family pass through every conformance test.

Each entry has two overlapping components and scipy's density of a row, written without the package.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import log_softmax, logsumexp

import mixtures
from mixtures import Mixture, Observations, families, weights

ROWS = 30
WEIGHTS = [0.4, 0.6]

Parameters = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """A family under test.

    Args:
        family: the family.
        truth: parameters of two components that overlap, by site; leading axis: components, unless shared.
        log_density: scipy's log density of all rows under one component: (x, parameters of that component) -> (rows,).
        features: columns of the data; None for shape (rows,).
        shared: sites that are not one value a component.
        by_component: instead of `log_density`, where components differ in kind: (x, all parameters, k) -> (rows,).
        covariates: whether rows depend on `covariates(rows)`.
        gated: whether the weights do.
    """

    family: Any
    truth: dict[str, Any]
    log_density: Callable[[np.ndarray, Parameters], np.ndarray] | None = None
    features: int | None = None
    shared: tuple[str, ...] = ()
    by_component: Callable[[np.ndarray, Parameters, int], np.ndarray] | None = None
    covariates: bool = False
    gated: bool = False

    @property
    def model(self) -> Mixture:
        return Mixture(2, self.family, weights.Gating()) if self.gated else Mixture(2, self.family)

    @property
    def parameters(self) -> Parameters:
        odds = GATES if self.gated else {"weights": np.array(WEIGHTS)}
        return {**odds, **{site: np.array(value, dtype=float) for site, value in self.truth.items()}}

    def draw(self, rows: int, seed: int, backend: str = "pyro") -> tuple[Observations, np.ndarray]:
        """Simulated data and assignments; by Pyro, which compiles nothing for them, where it does not matter."""
        size = rows if self.features is None else (rows, self.features)
        known = covariates(rows) if self.covariates else None
        drawn = mixtures.simulate(self.model, size, seed, self.parameters, backend, covariates=known)
        if isinstance(self.family, families.Product):
            names = tuple(name for name, _ in self.family.columns)
            x = Observations(np.column_stack([drawn[name] for name in names]), feature_names=names, covariates=known)
        else:
            x = Observations(drawn["obs"], covariates=known)
        return x, drawn["assignment"]

    def data(self) -> Observations:
        return self.draw(ROWS, seed=5)[0]

    def table(self, x: np.ndarray) -> np.ndarray:
        """log w_k p(x_i | component k), (rows, components)."""
        logits = np.broadcast_to(np.log(WEIGHTS), (len(x), 2))
        if self.gated:
            logits = GATES["gating_intercept"] + covariates(len(x)) @ GATES["gating_slope"].T
        columns = [np.atleast_1d(self._component(x, k)) for k in (0, 1)]
        return logits - logsumexp(logits, axis=1, keepdims=True) + np.stack(columns, axis=1)

    def _component(self, x: np.ndarray, k: int) -> np.ndarray:
        truth = {site: np.array(value, dtype=float) for site, value in self.truth.items()}
        if self.by_component is not None:
            return self.by_component(x, truth, k)
        return self.log_density(x, {site: value if site in self.shared else value[k] for site, value in truth.items()})


GATES = {"gating_intercept": np.array([0.2, -0.3]), "gating_slope": np.array([[0.5, 0.0], [-0.4, 0.3]])}


def covariates(rows: int) -> np.ndarray:
    """The covariates of every case that has some, away from 0; the first rows are always the same."""
    return np.random.default_rng(11).normal([1.0, -2.0], [1.0, 0.5], size=(10_000, 2))[:rows]


def cells(
    log_density: Callable[[np.ndarray, Parameters], np.ndarray],
) -> Callable[[np.ndarray, Parameters], np.ndarray]:
    """The density of a row whose columns are independent."""
    return lambda x, p: log_density(x, p).reshape(len(x), -1).sum(axis=1)


def zero_inflated(x: np.ndarray, p: Parameters) -> np.ndarray:
    return np.log(p["gate"] * (x == 0) + (1 - p["gate"]) * stats.poisson(p["rate"]).pmf(x))


def hurdle(x: np.ndarray, p: Parameters) -> np.ndarray:
    counts = stats.poisson(p["rate"])
    return np.log(np.where(x == 0, p["gate"], (1 - p["gate"]) * counts.pmf(x) / counts.sf(0)))


def semi_continuous(x: np.ndarray, p: Parameters) -> np.ndarray:
    amount = stats.gamma(p["concentration"], scale=1 / p["rate"])
    return np.where(x == 0, np.log(p["gate"]), np.log1p(-p["gate"]) + amount.logpdf(np.where(x == 0, 1.0, x)))


def skew_t(x: np.ndarray, p: Parameters) -> np.ndarray:
    z, df = (x - p["loc"]) / p["scale"], p["df"]
    half_line = stats.t(df + 1).logcdf(p["skew"] * z * np.sqrt((df + 1) / (df + z**2)))
    return np.log(2 / p["scale"]) + stats.t(df).logpdf(z) + half_line


def truncated_normal(x: np.ndarray, p: Parameters) -> np.ndarray:
    low, high = ((bound - p["loc"]) / p["scale"] for bound in (-0.5, 3.0))
    return stats.truncnorm(low, high, p["loc"], p["scale"]).logpdf(x)


def categorical(x: np.ndarray, p: Parameters) -> np.ndarray:
    table = np.log(p["probs"])
    return np.stack(
        [(table if table.ndim == 1 else table[j])[x.reshape(len(x), -1)[:, j].astype(int)] for j in range(x[0].size)]
    ).sum(0)


def ordinal(x: np.ndarray, p: Parameters, eta: np.ndarray | float = 0.0) -> np.ndarray:
    """Differences of the logistic distribution function at the cutpoints, which are the last of its arguments or gaps from 0 on."""
    cutpoints = p["cutpoints"] if "cutpoints" in p else np.concatenate([[0.0], np.cumsum(p["gaps"])])
    edges = np.concatenate([[-np.inf], cutpoints, [np.inf]])
    below = stats.logistic.cdf(edges - np.reshape(eta, (-1, 1)))
    each = np.broadcast_to(np.diff(below), (len(x), len(edges) - 1))
    return np.log(np.take_along_axis(each, x[:, None].astype(int), axis=1)[:, 0])


def factor_normal(x: np.ndarray, p: Parameters) -> np.ndarray:
    return stats.multivariate_normal(p["loc"], np.outer(p["loading"], p["loading"]) + np.diag(p["scale"] ** 2)).logpdf(
        x
    )


def multivariate_normal(x: np.ndarray, p: Parameters) -> np.ndarray:
    root = p["scale"][:, None] * p["correlation_cholesky"]
    return stats.multivariate_normal(p["loc"], root @ root.T).logpdf(x)


def multivariate_t(df: float | None = None) -> Callable[[np.ndarray, Parameters], np.ndarray]:
    def log_density(x: np.ndarray, p: Parameters) -> np.ndarray:
        root = np.broadcast_to(p["scale"], x.shape[1:])[:, None] * p.get("correlation_cholesky", np.eye(x.shape[1]))
        return stats.multivariate_t(p["loc"], root @ root.T, df=p.get("df", df)).logpdf(x)

    return log_density


CHOLESKY = [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [-0.28, 0.96]]]

CASES = {
    "gaussian": Case(
        families.Gaussian(),
        {"loc": [-1.0, 1.0], "scale": [1.0, 2.0]},
        cells(lambda x, p: stats.norm(p["loc"], p["scale"]).logpdf(x)),
    ),
    "gaussian full": Case(
        families.Gaussian(),
        {"loc": [[0.0, 1.0], [1.0, 0.0]], "scale": [[1.0, 2.0], [1.5, 0.5]], "correlation_cholesky": CHOLESKY},
        multivariate_normal,
        features=2,
    ),
    "gaussian factors": Case(
        families.Gaussian("factor-1"),
        {
            "loc": [[0.0, 1.0, 0.0, -1.0], [1.0, 0.0, 1.0, 0.5]],
            "scale": [[1.0, 2.0, 0.5, 1.5], [1.5, 0.5, 1.0, 1.0]],
            "loading": [[0.8, -0.5, 1.5, 0.3], [1.2, 0.7, -0.2, 0.9]],
        },
        factor_normal,
        features=4,
    ),
    "student_t": Case(
        families.StudentT(),
        {"df": [3.0, 8.0], "loc": [-1.0, 1.0], "scale": [1.0, 2.0]},
        cells(lambda x, p: stats.t(p["df"], p["loc"], p["scale"]).logpdf(x)),
    ),
    "student_t fixed": Case(
        families.StudentT(df=4.0),
        {"loc": [-1.0, 1.0], "scale": [1.0, 2.0]},
        cells(lambda x, p: stats.t(4.0, p["loc"], p["scale"]).logpdf(x)),
    ),
    "student_t full": Case(
        families.StudentT(),
        {
            "df": [3.0, 8.0],
            "loc": [[0.0, 1.0], [1.0, 0.0]],
            "scale": [[1.0, 2.0], [1.5, 0.5]],
            "correlation_cholesky": CHOLESKY,
        },
        multivariate_t(),
        features=2,
    ),
    "student_t tied": Case(
        families.StudentT(df=5.0, covariance="tied"),
        {"loc": [[0.0, 1.0], [1.0, 0.0]], "scale": [1.0, 2.0], "correlation_cholesky": CHOLESKY[0]},
        multivariate_t(5.0),
        features=2,
        shared=("scale", "correlation_cholesky"),
    ),
    "student_t diag": Case(
        families.StudentT(covariance="diag"),
        {"df": [3.0, 8.0], "loc": [[0.0, 1.0], [1.0, 0.0]], "scale": [[1.0, 2.0], [1.5, 0.5]]},
        multivariate_t(),
        features=2,
    ),
    "skew_normal": Case(
        families.SkewNormal(),
        {"loc": [-1.0, 1.0], "scale": [1.0, 2.0], "skew": [3.0, -2.0]},
        cells(lambda x, p: stats.skewnorm(p["skew"], p["loc"], p["scale"]).logpdf(x)),
    ),
    "skew_t": Case(
        families.SkewT(),
        {"df": [3.0, 8.0], "loc": [-1.0, 1.0], "scale": [1.0, 2.0], "skew": [2.0, -1.0]},
        cells(skew_t),
    ),
    "poisson": Case(families.Poisson(), {"rate": [1.5, 4.0]}, cells(lambda x, p: stats.poisson(p["rate"]).logpmf(x))),
    "poisson columns": Case(
        families.Poisson(),
        {"rate": [[1.5, 4.0, 2.0], [3.0, 2.0, 6.0]]},
        cells(lambda x, p: stats.poisson(p["rate"]).logpmf(x)),
        features=3,
    ),
    "zero-inflated poisson": Case(
        families.ZeroInflatedPoisson(), {"gate": [0.3, 0.1], "rate": [1.5, 4.0]}, cells(zero_inflated)
    ),
    "hurdle": Case(families.Hurdle(families.Poisson()), {"gate": [0.5, 0.2], "rate": [1.5, 4.0]}, cells(hurdle)),
    "semi-continuous": Case(
        families.SemiContinuous(families.Gamma()),
        {"gate": [0.5, 0.2], "concentration": [2.0, 6.0], "rate": [1.0, 1.5]},
        cells(semi_continuous),
    ),
    "negative_binomial": Case(
        families.NegativeBinomial(),
        {"concentration": [1.2, 4.0], "rate": [0.5, 0.7]},
        cells(lambda x, p: stats.nbinom(p["concentration"], p["rate"] / (1 + p["rate"])).logpmf(x)),
    ),
    "binomial": Case(
        families.Binomial(7), {"probs": [0.3, 0.6]}, cells(lambda x, p: stats.binom(7, p["probs"]).logpmf(x))
    ),
    "truncated": Case(
        families.Truncated(families.Gaussian(), low=-0.5, high=3.0),
        {"loc": [-1.0, 1.0], "scale": [1.0, 2.0]},
        cells(truncated_normal),
    ),
    "bernoulli": Case(
        families.Bernoulli(),
        {"probs": [[0.3, 0.6, 0.2], [0.7, 0.4, 0.5]]},
        cells(lambda x, p: stats.bernoulli(p["probs"]).logpmf(x)),
        features=3,
    ),
    "categorical": Case(families.Categorical(3), {"probs": [[0.2, 0.5, 0.3], [0.4, 0.1, 0.5]]}, categorical),
    "categorical columns": Case(
        families.Categorical(3),
        {"probs": [[[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], [[0.4, 0.1, 0.5], [0.2, 0.4, 0.4]]]},
        categorical,
        features=2,
    ),
    "ordinal": Case(families.Ordinal(4), {"cutpoints": [[-1.0, 0.0, 1.5], [0.2, 1.0, 1.4]]}, ordinal),
    "multinomial": Case(
        families.Multinomial(6),
        {"probs": [[0.2, 0.5, 0.3], [0.4, 0.1, 0.5]]},
        lambda x, p: stats.multinomial(6, p["probs"]).logpmf(x),
        features=3,
    ),
    "dirichlet": Case(
        families.Dirichlet(),
        {"concentration": [[2.0, 5.0, 3.0], [4.0, 2.0, 5.0]]},
        lambda x, p: np.array([stats.dirichlet(p["concentration"]).logpdf(row / row.sum()) for row in x]),
        features=3,
    ),
    "dirichlet-multinomial": Case(
        families.DirichletMultinomial(9),
        {"concentration": [[2.0, 5.0, 3.0], [4.0, 2.0, 5.0]]},
        lambda x, p: stats.dirichlet_multinomial(p["concentration"], 9).logpmf(x.astype(int)),
        features=3,
    ),
    "exponential": Case(
        families.Exponential(), {"rate": [0.5, 2.0]}, cells(lambda x, p: stats.expon(scale=1 / p["rate"]).logpdf(x))
    ),
    "gamma": Case(
        families.Gamma(),
        {"concentration": [2.0, 6.0], "rate": [1.0, 1.5]},
        cells(lambda x, p: stats.gamma(p["concentration"], scale=1 / p["rate"]).logpdf(x)),
    ),
    "lognormal": Case(
        families.LogNormal(),
        {"loc": [0.0, 1.0], "scale": [0.5, 0.8]},
        cells(lambda x, p: stats.lognorm(p["scale"], scale=np.exp(p["loc"])).logpdf(x)),
    ),
    "weibull": Case(
        families.Weibull(),
        {"scale": [1.0, 3.0], "concentration": [0.8, 2.5]},
        cells(lambda x, p: stats.weibull_min(p["concentration"], scale=p["scale"]).logpdf(x)),
    ),
    "inverse_gaussian": Case(
        families.InverseGaussian(),
        {"loc": [1.0, 3.0], "concentration": [2.0, 9.0]},
        cells(lambda x, p: stats.invgauss(p["loc"] / p["concentration"], scale=p["concentration"]).logpdf(x)),
    ),
    "generalized_pareto": Case(
        families.GeneralizedPareto(),
        {"scale": [0.5, 3.0], "concentration": [0.2, 0.5]},
        cells(lambda x, p: stats.genpareto(p["concentration"], scale=p["scale"]).logpdf(x)),
    ),
    "beta": Case(
        families.Beta(),
        {"concentration1": [2.0, 5.0], "concentration0": [4.0, 2.5]},
        cells(lambda x, p: stats.beta(p["concentration1"], p["concentration0"]).logpdf(x)),
    ),
    "von_mises": Case(
        families.VonMises(),
        {"loc": [-0.5, 1.2], "concentration": [1.0, 3.0]},
        cells(lambda x, p: stats.vonmises(p["concentration"], p["loc"]).logpdf(x)),
    ),
}
"""The register: a new family is tested by a line here."""


def _line(x: np.ndarray, p: Parameters) -> np.ndarray:
    return p["intercept"] + covariates(len(x)) @ p["slope"]


def _choices(x: np.ndarray, p: Parameters) -> np.ndarray:
    """log P(x_i = c) = eta_ic - log sum_d exp(eta_id), eta_i0 = 0."""
    eta = np.column_stack([np.zeros(len(x)), p["intercept"] + covariates(len(x)) @ p["slope"].T])
    return log_softmax(eta, axis=1)[np.arange(len(x)), x.astype(int)]


def _mixed(x: np.ndarray, p: Parameters) -> np.ndarray:
    length = stats.norm(p["length_loc"], p["length_scale"]).logpdf(x[:, 0])
    visits = stats.poisson(p["visits_rate"]).logpmf(x[:, 1])
    return length + visits + np.log(p["kind_probs"])[x[:, 2].astype(int)]


def _normal_or_t(x: np.ndarray, p: Parameters, k: int) -> np.ndarray:
    if k == 0:
        return stats.norm(p["loc_0"], p["scale_0"]).logpdf(x)
    return stats.t(p["df_1"], p["loc_1"], p["scale_1"]).logpdf(x)


def _extra_zeros(x: np.ndarray, p: Parameters, k: int) -> np.ndarray:
    return np.where(x == 0, 0.0, -1e5) if k == 0 else stats.poisson(p["rate_1"]).logpmf(x)


def _noise(x: np.ndarray, p: Parameters, k: int) -> np.ndarray:
    if k == 0:
        return stats.uniform([-4, -5], [9, 11]).logpdf(x).sum(axis=1)
    return stats.norm(p["loc"][1], p["scale"][1]).logpdf(x).sum(axis=1)


def _noise_among_counts(x: np.ndarray, p: Parameters, k: int) -> np.ndarray:
    if k == 0:
        return stats.randint(0, 13).logpmf(x)
    return stats.poisson(p["rate"][1]).logpmf(x)


def _noise_around_a_line(x: np.ndarray, p: Parameters, k: int) -> np.ndarray:
    if k == 0:
        return stats.uniform(-9, 18).logpdf(x)
    return stats.norm(p["intercept"][1] + covariates(len(x)) @ p["slope"][1], p["scale"][1]).logpdf(x)


def _line_or_level(x: np.ndarray, p: Parameters, k: int) -> np.ndarray:
    if k == 0:
        return stats.norm(p["intercept_0"] + covariates(len(x)) @ p["slope_0"], p["scale_0"]).logpdf(x)
    return stats.norm(p["loc_1"], p["scale_1"]).logpdf(x)


def _visits_by_age(x: np.ndarray, p: Parameters, k: int) -> np.ndarray:
    line = p["visits_intercept"][k] + covariates(len(x)) @ p["visits_slope"][k]
    lengths = stats.uniform(-5, 12) if k == 0 else stats.norm(p["length_loc"][1], p["length_scale"][1])
    return stats.poisson(np.exp(line)).logpmf(x[:, 0]) + lengths.logpdf(x[:, 1])


LINES = {"intercept": [0.5, 1.0], "slope": [[0.5, -0.2], [-0.6, 0.3]]}

CASES |= {
    "product": Case(
        families.Product(
            {"length": families.Gaussian(), "visits": families.Poisson(), "kind": families.Categorical(3)}
        ),
        {
            "length_loc": [0.0, 1.0],
            "length_scale": [1.0, 2.0],
            "visits_rate": [2.0, 4.0],
            "kind_probs": [[0.2, 0.5, 0.3], [0.4, 0.1, 0.5]],
        },
        _mixed,
        features=3,
    ),
    "per component": Case(
        families.PerComponent([families.Gaussian(), families.StudentT()]),
        {"loc_0": -0.5, "scale_0": 1.0, "df_1": 3.0, "loc_1": 1.0, "scale_1": 0.7},
        by_component=_normal_or_t,
    ),
    "point mass": Case(
        families.PerComponent([families.PointMass(0.0), families.Poisson()]), {"rate_1": 1.5}, by_component=_extra_zeros
    ),
    "with noise": Case(
        families.WithNoise(families.Gaussian("diag"), (-4.0, -5.0), (5.0, 6.0)),
        {"loc": [[0.0, 0.0], [1.0, -1.0]], "scale": [[1.0, 1.0], [0.5, 2.0]]},
        by_component=_noise,
        features=2,
    ),
    "noise among counts": Case(
        families.WithNoise(families.Poisson(), 0, 12), {"rate": [3.0, 2.5]}, by_component=_noise_among_counts
    ),
    "noise around a line": Case(
        families.WithNoise(families.Regression("gaussian"), -9.0, 9.0),
        {**LINES, "scale": [1.0, 2.0]},
        by_component=_noise_around_a_line,
        covariates=True,
    ),
    "line or level": Case(
        families.PerComponent([families.Regression("gaussian"), families.Gaussian()]),
        {"intercept_0": 0.5, "slope_0": [0.5, -0.2], "scale_0": 1.0, "loc_1": 2.0, "scale_1": 1.5},
        by_component=_line_or_level,
        covariates=True,
    ),
    "product with covariates": Case(
        families.Product(
            {"visits": families.Regression("poisson"), "length": families.WithNoise(families.Gaussian(), -5.0, 7.0)}
        ),
        {
            "visits_intercept": LINES["intercept"],
            "visits_slope": LINES["slope"],
            "length_loc": [0.0, 0.5],
            "length_scale": [1.0, 2.0],
        },
        by_component=_visits_by_age,
        features=2,
        covariates=True,
    ),
    "gaussian regression": Case(
        families.Regression("gaussian"),
        {**LINES, "scale": [1.0, 0.5]},
        lambda x, p: stats.norm(_line(x, p), p["scale"]).logpdf(x),
        covariates=True,
    ),
    "regression with a common slope": Case(
        families.Regression("gaussian", common=[0, "scale"]),
        {"intercept": [0.5, 1.0], "common_slope": [0.5], "slope": [[-0.6], [0.3]], "scale": 0.8},
        lambda x, p: stats.norm(
            p["intercept"] + covariates(len(x)) @ np.concatenate([p["common_slope"], p["slope"]]), p["scale"]
        ).logpdf(x),
        covariates=True,
        shared=("common_slope", "scale"),
    ),
    "student_t regression": Case(
        families.Regression("student_t"),
        {**LINES, "scale": [1.0, 0.5], "df": [3.0, 8.0]},
        lambda x, p: stats.t(p["df"], _line(x, p), p["scale"]).logpdf(x),
        covariates=True,
    ),
    "gamma regression": Case(
        families.Regression("gamma"),
        {**LINES, "concentration": [2.0, 6.0]},
        lambda x, p: stats.gamma(p["concentration"], scale=np.exp(_line(x, p)) / p["concentration"]).logpdf(x),
        covariates=True,
    ),
    "poisson regression": Case(
        families.Regression("poisson"),
        LINES,
        lambda x, p: stats.poisson(np.exp(_line(x, p))).logpmf(x),
        covariates=True,
    ),
    "bernoulli regression": Case(
        families.Regression("bernoulli"),
        LINES,
        lambda x, p: stats.bernoulli(1 / (1 + np.exp(-_line(x, p)))).logpmf(x),
        covariates=True,
    ),
    "ordinal regression": Case(
        families.Regression("ordinal", categories=4),
        {**LINES, "gaps": [[0.5, 1.0], [0.7, 0.4]]},
        lambda x, p: ordinal(x, p, _line(x, p)),
        covariates=True,
    ),
    "multinomial regression": Case(
        families.Regression("multinomial", categories=3),
        {"intercept": [[0.3, -0.5], [-0.2, 0.4]], "slope": [[[0.6, 0.2], [-0.8, 0.3]], [[-0.4, 0.1], [0.5, -0.2]]]},
        _choices,
        covariates=True,
    ),
    "gating": Case(
        families.Gaussian(),
        {"loc": [-1.0, 1.0], "scale": [1.0, 2.0]},
        lambda x, p: stats.norm(p["loc"], p["scale"]).logpdf(x),
        covariates=True,
        gated=True,
    ),
}
