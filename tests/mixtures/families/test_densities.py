"""Every family's log density is mpmath's over the whole range of its parameters, edges included, on both backends; so is its gradient.

What is compared is the hub of a mixture of one component, at parameters and rows for which formulas with gamma functions, differences
from one, or clamped probabilities lose their digits. Right answers are computed with 400 digits from the exact values of the floats.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
import torch
from mpmath import mp
from scipy import stats

from inference.backends import engine
from mixtures import Mixture, Observations, declare, families
from mixtures.ppl import numpyro_formulas, numpyro_normals, pyro_formulas

EXACT = 1e-10
"""Of 1 + |the right answer|."""

DIGITS = 400
"""log Gamma(1e300) has 303 digits before the point."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A family at some parameters and rows.

    Args:
        family: the family.
        log_density: mpmath's, of one row: (row, parameters).
        rows: (rows,) or (rows, features).
        parameters: of the one component, by site.
        shared: sites without an axis of components.
        covariates: of the rows.
    """

    family: Any
    log_density: Callable[[Any, Row], Any]
    rows: list
    parameters: list[Row]
    shared: tuple[str, ...] = ()
    covariates: list | None = None

    @property
    def data(self) -> Observations:
        covariates = None if self.covariates is None else np.array(self.covariates)
        return Observations(np.array(self.rows, dtype=float), covariates=covariates)

    def sites(self, draws: slice = slice(None)) -> dict[str, np.ndarray]:
        """Parameter values with an axis of draws, and one of components where the site has it."""
        some = self.parameters[draws]
        values = {site: np.array([row[site] for row in some], dtype=float) for site in some[0]}
        values = {site: value if site in self.shared else value[:, None] for site, value in values.items()}
        return {"weights": np.ones((len(some), 1)), **values}

    def right(self, exact: Row, index: int) -> Any:
        """log p of row number `index` at parameters that mpmath understands."""
        row = exactly(self.rows[index])
        context = {} if self.covariates is None else {"covariates": exactly(self.covariates[index])}
        return self.log_density(row, {**exact, **context})


def exactly(value: Any) -> Any:
    """Floats as mpmath has them, in nested lists."""
    return [exactly(item) for item in value] if isinstance(value, list | tuple) else mp.mpf(value)


def grid(**lists: list) -> list[Row]:
    """All combinations."""
    return [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]


def normal(x, p):
    return -(((x - p["loc"]) / p["scale"]) ** 2) / 2 - mp.log(p["scale"]) - mp.log(2 * mp.pi) / 2


def student_t(x, p):
    return _t(((x - p["loc"]) / p["scale"]) ** 2, p["df"], 1) - mp.log(p["scale"])


def _t(squared, v, d):
    half = (v + d) / 2
    constant = mp.loggamma(half) - mp.loggamma(v / 2) - mp.mpf(d) / 2 * mp.log(v * mp.pi)
    return constant - half * mp.log1p(squared / v)


def _squared(x, p):
    """|L^-1 (x - mu)|^2 and log |L| of two columns, L = diag(scale) C."""
    (a, _), (r, s) = p.get("correlation_cholesky", [[mp.mpf(1), mp.mpf(0)], [mp.mpf(0), mp.mpf(1)]])
    scale = p["scale"] if isinstance(p["scale"], list) else [p["scale"]] * 2
    first, second = ((x[j] - p["loc"][j]) / scale[j] for j in (0, 1))
    whitened = first / a, (second - r * first / a) / s
    return whitened[0] ** 2 + whitened[1] ** 2, mp.log(scale[0] * scale[1] * a * s)


def multivariate_t(x, p):
    squared, log_det = _squared(x, p)
    return _t(squared, p["df"], 2) - log_det


def multivariate_normal(x, p):
    squared, log_det = _squared(x, p)
    return -squared / 2 - log_det - mp.log(2 * mp.pi)


def gamma(x, p):
    c, r = p["concentration"], p["rate"]
    return c * mp.log(r) + (c - 1) * mp.log(x) - r * x - mp.loggamma(c)


def beta(x, p):
    a, b = p["concentration1"], p["concentration0"]
    constant = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
    return constant + (a - 1) * mp.log(x) + (b - 1) * mp.log1p(-x)


def weibull(x, p):
    k, share = p["concentration"], x / p["scale"]
    return mp.log(k / p["scale"]) + (k - 1) * mp.log(share) - share**k


def inverse_gaussian(x, p):
    m, c = p["loc"], p["concentration"]
    return (mp.log(c) - mp.log(2 * mp.pi * x**3) - c * (x - m) ** 2 / (m**2 * x)) / 2


def generalized_pareto(x, p):
    c = p["concentration"]
    return -(1 + 1 / c) * mp.log1p(c * x / p["scale"]) - mp.log(p["scale"])


def log_normal(x, p):
    return normal(mp.log(x), p) - mp.log(x)


def von_mises(x, p):
    k, around = p["concentration"], p["concentration"] * (mp.cos(x - p["loc"]) - 1)
    if k < 1000:
        return around - mp.log(2 * mp.pi * mp.besseli(0, k)) + k
    # Abramowitz & Stegun 9.7.1: the twentieth term is below 1e-30 at 1000
    term, total = mp.mpf(1), mp.mpf(1)
    for j in range(1, 20):
        term *= mp.mpf(2 * j - 1) ** 2 / (8 * j * k)
        total += term
    return around - mp.log(2 * mp.pi) / 2 - mp.log(total) + mp.log(k) / 2


def poisson(x, p):
    return x * mp.log(p["rate"]) - p["rate"] - mp.loggamma(x + 1)


def zero_inflated(x, p):
    counted = mp.log1p(-p["gate"]) + poisson(x, p)
    return mp.log(p["gate"] + mp.exp(counted)) if x == 0 else counted


def negative_binomial(x, p):
    c, r = p["concentration"], p["rate"]
    return mp.loggamma(c + x) - mp.loggamma(c) - mp.loggamma(x + 1) + c * mp.log(r) - (c + x) * mp.log1p(r)


def binomial(total):
    def log_density(x, p):
        choices = mp.loggamma(total + 1) - mp.loggamma(x + 1) - mp.loggamma(total - x + 1)
        return choices + x * mp.log(p["probs"]) + (total - x) * mp.log1p(-p["probs"])

    return log_density


def bernoulli(x, p):
    return mp.log(p["probs"]) if x == 1 else mp.log1p(-p["probs"])


def categorical(x, p):
    return mp.log(p["probs"][int(x)])


def multinomial(x, p):
    cells = [count * mp.log(share) - mp.loggamma(count + 1) for count, share in zip(x, p["probs"], strict=True)]
    return mp.loggamma(sum(x) + 1) + sum(cells)


def exponential(x, p):
    return mp.log(p["rate"]) - p["rate"] * x


def _line(p):
    return p["intercept"] + sum(b * c for b, c in zip(p["slope"], p["covariates"], strict=True))


def normal_line(x, p):
    return normal(x, {"loc": _line(p), "scale": p["scale"]})


def poisson_line(x, p):
    return poisson(x, {"rate": mp.exp(_line(p))})


def bernoulli_line(x, p):
    eta = _line(p)
    return -mp.log1p(mp.exp(-eta)) if x == 1 else -mp.log1p(mp.exp(eta))


def ordinal(x, p):
    edges = [-mp.inf, *p["cutpoints"], mp.inf]
    below = [1 / (1 + mp.exp(-edge)) for edge in edges]
    return mp.log(below[int(x) + 1] - below[int(x)])


MANY = [1e-30, 1e-8, 0.1, 1.0, 3.7, 9.9, 10.1, 300.0, 1e5, 1e8, 1e12]
"""Small and large, and either side of where formulas change."""

LARGEST = [1e17, 1e20, 1e100, 1e300]

COUNTS = [0, 1, 2, 9, 10, 11, 200, 10**6, 10**6 + 700, 10**9, 10**9 + 40_000, 10**12, 10**15]

AROUND_2 = [1e-200, 1e-3, 1.0, 1.8, 1.999, 2 - 1e-7, 2.0, 2 + 1e-9, 2.0001, 2.3, 7.0, 400.0]

ROOT = [[1.0, 0.0], [-0.6, 0.8]]
NARROW_ROOT = [[1.0, 0.0], [1 - 5e-13, 1e-6]]
PLANE = [[0.3, -1.0], [0.4, -0.7], [5.0, 3.0], [0.3, 1e5], [-1e7, 2.0]]

TABLES = {
    "gaussian": Table(
        families.Gaussian(),
        normal,
        [-1e8, 0.0, 0.3, 0.3 + 1e-9, 1.0, 12.0, 1e100],
        grid(loc=[-1e8, 0.3], scale=[1e-12, 1e-3, 1.0, 1e12, 1e100]),
    ),
    "gaussian full": Table(
        families.Gaussian(),
        multivariate_normal,
        PLANE,
        grid(
            loc=[[0.3, -1.0], [1e6, 0.0]],
            scale=[[1.0, 2.0], [1e-6, 1e6]],
            correlation_cholesky=[ROOT, NARROW_ROOT],
        ),
    ),
    "gaussian tied": Table(
        families.Gaussian("tied"),
        multivariate_normal,
        PLANE,
        grid(loc=[[0.3, -1.0]], scale=[[1.0, 2.0], [1e-6, 1e6]], correlation_cholesky=[ROOT, NARROW_ROOT]),
        shared=("scale", "correlation_cholesky"),
    ),
    "gaussian diag": Table(
        families.Gaussian("diag"), multivariate_normal, PLANE, grid(loc=[[0.3, -1.0]], scale=[[1.0, 2.0], [1e-9, 1e9]])
    ),
    "gaussian spherical": Table(
        families.Gaussian("spherical"), multivariate_normal, PLANE, grid(loc=[[0.3, -1.0]], scale=[1e-9, 1.0, 1e9])
    ),
    "student_t": Table(
        families.StudentT(),
        student_t,
        [-1e6, -3.0, 0.3, 0.3 + 1e-6, 1.7, 40.0, 1e10, 1e50],
        grid(df=[1e-100, *MANY, *LARGEST], loc=[0.3], scale=[1e-6, 1.0]),
    ),
    **{
        f"student_t of {df:g}": Table(
            families.StudentT(df=df), student_t, [-3.0, 0.3, 1e3], [{"loc": 0.3, "scale": 2.0, "df": df}]
        )
        for df in (1e12, 3.5e15, 1e300)
    },
    "student_t full": Table(
        families.StudentT(),
        multivariate_t,
        PLANE,
        grid(df=[*MANY, *LARGEST], loc=[[0.3, -1.0]], scale=[[1.0, 2.0]], correlation_cholesky=[ROOT]),
    ),
    "student_t diag": Table(
        families.StudentT(covariance="diag"),
        multivariate_t,
        PLANE,
        grid(df=[1e-8, 4.0, 1e12, 1e300], loc=[[0.3, -1.0]], scale=[[1.0, 2.0], [1e-3, 1e5]]),
    ),
    "gamma": Table(
        families.Gamma(),
        gamma,
        AROUND_2,
        [{"concentration": c, "rate": c / 2 * f} for c in MANY for f in (1.0, 3.0)]
        + grid(concentration=[1e-300, 1e-5, 2.0, 1e100], rate=[1e-200, 1.0, 1e100]),
    ),
    "beta": Table(
        families.Beta(),
        beta,
        [1e-300, 1e-9, 0.2, 0.25, 0.25 + 1e-8, 0.2501, 0.5, 0.9, 1 - 1e-9, 1 - 2**-53],
        [{"concentration1": c / 3 * f, "concentration0": c} for c in MANY for f in (1.0, 3.0)]
        + grid(concentration1=[1e-300, 1e-5, 2.0, 1e12, 1e100], concentration0=[1e-300, 1e-5, 2.0, 1e12, 1e100]),
    ),
    "weibull": Table(
        families.Weibull(),
        weibull,
        AROUND_2,
        grid(scale=[1e-100, 1.0, 2.0, 1e100], concentration=[1e-300, 1e-5, 0.7, 3.0]) + grid(scale=[2.0], concentration=MANY[:3]),
    ),
    "weibull of large shape": Table(
        families.Weibull(),
        weibull,
        [1e-100, 1.0, 1.99, 2 - 1e-7, 2.0, 2 + 1e-9, 2 + 1e-12],
        grid(scale=[2.0], concentration=[300.0, 1e5, 1e8, 1e10]),
    ),
    "inverse_gaussian": Table(
        families.InverseGaussian(),
        inverse_gaussian,
        [1e-9, 0.3, 2.0, 2 + 1e-8, 40.0, 1e9],
        grid(loc=[1e-6, 2.0, 1e9], concentration=[1e-100, 1e-9, 0.7, 1e9]),
    ),
    "generalized_pareto": Table(
        families.GeneralizedPareto(),
        generalized_pareto,
        [0.0, 1e-300, 2.0, 1e100],
        grid(scale=[1e-9, 1.0, 1e100], concentration=[1e-9, 0.3, 50.0]),
    ),
    "exponential": Table(
        families.Exponential(), exponential, [0.0, 1e-300, 2.0, 1e100], grid(rate=[1e-300, 1e-9, 1.0, 1e100])
    ),
    "lognormal": Table(
        families.LogNormal(), log_normal, [1e-300, 0.3, 2.0, 1e150], grid(loc=[-1e5, 0.0, 0.7], scale=[1e-4, 1.0, 1e100])
    ),
    "von_mises": Table(
        families.VonMises(),
        von_mises,
        [-np.pi, -1.0, 0.3, 0.3 + 1e-9, 0.3001, 0.31, 2.0, np.pi],
        grid(loc=[-7.0, 0.3], concentration=[1e-300, 1e-9, 0.1, 1.0, 49.9, 50.1, 699.0, 800.0, 1e5, 1e8, 1e12, 1e20, 1e300]),
    ),
    "poisson": Table(families.Poisson(), poisson, COUNTS, grid(rate=[1e-300, *MANY, 1e6, 1e9, 1e15])),
    "zero-inflated poisson": Table(
        families.ZeroInflatedPoisson(),
        zero_inflated,
        COUNTS,
        grid(gate=[1e-300, 1e-12, 0.3, 1 - 1e-12, 1 - 2**-53], rate=[1e-300, 1e-5, 1.0, 800.0, 1e9]),
    ),
    "negative_binomial": Table(
        families.NegativeBinomial(),
        negative_binomial,
        COUNTS,
        [{"concentration": c, "rate": c / mean} for c in [*MANY, *LARGEST] for mean in (1e-7, 3.0, 1e6)]
        + grid(concentration=[1e-300, 0.5, 1e12, 1e100], rate=[1e-300, 1e-9, 1.0, 1e12, 1e300]),
    ),
    **{
        f"binomial {n}": Table(
            families.Binomial(n),
            binomial(n),
            sorted({0, 1, n // 3, n // 2, n - 1, n}),
            grid(probs=[1e-300, 1e-20, 1 / n, 1e-9, 1 / 3, 0.5, 1 - 1e-9, 1 - 2**-53]),
        )
        for n in (2, 7, 1000, 10**9, 10**12)
    },
    "bernoulli": Table(families.Bernoulli(), bernoulli, [0, 1], grid(probs=[1e-300, 1e-20, 1e-9, 0.4, 1 - 1e-9, 1 - 2**-53])),
    "categorical": Table(
        families.Categorical(3),
        categorical,
        [0, 1, 2],
        grid(probs=[[0.2, 0.5, 0.3], [1e-300, 0.5, 0.5], [1e-20, 1 - 1e-12, 1e-12]]),
    ),
    "ordinal": Table(
        families.Ordinal(4),
        ordinal,
        [0, 1, 2, 3],
        grid(cutpoints=[[-1.0, 0.3, 0.3 + 1e-9], [-600.0, -20.0, 700.0], [35.0, 36.0, 500.0], [-700.0, -50.0, -49.999]]),
    ),
    "multinomial": Table(
        families.Multinomial(1000),
        multinomial,
        [[1000, 0, 0], [200, 500, 300], [1, 499, 500], [0, 1000, 0]],
        grid(probs=[[0.2, 0.5, 0.3], [1e-300, 0.5, 0.5], [1e-20, 1 - 1e-12, 1e-12]]),
    ),
    "gaussian regression": Table(
        families.Regression("gaussian"),
        normal_line,
        [-2.0, 1e3],
        grid(intercept=[0.5, 1e6], slope=[[2.0], [-1e5]], scale=[1e-3, 1.0, 1e9]),
        covariates=[[0.25], [-4.0]],
    ),
    "poisson regression": Table(
        families.Regression("poisson"),
        poisson_line,
        [0, 7, 10**6, 10**9],
        grid(intercept=[-600.0, 0.5, 13.5], slope=[[2.0], [-0.25]]),
        covariates=[[0.25], [-4.0], [0.5], [3.0]],
    ),
    "bernoulli regression": Table(
        families.Regression("bernoulli"),
        bernoulli_line,
        [0, 1, 0, 1],
        grid(intercept=[-600.0, 0.5, 40.0], slope=[[2.0], [-0.25]]),
        covariates=[[0.25], [-4.0], [0.5], [3.0]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_log_density_is_mpmaths(name, backend):
    case = TABLES[name]
    found = engine(backend).bind(Mixture(1, case.family), case.data).tables(case.sites())[..., 0]
    wrong = []
    with mp.workdps(DIGITS):
        for draw, parameters in enumerate(case.parameters):
            exact = {site: exactly(value) for site, value in parameters.items()}
            for index, row in enumerate(case.rows):
                right = case.right(exact, index)
                error = abs(mp.mpf(found[draw, index].item()) - right) / (1 + abs(right))
                if not error < EXACT:  # NaN is wrong too
                    wrong.append((parameters, row, float(found[draw, index]), float(right), float(error)))
    assert not wrong, f"{len(wrong)} of {found.size}: " + "\n".join(map(str, wrong[:20]))


def _of_t(squared, df):
    return _t(squared, df, 3)


POSITIVE = [1e-8, 0.3, 9.99, 10.01, 5e3, 1e9, 1e15]

GRADIENTS = {
    "student_t": (_of_t, list(itertools.product([1e-12, 0.5, 30.0, 1e6], [*POSITIVE, 1e100]))),
    "gamma": (
        lambda x, c, r: gamma(x, {"concentration": c, "rate": r}),
        [(x, c, c / 2) for x in (1e-5, 1.99, 2.0, 2 + 1e-5, 40.0) for c in POSITIVE],
    ),
    "beta": (
        lambda x, a, b: beta(x, {"concentration1": a, "concentration0": b}),
        [(x, c, 3 * c) for x in (1e-5, 0.25, 0.2501, 0.9) for c in POSITIVE] + [(0.25, 1e9, 0.3), (0.9, 1e-3, 1e9)],
    ),
    "weibull": (
        lambda x, s, k: weibull(x, {"scale": s, "concentration": k}),
        list(itertools.product([1e-3, 1.999, 2.0, 2.001, 5.0], [2.0], [1e-8, 0.3, 5.0, 500.0])),
    ),
    "von_mises": (
        lambda x, m, k: von_mises(x, {"loc": m, "concentration": k}),
        list(itertools.product([-2.0, 0.3001, 1.2], [0.3], [*POSITIVE, 49.9, 50.1])),
    ),
    "poisson": (
        lambda x, r: poisson(x, {"rate": r}),
        list(itertools.product([0.0, 1.0, 9.0, 11.0, 5e3, 1e9], POSITIVE)),
    ),
    "gamma_poisson": (
        lambda x, c, r: negative_binomial(x, {"concentration": c, "rate": r}),
        [(x, c, c / mean) for x in (0.0, 1.0, 9.0, 5e3) for c in POSITIVE for mean in (3.0, 5e3)],
    ),
    "binomial": (
        lambda x, n, p: binomial(n)(x, {"probs": p}),
        [(x, n, p) for n in (5.0, 1e9) for x in (0.0, 1.0, n - 1, n) for p in (1e-12, 1 / n, 0.4, 1 - 1e-9)],
    ),
    "bernoulli": (lambda x, p: bernoulli(x, {"probs": p}), list(itertools.product([0.0, 1.0], [1e-30, 0.4, 1 - 1e-9]))),
}
"""Densities with arguments; all but the first one are parameters (and a binomial's number of trials, which is none)."""


def _in_three_columns(densities, name):
    function = getattr(densities, name)
    return (lambda squared, df: function(squared, df, 3)) if name == "student_t" else function


def _gradients(backend: str, name: str, points: np.ndarray) -> np.ndarray:
    """By every argument, (points, arguments)."""
    if backend == "numpyro":
        with jax.enable_x64(True):
            function = _in_three_columns(numpyro_formulas.DENSITIES, name)
            gradient = jax.grad(function, tuple(range(points.shape[1])))
            return np.stack(jax.jit(jax.vmap(gradient))(*points.T), axis=1)
    columns = [torch.tensor(column, requires_grad=True) for column in points.T]
    _in_three_columns(pyro_formulas.DENSITIES, name)(*columns).sum().backward()
    return np.stack([column.grad.numpy() for column in columns], axis=1)


def _slope(log_density, point, place):
    """By the logarithm of one argument."""
    return mp.diff(lambda step: log_density(*point[:place], point[place] * mp.exp(step), *point[place + 1 :]), 0)


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient_is_mpmaths(name, backend):
    """By the logarithm of each parameter: what samplers and optimisers move along."""
    log_density, points = GRADIENTS[name]
    found = _gradients(backend, name, np.array(points))
    parameters = [2] if name == "binomial" else range(1, len(points[0]))
    wrong = []
    with mp.workdps(DIGITS):
        for row, point in enumerate(points):
            for place in parameters:
                right = _slope(log_density, exactly(point), place)
                error = abs(mp.mpf(found[row, place].item()) * mp.mpf(point[place]) - right) / (1 + abs(right))
                if not error < 1e-9:
                    wrong.append((point, place, float(found[row, place] * point[place]), float(right), float(error)))
    assert not wrong, f"{len(wrong)} of {found.size}: " + "\n".join(map(str, wrong[:20]))


EDGES = [
    (families.Poisson(), {"rate": 0.0}, [0, 3], [0.0, -np.inf]),
    (families.ZeroInflatedPoisson(), {"gate": 0.0, "rate": 2.0}, [0, 3], stats.poisson(2.0).logpmf([0, 3])),
    (families.ZeroInflatedPoisson(), {"gate": 1.0, "rate": 2.0}, [0, 3], [0.0, -np.inf]),
    (families.Binomial(4), {"probs": 0.0}, [0], [0.0]),
    (families.Binomial(4), {"probs": 1.0}, [4], [0.0]),
    (families.Bernoulli(), {"probs": 1.0}, [1], [0.0]),
    (families.VonMises(), {"loc": 0.3, "concentration": 0.0}, [-np.pi, 1.0], [-np.log(2 * np.pi)] * 2),
    (families.Beta(), {"concentration1": 1.0, "concentration0": 1.0}, [1e-300, 0.5], [0.0, 0.0]),
    (families.Exponential(), {"rate": 2.0}, [0.0], [np.log(2.0)]),
    (
        families.StudentT(),
        {"df": np.inf, "loc": 0.0, "scale": 2.0},
        [0.0, 3.0],
        stats.norm(0.0, 2.0).logpdf([0.0, 3.0]),
    ),
]
"""Closed ends of ranges, and limits that are families of their own: (family, parameters, rows, log densities)."""


@pytest.mark.parametrize(("family", "parameters", "rows", "right"), EDGES)
def test_the_ends_of_ranges_are_limits(family, parameters, rows, right, backend):
    values = {"weights": np.array([1.0]), **{site: np.array([value]) for site, value in parameters.items()}}
    found = engine(backend).log_joint(Mixture(1, family), values, Observations(rows))[:, 0]
    np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("covariance", ["full", "tied", "diag"])
def test_no_digits_are_lost_where_components_are_far_from_each_other(backend, covariance):
    """Each row is seen from its own component; from the other one its density has no digits to lose."""
    loc, scale = np.array([[0.3, -1.0], [1e12, -1e12]]), np.array([[1.0, 2.0], [0.5, 3.0]])
    parameters = {"weights": np.array([0.25, 0.75]), "loc": loc, "scale": scale[0] if covariance == "tied" else scale}
    if covariance != "diag":
        root = np.array(ROOT)
        parameters["correlation_cholesky"] = root if covariance == "tied" else np.stack([root, root])
    rows = np.add(loc, [[0.47, 1.1], [2.0, -3.0]])
    table = engine(backend).log_joint(Mixture(2, families.Gaussian(covariance)), parameters, Observations(rows))
    for k in range(2):
        own = {
            "loc": exactly(loc[k].tolist()),
            "scale": exactly(scale[0 if covariance == "tied" else k].tolist()),
            "correlation_cholesky": exactly(np.eye(2).tolist() if covariance == "diag" else ROOT),
        }
        right = mp.log(parameters["weights"][k]) + multivariate_normal(exactly(rows[k].tolist()), own)
        assert abs(table[k, k] - float(right)) < EXACT * (1 + abs(float(right)))


@pytest.mark.quick("gradient-*", "hessian-True", reason="a metric that is shared is the more involved")
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("derivative", [jax.grad, jax.hessian], ids=["gradient", "hessian"])
def test_derivatives_of_the_multivariate_normal_are_the_librarys(derivative, tied):
    """By rows, means and factors: the rule is our own, see `_whitened_tangent`."""
    rng = np.random.default_rng(0)
    root = np.tril(rng.normal(size=(2, 2) if tied else (3, 1, 2, 2)), -1) + 1.5 * np.eye(2)
    values = (rng.normal(size=(4, 2)), rng.normal(size=(3, 1, 2)), root)

    def of(normal):
        table = lambda values: normal(values[1], scale_tril=values[2]).log_prob(values[0])  # noqa: E731
        density = lambda values: jax.nn.logsumexp(table(values), axis=0).sum()  # noqa: E731
        return jax.tree.leaves(jax.jit(derivative(density))(values))

    with jax.enable_x64(True):
        for ours, theirs in zip(of(numpyro_normals.MultivariateNormal), of(dist.MultivariateNormal), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_a_weight_keeps_its_logarithm_however_small(backend):
    """Two components: of a row that only the rare one can explain, the rare one's weight decides the log likelihood."""
    parameters = {"weights": np.array([1e-30, 1.0]), "loc": np.array([0.0, 100.0]), "scale": np.array([1.0, 1.0])}
    table = engine(backend).log_joint(Mixture(2, families.Gaussian()), parameters, Observations([0.5, 99.0]))
    right = np.log([1e-30, 1.0]) + stats.norm(parameters["loc"], 1.0).logpdf(np.array([[0.5], [99.0]]))
    np.testing.assert_allclose(table, right, rtol=1e-12)


def test_no_digits_are_lost_where_a_user_writes_plain_numbers(backend):
    """Distributions of a program of one's own, whose arguments are numbers of Python."""

    @declare
    def program(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", weights)
            ppl.sample("a", ppl.dist.StudentT(1e15, 0.0, 1.0 + z), obs=x)
            ppl.sample("b", ppl.dist.Gamma(1e9, 1e9), obs=ppl.xp.exp(1e-5 * x))
            ppl.sample("c", ppl.dist.GammaPoisson(1e12, 1e12), obs=ppl.xp.floor(x))

    x = np.array([0.5, 1.5, 3.0])
    table = engine(backend).log_joint(program, {"weights": np.array([0.5, 0.5])}, Observations(x))
    share, counts = np.exp(1e-5 * x), np.floor(x)
    for k, scale in enumerate((1.0, 2.0)):
        for row in range(3):
            with mp.workdps(60):
                right = mp.log(0.5) + student_t(
                    mp.mpf(x[row]), {"df": mp.mpf(1e15), "loc": mp.mpf(0), "scale": mp.mpf(scale)}
                )
                right += gamma(mp.mpf(share[row]), {"concentration": mp.mpf(1e9), "rate": mp.mpf(1e9)})
                right += negative_binomial(mp.mpf(counts[row]), {"concentration": mp.mpf(1e12), "rate": mp.mpf(1e12)})
            assert abs(table[row, k] - float(right)) < EXACT * (1 + abs(float(right)))
