"""Effects of a group, summed out: adaptive quadrature against SciPy's integrals, from lines that begin far away, and sums over a fine grid;
and the densities that it sums, against SciPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import expit, gammaln, log_expit
from scipy.stats import binom, gamma, nbinom, norm, poisson

from mixtures.families import kernels
from mixtures.ppl.log_group_marginal import Integrand, log_group_marginal
from mixtures.ppl.numpyro_group_marginal import GroupMarginal, _mode

GROUP = np.array([0, 1, 1, 2, 2, 2, 2, 2])
ETA = np.array([0.3, -0.5, 1.2, 0.0, 0.4, -1.0, 0.8, 0.1])
COUNTS = {
    "all 0": np.zeros(8),
    "few": np.array([1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 3.0, 1.0]),
    "many": np.array([40.0, 55.0, 90.0, 30.0, 60.0, 20.0, 120.0, 70.0]),
}
SHARES = {
    "all 0": np.zeros(8),
    "all 1": np.ones(8),
    "both": np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0]),
}
CASES = [("poisson", *case) for case in COUNTS.items()] + [("bernoulli", *case) for case in SHARES.items()]
DENSITIES = {  # textbook formulas: SciPy's distributions take a millisecond a call
    "poisson": lambda y, eta: y * eta - np.exp(eta) - gammaln(y + 1),
    "bernoulli": lambda y, eta: log_expit(np.where(y == 1, eta, -eta)),
}


def integrand(kind, y, eta, design, seen):
    kernel = getattr(kernels, kind)
    return Integrand(np, lambda moved: kernel(np, y, eta + moved, {}), design, seen, GROUP, 3)


def of_groups(kind, y, eta, design, seen=None):
    """log p(x_g), (groups,), by the package's array code in NumPy."""
    seen = np.full(len(y), True) if seen is None else seen
    own = integrand(kind, y, eta, design, seen)
    part, moved = log_group_marginal(own, own.mode())
    constant = DENSITIES[kind](y, eta + moved) - getattr(kernels, kind)(np, y, eta + moved, {})[0]
    return np.bincount(GROUP, np.where(seen, part + constant, 0.0))


def integrated(kind, y, eta, scale):
    """The same of the rows of one group by SciPy, over one effect."""

    def log_density(b):
        return DENSITIES[kind](y, eta + b).sum() - 0.5 * (b / scale) ** 2 - 0.5 * np.log(2 * np.pi * scale**2)

    grid = np.linspace(-12 * scale, 12 * scale, 401)
    heights = np.array([log_density(b) for b in grid])
    peak, there = heights.max(), grid[heights > heights.max() - 45]
    mass = quad(lambda b: np.exp(log_density(b) - peak), there[0], there[-1], epsabs=0, epsrel=1e-10, limit=200)
    return peak + np.log(mass[0])


@pytest.mark.parametrize(("kind", "case", "y"), CASES, ids=[f"{kind}, {case}" for kind, case, _ in CASES])
@pytest.mark.parametrize(("scale", "off"), [(0.5, 1e-10), (1.0, 1e-8), (2.0, 5e-6)])
def test_one_effect(kind, case, y, scale, off):
    """As near as the module says: rows that are all 0 say that a group lies anywhere below, which is far from normal."""
    right = [integrated(kind, y[g == GROUP], ETA[g == GROUP], scale) for g in range(3)]
    np.testing.assert_allclose(of_groups(kind, y, ETA, np.full((8, 1), scale)), right, rtol=0, atol=off)


@pytest.mark.parametrize("away", [-12.0, 12.0])
def test_the_mode_is_found_from_a_line_far_away(away):
    """Newton's own step from too low a line is e^12 long."""
    own = integrand("poisson", COUNTS["few"], ETA + away, np.full((8, 1), 4.0), np.full(8, True))
    step, _ = own.newton(own.mode())
    assert np.abs(step).max() < 1e-5


@jax.jit
def by_numpyro(y, eta):
    """The most probable effects of groups of counts, and the log densities of rows."""
    design, group = jnp.ones((8, 1)), jnp.asarray(GROUP)

    def line(moved):
        return kernels.poisson(jnp, y, eta + moved, {})

    (mode,) = _mode(Integrand(jnp, line, design, jnp.full(8, True), group, 3))
    rows = GroupMarginal(lambda at: dist.Poisson(jnp.exp(at)), kernels.poisson, {}, eta, design, group, 3)
    return mode, rows.log_prob(y)


@pytest.mark.parametrize("away", [-6.0, 6.0])
def test_numpyros_steps_go_on_until_the_mode_is_near(away):
    """By Brent's method, group by group: the last but one ends within 1e-5, and a step squares the distance; densities are SciPy's integrals."""
    y, eta = COUNTS["few"], ETA + away
    with jax.enable_x64(True):
        mode, each = map(np.asarray, by_numpyro(y, eta))
    for g, found in enumerate(np.bincount(GROUP, each)):
        own_y, own_eta = y[g == GROUP], eta[g == GROUP]
        right = brentq(lambda u, y=own_y, eta=own_eta: (y - np.exp(eta + u)).sum() - u, -30, 30, xtol=1e-13)
        np.testing.assert_allclose(mode[g], right, rtol=0, atol=1e-10)
        np.testing.assert_allclose(found, integrated("poisson", own_y, own_eta, 1.0), rtol=0, atol=1e-8)


TIME = np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 3.0, 4.0])
ROOTS = {2: [[0.8, 0.0], [-0.2, 0.3]], 3: [[0.6, 0.0, 0.0], [-0.2, 0.3, 0.0], [0.02, -0.03, 0.03]]}


@pytest.mark.parametrize(("kind", "y"), [("poisson", COUNTS["few"]), ("bernoulli", SHARES["both"])])
@pytest.mark.parametrize("effects", ROOTS)
def test_an_intercept_and_slopes(kind, y, effects):
    design = np.stack([TIME**power for power in range(effects)], axis=1) @ ROOTS[effects]
    axis = np.linspace(-7.0, 7.0, 57)  # a sum at equal steps over what is smooth and ends at 0 is exact
    grid = np.stack(np.meshgrid(*[axis] * effects, indexing="ij"), axis=-1)
    each = DENSITIES[kind](y, ETA + grid @ design.T)
    prior = norm.logpdf(grid).sum(-1)
    mass = [np.exp(each[..., g == GROUP].sum(-1) + prior).sum() * (axis[1] - axis[0]) ** effects for g in range(3)]
    np.testing.assert_allclose(of_groups(kind, y, ETA, design), np.log(mass), rtol=0, atol={2: 1e-6, 3: 5e-6}[effects])


def test_rows_that_do_not_count_say_nothing():
    seen = np.array([False, True, True, True, False, True, False, True])
    found = of_groups("poisson", COUNTS["few"], ETA, np.ones((8, 1)), seen)
    rows = seen & (GROUP == 2)
    right = [0.0, found[1], integrated("poisson", COUNTS["few"][rows], ETA[rows], 1.0)]
    np.testing.assert_allclose(found, right, atol=1e-8)
    own = integrand("poisson", COUNTS["few"], ETA, np.where(seen, 1.0, 100.0)[:, None], seen)
    (step,), _ = own.damped(own.start())
    slope, curvature = (COUNTS["few"] - np.exp(ETA))[rows].sum(), np.exp(ETA)[rows].sum()
    whole = abs(slope) / (curvature + 1)  # by which every row is moved
    assert step[2] == pytest.approx(np.sign(slope) * np.log1p(whole))


EDGES = np.array([-np.inf, 0.0, 0.7, 2.6, np.inf])  # of four categories, from gaps
# responses, what they depend on beside the line, and (y, eta) -> their log densities, by SciPy
KINDS = {
    "poisson": (np.array([0.0, 3.0]), {"exposure": np.array(1.4)}, lambda y, eta: poisson.logpmf(y, 1.4 * np.exp(eta))),
    "negative_binomial": (
        np.array([0.0, 7.0]),
        {"concentration": np.array(1.7), "exposure": np.array(0.6)},
        lambda y, eta: nbinom.logpmf(y, 1.7, 1.7 / (1.7 + 0.6 * np.exp(eta))),
    ),
    "gamma": (
        np.array([0.2, 4.0]),
        {"concentration": np.array(2.5)},
        lambda y, eta: gamma.logpdf(y, 2.5, scale=np.exp(eta) / 2.5),
    ),
    "bernoulli": (np.array([0.0, 1.0]), {}, lambda y, eta: binom.logpmf(y, 1, expit(eta))),
    "binomial": (
        np.array([1.0, 5.0]),
        {"trials": np.array([3.0, 5.0])},
        lambda y, eta: binom.logpmf(y, [3, 5], expit(eta)),
    ),
    "ordinal": (
        np.array([0.0, 1.0, 2.0, 3.0]),
        {"gaps": np.array([0.7, 1.9])},
        lambda y, eta: np.log(expit(EDGES[y.astype(int) + 1] - eta) - expit(EDGES[y.astype(int)] - eta)),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_are_log_densities_and_their_derivatives(kind):
    y, parameters, log_density = KINDS[kind]
    kernel, eta, step = getattr(kernels, kind), np.linspace(-1.0, 1.5, len(y)), 1e-4
    value, slope, curvature = kernel(np, y, eta, parameters)
    from_zero = value - kernel(np, y, np.zeros_like(eta), parameters)[0]
    np.testing.assert_allclose(from_zero, log_density(y, eta) - log_density(y, np.zeros_like(eta)), rtol=1e-10)
    above, below = (kernel(np, y, eta + by, parameters) for by in (step, -step))
    np.testing.assert_allclose(slope, (above[0] - below[0]) / (2 * step), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(curvature, -(above[1] - below[1]) / (2 * step), rtol=1e-6, atol=1e-7)
    assert (curvature > 0).all()


def test_two_ordered_categories_are_an_event():
    y, eta = np.array([0.0, 1.0]), np.array([-0.4, 1.1])
    np.testing.assert_array_equal(kernels.ordinal(np, y, eta, {}), kernels.bernoulli(np, y, eta, {}))
