"""The register of families under test: one entry makes a family pass through every conformance test.

Each entry has two overlapping components and scipy's density of a row, written without the package.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

import mixtures
from mixtures import Mixture, Observations, families

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
        shared: sites that all components share.
    """

    family: Any
    truth: dict[str, Any]
    log_density: Callable[[np.ndarray, Parameters], np.ndarray]
    features: int | None = None
    shared: tuple[str, ...] = field(default=())

    @property
    def model(self) -> Mixture:
        return Mixture(2, self.family)

    @property
    def parameters(self) -> Parameters:
        return {
            "weights": np.array(WEIGHTS),
            **{site: np.array(value, dtype=float) for site, value in self.truth.items()},
        }

    def data(self, rows: int = ROWS, seed: int = 1, backend: str = "numpyro") -> Observations:
        size = rows if self.features is None else (rows, self.features)
        return Observations(mixtures.simulate(self.model, size, seed, given=self.parameters, backend=backend)["obs"])

    def table(self, x: np.ndarray) -> np.ndarray:
        """log w_k p(x_i | component k), (rows, components)."""
        columns = []
        for k, weight in enumerate(WEIGHTS):
            own = {
                site: np.array(value, dtype=float)[... if site in self.shared else k]
                for site, value in self.truth.items()
            }
            columns.append(np.log(weight) + self.log_density(x, own))
        return np.stack(columns, axis=1)


def cells(
    log_density: Callable[[np.ndarray, Parameters], np.ndarray],
) -> Callable[[np.ndarray, Parameters], np.ndarray]:
    """The density of a row whose columns are independent."""
    return lambda x, p: log_density(x, p).reshape(len(x), -1).sum(axis=1)


def zero_inflated(x: np.ndarray, p: Parameters) -> np.ndarray:
    return np.log(p["gate"] * (x == 0) + (1 - p["gate"]) * stats.poisson(p["rate"]).pmf(x))


def categorical(x: np.ndarray, p: Parameters) -> np.ndarray:
    table = np.log(p["probs"])
    return np.stack(
        [(table if table.ndim == 1 else table[j])[x.reshape(len(x), -1)[:, j].astype(int)] for j in range(x[0].size)]
    ).sum(0)


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
    "negative_binomial": Case(
        families.NegativeBinomial(),
        {"concentration": [1.2, 4.0], "rate": [0.5, 0.7]},
        cells(lambda x, p: stats.nbinom(p["concentration"], p["rate"] / (1 + p["rate"])).logpmf(x)),
    ),
    "binomial": Case(
        families.Binomial(7), {"probs": [0.3, 0.6]}, cells(lambda x, p: stats.binom(7, p["probs"]).logpmf(x))
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
    "multinomial": Case(
        families.Multinomial(6),
        {"probs": [[0.2, 0.5, 0.3], [0.4, 0.1, 0.5]]},
        lambda x, p: stats.multinomial(6, p["probs"]).logpmf(x),
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
