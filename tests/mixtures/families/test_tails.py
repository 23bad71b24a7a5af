"""Log probabilities of tails and intervals, and their gradients, against mpmath and scipy, far out too, on both backends."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from mpmath import mp
from scipy import stats

from mixtures.ppl.numpyro_ppl import WORDS as NUMPYRO
from mixtures.ppl.pyro_ppl import PyroPPL

EXACT = 1e-10
"""Of the logarithm."""


class _NumPyro:
    """Distributions and gradients in NumPyro."""

    @classmethod
    def value(cls, name, method, x, parameters):
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, cls._compiled(name, method)(x, parameters))

    @staticmethod
    @functools.cache
    def _compiled(name, method):
        """One program a distribution: operation by operation there are hundreds."""
        return jax.jit(lambda x, parameters: getattr(getattr(NUMPYRO.dist, name)(**parameters), method)(x))

    @staticmethod
    def gradient(name, side, x, parameters):
        def tail(values):
            return getattr(NUMPYRO.dist, name)(**values).log_tails(jnp.asarray(x))[side]

        with jax.enable_x64(True):
            return {key: float(value) for key, value in jax.jit(jax.grad(tail))(dict(parameters)).items()}


class _Pyro:
    """The same in Pyro."""

    dist = PyroPPL(torch.float64).dist

    @classmethod
    def value(cls, name, method, x, parameters):
        tensors = {key: torch.as_tensor(value, dtype=torch.float64) for key, value in parameters.items()}
        found = getattr(getattr(cls.dist, name)(**tensors), method)(torch.as_tensor(x, dtype=torch.float64))
        return tuple(part.numpy() for part in found)

    @classmethod
    def gradient(cls, name, side, x, parameters):
        def tail(values):
            return getattr(cls.dist, name)(**values).log_tails(torch.as_tensor(x, dtype=torch.float64))[side]

        tensors = {key: torch.as_tensor(value, dtype=torch.float64) for key, value in parameters.items()}
        return {key: float(value) for key, value in torch.func.grad(tail)(tensors).items()}


BACKENDS = pytest.mark.parametrize("backend", [_NumPyro, _Pyro], ids=["numpyro", "pyro"])


def _gamma(x, concentration, rate):
    z = mp.mpf(x) * rate
    return mp.gammainc(concentration, 0, z, regularized=True), mp.gammainc(concentration, z, mp.inf, regularized=True)


def _beta(x, concentration1, concentration0):
    upper = mp.betainc(concentration0, concentration1, 0, 1 - mp.mpf(x), regularized=True)
    return mp.betainc(concentration1, concentration0, 0, x, regularized=True), upper


def _t(x, df, loc, scale):
    t = (mp.mpf(x) - loc) / scale
    tail = mp.betainc(mp.mpf(df) / 2, mp.mpf(1) / 2, 0, df / (df + t**2), regularized=True) / 2
    return (1 - tail, tail) if t > 0 else (tail, 1 - tail)


def _normal(x, loc, scale):
    z = (mp.mpf(x) - loc) / scale / mp.sqrt(2)
    return mp.erfc(-z) / 2, mp.erfc(z) / 2


def _weibull(x, scale, concentration):
    power = (mp.mpf(x) / scale) ** concentration
    return -mp.expm1(-power), mp.exp(-power)


def _inverse_gaussian(x, loc, concentration):
    """Shuster's (1968) sum of normal tails."""
    root, share, c = mp.sqrt(concentration / mp.mpf(x)), mp.mpf(x) / loc, mp.exp(2 * mp.mpf(concentration) / loc)
    below, above = (mp.erfc(sign * root * (share - 1) / mp.sqrt(2)) / 2 for sign in (-1, 1))
    mirrored = c * mp.erfc(root * (share + 1) / mp.sqrt(2)) / 2
    return below + mirrored, above - mirrored


def _pareto(x, scale, concentration):
    above = (1 + mp.mpf(concentration) * x / scale) ** (-1 / mp.mpf(concentration))
    return 1 - above, above


def _poisson(x, rate):
    below, above = _gamma(rate, mp.floor(x) + 1, 1)
    return above, below


def _gamma_poisson(x, concentration, rate):
    p = mp.mpf(rate) / (1 + mp.mpf(rate))
    k = mp.floor(x) + 1
    return mp.betainc(concentration, k, 0, p, regularized=True), mp.betainc(
        k, concentration, 0, 1 - p, regularized=True
    )


def _binomial(x, total_count, probs):
    a, b = mp.floor(x) + 1, total_count - mp.floor(x)
    p = mp.mpf(probs)
    return mp.betainc(b, a, 0, 1 - p, regularized=True), mp.betainc(a, b, 0, p, regularized=True)


def _ordered(x, predictor, cutpoints):
    below = [1 / (1 + mp.exp(predictor - mp.mpf(float(cut)))) for cut in cutpoints]
    above = [1 / (1 + mp.exp(mp.mpf(float(cut)) - predictor)) for cut in cutpoints]
    return below[int(x)], above[int(x)]


def _skew_normal(x, loc, scale, skew):
    """Azzalini's (1985) integral, over pieces on either side of the point."""
    z = (mp.mpf(x) - loc) / scale

    def density(t):
        return mp.npdf(t) * mp.erfc(-skew * t / mp.sqrt(2))

    def scaled(t):  # errors of the rule are absolute
        return density(t) / density(z)

    width = 1 / (1 + abs(z) * (1 + mp.mpf(skew) ** 2))
    steps = [0, *(width * 8**power for power in range(4))]
    below = mp.quad(scaled, [-mp.inf, *(z - step for step in reversed(steps))])
    return below * density(z), mp.quad(scaled, [*(z + step for step in steps), mp.inf]) * density(z)


SHAPES = (0.01, 0.3, 1.0, 7.0, 300.0)
COUNTS = (0.0, 1.0, 4.0, 170.0, 260.0, 700.0)


def _rows():
    """Names, mpmath's tails, numbers and parameters."""
    for x in (-80.0, -39.0, -18.0, -1.2, 1.0, 3.0, 41.5, 120.0):
        yield "Normal", _normal, x, {"loc": 1.0, "scale": 2.0}
    for x in (1e-9, 0.5, 3.0, 1e9):
        yield "LogNormal", lambda x, loc, scale: _normal(mp.log(x), loc, scale), x, {"loc": 0.3, "scale": 0.5}
    for x in (1e-12, 1.0, 2e3):
        yield "Exponential", lambda x, rate: _weibull(x, 1 / mp.mpf(rate), 1), x, {"rate": 0.4}
    for x, c in itertools.product((1e-8, 1.7, 9.0), (0.3, 1.0, 4.0, 40.0)):
        yield "Weibull", _weibull, x, {"scale": 2.0, "concentration": c}
    for c, ratio in itertools.product((0.01, 0.8, 30.0, 1e4), (1e-3, 0.2, 0.9, 1.0, 1.1, 5.0, 300.0)):
        yield "InverseGaussian", _inverse_gaussian, 2.0 * ratio, {"loc": 2.0, "concentration": c}
    for x, c in itertools.product((1e-8, 1.7, 1e4), (1e-6, 0.3, 4.0)):
        yield "GeneralizedPareto", _pareto, x, {"scale": 2.0, "concentration": c}
    for a, ratio in [
        *itertools.product(SHAPES, (1e-3, 0.2, 0.95, 1.0, 1.01, 1.5, 8.0, 60.0)),
        (1e5, 0.97),
        (1e5, 1.02),
    ]:
        yield "Gamma", _gamma, a * ratio / 0.7, {"concentration": a, "rate": 0.7}
    for a, b in ((0.05, 0.05), (0.3, 4.0), (2.0, 0.01), (1.0, 1.0), (7.0, 90.0), (400.0, 300.0)):
        for x in (1e-8, 0.02, 0.3, 0.57, 0.9, 0.9999):
            yield "Beta", _beta, x, {"concentration1": a, "concentration0": b}
    for v, x in [
        *itertools.product((0.4, 1.0, 3.0, 30.0), (-50.0, -1.0, 0.5, 0.7, 4.0, 1e3)),
        (1e6, 4.0),
        (1e6, -50.0),
    ]:
        yield "StudentT", _t, x, {"df": v, "loc": 0.5, "scale": 2.0}
    for rate, x in itertools.product((0.02, 3.5, 200.0), COUNTS):
        yield "Poisson", _poisson, x, {"rate": rate}
    for x, skew in ((-25.0, -3.0), (-1.0, 30.0), (0.7, -30.0), (30.0, -0.4)):
        yield "SkewNormal", _skew_normal, x, {"loc": 0.5, "scale": 1.5, "skew": skew}
    for x in (0.0, 1.0, 2.0):
        yield "OrderedLogistic", _ordered, x, {"predictor": 0.5, "cutpoints": np.array([-60.0, -1.0, 90.0])}
    for (c, rate), x in itertools.product(((0.1, 0.2), (2.0, 0.5), (50.0, 9.0)), (0.0, 2.0, 30.0, 400.0)):
        yield "GammaPoisson", _gamma_poisson, x, {"concentration": c, "rate": rate}
    for p, x in itertools.product((1e-6, 0.2, 0.5, 0.999), (0.0, 3.0, 20.0, 39.0)):
        yield "Binomial", _binomial, x, {"total_count": 40.0, "probs": p}


@BACKENDS
def test_log_probabilities_of_both_tails(backend):
    """scipy's and mpmath's to 1e-10 of the logarithm, down to probabilities of e^-30000."""
    with mp.workdps(60):
        for name, tails, x, parameters in _rows():
            got = backend.value(name, "log_tails", x, parameters)
            exact = tails(x, **parameters)
            for value, own, other in zip(got, exact, exact[::-1], strict=True):
                log = mp.log(own) if own < 0.5 else mp.log1p(-other)
                assert abs(value - log) <= EXACT * abs(log) + 1e-300, (name, x, parameters, float(value), float(log))


@BACKENDS
@pytest.mark.parametrize(
    ("name", "tails", "x", "parameters"),
    [
        ("Normal", _normal, 41.5, {"loc": 1.0, "scale": 2.0}),
        ("Weibull", _weibull, 12.0, {"scale": 2.0, "concentration": 1.7}),
        ("Gamma", _gamma, 90.0, {"concentration": 0.3, "rate": 0.7}),
        ("Gamma", _gamma, 0.01, {"concentration": 7.0, "rate": 0.7}),
        ("InverseGaussian", _inverse_gaussian, 90.0, {"loc": 2.0, "concentration": 3.0}),
        ("InverseGaussian", _inverse_gaussian, 0.05, {"loc": 2.0, "concentration": 3.0}),
        ("GeneralizedPareto", _pareto, 90.0, {"scale": 2.0, "concentration": 0.3}),
        ("Beta", _beta, 0.97, {"concentration1": 3.0, "concentration0": 90.0}),
        ("StudentT", _t, 300.0, {"df": 3.0, "loc": 0.5, "scale": 2.0}),
        ("Poisson", _poisson, 90.0, {"rate": 3.5}),
        ("GammaPoisson", _gamma_poisson, 200.0, {"concentration": 2.0, "rate": 0.5}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_gradients_far_out(backend, name, tails, x, parameters):
    """Of both tails and every parameter, those of mpmath's numbers."""
    with mp.workdps(40):
        for side in (0, 1):
            got = backend.gradient(name, side, x, parameters)
            for key, at in parameters.items():

                def log(value, key=key, side=side):
                    found = tails(x, **{**parameters, key: value})
                    return mp.log(found[side]) if found[side] < 0.5 else mp.log1p(-found[1 - side])

                exact = mp.diff(log, at)
                assert abs(got[key] - exact) <= 1e-9 * abs(exact) + 1e-290, (side, key, got[key], float(exact))


@BACKENDS
def test_categories_and_bounded_numbers(backend):
    """Against sums of scipy's probabilities, at whole numbers, between them and beyond the ends."""
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
    probs = np.array([0.2, 0.5, 0.3])
    below, above = backend.value("Categorical", "log_tails", x, {"probs": probs})
    np.testing.assert_allclose(np.exp(below), [0, 0.2, 0.2, 0.7, 1, 1], atol=1e-12)
    np.testing.assert_allclose(np.exp(above), [1, 0.8, 0.8, 0.3, 0, 0], atol=1e-12)
    below, above = backend.value("Bernoulli", "log_tails", x, {"probs": 0.3})
    np.testing.assert_allclose(np.exp(below), stats.bernoulli(0.3).cdf(x), atol=1e-12)
    np.testing.assert_allclose(np.exp(above), stats.bernoulli(0.3).sf(x), atol=1e-12)
    below, above = backend.value("Uniform", "log_tails", x, {"low": -0.5, "high": 2.5})
    np.testing.assert_allclose(np.exp(below), stats.uniform(-0.5, 3).cdf(x), atol=1e-12)
    np.testing.assert_allclose(np.exp(above), stats.uniform(-0.5, 3).sf(x), atol=1e-12)
    below, above = backend.value("DiscreteUniform", "log_tails", x, {"low": 0.0, "high": 2.0})
    np.testing.assert_allclose(np.exp(below), stats.randint(0, 3).cdf(x), atol=1e-12)
    np.testing.assert_allclose(np.exp(above), stats.randint(0, 3).sf(x), atol=1e-12)
